"""Korean and English: every sentence on screen comes from `locale/<lang>/*.json`, a file a page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from model import ModelError

Lang = Literal["ko", "en"]
LANGS: tuple[Lang, ...] = get_args(Lang)
_LOCALE = Path(__file__).parent / "locale"
# Everything that Markdown (and Streamlit's :red[…], :smile:, $…$) could read as an instruction.
_MARKDOWN = re.compile(r"([!#$&()*+\-.:<=>@\[\\\]^_`{|}~])")


@dataclass(frozen=True)
class Say:
    """The catalogue of one language: `say("look.title")`, `say("look.unknown", words="…")`."""

    lang: Lang
    sentences: Mapping[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """A sentence with its values filled in; without values, as it stands in the catalogue."""
        sentence = self.sentences[key]
        return sentence.format(**values) if values else sentence

    def markdown(self, key: str, /, **values: object) -> str:
        """A sentence of Markdown: what a student typed is escaped and stays just text."""
        return self(key, **{name: literal(str(value)) for name, value in values.items()})

    def percent(self, share: float) -> str:
        """A share as whole per cent: never "0 %" or "100 %" for what is not quite that."""
        if 0 < share < 0.005:
            number = "<1"
        elif 0.995 < share < 1 - 1e-6:
            number = ">99"
        else:
            number = f"{100 * share:.0f}"
        return self("percent", number=number)

    def error(self, error: ModelError) -> str:
        """What went wrong and what to do, as Markdown."""
        details = {name: _counted(value) for name, value in error.details.items()}
        return self.markdown(f"error.{error.code}", **details)


def _counted(value: object) -> object:
    """A count as every other number on screen is written: 2,001."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value


def literal(text: str) -> str:
    """Text that Markdown shows exactly as it is."""
    return _MARKDOWN.sub(r"\\\1", text)


@cache
def catalogue(lang: Lang) -> Say:
    """The sentences of one language, keys joined by dots."""
    sentences: dict[str, str] = {}
    for path in sorted((_LOCALE / lang).glob("*.json")):
        found = _flat(json.loads(path.read_text(encoding="utf-8")))
        if twice := sentences.keys() & found.keys():
            raise ValueError(f"{path} says again what another file says: {sorted(twice)}")
        sentences |= found
    return Say(lang, sentences)


def browser_language(locale: str | None) -> Lang:
    """Korean for a Korean browser ("ko", "ko-KR"), English for every other."""
    return "ko" if (locale or "").lower().split("-")[0] == "ko" else "en"


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    sentences: dict[str, str] = {}
    for name, value in tree.items():
        if isinstance(value, str):
            sentences[prefix + name] = value
        else:
            sentences |= _flat(value, f"{prefix}{name}.")
    return sentences
