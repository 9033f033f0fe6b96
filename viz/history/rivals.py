"""The models that are held beside each other: which lie here, and how to train those that don't."""

from __future__ import annotations

import streamlit as st

from model import AnyBundle, ModelError
from viz import cache
from viz.i18n import Say
from viz.state import Target


def found(say: Say, loaded: AnyBundle) -> dict[str, AnyBundle]:
    """The models that can be used, in order of history; says what is missing, and what to do.

    Args:
        loaded: the page's Transformer, which stands in for "rival" where that is missing.
    """
    bundles, names = {}, cache.history_names()
    for name in names:
        try:
            bundles[name] = cache.any_bundle(name)
        except ModelError as error:
            st.error(say.error(error), icon="🧯")
    _missing(say, [name for name in cache.HISTORY if name not in names])
    bundles.setdefault("rival", loaded)
    return bundles


def _missing(say: Say, names: list[str]) -> None:
    if not names:
        return
    listed = ", ".join(say(f"history.rivals.name.{name}") for name in names)
    st.info(say("history.rivals.missing", names=listed), icon="📦")
    with st.expander(say("history.rivals.how")):
        st.code("\n".join(_command(name) for name in names), language="sh")


def _command(name: str) -> str:
    return (
        f"python -m model train --preset {name} --tokenizer checkpoints/{cache.DEFAULT} "
        f"--out checkpoints/{name}"
    )


def title(say: Say, name: str, bundle: AnyBundle) -> str:
    """What a model is called; a Transformer that stands in for "rival" with its own name."""
    called = say(f"history.rivals.name.{name}")
    return called if bundle.name == name else f"{called} ({bundle.name})"


def target_language(source_lang: str) -> Target:
    """These models know two languages; a text in one is written in the other."""
    return "en" if source_lang == "ko" else "ko"
