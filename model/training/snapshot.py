"""Snapshots: all that a training needs to go on exactly where it was, in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor
from torch.optim import Adam

from ..checkpoint import write_atomically
from ..config import ModelConfig, TrainConfig, from_dict, to_dict
from ..errors import ModelError
from ..tokenizer import Tokenizer
from ..transformer import Transformer

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass
class Snapshot:
    """A training at one moment.

    Random numbers need no place here: every step seeds its own from the run's seed and the step.
    """

    step: int
    epoch: int
    batch: int
    """How many batches of the epoch each process has read."""
    seconds: float
    model_config: ModelConfig
    train_config: TrainConfig
    tokenizer: Tokenizer
    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]

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
            "batch": self.batch,
            "seconds": self.seconds,
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
                int(settings["batch"]),
                float(settings["seconds"]),
                from_dict(ModelConfig, settings["model"]),
                from_dict(TrainConfig, settings["train"]),
                Tokenizer(tensors["tokenizer"].numpy().tobytes()),
                _under("model.", tensors),
                _under("optimizer.", tensors),
            )
        except (SafetensorError, OSError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise ModelError(
                "snapshot_damaged",
                f"{path} is no snapshot of a training: start again in another folder",
                path=str(path),
            ) from error


def optimizer_tensors(model: Transformer, optimizer: Adam) -> dict[str, Tensor]:
    """Adam's moments by parameter name."""
    return {
        f"{moment}.{name}": optimizer.state[parameter][moment]
        for name, parameter in model.named_parameters()
        for moment in _MOMENTS
        if parameter in optimizer.state
    }


def restore_optimizer(model: Transformer, optimizer: Adam, tensors: Mapping[str, Tensor]) -> None:
    """Put Adam's moments back."""
    for name, parameter in model.named_parameters():
        optimizer.state[parameter] = {
            moment: tensors[f"{moment}.{name}"].to("cpu" if moment == "step" else parameter.device)
            for moment in _MOMENTS
        }


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
