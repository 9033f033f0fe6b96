"""Everything that is kept between runs, and the server's warm-up.

One bundle serves every session. What a session asks of it is keyed by the checkpoint's version and
by every argument that changes the answer; nothing is hidden from the key by an underscore.
"""

from __future__ import annotations

import gc
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import streamlit as st
import torch
from jaxtyping import Float

import model
from model import AnyBundle, Bundle, ModelError, Trace
from model.analysis import (
    causes,
    decoding,
    history,
    leaderboard,
    masking,
    memory,
    own_sets,
    positions,
    roles,
    scale,
    steps,
    twins,
    whatif,
)
from model.analysis import importance as measures
from model.analysis import lens as model_lens
from model.analysis.causes import Effect
from model.analysis.decoding import BeamTree, Derailed, ForcedRun, GreedyRun
from model.analysis.history import DecoderStep
from model.analysis.importance import About, Importance
from model.analysis.leaderboard import Progress, Question
from model.analysis.lens import Lens
from model.analysis.masking import Batch, Leak, Nothing
from model.analysis.memory import Reach
from model.analysis.own_sets import BadRow
from model.analysis.positions import Shuffled
from model.analysis.roles import Measured
from model.analysis.scale import Growth
from model.analysis.steps import Stages
from model.analysis.twins import Flip, Guess, Marked, Reading
from model.analysis.whatif import WhatIf
from model.analysis.words import pronoun_span
from model.checkpoint import FILM, is_transformer, transformer_of
from model.config import Lang
from model.corpus.splits import Split
from model.tokenizer import Encoding
from model.training import jobs
from model.training.film import Film
from model.training.jobs import Job
from viz.lab import cuts
from viz.state import FAMOUS, Kind, Target

CHECKPOINTS = Path(
    os.environ.get("JUMOK_CHECKPOINTS", Path(__file__).resolve().parent.parent / "checkpoints")
)
"""Where checkpoints lie, one folder each; the variable is for people who train their own."""

RUNS = Path(os.environ.get("JUMOK_RUNS", CHECKPOINTS.resolve().parent / "runs"))
"""Where trainings that the app starts lie, beside the checkpoints."""

DEFAULT = "jumok"


def checkpoints() -> list[str]:
    """Names of the Transformers on this machine, the bundled one first."""
    if not CHECKPOINTS.is_dir():
        return []
    folders = [path for path in CHECKPOINTS.iterdir() if (path / "config.json").is_file()]
    names = [path.name for path in folders if is_transformer(path) and not _unnamed(path)]
    return sorted(names, key=lambda name: (name != DEFAULT, name))


def bundle(name: str) -> Bundle:
    """A Transformer's checkpoint.

    Raises:
        ModelError: it is missing, cannot be used, or is no Transformer's.
    """
    return transformer_of(any_bundle(name))


def any_bundle(name: str) -> AnyBundle:
    """A checkpoint of either kind, loaded once for all sessions, and again when its files change.

    Raises:
        ModelError: it is missing or cannot be used.
    """
    folder = CHECKPOINTS / name
    return _bundle(str(folder), _stamps(folder))


# The bundled one, the four of history, and a few of the class's own.
@st.cache_resource(show_spinner=False, max_entries=8)
def _bundle(folder: str, stamps: tuple[tuple[str, int, int], ...]) -> AnyBundle:
    return model.load_any(folder, device="cpu")


def _stamps(folder: Path) -> tuple[tuple[str, int, int], ...]:
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not _unnamed(path))
        found = [(path.name, path.stat()) for path in files]
    except OSError:  # missing, or its owner deletes it at this moment
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)


def _unnamed(path: Path) -> bool:
    """What is being written or deleted has a name of its own for so long, with a dot before it."""
    return path.name.startswith(".")


# A class of thirty with a handful of sentences each. A Trace of a dozen words takes 3 MB, one of
# 512 pieces 60: the size is bounded, too.
@st.cache_data(show_spinner=False, max_entries=256, max_size="256MB", ttl="1h")
def trace(name: str, version: str, text: str, target: str | None, to: Target) -> Trace:
    """What one forward pass did; `version` (the checkpoint's) keeps a new one from being mixed up.

    Raises:
        ModelError: the text cannot be read.
    """
    return model.trace(any_bundle(name), text, target=target, target_lang=to)


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


