"""Everything that is kept between runs, and the server's warm-up.

One bundle serves every session. What a session asks of it is keyed by the checkpoint's version and
by every argument that changes the answer; nothing is hidden from the key by an underscore.
"""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
import torch

import model
from model import Bundle, ModelError, Trace
from model.analysis import decoding, masking, positions, steps, whatif
from model.analysis.decoding import BeamTree, Derailed, ForcedRun, GreedyRun
from model.analysis.masking import Batch, Leak, Nothing
from model.analysis.positions import Shuffled
from model.analysis.steps import Stages
from model.analysis.whatif import WhatIf
from model.tokenizer import Encoding
from viz.state import FAMOUS, Kind, Target

CHECKPOINTS = Path(
    os.environ.get("JUMOK_CHECKPOINTS", Path(__file__).resolve().parent.parent / "checkpoints")
)
"""Where checkpoints lie, one folder each; the variable is for people who train their own."""

DEFAULT = "jumok"


def checkpoints() -> list[str]:
    """Names of the checkpoints on this machine, the bundled one first."""
    if not CHECKPOINTS.is_dir():
        return []
    names = [path.name for path in CHECKPOINTS.iterdir() if (path / "config.json").is_file()]
    return sorted(names, key=lambda name: (name != DEFAULT, name))


def bundle(name: str) -> Bundle:
    """A checkpoint, loaded once for all sessions, and again when its files change.

    Raises:
        ModelError: it is missing or cannot be used.
    """
    folder = CHECKPOINTS / name
    return _bundle(str(folder), _stamps(folder))


@st.cache_resource(show_spinner=False, max_entries=4)
def _bundle(folder: str, stamps: tuple[tuple[str, int, int], ...]) -> Bundle:
    return model.load(folder, device="cpu")


def _stamps(folder: Path) -> tuple[tuple[str, int, int], ...]:
    if not folder.is_dir():
        return ()
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files)


# A class of thirty with a handful of sentences each. A Trace takes about a megabyte, the longest
# one several: the size is bounded, too.
@st.cache_data(show_spinner=False, max_entries=256, max_size="256MB", ttl="1h")
def trace(name: str, version: str, text: str, target: str | None, to: Target) -> Trace:
    """What one forward pass did; `version` (the checkpoint's) keeps a new one from being mixed up.

    Raises:
        ModelError: the text cannot be read.
    """
    return model.trace(bundle(name), text, target=target, target_lang=to)


@st.cache_data(show_spinner=False, max_entries=512, ttl="1h")
def pronoun_names(
    name: str, version: str, text: str, span: tuple[int, int]
) -> list[tuple[str, int, int, float]]:
    """What the pronoun may stand for, as the encoder sees it: (word, start, end, share)."""
    return model.name_pronoun(bundle(name), text, span=span)


@st.cache_data(show_spinner=False, max_entries=64, max_size="128MB", ttl="1h")
def shuffled_maps(
    name: str, version: str, text: str, order: tuple[int, ...], with_positions: bool
) -> Shuffled:
    """The encoder's maps of a sentence and of its pieces in another order."""
    return positions.shuffled_maps(bundle(name), text, order, positions=with_positions)


@st.cache_data(show_spinner=False, max_entries=64, max_size="128MB", ttl="1h")
def attention_stages(
    name: str,
    version: str,
    text: str,
    target: str | None,
    to: Target,
    kind: Kind,
    layer: int,
    head: int,
) -> Stages:
    """One head's calculation, stage by stage, and how far each is from what was captured."""
    made = trace(name, version, text, target, to)
    return steps.attention_stages(bundle(name), made, kind, layer, head)


@st.cache_data(show_spinner=False, max_entries=128, max_size="128MB", ttl="1h")
def greedy_run(name: str, version: str, text: str, to: Target) -> GreedyRun:
    """The greedy translation, every step of it."""
    return decoding.greedy_run(bundle(name), text, to)


@st.cache_data(show_spinner=False, max_entries=512, max_size="64MB", ttl="1h")
def next_logits(
    name: str, version: str, text: str, to: Target, written: tuple[int, ...]
) -> np.ndarray:
    """Logits of what comes behind these pieces."""
    return decoding.next_logits(bundle(name), text, to, written)


