"""Snapshots: all that a training needs to go on exactly where it was, in one file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor
from torch.optim import Adam

from ..checkpoint import AnyBundle, write_atomically
from ..config import AnyConfig, TrainConfig, from_dict, model_config, to_dict
from ..errors import ModelError
from ..seq2seq import Seq2Seq
from ..tokenizer import Tokenizer

HOW = ("processes", "precision")
"""What a training may be gone on with otherwise than it began, beside its settings."""

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass
class Snapshot:
    """A training at one moment.

    Random numbers need no place here: every step seeds its own from the run's seed and the step.
    """

    step: int
    epoch: int
    read: int
    """How many batches of the epoch all processes together have read."""
    seconds: float
    model_config: AnyConfig
    train_config: TrainConfig
    tokenizer: Tokenizer
    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    changes: tuple[Mapping[str, Any], ...] = ()
    """What was changed on the way: {"step": when, setting: [before, after], …}, in order."""
    how: Mapping[str, Any] = field(default_factory=dict)
    """On how many processes, and in which precision; {} where nobody wrote it down."""

    def save(self, path: Path) -> None:
        """Write one safetensors file, whole or not at all."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.items()}
        tensors |= {f"optimizer.{name}": tensor for name, tensor in self.optimizer.items()}
        tensors["tokenizer"] = torch.frombuffer(
            bytearray(self.tokenizer.model_proto), dtype=torch.uint8
        )
        settings = {
            "step": self.step,
            "epoch": self.epoch,
            "read": self.read,
            "seconds": self.seconds,
            "changes": list(self.changes),
            "how": dict(self.how),
            "model": to_dict(self.model_config),
            "train": to_dict(self.train_config),
        }
        content = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
        write_atomically(path, save_tensors(content, {"settings": json.dumps(settings)}))

    @classmethod
    def load(cls, path: Path) -> Snapshot:
        """Read what `save` wrote.

        Raises:
            ModelError: `snapshot_damaged`, or what its settings or tokenizer raise.
        """
        try:
            with safe_open(path, framework="pt") as file:
                settings = json.loads(file.metadata()["settings"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return cls(
                int(settings["step"]),
                int(settings["epoch"]),
                int(settings["read"] if "read" in settings else settings["batch"]),  # of one before
                float(settings["seconds"]),
                model_config(settings["model"]),
                from_dict(TrainConfig, settings["train"]),
                Tokenizer(tensors["tokenizer"].numpy().tobytes()),
                _under("model.", tensors),
                _under("optimizer.", tensors),
                tuple(settings.get("changes", ())),
                dict(settings.get("how", {})),
            )
        except (SafetensorError, OSError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise _damaged(path) from error

    def restore(self, model: Seq2Seq[Any], optimizer: Adam, path: Path) -> None:
        """Put weights and Adam's moments back, where there are any.

        Raises:
            ModelError: `snapshot_damaged` (of `path`) where one is missing or of another size.
        """
        try:
            if self.model:
                _restore_weights(model, self.model)
            if self.optimizer:
                _restore_optimizer(model, optimizer, self.optimizer)
        except KeyError as error:
            raise _damaged(path) from error

    @classmethod
    def of(cls, bundle: AnyBundle) -> Snapshot:
        """A finished checkpoint, to be trained on from its next epoch.

        Its weights are those that were stored, and Adam, whose moments no checkpoint keeps, begins
        anew, which `changes` tells.

        Raises:
            ModelError: `snapshot_damaged` where its metrics do not say how it was trained.
        """
        try:
            how = bundle.metrics["training"]
            step = int(how["steps"])
            changes = how.get("changes", ())
            begun = max((one["step"] for one in changes if "adam_step" in one), default=0)
            averaged = {"weights": ["the last", "averaged"]} if how.get("averaged") else {}
            return cls(
                step,
                math.ceil(how["epochs"]),
                0,
                float(how["seconds"]),
                bundle.config,
                from_dict(TrainConfig, how["settings"]),
                bundle.tokenizer,
                bundle.model.state_dict(),
                {},
                (*changes, {"step": step} | averaged | {"adam_step": [step - begun, 0]}),
                {name: how[name] for name in HOW if name in how},
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:  # Infinity steps
            raise ModelError(
                "snapshot_damaged",
                f"{bundle.name} does not say how it was trained: start again in another folder",
                path=bundle.name,
            ) from error


def optimizer_tensors(model: Seq2Seq[Any], optimizer: Adam) -> dict[str, Tensor]:
    """Adam's moments by parameter name."""
    return {
        f"{moment}.{name}": optimizer.state[parameter][moment]
        for name, parameter in model.named_parameters()
        for moment in _MOMENTS
        if parameter in optimizer.state
    }


def _restore_weights(model: Seq2Seq[Any], tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in model.state_dict().items():
        if tensors[name].shape != tensor.shape:
            raise KeyError(name)
    model.load_state_dict(dict(tensors))


def _restore_optimizer(model: Seq2Seq[Any], optimizer: Adam, tensors: Mapping[str, Tensor]) -> None:
    for name, parameter in model.named_parameters():
        moments = {moment: tensors[f"{moment}.{name}"] for moment in _MOMENTS}
        if any(m.shape not in (parameter.shape, torch.Size()) for m in moments.values()):
            raise KeyError(name)
        # Fused Adam wants the step there, too.
        optimizer.state[parameter] = {
            moment: tensor.to(parameter.device) for moment, tensor in moments.items()
        }


def _damaged(path: Path) -> ModelError:
    return ModelError(
        "snapshot_damaged",
        f"{path} is no snapshot of a training: start again in another folder",
        path=str(path),
    )


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
