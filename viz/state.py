"""What a student has chosen: one frozen `Look`, in the session and in the URL.

The URL counts layers, heads and rows from 1, as the screen does; a link says only what differs from
the first paint. Whatever a link asks for, it gives a `Look`: what makes no sense is left out and
named, so that the page can say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import streamlit as st

from viz.i18n import LANGS, Say, browser_language, catalogue

Kind = Literal["encoder", "decoder", "cross"]
Unit = Literal["tokens", "words"]
Target = Literal["ko", "en", "fr"]
KINDS: tuple[Kind, ...] = get_args(Kind)
UNITS: tuple[Unit, ...] = get_args(Unit)
TARGETS: tuple[Target, ...] = get_args(Target)

PARAMS = ("text", "to", "target", "kind", "unit", "layer", "head", "query")

CARRIED = ("lang", "model", *PARAMS)
"""What a link says on every page; pages may add parameters of their own."""

FAMOUS = "The animal didn't cross the street because it was too tired."


@dataclass(frozen=True)
class Look:
    """One view of one sentence. None: the page chooses, and chooses anew as the text changes."""

    text: str = FAMOUS
    to: Target | None = None
    target: str | None = None
    kind: Kind = "encoder"
    unit: Unit = "tokens"
    layer: int | None = None
    head: int | Literal["all"] | None = None
    query: int | Literal["none"] | None = None


_FIRST = Look()
_CHOICES: dict[str, tuple[str, ...]] = {"to": TARGETS, "kind": KINDS, "unit": UNITS}
_COUNTED: dict[str, str | None] = {"layer": None, "head": "all", "query": "none"}


def parse(params: Mapping[str, str]) -> tuple[Look, list[str]]:
    """The view that a link describes, and the names of the parameters that made no sense."""
    values: dict[str, Any] = {name: params[name] for name in ("text", "target") if params.get(name)}
    for name, allowed in _CHOICES.items():
        if params.get(name) in allowed:
            values[name] = params[name]
    for name, word in _COUNTED.items():
        written = params.get(name, "")
        number = written if written == word else _counted(written)
        if number is not None:
            values[name] = number
    ignored = [name for name in PARAMS if name in params and name not in values]
    return Look(**values), ignored


def to_params(look: Look) -> dict[str, str]:
    """The shortest link to a view: `parse(to_params(look))` gives `look` again."""
    chosen = {field.name: getattr(look, field.name) for field in fields(Look)}
    return {
        name: str(value + 1) if isinstance(value, int) else value
        for name, value in chosen.items()
        if value != getattr(_FIRST, name)
    }


def _counted(written: str) -> int | None:
    """A number that counts from 1, as an index; None for anything else."""
    if not (written.isascii() and written.isdigit() and len(written) <= 6) or int(written) < 1:
        return None
    return int(written) - 1


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
    st.session_state["look"] = replace(st.session_state["look"], **values)
    st.session_state["look:changed"] = True


def write_link() -> None:
    """Put the session's view into the address bar."""
    params, shown = to_params(st.session_state["look"]), _in_link(PARAMS)
    if params != shown:
        others = {n: v for n, v in st.query_params.to_dict().items() if n not in shown}
        st.query_params.from_dict(others | params)
    st.session_state["look:written"] = params
    st.session_state["carried"] = _in_link(CARRIED)


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


def model_name(names: list[str]) -> str:
    """The checkpoint that the link asks for, if it is here; else the first."""
    asked = st.query_params.get("model")
    return asked if asked in names else next(iter(names), "jumok")
