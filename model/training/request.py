"""What somebody wants trained."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import torch

from ..config import Lang, ModelConfig, Preset, TrainConfig, preset_of
from ..corpus.generator import check_families
from ..errors import ModelError
from .live import SENTENCE

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class Request:
    """What somebody wants trained.

    Attributes:
        title: what the job is called on screen; "" leaves it to the page.
        preset: a name of `model.config.PRESETS`; `model` and `train` change single settings of it
            (fields of ModelConfig but vocab_size, fields of TrainConfig).
        pairs: files of sentence pairs (`model.corpus.uploads.keep` writes them); they are copied
            into the job's folder.
        device: "auto" is the GPU where there is one.
        threads: of the CPU; one leaves the other pages quick on two cores.
        sentence, to: what is looked at while it runs, and the language it is translated into.
    """

    title: str = ""
    preset: str = "class"
    model: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)
    pairs: tuple[Path, ...] = ()
    device: Device = "auto"
    threads: int = 1
    sentence: str = SENTENCE
    to: Lang = "ko"

    def settings(self) -> Preset:
        """The preset with the changes, checked.

        Raises:
            ModelError: `unknown_preset`, `config_invalid`, `config_too_large`, `unknown_family` or
                `no_twins`.
        """
        preset = preset_of(
            {"preset": self.preset, "model": dict(self.model), "train": dict(self.train)}
        )
        if not 1 <= self.threads <= (os.cpu_count() or 1):
            raise ModelError(
                "config_invalid",
                f"threads is {self.threads}, but must be from 1 to {os.cpu_count()}",
                setting="threads",
                value=self.threads,
                rule=f"from 1 to {os.cpu_count()}",
            )
        check_families(preset.train.families)
        return preset

    def changed(self, **changes: Any) -> Request:
        """The same with fields, sizes (`d_model`) or settings (`peak_lr`) changed.

        Raises:
            ModelError: `config_invalid` for a name that is none of these.
        """
        own, sizes, train = (
            {f.name for f in fields(cls)} for cls in (Request, ModelConfig, TrainConfig)
        )
        if unknown := changes.keys() - own - sizes - train:
            name = min(unknown)
            raise ModelError(
                "config_invalid",
                f"{name} is no setting",
                setting=name,
                value=str(changes[name]),
                rule="a known setting",
            )
        given = {name: value for name, value in changes.items() if name in own}
        model = {name: value for name, value in changes.items() if name in sizes - train}
        settings = {name: value for name, value in changes.items() if name in train}
        new = replace(self, **given)
        return replace(new, model={**new.model, **model}, train={**new.train, **settings})


def pick_device(wanted: Device) -> str:
    """Where it will run: "cpu" or "cuda".

    Raises:
        ModelError: `no_gpu`.
    """
    gpu = torch.cuda.is_available()
    if wanted == "cuda" and not gpu:
        raise ModelError("no_gpu", "this machine has no GPU that can be used: choose the CPU")
    return "cuda" if gpu and wanted != "cpu" else "cpu"