# ── before the Transformer ───────────────────────────────────────────────────────────────────────

HISTORY = ("gru", "bahdanau", "luong", "rival")
"""Checkpoints that are held beside each other: same data, same budget, in order of history."""


def history_names() -> list[str]:
    """Those of `HISTORY` that lie on this machine."""
    return [name for name in HISTORY if (CHECKPOINTS / name / "config.json").is_file()]


@st.cache_data(show_spinner=False, max_entries=256, max_size="64MB", ttl="1h")
def decoder_step(
    name: str, version: str, text: str, target: str | None, to: Target, step: int
) -> DecoderStep:
    """One step of a recurrent decoder with attention."""
    made = trace(name, version, text, target, to)
    return history.decoder_step(any_bundle(name), made, step)


@st.cache_data(show_spinner=False, max_entries=64, ttl="1h")
def random_growth(sizes: tuple[int, ...], n_keys: int, seed: int) -> Growth:
    """q·k of random vectors as they grow: two million numbers drawn, the same for a seed."""
    return scale.random_growth(sizes, n_keys, seed)


@st.cache_data(show_spinner=False, max_entries=256, max_size="16MB", ttl="1h")
def memory_reach(name: str, version: str, text: str) -> Reach:
    """How much the encoder's last vector depends on each piece; seconds for a long text.

    Raises:
        ModelError: the text cannot be read.
    """
    return memory.reach(any_bundle(name), text)


# ── the coreference lab ──────────────────────────────────────────────────────────────────────────


@st.cache_data(show_spinner=False, max_entries=512, ttl="1h")
def guess(name: str, version: str, text: str) -> Guess:
    """Where pronoun and candidates of a sentence probably stand."""
    return twins.guess(bundle(name), text)


@st.cache_data(show_spinner=False, max_entries=512, max_size="32MB", ttl="1h")
def reading(name: str, version: str, marked: Marked) -> Reading:
    """Naming and every head at the pronoun of a marked sentence."""
    return twins.read(bundle(name), marked)


@st.cache_data(show_spinner=False, max_entries=256, max_size="32MB", ttl="1h")
def flip(name: str, version: str, a: Marked, b: Marked) -> Flip:
    """Two twins, and which word makes the pronoun change sides.

    Raises:
        ModelError: the texts are equal, or differ in too much.
    """
    return twins.flipping_words(bundle(name), a, b)


@st.cache_data(show_spinner=False, max_entries=256, max_size="64MB", ttl="1h")
def pronoun_rows(name: str, version: str, marked: Marked) -> Float[np.ndarray, "layer head word"]:
    """The pronoun's row in every encoder head, word by word."""
    return twins.rows(bundle(name), marked)


@st.cache_data(show_spinner=False, max_entries=256, max_size="32MB", ttl="1h")
def lens(name: str, version: str, text: str, span: tuple[int, int]) -> Lens:
    """What the pronoun is taken for after each encoder layer."""
    return model_lens.lens(bundle(name), text, span)


@st.cache_data(show_spinner=False, max_entries=256, max_size="64MB", ttl="1h")
def effect(
    name: str,
    version: str,
    marked: Marked,
    antecedent: int,
    cut: str,
    twin: Marked | None,
    to: Target | None,
) -> Effect:
    """A sentence with and without a cut, this as `cuts.written` writes it."""
    return causes.effect(bundle(name), marked, antecedent, cuts.cuts(cut), twin, to)


def questions(
    name: str,
    version: str,
    split: Split,
    langs: tuple[Lang, ...],
    items: int,
    progress: Progress | None = None,
) -> list[Question]:
    """Pairs of twins that this checkpoint never met; shared by all, never changed.

    Kept, not cached by Streamlit: it would make everybody else wait who asks for the same.
    """
    key = ("questions", name, version, split, langs, items)
    found: list[Question] | None = kept(key)
    if found is None:
        found = leaderboard.held_out(bundle(name), langs, items, split, progress=progress)
        keep(key, found)
    return found


@st.cache_resource(show_spinner=False, max_entries=16, ttl="1h")
def own_set(name: str, version: str, data: bytes) -> tuple[list[Question], list[BadRow]]:
    """The questions of an uploaded file, and the rows that are none.

    Raises:
        ModelError: the file cannot be read at all.
    """
    return own_sets.read_set(bundle(name), data)