@st.cache_data(show_spinner=False, max_entries=128, max_size="64MB", ttl="1h")
def beam_tree(name: str, version: str, text: str, to: Target, beam: int) -> BeamTree:
    """Every hypothesis of a beam search."""
    return decoding.beam_tree(bundle(name), text, to, beam)


@st.cache_data(show_spinner=False, max_entries=256, max_size="32MB", ttl="1h")
def forced_run(name: str, version: str, text: str, target: str | None, to: Target) -> ForcedRun:
    """Teacher forcing on a translation; None: on the model's own."""
    used = bundle(name)
    return decoding.forced_run(used, text, decoding.reference(used, text, to, target))


@st.cache_data(show_spinner=False, max_entries=256, max_size="32MB", ttl="1h")
def derailed(
    name: str, version: str, text: str, target: str | None, to: Target, position: int, wrong: int
) -> Derailed:
    """Teacher forcing beside free running after one wrong piece."""
    used = bundle(name)
    read = decoding.reference(used, text, to, target)
    return decoding.derailed(used, text, read, position, wrong)


@st.cache_data(show_spinner=False, max_entries=256, ttl="1h")
def reference(name: str, version: str, text: str, target: str | None, to: Target) -> Encoding:
    """A translation as the decoder reads it; None: the model's own."""
    return decoding.reference(bundle(name), text, to, target)


@st.cache_data(show_spinner=False, max_entries=128, max_size="64MB", ttl="1h")
def source_batch(name: str, version: str, texts: tuple[str, str], layer: int, head: int) -> Batch:
    """Two sentences padded to one length in the encoder, and one head.

    Raises:
        ModelError: a text cannot be read.
    """
    return masking.source_batch(bundle(name), texts, layer, head)


@st.cache_data(show_spinner=False, max_entries=128, max_size="64MB", ttl="1h")
def target_batch(
    name: str,
    version: str,
    pairs: tuple[tuple[str, str | None, Target], ...],
    layer: int,
    head: int,
) -> Batch:
    """Translations, each (text, target, language), padded to one length in the decoder."""
    read = [reference(name, version, *pair) for pair in pairs]
    return masking.target_batch(bundle(name), [text for text, *_ in pairs], read, layer, head)


@st.cache_data(show_spinner=False, max_entries=128, ttl="1h")
def leak(name: str, version: str, text: str, target: str | None, to: Target) -> Leak:
    """What the decoder expects with its mask and without it."""
    return masking.leak(bundle(name), text, target, to)


@st.cache_data(show_spinner=False, max_entries=256, ttl="1h")
def nothing_to_see(
    name: str, version: str, text: str, target: str | None, to: Target, layer: int, query: int
) -> Nothing:
    """One query of the decoder with every key forbidden."""
    return masking.nothing_to_see(bundle(name), text, target, to, layer=layer, query=query)


@st.cache_data(show_spinner=False, max_entries=64, max_size="128MB", ttl="1h")
def what_if(
    name: str, version: str, text: str, target: str | None, to: Target, changes: str
) -> WhatIf:
    """A sentence with and without changes, these as `whatif.dumps` writes them.

    As text, because the key of a dataclass is made of its values alone: two kinds of change with
    equal values would be taken for one another.
    """
    return whatif.what_if(bundle(name), text, to, whatif.loads(changes), target)


def card(name: str) -> str | None:
    """The checkpoint's CARD.md: how it was trained."""
    path = CHECKPOINTS / name / "CARD.md"
    return path.read_text(encoding="utf-8") if path.is_file() else None


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Make the first visitor as fast as the hundredth; once a server.

    One thread for PyTorch: sentences are short, and threads that thirty sessions fight over cost
    more than they bring. One forward pass before anyone waits for it. Then the objects that will
    live for ever (torch, plotly, the weights) leave the garbage collector's sight, because
    Streamlit runs a full collection after every script run: about 100 ms with them, 2 ms without.
    """
    torch.set_num_threads(1)
    import plotly.graph_objects  # noqa: F401  loaded lazily by charts, seconds on a cold disk

    with suppress(ModelError):  # the page says what is wrong, to the person who can mend it
        model.trace(bundle(DEFAULT), FAMOUS, target_lang="ko")
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
    """The server's start: nobody is let in before the model is warm."""
    warm_up()
    yield {}
