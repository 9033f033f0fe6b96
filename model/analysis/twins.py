"""Twins: two sentences that differ in little, and which word makes the pronoun change sides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

import numpy as np
import torch
from jaxtyping import Float

from ..capture import capture
from ..checkpoint import Bundle
from ..config import Lang
from ..corpus.generator import wordings_of
from ..corpus.lexicon import load_lexicon
from ..corpus.morphology import josa
from ..corpus.particles import particle_cuts
from ..errors import ModelError
from ..tokenizer import Encoding, Offsets, language_of
from .coreference import NamedWord, find_pronouns, name_pronoun, pieces_at

MOST_DIFFERENCES = 24
_MOST_TOGETHER = 4
_PARTICLE = re.compile(r"(?:은|는|이|가|을|를|과|와|으로|로)(?!\w)")

# ── readings ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Marked:
    """A sentence, its pronoun and the nouns it may stand for; spans are characters [start, end)."""

    text: str
    pronoun: Offsets
    candidates: tuple[Offsets, ...]

    @property
    def names(self) -> tuple[str, str]:
        """The first two candidates as they stand in the text."""
        first, second = (self.text[slice(*span)] for span in self.candidates[:2])
        return first, second


@dataclass(frozen=True)
class Reading:
    """What the model does at the pronoun of a marked sentence.

    Attributes:
        named: the naming distribution over the words of the text, as `name_pronoun` gives it.
        naming: of that, what each candidate's words get.
        heads: each head's weight from the pronoun's first piece on each candidate.
    """

    marked: Marked
    named: list[NamedWord]
    naming: Float[np.ndarray, " candidate"]
    heads: Float[np.ndarray, "layer head candidate"]

    @property
    def winner(self) -> int:
        """The candidate that naming prefers."""
        return int(self.naming.argmax())

    @property
    def lead(self) -> Float[np.ndarray, "layer head"]:
        """Each head's weight on the first candidate less that on the second, −1 … 1."""
        led: Float[np.ndarray, "layer head"] = self.heads[..., 0] - self.heads[..., 1]
        return led

    @property
    def likeliest(self) -> NamedWord:
        """Of all words the one that naming puts first."""
        return max(self.named, key=lambda word: word[3])

    @property
    def outsider(self) -> NamedWord | None:
        """`likeliest`, where it is no candidate: then the pronoun is named wrong in any case."""
        _, start, end, _ = self.likeliest
        inside = any(start < span[1] and span[0] < end for span in self.marked.candidates)
        return None if inside else self.likeliest

    @property
    def preference(self) -> float:
        """`preference` of naming, first candidate against second."""
        return float(preference(self.naming[0], self.naming[1]))


def preference(first: np.ndarray | float, second: np.ndarray | float) -> np.ndarray:
    """(first − second) / (first + second), −1 … 1; 0 where both are 0."""
    total = np.asarray(first) + np.asarray(second)
    difference = np.asarray(first) - np.asarray(second)
    ratio: np.ndarray = np.where(total > 0, difference / np.where(total > 0, total, 1), 0.0)
    return ratio


def read(bundle: Bundle, marked: Marked) -> Reading:
    """Naming and every head at the pronoun.

    Raises:
        ModelError: as `name_pronoun` does; `no_such_word` where a span holds no piece.
    """
    named, weights, encoding = _pronoun_row(bundle, marked.text, marked.pronoun)
    naming = [_named(named, candidate) for candidate in marked.candidates]
    on = [weights[..., pieces_at(encoding, span)].sum(axis=-1) for span in marked.candidates]
    return Reading(marked, named, np.array(naming), np.stack(on, axis=-1))


def exchanged(marked: Marked, candidate: int, word: str) -> Marked:
    """The sentence with another word in a candidate's place; a Korean particle fits the word."""
    start, end = marked.candidates[candidate]
    particle = _PARTICLE.match(marked.text, end)
    follows, rest = (josa(word, particle.group()), particle.end()) if particle else ("", end)
    text = marked.text[:start] + word + follows + marked.text[rest:]

    def moved(span: Offsets) -> Offsets:
        by = len(text) - len(marked.text) if span[0] > start else 0
        return span[0] + by, span[1] + by

    candidates = [moved(span) for span in marked.candidates]
    candidates[candidate] = (start, start + len(word))
    return Marked(text, moved(marked.pronoun), tuple(candidates))