@st.cache_resource(show_spinner=False)
def _shelf() -> tuple[OrderedDict[Hashable, Any], Lock]:
    return OrderedDict(), Lock()


SHELF = 64
"""Long results kept at a time, for all sessions; the one that nobody asked for the longest goes."""


def kept(key: Hashable) -> Any:
    """What `keep` put there under this key; None where nothing is.

    For results that are made while the session shows progress, which `st.cache_data` cannot do.
    """
    shelf, lock = _shelf()
    with lock:
        if key in shelf:
            shelf.move_to_end(key)
        return shelf.get(key)


def keep(key: Hashable, value: Any) -> None:
    """Keep a result for all sessions; the key holds the checkpoint's version and every argument."""
    shelf, lock = _shelf()
    with lock:
        shelf[key] = value
        while len(shelf) > SHELF:
            shelf.popitem(last=False)


@st.cache_data(show_spinner=False, max_entries=512, max_size="32MB", ttl="1h")
def head_measures(
    name: str, version: str, text: str, target: str | None, to: Target, kind: Kind
) -> Measured:
    """What every head does with this sentence; in the encoder also with its pronoun."""
    made = trace(name, version, text, target, to)
    span = pronoun_span(made) if kind == "encoder" else None
    if span is None:
        return roles.measure_trace(made, kind)
    named = pronoun_names(name, version, text, span)
    return roles.measure_trace(made, kind, roles.named_reference(made, named))


def film(name: str) -> Film | None:
    """The film of a checkpoint's training, loaded once for all sessions; None where it has none.

    Raises:
        ModelError: it is damaged, or another checkpoint's.
    """
    folder = CHECKPOINTS / name
    return _film(str(folder), _stamps(folder)) if (folder / FILM).is_file() else None


@st.cache_resource(show_spinner=False, max_entries=4)
def _film(folder: str, stamps: tuple[tuple[str, int, int], ...]) -> Film:
    return Film.load(Path(folder) / FILM)


def film_of_run(job: Job) -> Film | None:
    """The film of a training as far as it has been shot; None before its first moment."""
    return _film_of_run(str(job.folder.parent), job.id, job.step, job.since)


@st.cache_resource(show_spinner=False, max_entries=4)
def _film_of_run(runs: str, id: str, step: int, since: float) -> Film | None:
    job = jobs.find(Path(runs), id)
    return jobs.film(job) if job else None


@st.cache_data(show_spinner=False, max_entries=16, ttl="6h")
def held_out_roles(
    name: str, version: str, source: Target, target: Target, sentences: int
) -> dict[Kind, Measured]:
    """What every head does with sentences that no training of this checkpoint met; seconds."""
    return roles.measure_held_out(bundle(name), source, target, sentences)


@st.cache_data(show_spinner=False, max_entries=256, max_size="32MB", ttl="1h")
def importance(
    name: str,
    version: str,
    text: str,
    target: str | None,
    to: Target,
    kind: Kind,
    layer: int,
    head: int,
    query: int,
    about: About,
) -> Importance:
    """One row of one head by five measures."""
    read = reference(name, version, text, target, to)
    made = trace(name, version, text, target, to)
    return measures.importance(bundle(name), made, read, kind, layer, head, query, about)


_LONGEST_CARD = 200_000  # bytes; the bundled one has a tenth of them


def card(name: str) -> str | None:
    """The checkpoint's CARD.md: how it was trained.

    Anyone may have written it: it is cut where no card ends, and none of its pictures is fetched.
    """
    path = CHECKPOINTS / name / "CARD.md"
    if not path.is_file():
        return None
    with path.open("rb") as file:
        text = file.read(_LONGEST_CARD).decode("utf-8", errors="replace")
    return text.replace("![", "[")


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Make the first visitor as fast as the hundredth; once a server.

    One thread for PyTorch: sentences are short, and threads that thirty sessions fight over cost
    more than they bring. One forward pass before anyone waits for it. Then the objects that will
    live for ever (torch, plotly, the weights) leave the garbage collector's sight, because
    Streamlit runs a full collection after every script run: about 100 ms with them, 2 ms without.
    """
    torch.set_num_threads(1)
    jobs.set_teacher_key()
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
