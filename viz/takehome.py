"""Take it home: what is on screen as tables, pages and pictures, and a link that brings it back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from model import Trace
from model.analysis.words import AttentionMap, attention_map
from viz import choice, state
from viz.components import head_view, model_view
from viz.components.code import Code
from viz.components.head_view import HeadViewText, Pin, View
from viz.components.model_view import Chosen, Maps, Tile
from viz.components.pictures import pictures
from viz.components.save import save_text
from viz.export import page, tables
from viz.export.numbers import Columns
from viz.i18n import Say
from viz.sentence import Looked
from viz.state import KINDS, Kind
from viz.window import WHOLE

FAINT = 5
"""Per cent: what a long sentence's page does not draw until its reader moves the slider."""


@dataclass(frozen=True)
class Map:
    """One map that can be taken home: which attention, which head of it (None: their mean), and
    the row that is looked at."""

    kind: Kind
    merged: bool
    pin: Pin

    def drawn(self, trace: Trace) -> AttentionMap:
        """Made anew for a file: kept, the maps of thirty long sentences would fill the memory."""
        return attention_map(trace, self.kind, merged=self.merged)


@dataclass(frozen=True)
class File:
    """A file to download, made when it is asked for."""

    form: str
    name: str
    mime: str
    make: Callable[[], bytes]


Numbers = Callable[[], Columns]
"""What a page has measured, made when it is asked for."""


def offer(
    say: Say,
    looked: Looked,
    kind: Kind | None = None,
    layer: int = 0,
    head: int = 0,
    *,
    numbers: Numbers | None = None,
) -> None:
    """Everything of this sentence that can leave the app: one line for any page with a `Looked`.

    Call it in the fragment that draws, behind `state.write_link()`.

    Args:
        kind, layer, head: the head on screen, where it is not the one that the link names.
        numbers: of the page itself, beyond this sentence's Trace.
    """
    chosen = _of_link(looked) if kind is None else _of_page(looked, kind, layer, head)
    with st.popover(say("takehome.title"), icon="🎒"):
        st.caption(say.markdown("takehome.what", map=_where(say, chosen)))
        with st.container(horizontal=True, gap="small"):
            for file in files(say, looked, chosen, numbers):
                st.download_button(
                    say(f"takehome.{file.form}"),
                    file.make,
                    file.name,
                    file.mime,
                    key=f"takehome.{file.form}",
                    help=say(f"takehome.{file.form}_help"),
                    on_click="ignore",
                )
        if not tables.fits_json(looked.trace, looked.bundle.config.n_heads):
            st.caption(say("takehome.json_too_long"))
        pictures(
            sentence=looked.trace.source_text,
            carried={"lang": say.lang, "model": looked.bundle.name},
            text=save_text(say) | {name: say(f"takehome.{name}") for name in _OF_PICTURES},
            key="takehome:pictures",
        )


_OF_MODEL_VIEW = "heads.view."
_OF_PICTURES = ("charts", "no_charts", "link", "copy", "copied", "copy_yourself")


def _of_link(looked: Looked) -> Map:
    shown = choice.shown_map(looked)
    look = state.look()
    return Map(look.kind, look.unit == "words", choice.pin(looked, shown))


def _of_page(looked: Looked, kind: Kind, layer: int, head: int) -> Map:
    shown, look = attention_map(looked.trace, kind, merged=False), state.look()
    row = look.query if kind == look.kind and look.unit == "tokens" else None
    pin = Pin(layer, head, row if isinstance(row, int) else None)
    return Map(kind, False, pin.within(*shown.attention.shape[:3]))


def files(say: Say, looked: Looked, chosen: Map, numbers: Numbers | None = None) -> list[File]:
    """What is offered; nothing is made yet."""
    trace, kind, pin = looked.trace, chosen.kind, chosen.pin
    name = f"jumok-{_slug(trace.source_text)}"
    head = "all" if pin.head is None else pin.head + 1
    files = [
        File(
            "csv",
            f"{name}-{kind}-L{pin.layer + 1}-H{head}.csv",
            "text/csv",
            partial(_table, trace, chosen),
        ),
        File("html", f"{name}-{kind}.html", "text/html", partial(_head_view, say, looked, chosen)),
        File("heads", f"{name}-heads.html", "text/html", partial(_model_view, say, looked, chosen)),
        File("npz", f"{name}.npz", "application/octet-stream", partial(tables.as_npz, trace)),
    ]
    if tables.fits_json(trace, looked.bundle.config.n_heads):
        files.append(
            File("json", f"{name}.json", "application/json", partial(tables.as_json, trace))
        )
    if numbers is not None:
        files.insert(
            0, File("numbers", f"{name}-numbers.csv", "text/csv", partial(_numbers, numbers))
        )
    return files


