"""Which head looks at what a pronoun stands for? Counted over labelled sentences.

`leaderboard` is the one function behind `python -m model evaluate` and the coreference lab: it
`ask`s the model about every sentence, and its measures are shares and means with 95 % intervals.
Attention was never trained to be right here; the questions are put to it afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from ..capture import Change, capture, intervene
from ..checkpoint import Bundle
from ..config import Lang, ModelConfig
from ..corpus.generator import Example, Met, Sentence, Span, generate, templates
from ..corpus.splits import Split
from ..masks import pad
from ..seq2seq import Seq2Seq
from ..tokenizer import Encoding, Offsets, Tokenizer, check_length
from ..transformer import PAD, Transformer
from .coreference import naming_probabilities, pieces_at

EVALUATION_SEED = 20_000  # no training uses it

Head = tuple[int, int]
"""(layer, head), both from 0."""
Progress = Callable[[int, int], None]
"""Told how many of how many sentences are done; to cancel, it raises what it likes."""
Order = Literal["first", "later"]
"""Where the antecedent stands among the nouns that may be meant: first, or behind a distractor."""

_BATCH = 128
_WEIGHTS = 2**25  # so many attention weights are held at once at most: 128 MB


# ── questions ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Labelled:
    """A sentence whose pronoun's antecedent is known; spans are characters [start, end).

    Attributes:
        distractors: the nouns that the pronoun might have stood for.
        twin: sentences of one name are twins; "" has none.
        family: what kind of template it was made from; "" if it was not generated.
    """

    text: str
    lang: Lang
    pronoun: Offsets
    antecedent: Offsets
    distractors: tuple[Offsets, ...]
    twin: str = ""
    family: str = ""


@dataclass(frozen=True)
class Question:
    """A labelled sentence in pieces: the pronoun's, the antecedent's, each distractor's."""

    sentence: Labelled
    encoding: Encoding
    pronouns: list[int]
    antecedent: list[int]
    distractors: list[list[int]]

    @property
    def pronoun(self) -> int:
        """The piece at which heads and encoder are asked: the pronoun's first."""
        return self.pronouns[0]

    @cached_property
    def words(self) -> int:
        """How many words the sentence has, signs and `</s>` not counted."""
        return len(_words(self.encoding))

    @cached_property
    def distance(self) -> int:
        """Words from the antecedent to the pronoun, signs not counted; 1: side by side."""
        words = _words(self.encoding)
        place = {piece: n for n, pieces in enumerate(words) for piece in pieces}
        return abs(place.get(self.pronoun, 0) - place.get(self.antecedent[-1], 0))

    @property
    def nearest_is_right(self) -> bool:
        """The noun that ends last before the pronoun is the antecedent.

        Chosen among antecedent and distractors; where none stands before the pronoun, the first
        behind it.
        """
        nouns = [self.antecedent, *self.distractors]
        before = [noun for noun in nouns if noun[-1] < self.pronoun]
        return (max(before) if before else min(nouns)) == self.antecedent

    @property
    def first_is_right(self) -> bool:
        """Of antecedent and distractors, the antecedent stands first in the sentence."""
        return self.antecedent < min(self.distractors, default=[*self.antecedent, 0])

    @property
    def order(self) -> Order:
        """`first_is_right` as one of two names."""
        return "first" if self.first_is_right else "later"


def question(tokenizer: Tokenizer, sentence: Labelled, limit: int | None = None) -> Question:
    """A labelled sentence as the model reads it.

    Args:
        limit: the most pieces that the model reads; None does not check.

    Raises:
        ModelError: as `name_pronoun` does; `no_such_word` where a span holds no piece.
    """
    encoding = tokenizer.source(sentence.text)
    if limit is not None:
        check_length(encoding, limit)
    spans = (sentence.pronoun, sentence.antecedent, *sentence.distractors)
    pronouns, antecedent, *distractors = (pieces_at(encoding, span) for span in spans)
    return Question(sentence, encoding, pronouns, antecedent, distractors)


