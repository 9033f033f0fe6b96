"""One panel of a comparison: what the model did for it, or why it cannot be shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from model import Bundle, ModelError, Trace
from model.analysis.similarity import HeadMap, film_map, head_map
from model.training.film import Film
from viz import cache, sentence
from viz.choice import telling_head
from viz.compare.choice import NAMES, PanelChoice
from viz.sentence import Looked
from viz.state import Kind, Target


@dataclass(frozen=True)
class Available:
    """What a panel may show: how many layers and heads, and which moments of the training."""

    bundle: Bundle
    film: Film | None
    n_layers: int
    n_heads: int


@dataclass(frozen=True)
class Drawn:
    """A panel that can be drawn.

    Attributes:
        map: by tokens, as the model works.
        step: of the training; None for the trained model.
        moved: the link asked for something that does not exist here.
    """

    name: str
    choice: PanelChoice
    map: HeadMap
    layer: int
    head: int
    text: str
    target: str
    step: int | None
    moved: bool
    has: Available


@dataclass(frozen=True)
class Failed:
    """A panel that cannot be drawn, and why; the page translates it."""

    name: str
    choice: PanelChoice
    why: ModelError | Literal["no_film", "not_filmed"]
    has: Available | None


def read(looked: Looked, n: int, chosen: PanelChoice) -> Drawn | Failed:
    """What a panel shows, or why it cannot."""
    has: Available | None = None
    try:
        bundle = _bundle(looked, chosen)
        film = cache.film(bundle.name) if chosen.moment is not None else None
        has = _available(bundle, film)
        if chosen.moment is None:
            return _trained(looked, bundle, n, chosen)
        if film is None:
            return Failed(NAMES[n], chosen, "no_film", has)
        if text_of(looked, chosen) not in [one.text for one in film.sentences]:
            return Failed(NAMES[n], chosen, "not_filmed", has)
        return _filmed(looked, film, has, n, chosen)
    except ModelError as error:
        return Failed(NAMES[n], chosen, error, has)


def _bundle(looked: Looked, chosen: PanelChoice) -> Bundle:
    """The panel's model: one of those that lie here, whatever a link says."""
    if chosen.model is None or chosen.model == looked.bundle.name:
        return looked.bundle
    if chosen.model not in cache.checkpoints():
        raise ModelError("checkpoint_missing", "no such checkpoint", path=chosen.model)
    return cache.bundle(chosen.model)


def _available(bundle: Bundle, film: Film | None) -> Available:
    if film is None:
        return Available(bundle, None, bundle.config.n_encoder_layers, bundle.config.n_heads)
    n_layers, n_heads = film.maps[0].shape[1:3]
    return Available(bundle, film, n_layers, n_heads)


def text_of(looked: Looked, chosen: PanelChoice) -> str:
    return looked.trace.source_text if chosen.text is None else chosen.text


def _trained(looked: Looked, bundle: Bundle, n: int, chosen: PanelChoice) -> Drawn:
    trace = trace_of(looked, bundle, chosen)
    attention = trace.attention(chosen.kind)
    n_layers, n_heads = attention.shape[:2]
    layer, head = _fitting(chosen, telling_in(bundle, trace, chosen.kind), n_layers, n_heads)
    shown = head_map(trace, chosen.kind, layer, head)
    moved = (chosen.layer or 0) >= n_layers or (chosen.head or 0) >= n_heads
    target = "" if chosen.kind == "encoder" else trace.output
    has = Available(bundle, None, n_layers, n_heads)
    return Drawn(NAMES[n], chosen, shown, layer, head, trace.source_text, target, None, moved, has)


def _filmed(looked: Looked, film: Film, has: Available, n: int, chosen: PanelChoice) -> Drawn:
    """The encoder's map at the moment that is nearest to the one asked for."""
    text, asked = text_of(looked, chosen), chosen.moment or 0
    at = min(range(len(film.moments)), key=lambda m: abs(film.moments[m].step - asked))
    which = [one.text for one in film.sentences].index(text)
    last = film.attention(len(film.moments) - 1, which)
    telling = telling_head(has.bundle, film.sentences[which].lang, "encoder", last)
    layer, head = _fitting(chosen, telling, has.n_layers, has.n_heads)
    shown, step = film_map(film, at, which, layer, head), film.moments[at].step
    moved = (chosen.layer or 0) >= has.n_layers or (chosen.head or 0) >= has.n_heads
    return Drawn(
        NAMES[n],
        replace(chosen, kind="encoder", moment=step),
        shown,
        layer,
        head,
        text,
        "",
        step,
        moved or step != asked,
        has,
    )


def _fitting(
    chosen: PanelChoice, telling: tuple[int, int], n_layers: int, n_heads: int
) -> tuple[int, int]:
    layer = telling[0] if chosen.layer is None else chosen.layer
    head = telling[1] if chosen.head is None else chosen.head
    return min(layer, n_layers - 1), min(head, n_heads - 1)


def trace_of(looked: Looked, bundle: Bundle, chosen: PanelChoice) -> Trace:
    text, to = text_of(looked, chosen), to_of(looked, bundle, chosen)
    own = chosen.target
    if own is None and chosen.text is None and to == looked.to:
        own = looked.look.target
    return cache.trace(bundle.name, bundle.version, text, own, to)


def to_of(looked: Looked, bundle: Bundle, chosen: PanelChoice) -> Target:
    learned = sentence.targets(bundle, text_of(looked, chosen))
    wanted = chosen.to or looked.to
    return wanted if wanted in learned else learned[0]


def telling_in(bundle: Bundle, trace: Trace, kind: Kind) -> tuple[int, int]:
    """The head that a panel shows while nobody has chosen one."""
    return telling_head(bundle, trace.source_lang, kind, trace.attention(kind))