def rows(bundle: Bundle, marked: Marked) -> Float[np.ndarray, "layer head word"]:
    """The pronoun's row in every encoder head, pieces summed to words (`</s>` last).

    Raises:
        ModelError: as `name_pronoun` does.
    """
    _, weights, encoding = _pronoun_row(bundle, marked.text, marked.pronoun)
    return np.stack([weights[..., pieces].sum(axis=-1) for _, pieces in encoding.words()], axis=-1)


def _pronoun_row(
    bundle: Bundle, text: str, pronoun: Offsets
) -> tuple[list[NamedWord], Float[np.ndarray, "layer head key"], Encoding]:
    with capture(bundle.model, ["encoder.layers.*.weights"]) as points:
        named = name_pronoun(bundle, text, pronoun)
    encoding = bundle.tokenizer.source(text)
    at = encoding.pieces_in(*pronoun)[0]
    weights = torch.stack([weights[0, :, at] for weights in points.values()])
    return named, weights.numpy(force=True), encoding


def _named(named: Sequence[NamedWord], span: Offsets) -> float:
    return sum(share for _, start, end, share in named if start < span[1] and span[0] < end)


# ── the word that flips it ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Difference:
    """Words of `a` in whose place `b` has others; where one has none, its span is empty."""

    a: Offsets
    b: Offsets
    words: tuple[str, str]


@dataclass(frozen=True)
class Swap:
    """The first twin with some of its differences taken over from the second.

    Attributes:
        differences: one, or a few that stand next to each other.
        reading: of that sentence; None where the swap took the pronoun or a candidate away.
        flips: naming prefers the candidate that it prefers in the second twin, not the first's.
        moved: by how much preference moved away from the first twin's candidate, towards the
            second twin's, −2 … 2.
    """

    differences: tuple[Difference, ...]
    text: str
    reading: Reading | None
    flips: bool
    moved: float


@dataclass(frozen=True)
class Flip:
    """Both twins, and what each difference does alone.

    Attributes:
        swaps: one for each difference, in reading order.
        deciding: of those that flip naming, the swap that moves it furthest; where no word does it
            alone, the fewest neighbours that do it together; None where none do, or where naming
            prefers the same candidate in both twins.
    """

    a: Reading
    b: Reading
    swaps: list[Swap]
    deciding: Swap | None


def flipping_words(bundle: Bundle, a: Marked, b: Marked) -> Flip:
    """Which word makes the pronoun change sides: each difference alone is put into `a`.

    The candidates of `b` are those of `a`, in the same order.

    Raises:
        ModelError: as `read` does; `twins_equal`; `twins_too_different` (more than
            `MOST_DIFFERENCES`: details `differences`, `limit`).
        ValueError: the twins have not as many candidates.
    """
    if len(a.candidates) != len(b.candidates):
        raise ValueError(f"{len(a.candidates)} candidates, but {len(b.candidates)} in the twin")
    found = differences(a.text, b.text)
    if not found:
        raise ModelError("twins_equal", "the two sentences are the same")
    if len(found) > MOST_DIFFERENCES:
        raise ModelError(
            "twins_too_different",
            f"the sentences differ in {len(found)} places, the limit is {MOST_DIFFERENCES}",
            differences=len(found),
            limit=MOST_DIFFERENCES,
        )
    readings = read(bundle, a), read(bundle, b)
    swaps = [_swap(bundle, *readings, (difference,)) for difference in found]
    return Flip(*readings, swaps, _deciding(bundle, *readings, swaps))


def differences(a: str, b: str) -> list[Difference]:
    """The words in which two texts differ, in reading order.

    Runs of as many words in both are taken word by word; others stay together.
    """
    found = []
    words = list(_WORD.finditer(a)), list(_WORD.finditer(b))
    ours, theirs = ([word.group() for word in side] for side in words)
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        runs = [(i1, i2, j1, j2)]
        if i2 - i1 == j2 - j1:
            runs = [(i1 + n, i1 + n + 1, j1 + n, j1 + n + 1) for n in range(i2 - i1)]
        for k1, k2, l1, l2 in runs:
            bare = k1 < k2 and l1 < l2
            spans = _extent(a, words[0], k1, k2, bare), _extent(b, words[1], l1, l2, bare)
            shown = a[slice(*spans[0])].strip(), b[slice(*spans[1])].strip()
            found.append(Difference(*spans, shown))
    return found