def labelled(examples: Iterable[Example], lang: Lang) -> list[Labelled]:
    """The first labelled pronoun of every example in this language; neighbours are twins."""
    found = []
    for n, example in enumerate(examples):
        template = templates().get(example.template)
        family = template.family if template else ""
        found.append(first_of(example.sentences[lang], lang, f"{lang} {n // 2}", family))
    return found


def first_of(sentence: Sentence, lang: Lang, twin: str = "", family: str = "") -> Labelled:
    """The sentence with the first of its labelled pronouns."""
    reference = sentence.references[0]
    return Labelled(
        sentence.text,
        lang,
        _span(reference.pronoun),
        _span(reference.antecedent),
        tuple(map(_span, reference.distractors)),
        twin,
        family,
    )


def questions(tokenizer: Tokenizer, examples: Iterable[Example], lang: Lang) -> list[Question]:
    """`labelled`, in pieces."""
    return [question(tokenizer, sentence) for sentence in labelled(examples, lang)]


def held_out(
    bundle: Bundle,
    langs: Iterable[Lang] = ("en", "ko"),
    items: int = 250,
    split: Split = "pairs",
    seed: int = EVALUATION_SEED,
    progress: Progress | None = None,
) -> list[Question]:
    """`items` pairs of twins in every language, of a kind that this checkpoint never met.

    With 1,000 items these are the sentences of `python -m model evaluate`; with fewer, its first.

    Args:
        progress: told how many of the pairs are written.
    """
    examples: list[Example] = []
    for n, item in enumerate(generate(items, seed=seed, split=split, met=met_by(bundle.metrics))):
        examples += item.examples
        if progress is not None:
            progress(n + 1, items)
    return [q for lang in langs for q in questions(bundle.tokenizer, examples, lang)]


def met_by(metrics: Mapping[str, Any]) -> Met | None:
    """What the training met that made a checkpoint with these metrics; None where it is unsaid."""
    met = metrics.get("training", {}).get("met")
    return Met(frozenset(met["templates"]), frozenset(met["nouns"])) if met else None


def has_letters(word: str) -> bool:
    """Whether it is a word or number, no sign and no `</s>`."""
    return word != "</s>" and any(character.isalnum() for character in word)


def _words(encoding: Encoding) -> list[list[int]]:
    """The pieces of each word, signs and `</s>` left out."""
    return [pieces for word, pieces in encoding.words() if has_letters(word)]


def _span(span: Span) -> Offsets:
    return span.start, span.end


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


ChangesOf = Callable[[Sequence[Question]], Mapping[str, Change]]
"""What is changed while the encoder reads this batch, as `intervene` takes it."""


@dataclass(frozen=True)
class Answers:
    """What every encoder head does at the pronouns, and what the encoder takes them for.

    Attributes:
        argmax: the head's largest weight lies on a piece of the antecedent.
        prefers: the antecedent gets more weight than every distractor (a tie is no preference).
        mass: weight on the antecedent.
        named: the encoder's likeliest word is the antecedent.
        share: probability that naming gives the antecedent's pieces.
        rival: the same of the likeliest distractor.
        likeliest: characters [start, end) of the encoder's likeliest word.
        twins: rows of the first and of the second of each pair of twins.
    """

    argmax: Bool[np.ndarray, "N layer head"]
    prefers: Bool[np.ndarray, "N layer head"]
    mass: Float[np.ndarray, "N layer head"]
    named: Bool[np.ndarray, " N"]
    share: Float[np.ndarray, " N"]
    rival: Float[np.ndarray, " N"]
    likeliest: Int[np.ndarray, "N 2"]
    twins: Int[np.ndarray, "twins 2"]

    @property
    def resolving(self) -> Float[np.ndarray, "layer head"]:
        """How well each head resolves, 0 … 2: argmax + twin flips (prefers, where none are)."""
        second = self.flips if len(self.twins) else self.prefers
        score: np.ndarray = self.argmax.mean(axis=0) + second.mean(axis=0)
        return score

    @property
    def flips(self) -> Bool[np.ndarray, "twins layer head"]:
        """The head prefers the right antecedent in both twins."""
        first, second = self.prefers[self.twins[:, 0]], self.prefers[self.twins[:, 1]]
        return first & second

    def of(self, rows: Sequence[int] | Int[np.ndarray, " n"]) -> Answers:
        """Some of the rows; twins that lose one another count no more as twins."""
        place = {int(row): n for n, row in enumerate(rows)}
        twins = [(place[a], place[b]) for a, b in self.twins.tolist() if a in place and b in place]
        kept = {f.name: getattr(self, f.name)[np.array(rows, dtype=int)] for f in fields(self)[:-1]}
        return Answers(**kept, twins=np.array(twins, dtype=int).reshape(-1, 2))

    def half(self, which: Literal[0, 1]) -> Answers:
        """Every other pair of twins; a sentence without a twin counts as a pair."""
        return self.of(_half(len(self.named), self.twins, which))


