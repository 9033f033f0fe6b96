"""Tables on a page: a cell says what it says, unless it is written in Markdown on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from viz.i18n import literal


class Markdown(str):
    """A cell that is to be read as Markdown."""


def code(token: str) -> Markdown:
    """A token in a typewriter's letters, so that its spaces and signs are seen."""
    return Markdown(f"`` {token} ``" if "`" in token else f"`{token}`")


def beside(token: str, told: str) -> Markdown:
    """A token, and behind it what is told of it."""
    return Markdown(f"{code(token)} {literal(told)}")


def table(columns: Mapping[str, Sequence[str]]) -> None:
    """Columns by their titles.

    Streamlit reads titles and cells as Markdown, where ">99 %" would be a quotation: "99 %" in
    grey.
    """
    st.table(
        {
            literal(title): [
                cell if isinstance(cell, Markdown) else literal(cell) for cell in cells
            ]
            for title, cells in columns.items()
        }
    )