_WORD = re.compile(r"\w+(?:['’ʼ-]\w+)*|[^\w\s]")


def _extent(text: str, words: Sequence[re.Match[str]], first: int, end: int, bare: bool) -> Offsets:
    """Characters of words [first, end); with the space that belongs to them where words come or go.

    So that nothing is glued together, and no two spaces stay behind.
    """
    if bare:
        return words[first].start(), words[end - 1].end()
    if first:
        return words[first - 1].end(), words[end - 1].end()
    return 0, words[end].start() if end < len(words) else len(text)


def _swap(bundle: Bundle, a: Reading, b: Reading, taken: tuple[Difference, ...]) -> Swap:
    swapped = _with_taken(a.marked, b.marked, taken)
    if isinstance(swapped, str):
        return Swap(taken, swapped, None, False, 0.0)
    reading = read(bundle, swapped)
    sides = (a.winner, b.winner) if a.winner != b.winner else (0, 1)
    before, after = (preference(*(r.naming[side] for side in sides)) for r in (a, reading))
    flips = a.winner != b.winner == reading.winner
    return Swap(taken, swapped.text, reading, flips, float(before - after))


def _with_taken(a: Marked, b: Marked, taken: Sequence[Difference]) -> Marked | str:
    """`a` with these differences as in `b`; its text alone where a marked word is lost."""
    text, shift = a.text, 0
    spans: list[Offsets | None] = [a.pronoun, *a.candidates]
    theirs = [b.pronoun, *b.candidates]
    for difference in taken:
        start, end = (at + shift for at in difference.a)
        new = b.text[slice(*difference.b)]
        text = text[:start] + new + text[end:]
        spans = [
            _shifted(span, twin, start, end, difference, len(new))
            for span, twin in zip(spans, theirs, strict=True)
        ]
        shift += len(new) - (end - start)
    kept = [span for span in spans if span is not None]
    return Marked(text, kept[0], tuple(kept[1:])) if len(kept) == len(spans) else text


def _shifted(
    span: Offsets | None, twin: Offsets, start: int, end: int, difference: Difference, length: int
) -> Offsets | None:
    """Where a marked word stands once [start, end) is replaced; None if it is gone.

    A marked word that is replaced is the twin's marked word, if that is what replaces it.
    """
    if span is None or span[1] <= start:
        return span
    if span[0] >= end:
        by = length - (end - start)
        return span[0] + by, span[1] + by
    if difference.b[0] <= twin[0] and twin[1] <= difference.b[1]:
        by = start - difference.b[0]
        return twin[0] + by, twin[1] + by
    return None


def _deciding(bundle: Bundle, a: Reading, b: Reading, swaps: Sequence[Swap]) -> Swap | None:
    if a.winner == b.winner:
        return None
    alone = [swap.differences[0] for swap in swaps]
    for together in range(1, min(len(alone), _MOST_TOGETHER) + 1):
        if together > 1:
            groups = [tuple(alone[n : n + together]) for n in range(len(alone) - together + 1)]
            swaps = [_swap(bundle, a, b, group) for group in groups]
        if flipping := [swap for swap in swaps if swap.flips]:
            return max(flipping, key=lambda swap: swap.moved)
    return None


# ── guesses ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Guess:
    """Where pronoun and candidates probably stand, for a person to correct.

    Attributes:
        pronouns: every pronoun found.
        nouns: every candidate for the chosen pronoun, likeliest by naming first.
        known: whether the two likeliest are nouns of the lexicon; else words where a noun may stand
            (behind an article, before a particle) come next, and then any that naming prefers.
        marked: the chosen pronoun and the two likeliest candidates in reading order; None where the
            text has no pronoun with a word before it, or fewer than two words to choose from.
    """

    pronouns: list[Offsets]
    nouns: list[Offsets]
    known: bool
    marked: Marked | None


