"""Comparisons that a class starts from, made for the sentence and the model on screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from model import ModelError
from model.analysis.similarity import least_like
from model.training.film import Film
from viz import sentence
from viz.compare.choice import Comparison, PanelChoice
from viz.compare.reading import telling_in, trace_of
from viz.sentence import Looked
from viz.state import KINDS


def offered(looked: Looked, film: Film | None) -> dict[str, Comparison | None]:
    """Every preset by name; None where this model has no film, or cannot read the sentences."""
    return {
        "heads": two_heads(looked),
        "layers": two_layers(looked),
        "twins": _if_readable(twins, looked),
        "languages": _if_readable(languages, looked),
        "training": _if_readable(training, looked, film) if film else None,
        "kinds": kinds(),
    }


def _if_readable(make: Callable[..., Comparison], *given: Looked | Film) -> Comparison | None:
    try:
        return make(*given)
    except ModelError:
        return None


def two_heads(looked: Looked) -> Comparison:
    """The head that was chosen on another page, else the one that tells the most; and of its layer
    the one that is least like it."""
    look = looked.look
    attention = looked.trace.attention(look.kind)
    layer, head = telling_in(looked.bundle, looked.trace, look.kind)
    if look.layer is not None and isinstance(look.head, int):
        layer = min(look.layer, attention.shape[0] - 1)
        head = min(look.head, attention.shape[1] - 1)
    other = least_like(attention[layer], head)
    return Comparison(
        tuple(PanelChoice(kind=look.kind, layer=layer, head=one) for one in (head, other))
    )


def two_layers(looked: Looked) -> Comparison:
    """The same head number in the first layer and in the telling one (the last, if that is it)."""
    layer, head = telling_in(looked.bundle, looked.trace, "encoder")
    later = layer or looked.trace.n_layers["encoder"] - 1
    return Comparison((PanelChoice(layer=0, head=head), PanelChoice(layer=later, head=head)))


def twins(looked: Looked) -> Comparison:
    """One head on two sentences that differ in a word."""
    here, there = sentence.EXAMPLES["animal_en"]
    layer, head = _head_for(looked, here.text)
    panels = (PanelChoice(text=one.text, layer=layer, head=head) for one in (here, there))
    return Comparison(tuple(panels))


def languages(looked: Looked) -> Comparison:
    """The same story in two languages, each with the head that tells the most in it."""
    texts = [sentence.EXAMPLES[group][0].text for group in ("animal_ko", "animal_en")]
    heads = [_head_for(looked, text) for text in texts]
    return Comparison(
        tuple(
            PanelChoice(text=text, layer=layer, head=head)
            for text, (layer, head) in zip(texts, heads, strict=True)
        )
    )


def _head_for(looked: Looked, text: str) -> tuple[int, int]:
    trace = trace_of(looked, looked.bundle, PanelChoice(text=text))
    return telling_in(looked.bundle, trace, "encoder")


def training(looked: Looked, film: Film) -> Comparison:
    """One head before the first step and after the last, on a sentence of the film."""
    texts = [one.text for one in film.sentences]
    text = looked.trace.source_text if looked.trace.source_text in texts else texts[0]
    layer, head = _head_for(looked, text)
    after = PanelChoice(text=text, layer=layer, head=head)
    return Comparison((replace(after, moment=film.moments[0].step), after))


def kinds() -> Comparison:
    """Three kinds of attention, each with the head that tells the most."""
    return Comparison(tuple(PanelChoice(kind=kind) for kind in KINDS))
