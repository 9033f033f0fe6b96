"""How often the lexicon's words stood in training: *giraffe* was rare, and the app may say so."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from ..checkpoint import write_atomically
from ..config import Lang
from ..corpus.generator import wordings_of
from ..corpus.lexicon import load_lexicon
from ..corpus.particles import particle_cuts

Form = tuple[str, ...]
"""A word as it stands in a text, split at spaces, apostrophes and hyphens: ("police", "car")."""

_TOKEN = re.compile(r"\w+")


def count_words(texts: Iterable[str], lang: Lang) -> dict[str, int]:
    """How often each noun, name and (but in Korean) adjective of the lexicon stands in the texts.

    Plurals, feminines and, in Korean, nouns with their particles count for the word as the lexicon
    has it; a word inside a longer one (*car* in *police car*) does not count by itself. Words that
    are spelled alike (*saw*) count together.

    Returns:
        Every word of the lexicon in this language, also with 0.
    """
    forms = _forms(lang)
    beginnings = {form[0] for form in forms if len(form) > 1}
    stood: Counter[Form] = Counter()
    single: Counter[str] = Counter()
    for text in texts:
        tokens = _TOKEN.findall(text.lower())
        if beginnings.isdisjoint(tokens):
            single.update(tokens)
        else:
            stood.update(_joined(tokens, forms))
    for token, n in single.items():
        stood[token,] += n
    counts = dict.fromkeys(sorted(set(forms.values())), 0)
    for form, n in stood.items():
        if word := _word(form, lang):
            counts[word] += n
    return counts


def times_seen(seen: Mapping[str, Mapping[str, int]], word: str, lang: Lang) -> int | None:
    """How often a word, in whatever form, stood in training, or None if the lexicon lacks it.

    Args:
        seen: language → what `count_words` returned, as `metrics.json` keeps it under `seen`.
    """
    known = _word(_form(word), lang)
    return seen.get(lang, {}).get(known) if known else None


class SeenWords:
    """Counts a training's words epoch by epoch, in files that a training which goes on finds again.

    Each epoch has a small file of its own; one that is counted twice is replaced.
    """

    def __init__(self, out: Path) -> None:
        self._folder = out / "seen"

    def add_epoch(self, epoch: int, texts: Iterable[tuple[Lang, str]]) -> None:
        """Count all sentences, sources and targets, that this epoch goes through."""
        by_language: dict[Lang, list[str]] = {}
        for lang, text in texts:
            by_language.setdefault(lang, []).append(text)
        counts = {lang: count_words(by_language[lang], lang) for lang in sorted(by_language)}
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._folder / f"{epoch:06d}.json", json.dumps(counts).encode())

    def total(self) -> dict[Lang, dict[str, int]]:
        """How often each word stood in all epochs together; the last may not have been finished."""
        total: dict[Lang, Counter[str]] = {}
        for path in sorted(self._folder.glob("*.json")):
            for lang, counts in json.loads(path.read_text(encoding="utf-8")).items():
                total.setdefault(lang, Counter()).update(counts)
        return {lang: dict(sorted(counts.items())) for lang, counts in total.items()}


def _joined(tokens: list[str], forms: Mapping[Form, str]) -> Iterator[Form]:
    """The tokens, those that are one word of several tokens together."""
    longest = max(map(len, forms))
    at = 0
    while at < len(tokens):
        spans = (tuple(tokens[at : at + n]) for n in range(longest, 1, -1))
        form = next((span for span in spans if span in forms), (tokens[at],))
        yield form
        at += len(form)


def _word(form: Form, lang: Lang) -> str | None:
    forms = _forms(lang)
    if lang == "ko" and form not in forms and len(form) == 1 and (cuts := particle_cuts(form[0])):
        form = (form[0][: cuts[0]],)
    return forms.get(form)


@cache
def _forms(lang: Lang) -> Mapping[Form, str]:
    """Every form of every word of the lexicon → the word."""
    words = list(_lexicon(lang))
    found = {_form(word): word for word, _ in words}
    for word, others in words:
        for other in filter(None, others):
            found.setdefault(_form(other), word)
    return found


def _form(text: str) -> Form:
    return tuple(_TOKEN.findall(text.lower()))


def _lexicon(lang: Lang) -> Iterator[tuple[str, Sequence[str]]]:
    """Words as the lexicon has them, and their other forms ("" where there is none)."""
    lexicon = load_lexicon()
    for noun in lexicon.nouns:
        for wording in wordings_of(noun):
            if lang == "en":
                yield wording.en, [wording.en_plural]
            elif lang == "ko":
                yield wording.ko, []
        if lang == "fr":
            singular = noun.fr.split("/")
            yield singular[0], [*singular[1:], *noun.fr_plural.split("/")]
    for name in lexicon.names:
        yield getattr(name, lang), []
    for adjective in lexicon.adjectives:
        if lang == "en":
            yield adjective.en, []
        elif lang == "fr":
            masculine, feminine = adjective.fr_m, adjective.fr_f
            yield masculine, [feminine, f"{masculine}s", f"{feminine}s"]