def ask(
    model: Transformer,
    asked: Sequence[Question],
    progress: Progress | None = None,
    changes: ChangesOf | None = None,
) -> Answers:
    """Run the encoder, in batches, and look at every head's row of the pronoun.

    Raises:
        ValueError: nothing is asked.
    """
    columns = _in_batches(_heads_and_naming, model, asked, progress, changes)
    names = (field.name for field in fields(Answers))
    return Answers(**dict(zip(names, (*columns, twins_of(asked)), strict=True)))


def name_all(
    model: Seq2Seq[Any],
    asked: Sequence[Question],
    progress: Progress | None = None,
    changes: ChangesOf | None = None,
) -> tuple[Bool[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """`named` and `share` of `Answers`, without looking at any head: faster."""
    named, share, _, _ = _in_batches(_naming, model, asked, progress, changes)
    return named, share


_Columns = tuple[np.ndarray, ...]
M = TypeVar("M", bound=Seq2Seq[Any])


def _in_batches(
    what: Callable[[M, Sequence[Question]], _Columns],
    model: M,
    asked: Sequence[Question],
    progress: Progress | None,
    changes: ChangesOf | None,
) -> _Columns:
    if not asked:
        raise ValueError("no question is asked")
    parts = []
    for batch in batches(model, asked):
        with intervene(model, changes(batch) if changes else {}):
            parts.append(what(model, batch))
        if progress:
            progress(sum(len(part[0]) for part in parts), len(asked))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def batches(model: Seq2Seq[Any], asked: Sequence[Question]) -> Iterator[Sequence[Question]]:
    """Slices of what is asked, smaller where sentences are long or heads many."""
    longest = max((len(q.encoding.ids) for q in asked), default=1)
    sizes = model.config
    heads = sizes.n_encoder_layers * sizes.n_heads if isinstance(sizes, ModelConfig) else 1
    weights = heads * longest**2
    size = max(1, min(_BATCH, _WEIGHTS // weights))
    return (asked[start : start + size] for start in range(0, len(asked), size))


def _heads_and_naming(model: Transformer, batch: Sequence[Question]) -> _Columns:
    """The columns of `Answers`, in their order, but for the twins."""
    with capture(model, ["encoder.layers.*.weights"]) as points:
        naming = _naming(model, batch)
    rows, at = list(range(len(batch))), [q.pronoun for q in batch]
    pronouns = [weights[rows, :, at] for weights in points.values()]
    weights = torch.stack(pronouns, dim=1).numpy(force=True)  # N layer head key
    mass = _on(weights, [q.antecedent for q in batch])
    rivals = [_rival(w, q.distractors) for w, q in zip(weights, batch, strict=True)]
    top = weights.argmax(axis=-1)
    argmax = [np.isin(t, q.antecedent) for t, q in zip(top, batch, strict=True)]
    shape = mass.shape
    return np.reshape(argmax, shape), mass > np.reshape(rivals, shape), mass, *naming


def _naming(model: Seq2Seq[Any], batch: Sequence[Question]) -> _Columns:
    """`named`, `share`, `rival` and `likeliest` of `Answers`."""
    device = model.embedding.weight.device
    source = pad([q.encoding.ids for q in batch], PAD).to(device)
    with torch.inference_mode():
        memory = model.encode(source)
        logits = model.name(memory[list(range(len(batch))), [q.pronoun for q in batch]])
    named = [_named(row, q) for row, q in zip(logits, batch, strict=True)]
    return tuple(map(np.array, zip(*named, strict=True)))


def _named(logits: torch.Tensor, asked: Question) -> tuple[bool, float, float, Offsets]:
    source = torch.tensor(asked.encoding.ids, device=logits.device)
    shares = naming_probabilities(logits, source).numpy(force=True)
    _, likeliest, span = max(
        asked.encoding.words_with_offsets(), key=lambda word: shares[word[1]].sum()
    )
    named = bool(set(likeliest) & set(asked.antecedent))
    antecedent, *rivals = (
        float(shares[noun].sum()) for noun in (asked.antecedent, *asked.distractors)
    )
    return named, antecedent, max(rivals, default=0.0), span or (0, 0)


def _on(weights: np.ndarray, pieces: Sequence[list[int]]) -> np.ndarray:
    return np.stack([w[..., p].sum(axis=-1) for w, p in zip(weights, pieces, strict=True)])


def _rival(weights: np.ndarray, distractors: list[list[int]]) -> np.ndarray:
    nothing = np.zeros(weights.shape[:-1], weights.dtype)
    return np.max([nothing, *(weights[..., d].sum(axis=-1) for d in distractors)], axis=0)


def half_of(asked: Sequence[Question], which: Literal[0, 1]) -> list[Question]:
    """The questions that `Answers.half` keeps the answers of."""
    return [asked[n] for n in _half(len(asked), twins_of(asked), which)]


def _half(n: int, twins: Int[np.ndarray, "twins 2"], which: Literal[0, 1]) -> Sequence[int]:
    pair = np.arange(n)
    pair[twins[:, 1]] = twins[:, 0]
    number = np.unique(pair, return_inverse=True)[1]
    return [int(row) for row in np.flatnonzero(number % 2 == which)]


def twins_of(asked: Sequence[Question]) -> Int[np.ndarray, "twins 2"]:
    """The rows of those that share a twin's name, two by two."""
    waiting: dict[str, int] = {}
    found = []
    for n, q in enumerate(asked):
        name = q.sentence.twin
        if name in waiting:
            found.append((waiting.pop(name), n))
        elif name:
            waiting[name] = n
    return np.array(sorted(found), dtype=int).reshape(-1, 2)


# ── measures ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Measured:
    """A share or a mean of `n` cases; None of none.

    Attributes:
        interval: 95 %; None where nothing was sampled (chance), `n` is 0, or it is the mean of one.
    """

    value: float | None
    n: int
    interval: tuple[float, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """As `metrics.json` has it."""
        found: dict[str, Any] = {"value": self.value, "n": self.n}
        return found if self.interval is None else {**found, "interval": list(self.interval)}


@dataclass(frozen=True)
class HeadScore:
    """One head (None: drawn anew for every sentence) on some questions."""

    layer: int | None
    head: int | None
    argmax: Measured
    prefers: Measured
    flip: Measured
    mass: Measured


@dataclass(frozen=True)
class Chosen:
    """A head chosen on one half of the twins (`there`) and reported on the other (`here`).

    The best of many heads on the very sentences that chose it is partly luck; see `lucky_best`.
    """

    layer: int
    head: int
    there: HeadScore
    here: HeadScore


@dataclass(frozen=True)
class Leaderboard:
    """All measures of some questions; computed when read, from answers that are there already."""

    asked: list[Question]
    answers: Answers

    @cached_property
    def naming(self) -> Measured:
        """The encoder's likeliest word is the antecedent."""
        return share(self.answers.named)

    @cached_property
    def naming_flip(self) -> Measured:
        """… in both twins."""
        return share(self.answers.named[self.answers.twins].all(axis=1))

    @cached_property
    def heads(self) -> list[HeadScore]:
        """Every head on all questions, layer by layer."""
        return [_score(self.answers, head) for head in np.ndindex(self.answers.mass.shape[1:])]

    @cached_property
    def chosen(self) -> Chosen | None:
        """The best head of one half, on the other; None where a half is empty."""
        there, here = self.answers.half(0), self.answers.half(1)
        if not len(there.named) or not len(here.named):
            return None
        head = best_head(there)
        return Chosen(*head, _score(there, head), _score(here, head))

    @cached_property
    def random_head(self) -> HeadScore:
        """A head drawn anew for every sentence: the mean over heads, intervals over sentences."""
        answers = self.answers
        each = (answers.argmax, answers.prefers, answers.flips, answers.mass)
        return HeadScore(None, None, *(mean(one.mean(axis=(1, 2))) for one in each))

    @cached_property
    def baselines(self) -> dict[str, Measured]:
        """What rules without a model reach on the same questions; see `baselines`."""
        return baselines(self.asked, self.answers.twins)

    def table(self, measure: Literal["argmax", "prefers", "flip", "mass"]) -> np.ndarray:
        """[layer, head] of one measure's values; NaN where there are no cases."""
        values = [getattr(score, measure).value for score in self.heads]
        return np.array(values, dtype=float).reshape(self.answers.mass.shape[1:])

    def where(
        self,
        langs: Collection[Lang] | None = None,
        families: Collection[str] | None = None,
        distance: tuple[int, int] | None = None,
        order: Order | None = None,
    ) -> Leaderboard:
        """The questions that fit (None: any), nothing computed anew.

        Args:
            distance: least and most words from antecedent to pronoun, both included.
            order: of two twins one has its antecedent first and one later, so no flip is left.
        """

        def fits(q: Question) -> bool:
            return (
                (langs is None or q.sentence.lang in langs)
                and (families is None or q.sentence.family in families)
                and (distance is None or distance[0] <= q.distance <= distance[1])
                and (order is None or q.order == order)
            )

        rows = [n for n, q in enumerate(self.asked) if fits(q)]
        return Leaderboard([self.asked[n] for n in rows], self.answers.of(rows))

    def wrong(self) -> list[tuple[Question, str]]:
        """The sentences whose pronoun is not named right, each with the word named instead."""
        rows = np.flatnonzero(~self.answers.named)
        spans = self.answers.likeliest.tolist()
        return [(self.asked[n], self.asked[n].sentence.text[slice(*spans[n])]) for n in rows]

    def metrics(self) -> dict[str, Any]:
        """`naming`, `baselines`, `best` head and `all` heads, as `metrics.json` has them."""
        return {
            "naming": self.naming.to_json(),
            "baselines": {name: found.to_json() for name, found in self.baselines.items()},
            "best": _best(self.chosen),
            "all": _tables(self.heads, self.answers.mass.shape[1:]),
        }


def leaderboard(
    model: Transformer, asked: Sequence[Question], progress: Progress | None = None
) -> Leaderboard:
    """Ask the model every question and measure every head."""
    return Leaderboard(list(asked), ask(model, asked, progress))


def best_head(answers: Answers) -> Head:
    """Layer and head that resolve best: of equal ones, the first."""
    score = answers.resolving
    layer, head = np.unravel_index(int(score.argmax()), score.shape)
    return int(layer), int(head)


def baselines(asked: Sequence[Question], twins: Int[np.ndarray, "twins 2"]) -> dict[str, Measured]:
    """What rules without a model reach on the same questions.

    `nearest_noun` and `first_noun` are right as defined in `Question`, `…_flip` in both twins.
    `chance_noun` is the mean of 1 / (antecedent and distractors): guessing which of the nouns that
    fit is meant, to hold naming and *prefers* against. `chance_word` is the mean of 1 / words, for
    a largest weight that may fall anywhere. `chance_flip` is `chance_noun` of both twins at once.
    """
    nouns = np.array([1 / (1 + len(q.distractors)) for q in asked])
    words = np.array([1 / q.words for q in asked])
    both = nouns[twins].prod(axis=1)
    found = {
        f"chance_{what}": Measured(mean(values).value, len(values))
        for what, values in (("noun", nouns), ("word", words), ("flip", both))
    }
    for rule in ("nearest", "first"):
        right = np.array([getattr(q, f"{rule}_is_right") for q in asked], dtype=bool)
        found[f"{rule}_noun"] = share(right)
        found[f"{rule}_noun_flip"] = share(right[twins].all(axis=1))
    return found


def share(hits: Bool[np.ndarray, " N"]) -> Measured:
    """How often something holds, with Wilson's interval."""
    if not len(hits):
        return Measured(None, 0)
    return Measured(round(float(hits.mean()), 4), len(hits), wilson(int(hits.sum()), len(hits)))


def mean(values: Float[np.ndarray, " N"]) -> Measured:
    """A mean with its interval (normal approximation); of one value there is none."""
    if not len(values):
        return Measured(None, 0)
    centre = float(values.mean(dtype=np.float64))
    if len(values) == 1:
        return Measured(round(centre, 4), 1)
    spread = 1.959964 * float(values.std(ddof=1)) / math.sqrt(len(values))
    interval = round(centre - spread, 4), round(centre + spread, 4)
    return Measured(round(centre, 4), len(values), interval)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z = 1.959964
    centre, spread = hits + z * z / 2, z * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return (round(max(0.0, (centre - spread) / (n + z * z)), 4),
            round(min(1.0, (centre + spread) / (n + z * z)), 4))  # fmt: skip


def lucky_best(n_heads: int, n: int, chance: float) -> float:
    """What the best of `n_heads` heads that only guess is expected to score on `n` sentences.

    E[max of n_heads draws of Binomial(n, p)] / n = Σ_{k<n} (1 − F(k)^n_heads) / n, heads taken for
    independent: why a head is chosen on one half and reported on the other.
    """
    log_p = [_log_binomial(n, k, chance) for k in range(n)]
    cumulative = np.minimum(np.cumsum(np.exp(log_p)), 1)
    return float((1 - cumulative**n_heads).sum() / n)


def rank_correlation(a: Float[np.ndarray, "*map"], b: Float[np.ndarray, "*map"]) -> float | None:
    """Spearman's ρ of two maps of the same heads, ties with their mean rank; None if one is flat.

    Source: Spearman 1904; the Pearson correlation of the ranks.
    """
    ranks = [_ranks(np.asarray(values).ravel()) for values in (a, b)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        return None
    return float(np.corrcoef(np.stack(ranks))[0, 1])


def _score(answers: Answers, head: Head) -> HeadScore:
    layer, number = head
    return HeadScore(
        layer,
        number,
        argmax=share(answers.argmax[:, layer, number]),
        prefers=share(answers.prefers[:, layer, number]),
        flip=share(answers.flips[:, layer, number]),
        mass=mean(answers.mass[:, layer, number]),
    )


def _best(chosen: Chosen | None) -> dict[str, Any] | None:
    if chosen is None:
        return None
    measures = ("argmax", "prefers", "flip", "mass")
    found = {measure: getattr(chosen.here, measure).to_json() for measure in measures}
    return {"layer": chosen.layer, "head": chosen.head, **found}


def _tables(scores: Sequence[HeadScore], shape: tuple[int, ...]) -> dict[str, Any]:
    """For each measure a table [layer][head] of values, and one of 95 % intervals."""

    def table(measure: str, what: str) -> Any:
        cells = np.array([getattr(getattr(score, measure), what) for score in scores])
        return cells.reshape(*shape, *cells.shape[1:]).tolist()

    named = {"argmax": "argmax", "prefers": "prefers", "flips": "flip", "mass": "mass"}
    values = {name: table(measure, "value") for name, measure in named.items()}
    intervals = {name: table(measure, "interval") for name, measure in named.items()}
    n = {name: getattr(scores[0], measure).n for name, measure in named.items()}
    return {**values, "intervals": intervals, "n": n}


def _log_binomial(n: int, k: int, p: float) -> float:
    """log P(k hits of n); 0 < p < 1."""
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return ways + k * math.log(p) + (n - k) * math.log1p(-p)


def _ranks(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """1 … n, ties with the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: np.ndarray = (counts.cumsum() - (counts - 1) / 2)[inverse]
    return ranks
