"""What a student has chosen: one frozen `Look`, in the session and in the URL.

The URL counts layers, heads and rows from 1, as the screen does; a link says only what differs from
the first paint. Whatever a link asks for, it gives a `Look`: what makes no sense is left out and
named, so that the page can say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

import streamlit as st
from streamlit.errors import StreamlitAPIException

from viz.i18n import LANGS, Say, browser_language, catalogue

Kind = Literal["encoder", "decoder", "cross"]
Unit = Literal["tokens", "words"]
Target = Literal["ko", "en", "fr"]
Layout = Literal["down", "across"]
Rows = Literal["mean", "sum"]
Lines = Literal["all", "strongest"]
Scale = Literal["all", "row"]
KINDS: tuple[Kind, ...] = get_args(Kind)
UNITS: tuple[Unit, ...] = get_args(Unit)
TARGETS: tuple[Target, ...] = get_args(Target)
SCALES: tuple[Scale, ...] = get_args(Scale)

PARAMS = (
    "text", "to", "target", "kind", "unit", "layer", "head", "query", "key",
    "layout", "rows", "lines", "least", "scale", "window",
)  # fmt: skip

CARRIED = ("lang", "model", *PARAMS)
"""What a link says on every page; pages may add parameters of their own."""

FAMOUS = "The animal didn't cross the street because it was too tired."


@dataclass(frozen=True)
class Look:
    """One view of one sentence. None: the page chooses, and chooses anew as the text changes.

    Attributes:
        query: one row, or several (from the top, each once); pages that show one show the first.
        key: the key of the pair whose calculation is shown.
        layout, rows, lines: how the head view draws: tokens down or across the page, several rows
            as their mean or sum, every line or the strongest of each row.
        least: smallest weight that is drawn, in per cent.
        scale: of the map's colours: 0 to 1 everywhere, or each row up to its own largest weight.
        window: of a long sentence, the first query, the first key and how many of each are shown.
    """

    text: str = FAMOUS
    to: Target | None = None
    target: str | None = None
    kind: Kind = "encoder"
    unit: Unit = "tokens"
    layer: int | None = None
    head: int | Literal["all"] | None = None
    query: int | tuple[int, ...] | Literal["none"] | None = None
    key: int | None = None
    layout: Layout = "down"
    rows: Rows = "mean"
    lines: Lines = "all"
    least: int = 0
    scale: Scale = "all"
    window: tuple[int, int, int] | None = None


MOST_LEAST = 50
"""A higher limit would hide what several keys share evenly."""

_FIRST = Look()
_CHOICES: dict[str, tuple[str, ...]] = {
    "to": TARGETS,
    "kind": KINDS,
    "unit": UNITS,
    "layout": get_args(Layout),
    "rows": get_args(Rows),
    "lines": get_args(Lines),
    "scale": SCALES,
}


def parse(params: Mapping[str, str]) -> tuple[Look, list[str]]:
    """The view that a link describes, and the names of the parameters that made no sense."""
    values: dict[str, Any] = {name: params[name] for name in ("text", "target") if params.get(name)}
    for name, allowed in _CHOICES.items():
        if params.get(name) in allowed:
            values[name] = params[name]
    for name, read in _READ.items():
        value = read(params.get(name, ""))
        if value is not None:
            values[name] = value
    ignored = [name for name in PARAMS if name in params and name not in values]
    return Look(**values), ignored


def to_params(look: Look) -> dict[str, str]:
    """The shortest link to a view: `parse(to_params(look))` gives `look` again."""
    chosen = {field.name: getattr(look, field.name) for field in fields(Look)}
    return {
        name: _WRITE.get(name, _written)(value)
        for name, value in chosen.items()
        if value != getattr(_FIRST, name)
    }


def _counted(written: str) -> int | None:
    """A number that counts from 1, as an index; None for anything else."""
    number = _number(written)
    return number - 1 if number else None


def _number(written: str) -> int | None:
    if not (written.isascii() and written.isdigit() and len(written) <= 6):
        return None
    return int(written)


def _head(written: str) -> int | str | None:
    return written if written == "all" else _counted(written)


def _query(written: str) -> int | tuple[int, ...] | str | None:
    """One row, several with commas between them, or "none"."""
    if written == "none":
        return written
    rows = [_counted(row) for row in written.split(",")]
    known = sorted({row for row in rows if row is not None})
    if not known or None in rows:
        return None
    return known[0] if len(known) == 1 else tuple(known)


def _least(written: str) -> int | None:
    number = _number(written)
    return number if number is not None and number <= MOST_LEAST else None


def _window(written: str) -> tuple[int, int, int] | None:
    """First query and first key, counted from 1, and how many of each."""
    try:
        query, key, size = (_number(part) for part in written.split(","))
    except ValueError:
        return None
    return (query - 1, key - 1, size) if query and key and size else None


def _written(value: int | tuple[int, ...] | str) -> str:
    """As `parse` reads it: indices counted from 1."""
    if isinstance(value, tuple):
        return ",".join(str(row + 1) for row in value)
    return str(value + 1) if isinstance(value, int) else value


_READ: dict[str, Callable[[str], Any]] = {
    "layer": _counted,
    "head": _head,
    "query": _query,
    "key": _counted,
    "least": _least,
    "window": _window,
}
_WRITE: dict[str, Callable[[Any], str]] = {
    "least": str,
    "window": lambda window: f"{window[0] + 1},{window[1] + 1},{window[2]}",
}


def arrive(page: str) -> None:
    """On another page, go on with what was chosen on the last one; call once a run, before `look`.

    Streamlit empties the link when the page changes. A link that says something itself wins.
    """
    if page != st.session_state.get("page", page):
        for key in [key for key in st.session_state if str(key).startswith("look.")]:
            del st.session_state[key]  # a widget of the last page; this page has its own
        if not _in_link(CARRIED):
            st.query_params.update(st.session_state["carried"])
            st.session_state["look:written"] = _in_link(PARAMS)
        st.session_state["own:written"] = {}
    st.session_state["page"] = page
    st.session_state["carried"] = _in_link(CARRIED)


def look() -> Look:
    """The session's view; a link that the page did not write itself (opened, "back") wins."""
    params = _in_link(PARAMS)
    if st.session_state.pop("look:changed", False):
        # Two quick clicks: the second one left the browser before the first one's link came back.
        st.session_state["look:written"] = params
    if "look" not in st.session_state or params != st.session_state["look:written"]:
        st.session_state["look"], st.session_state["look:ignored"] = parse(params)
        st.session_state["look:written"] = params
    chosen: Look = st.session_state["look"]
    return chosen