def guess(bundle: Bundle, text: str, pronoun: Offsets | None = None) -> Guess:
    """Pronoun and candidates of a text that nobody has marked.

    Args:
        pronoun: the one meant; None: the last that has a word before it.

    Raises:
        ModelError: as `name_pronoun` does.
    """
    pronouns = find_pronouns(text)
    first = _WORD.search(text)
    later = [span for span in pronouns if first and span[0] >= first.end()]
    if pronoun is None and not later:
        return Guess(pronouns, [], False, None)
    chosen = pronoun or later[-1]
    named = name_pronoun(bundle, text, chosen)
    taken = [chosen, *pronouns]
    nouns = _likeliest_first(text, named, _apart(known_nouns(text), taken))
    likely = _likeliest_first(text, named, _apart(_likely_nouns(text), [*taken, *nouns]))
    words = [(start, end) for word, start, end, _ in named if any(map(str.isalpha, word))]
    others = _likeliest_first(text, named, _apart(words, [*taken, *nouns, *likely]))
    candidates = [*nouns, *[*likely, *others][: max(0, 2 - len(nouns))]]
    if len(candidates) < 2:
        return Guess(pronouns, candidates, False, None)
    marked = Marked(text, chosen, tuple(sorted(candidates[:2])))
    return Guess(pronouns, candidates, len(nouns) >= 2, marked)


def known_nouns(text: str) -> list[Offsets]:
    """Where nouns and names of the lexicon stand, in reading order; Korean without particles."""
    lang = language_of(text)
    forms = _noun_forms(lang)
    tokens = list(re.finditer(r"\w+", text))
    found: list[Offsets] = []
    for at, token in enumerate(tokens):
        if found and token.start() < found[-1][1]:
            continue  # inside a noun of several words
        spans = (_noun(tokens[at : at + n], forms, lang) for n in (3, 2, 1))
        found += [span for span in spans if span][:1]
    return found


_BESIDE_NOUNS: dict[Lang, re.Pattern[str]] = {
    "en": re.compile(
        r"\b(?:an?|the|my|your|his|her|its|our|their|th(?:is|at|ese|ose))\s+(\w+)", re.IGNORECASE
    ),
    "ko": re.compile(r"(?<!\w)([가-힣]+?)(?:은|는|이|가|을|를|과|와|에게|에서|에|의)(?!\w)"),
    "fr": re.compile(r"\b(?:une?|le|la|les|des|mon|ma|son|sa|cette?)\s+(\w+)", re.IGNORECASE),
}


def _likely_nouns(text: str) -> list[Offsets]:
    """Where words stand that no lexicon needs to know: behind an article, before a particle."""
    return [found.span(1) for found in _BESIDE_NOUNS[language_of(text)].finditer(text)]


def _noun(
    tokens: Sequence[re.Match[str]], forms: frozenset[tuple[str, ...]], lang: Lang
) -> Offsets | None:
    """The span of these words if together they are a noun."""
    *before, last = [token.group().lower() for token in tokens]
    start, end = tokens[0].start(), tokens[-1].end()
    if (*before, last) in forms:
        return start, end
    cuts = particle_cuts(last) if lang == "ko" else ()
    if cuts and (*before, last[: cuts[0]]) in forms:
        return start, tokens[-1].start() + cuts[0]
    return None


@cache
def _noun_forms(lang: Lang) -> frozenset[tuple[str, ...]]:
    """Nouns and names with their plurals, as lower-case words."""
    lexicon = load_lexicon()
    words = {getattr(name, lang) for name in lexicon.names}
    for noun in lexicon.nouns:
        for wording in wordings_of(noun):
            written = {
                "en": [wording.en, wording.en_plural],
                "ko": [wording.ko],
                "fr": [*wording.fr.split("/"), *wording.fr_plural.split("/")],
            }
            words.update(written[lang])
    return frozenset(tuple(re.findall(r"\w+", word.lower())) for word in words if word)


def _apart(spans: Sequence[Offsets], taken: Sequence[Offsets]) -> list[Offsets]:
    return [s for s in spans if not any(s[0] < t[1] and t[0] < s[1] for t in taken)]


def _likeliest_first(
    text: str, named: Sequence[NamedWord], spans: Sequence[Offsets]
) -> list[Offsets]:
    """By what naming gives them; of equal words, which get equal shares, the first one only."""
    first = {text[slice(*span)].lower(): span for span in reversed(spans)}
    return sorted(first.values(), key=lambda span: (-_named(named, span), span))
