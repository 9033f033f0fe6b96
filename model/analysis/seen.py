"""How often the lexicon's words stood in training: *giraffe* was rare, and the app may say so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

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
