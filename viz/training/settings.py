"""A training's settings as widgets, and the request that they make. Every preset keeps its own."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import streamlit as st
import torch

from model.config import Preset
from model.tokenizer import language_of
from model.training.jobs import Device, Request
from viz.i18n import Say
from viz.state import FAMOUS
from viz.training import corpus

SIZES = ("n_encoder_layers", "n_decoder_layers", "n_heads", "d_model", "d_k", "d_v", "d_ff")
TRAINING = ("steps", "minutes", "peak_lr", "warmup_steps", "batch_tokens", "vocab_size")

_LIMITS: dict[str, tuple[int, int]] = {
    "steps": (1, 100_000),
    "n_encoder_layers": (1, 12),
    "n_decoder_layers": (1, 12),
    "n_heads": (1, 16),
    "d_model": (8, 512),
    "d_k": (1, 128),
    "d_v": (1, 128),
    "d_ff": (8, 2048),
    "warmup_steps": (1, 10_000),
    "batch_tokens": (100, 50_000),
    "vocab_size": (500, 20_000),
}


def budget(say: Say, name: str, preset: Preset) -> None:
    """What it is called, and when it ends."""
    title, steps, minutes = st.columns([2, 1, 1])
    title.text_input(
        say("training.start.title"),
        key="training.title",
        placeholder=say("training.start.title_hint"),
        max_chars=100,
        persist_state="session",
        autocomplete="off",
    )
    _whole(steps, say, name, "steps", preset.train.steps)
    minutes.number_input(
        say("training.set.minutes"),
        0.0,
        600.0,
        0.0,
        1.0,
        key=f"training.{name}.minutes",
        help=say("training.set.minutes_help"),
        persist_state="session",
    )


def sizes(say: Say, name: str, preset: Preset) -> None:
    """The model's sizes, and how it learns."""
    rows = [*st.columns(4), *st.columns(4)]  # on a phone, one below the other in this order
    for column, size in zip(rows, SIZES, strict=False):
        _whole(column, say, name, size, preset.sizes[size])
    rows[-1].number_input(
        say("training.set.dropout"),
        0.0,
        0.9,
        float(preset.sizes["dropout"]),
        0.05,
        key=f"training.{name}.dropout",
        persist_state="session",
    )
    _naming(say, name)
    rate, *others = st.columns(4)
    rate.number_input(
        say("training.set.peak_lr"),
        1e-5,
        1.0,
        preset.train.peak_lr,
        1e-4,
        format="%.5f",
        key=f"training.{name}.peak_lr",
        help=_slower(say, preset.train.lower_lr_share),
        persist_state="session",
    )
    for column, setting in zip(others, TRAINING[3:], strict=True):
        _whole(column, say, name, setting, getattr(preset.train, setting))


def _slower(say: Say, share: float) -> str | None:
    """That a preset's lower layers learn at a lower rate, where they do."""
    return say("training.set.lower_lr", share=say.percent(share)) if share < 1 else None


def _naming(say: Say, name: str) -> None:
    label = say("training.set.naming")
    if corpus.chosen() == "mine":
        about = say("training.set.naming_mine")
        st.toggle(label, value=False, key="training.no_naming", help=about, disabled=True)
        return
    st.toggle(
        label,
        value=True,
        key=f"training.{name}.naming",
        help=say("training.set.naming_help"),
        persist_state="session",
    )


def device(say: Say) -> None:
    """What it computes on: whether there is a GPU, and how many of the processor's cores."""
    gpu, cores = torch.cuda.is_available(), os.cpu_count() or 1
    if gpu:
        st.markdown(say.markdown("training.start.gpu", name=torch.cuda.get_device_name()))
        st.segmented_control(
            say("training.set.device"),
            ("cuda", "cpu"),
            format_func=lambda device: say(f"training.device.{device}"),
            key="training.device",
            default="cuda",
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
    else:
        st.markdown(say("training.start.cpu", cores=cores))
    if cores > 1 and _device() == "cpu":
        st.number_input(
            say("training.set.threads"),
            1,
            cores,
            1,
            key="training.threads",
            help=say("training.set.threads_help", cores=cores),
            persist_state="session",
            width=200,
        )


def request(name: str, preset: Preset) -> Request:
    """The widgets' values, as far as they differ from the preset."""
    set_ = {
        key.removeprefix(f"training.{name}."): value
        for key, value in st.session_state.items()
        if isinstance(key, str) and key.startswith(f"training.{name}.") and value is not None
    }
    sizes = {size: set_[size] for size in (*SIZES, "dropout") if size in set_}
    train: dict[str, Any] = {setting: set_[setting] for setting in TRAINING if setting in set_}
    train |= {n: tuple(set_[n]) for n in ("families", "directions") if n in set_}
    if not set_.get("naming", True):
        train["naming_weight"] = 0.0
    train |= corpus.changes()
    sentence = str(st.session_state.get("training.sentence") or FAMOUS)
    device = _device()
    return Request(
        title=str(st.session_state.get("training.title") or ""),
        preset=name,
        model={n: v for n, v in sizes.items() if v != preset.sizes[n]},
        train={n: v for n, v in train.items() if v != asdict(preset.train)[n]},
        device=device,
        threads=int(st.session_state.get("training.threads") or 1) if device == "cpu" else 1,
        sentence=sentence,
        to="en" if language_of(sentence) == "ko" else "ko",
    )


def _device() -> Device:
    chosen: Device | None = st.session_state.get("training.device")
    return (chosen or "cuda") if torch.cuda.is_available() else "cpu"


def _whole(where: Any, say: Say, preset: str, name: str, first: int) -> None:
    where.number_input(
        say(f"training.set.{name}"),
        *_LIMITS[name],
        first,
        key=f"training.{preset}.{name}",
        persist_state="session",
    )