def _numbers(numbers: Numbers) -> bytes:
    return tables.as_csv(numbers())


def _table(trace: Trace, chosen: Map) -> bytes:
    return tables.table(chosen.drawn(trace), chosen.pin.layer, chosen.pin.head)


def _head_view(say: Say, looked: Looked, chosen: Map) -> bytes:
    """The head view with all layers and heads of this kind."""
    text = {name: say(f"head_view.{name}") for name in HeadViewText.__dataclass_fields__}
    shown = chosen.drawn(looked.trace)
    end_marks = [key for key in range(len(shown.keys)) if key not in shown.ordinary_keys]
    message = head_view.message(
        shown.attention,
        shown.queries,
        shown.keys,
        pin=chosen.pin,
        text=HeadViewText(**text),
        mask=None if shown.mask.all() else shown.mask,
        # All of it, as nobody is there to send another window; of many lines the weak ones wait.
        view=View(least=0 if max(shown.mask.shape) <= WHOLE else FAINT),
        end_marks=end_marks if chosen.kind == "cross" else None,
        save=save_text(say),
        caption=looked.trace.source_text,
    )
    kind = say(f"kind.{chosen.kind}")
    return _page(say, looked, head_view.CODE, message, say("takehome.page_title", kind=kind))


def _model_view(say: Say, looked: Looked, chosen: Map) -> bytes:
    """Every head of every kind as a small map."""
    maps: dict[str, Maps] = {kind: _small_maps(say, looked, kind, chosen.merged) for kind in KINDS}
    words = {name: text for name, text in say.sentences.items() if name.startswith(_OF_MODEL_VIEW)}
    text = {name.removeprefix(_OF_MODEL_VIEW): said for name, said in words.items()}
    message = model_view.message(
        maps,
        chosen=Chosen(chosen.kind, chosen.pin.layer, chosen.pin.head or 0, chosen.pin.query),
        scale="all",
        text=text | {"value": "", "sentence": looked.trace.source_text},
        save=save_text(say),
    )
    return _page(say, looked, model_view.CODE, message, say("heads.title"))


def _small_maps(say: Say, looked: Looked, kind: Kind, merged: bool) -> Maps:
    shown = attention_map(looked.trace, kind, merged=merged)
    tiles = [Tile(layer, head) for layer, head in np.ndindex(shown.attention.shape[:2])]
    name = say(f"kind.{kind}")
    return Maps(name, shown.attention, shown.mask, shown.queries, shown.keys, tiles)


def _page(say: Say, looked: Looked, code: Code, message: bytes, title: str) -> bytes:
    """A component's picture in a page of its own."""
    return page.page(code.js, code.css, message, _words(say, looked, title))


def _words(say: Say, looked: Looked, title: str) -> page.Words:
    trace, bundle = looked.trace, looked.bundle
    return page.Words(
        lang=say.lang,
        title=title,
        sentence=trace.source_text,
        facts=[
            say("takehome.translation", language=say(f"lang.{looked.to}"), text=trace.output),
            say("takehome.computed_by", model=bundle.name, version=bundle.version),
            say("takehome.licence"),
        ],
        noscript=say("takehome.noscript"),
    )


def _where(say: Say, chosen: Map) -> str:
    kind, pin = say(f"kind.{chosen.kind}"), chosen.pin
    if pin.head is None:
        return f"{kind} · {say('line.where_all', layer=pin.layer + 1)}"
    return f"{kind} · {say('line.where', layer=pin.layer + 1, head=pin.head + 1)}"


def _slug(text: str, most: int = 30) -> str:
    """A sentence as part of a file's name: letters and digits of any script."""
    return re.sub(r"[^\w]+", "-", text).strip("-_")[:most].rstrip("-_") or "text"