def change(**values: Any) -> None:
    """Change the session's view; it then counts for more than what the address bar still says."""
    if "look" not in st.session_state:  # this page has not asked for it
        look()
    st.session_state["look"] = replace(st.session_state["look"], **values)
    st.session_state["look:changed"] = True


Click = tuple[str, int]
"""A button's name, and how many of its clicks have counted so far."""


def click(button: str) -> Click:
    """For a button to hand to its callback, which asks `first_click`."""
    return button, st.session_state.get(f"clicks:{button}", 0)


def first_click(click: Click) -> bool:
    """Not the second of two quick ones, which left the browser before it saw what the first did."""
    button, number = click
    first: bool = number == st.session_state.get(f"clicks:{button}", 0)
    if first:
        st.session_state[f"clicks:{button}"] = number + 1
    return first


NO_ROW: Mapping[str, None] = MappingProxyType({"query": None, "key": None, "window": None})
"""All that counts rows and columns: to be forgotten where a text, kind or unit has others."""


def rows_anew(**values: Any) -> None:
    """Change the view to one with other rows and columns: the page chooses them anew."""
    change(**{**NO_ROW, **values})


def write_link() -> None:
    """Put the session's view into the address bar."""
    params, shown = to_params(st.session_state["look"]), _in_link(PARAMS)
    if params != shown:
        others = {n: v for n, v in st.query_params.to_dict().items() if n not in shown}
        try:
            st.query_params.from_dict(others | params)  # one message, one step for "back"
        except StreamlitAPIException:  # a widget writes one of the others, and only it may
            for name in shown.keys() - params.keys():
                del st.query_params[name]
            st.query_params.update(params)
    st.session_state["look:written"] = params
    st.session_state["carried"] = _in_link(CARRIED)


def from_link(param: str, kept: str, first: str) -> str:
    """What one of a page's own parameters shall be: `kept`, or what the link asks for.

    A link that the page did not write itself wins: one that was opened, or "back". Without the
    parameter it asks for `first`; but a page just come to goes on with what was chosen before.
    """
    written: dict[str, str] = st.session_state.setdefault("own:written", {})
    asked, chosen = _said(st.query_params.get(param, first), first), _said(kept, first)
    if asked == written.get(param, ""):
        return kept
    if chosen != written.get(param, chosen):
        return kept  # chosen in the browser before it knew of the last link
    return asked or first


def into_link(param: str, value: str, first: str) -> None:
    """Put one of a page's own parameters into the address bar; the first value needs no place.

    A page that wrote its first values, too, could not be left by "back".
    """
    said = st.session_state.setdefault("own:written", {})[param] = _said(value, first)
    if value == st.query_params.get(param, first):
        return
    if said:
        st.query_params[param] = said
    else:
        del st.query_params[param]


def _said(value: str, first: str) -> str:
    return "" if value == first else value


def follow_link(key: str, param: str, options: Sequence[str]) -> None:
    """Before a widget of these options is drawn: what the link asks for, else what was chosen."""
    first = options[0]
    asked = from_link(param, st.session_state.get(key, first), first)
    follow(key, asked if asked in options else first)


def _in_link(names: tuple[str, ...]) -> dict[str, str]:
    """What the address bar says of these parameters."""
    return {name: st.query_params[name] for name in names if name in st.query_params}


def ignored() -> list[str]:
    """The parameters of the opened link that made no sense; told once."""
    names: list[str] = st.session_state.get("look:ignored", [])
    st.session_state["look:ignored"] = []
    return names


def say() -> Say:
    """The catalogue of the session's language: the link's, else the browser's."""
    asked = st.query_params.get("lang") or st.session_state.get("carried", {}).get("lang")
    return catalogue(asked if asked in LANGS else browser_language(st.context.locale))


def follow(key: str, value: object) -> None:
    """Before a widget is drawn: let it show the view's value, wherever that was changed."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def forget_beyond(key: str, count: int) -> None:
    """Before a select box of `count` numbers is drawn: forget a choice that is none of them.

    A browser tells a choice by its words, which after another sentence may name nothing: then they
    arrive as they are.
    """
    kept = st.session_state.get(key, 0)
    if not isinstance(kept, int) or kept >= count:
        del st.session_state[key]


def model_name(names: list[str]) -> str:
    """The checkpoint that the link asks for, if it is here; else the first."""
    asked = st.query_params.get("model")
    return asked if asked in names else next(iter(names), "jumok")
