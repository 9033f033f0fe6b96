"""The leaderboard: what is counted, by hand; that batches change nothing; planted heads."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model import Bundle
from model.analysis.coreference import naming_probabilities
from model.analysis.evaluate import evaluate
from model.analysis.leaderboard import (
    Answers,
    Labelled,
    Leaderboard,
    Measured,
    Question,
    ask,
    baselines,
    best_head,
    half_of,
    held_out,
    leaderboard,
    lucky_best,
    mean,
    name_all,
    question,
    questions,
    rank_correlation,
    share,
    twins_of,
    wilson,
)
from model.analysis.own_sets import read_set
from model.capture import capture, intervene
from model.corpus.generator import generate
from model.errors import ModelError
from model.tokenizer import Encoding, Tokenizer
from model.transformer import Transformer
from tests import planted


@pytest.fixture(scope="module")
def wired() -> Leaderboard:
    asked, bad = read_set(planted.bundle(), planted.as_csv())
    assert not bad
    return leaderboard(planted.bundle().model, asked)


def answers_of(argmax: Any, prefers: Any, twins: Any) -> Answers:
    """Answers of which only what heads do matters."""
    n = len(argmax)
    zeros = np.zeros(n)
    return Answers(
        np.asarray(argmax), np.asarray(prefers), np.asarray(argmax, dtype=float), zeros > 0,
        zeros, zeros, np.zeros((n, 2), dtype=int), np.array(twins, dtype=int).reshape(-1, 2),
    )  # fmt: skip


def test_wilson_interval_of_a_textbook_example() -> None:
    # 81 of 263 (Newcombe 1998, table I): 0.2553 to 0.3662
    assert wilson(81, 263) == (0.2553, 0.3662)
    assert wilson(10, 10)[1] == 1.0
    assert wilson(0, 10)[0] == 0.0


def test_the_best_head_is_chosen_by_argmax_and_flips() -> None:
    argmax = np.zeros((4, 2, 3), dtype=bool)
    prefers = np.zeros((4, 2, 3), dtype=bool)
    argmax[:, 0, 1] = True  # largest weight always right, twin never flips
    prefers[[0, 2], 0, 1] = True
    argmax[:3, 1, 2] = True  # right three times of four, and flips with both twins
    prefers[:, 1, 2] = True
    answers = answers_of(argmax, prefers, twins=[(0, 1), (2, 3)])
    assert answers.flips[:, 0, 1].tolist() == [False, False]
    assert answers.flips[:, 1, 2].tolist() == [True, True]
    assert best_head(answers) == (1, 2)


@pytest.mark.parametrize("lang", ["en", "ko", "fr"])
def test_batches_give_what_each_sentence_gives_alone(
    untrained: Transformer, learned: Tokenizer, lang: str
) -> None:
    examples = [e for item in generate(40, seed=1, split="pairs") for e in item.examples]
    asked = questions(learned, examples, lang)  # type: ignore[arg-type]
    answers = ask(untrained, asked)
    for n, q in enumerate(asked):
        source = torch.tensor([q.encoding.ids])
        with torch.inference_mode(), capture(untrained, ["encoder.*.weights"]) as points:
            encoded = untrained.encode(source)[0, q.pronoun]
        rows = torch.stack(list(points.values()))[:, 0, :, q.pronoun]
        np.testing.assert_allclose(answers.mass[n], rows[..., q.antecedent].sum(-1), atol=1e-6)
        top = rows.argmax(-1).numpy()
        assert (answers.argmax[n] == np.isin(top, q.antecedent)).all()
        rivals = torch.stack([rows[..., d].sum(-1) for d in q.distractors]).amax(0)
        clear = np.abs(answers.mass[n] - rivals.numpy()) > 1e-6
        prefers = answers.mass[n] > rivals.numpy()
        assert (answers.prefers[n] == prefers)[clear].all()
        with torch.inference_mode():
            shares = naming_probabilities(untrained.name(encoded[None])[0], source[0])
        words = q.encoding.words()
        word = max(words, key=lambda word: float(shares[word[1]].sum()))
        assert answers.named[n] == bool(set(word[1]) & set(q.antecedent))


def test_a_head_that_copies_the_answer_scores_full_marks(
    untrained: Transformer, learned: Tokenizer
) -> None:
    """The scale's upper end: paste attention that is right by construction into one head."""
    examples = [e for item in generate(8, seed=2, split="pairs") for e in item.examples]
    asked = questions(learned, examples, "en")
    perfect = torch.zeros(len(asked), 3, *[max(len(q.encoding.ids) for q in asked)] * 2)
    for n, q in enumerate(asked):
        perfect[n, 1, q.pronoun, q.antecedent[0]] = 1

    def paste(weights: torch.Tensor) -> torch.Tensor:
        return perfect

    with intervene(untrained, {"encoder.layers.1.self_attn.weights": paste}):
        answers = ask(untrained, asked)
    assert best_head(answers) == (1, 1)
    assert answers.argmax[:, 1, 1].all()
    assert answers.flips[:, 1, 1].all()
    assert (answers.mass[:, 1, 1] == 1).all()
    assert not answers.prefers[:, 1, 0].any()


def asked_of(text: str, pronoun: int, antecedent: int, *distractors: int, **about: Any) -> Question:
    """A question about a sentence whose every word is one piece."""
    words = text.split()
    starts = [sum(len(word) + 1 for word in words[:n]) for n in range(len(words))]
    offsets = [(at, at + len(word)) for at, word in zip(starts, words, strict=True)]
    encoding = Encoding(text, list(range(7, 7 + len(words))), words, list(offsets))
    spans = [offsets[n] for n in (pronoun, antecedent, *distractors)]
    sentence = Labelled(
        text, about.pop("lang", "en"), spans[0], spans[1], tuple(spans[2:]), **about
    )
    return Question(
        sentence,
        encoding.with_special(eos=True),
        [pronoun],
        [antecedent],
        [[d] for d in distractors],
    )


def test_rules_without_a_model_by_hand() -> None:
    twins = "the cat saw the dog near the park because it was {} ."
    tired = asked_of(twins.format("tired"), 9, 1, 4, 7)
    loud = asked_of(twins.format("green"), 9, 7, 1, 4)
    assert [tired.nearest_is_right, loud.nearest_is_right] == [False, True]
    assert [tired.first_is_right, loud.first_is_right] == [True, False]
    assert tired.words == 12  # without the full stop and </s>
    behind = asked_of("when it fell the cup broke a plate", 1, 4, 7)
    assert behind.nearest_is_right
    assert behind.first_is_right

    found = baselines([tired, loud], np.array([[0, 1]]))
    assert found["nearest_noun"].value == found["first_noun"].value == 0.5
    assert found["nearest_noun_flip"] == Measured(0.0, 1, wilson(0, 1))
    assert found["chance_noun"] == Measured(0.3333, 2)
    assert found["chance_word"] == Measured(0.0833, 2)
    assert found["chance_flip"] == Measured(0.1111, 1)


def test_generated_twins_give_rules_no_more_than_half(learned: Tokenizer) -> None:
    """Twins differ in the antecedent only, so no rule of position can be right in both."""
    examples = [e for item in generate(60, seed=4, split="pairs") for e in item.examples]
    for lang in ("en", "ko", "fr"):
        asked = questions(learned, examples, lang)  # type: ignore[arg-type]
        found = baselines(asked, twins_of(asked))
        assert found["nearest_noun"].value <= 0.55
        assert found["nearest_noun_flip"].value <= 0.1


def test_a_mean_has_an_interval_of_twice_its_standard_error() -> None:
    # standard deviation 2, standard error 1
    values = np.array([1.0, 1.0, 5.0, 5.0]) * math.sqrt(3) / 2
    found = mean(values)
    assert found.n == 4
    assert found.value == pytest.approx(2.5981, abs=1e-4)
    assert np.diff(found.interval)[0] == pytest.approx(2 * 1.96, abs=1e-3)
    assert mean(np.array([2.0])) == Measured(2.0, 1)  # one case: how far it may be off is unknown
    assert mean(np.array([])) == share(np.array([], dtype=bool)) == Measured(None, 0)


# ── twins, halves, filters ───────────────────────────────────────────────────────────────────────


def test_twins_are_found_by_name_and_a_twin_that_is_lost_counts_no_more() -> None:
    names = ["a", "b", "", "a", "c", "b"]
    asked = [asked_of("the cat saw it", 3, 1, twin=name) for name in names]
    assert twins_of(asked).tolist() == [[0, 3], [1, 5]]
    answers = answers_of(np.ones((6, 1, 1), bool), np.ones((6, 1, 1), bool), twins_of(asked))
    assert answers.of([1, 2, 5]).twins.tolist() == [[0, 2]]
    assert answers.of([0, 1]).twins.shape == (0, 2)
    assert answers.half(0).twins.tolist() == [[0, 2]]  # rows 0, 2 (alone) and 3
    assert half_of(asked, 0) == [asked[0], asked[2], asked[3]]
    assert len(answers.half(1).named) == 3  # rows 1, 4 (alone) and 5


@given(st.lists(st.sampled_from(["", "a", "b", "c", "d"]), min_size=1, max_size=12))
def test_halves_are_all_there_is_and_part_no_twins(names: list[str]) -> None:
    asked = [
        asked_of("the cat saw it", 3, 1, twin=name, family=str(n)) for n, name in enumerate(names)
    ]
    halves = [{int(q.sentence.family) for q in half_of(asked, which)} for which in (0, 1)]
    assert halves[0] | halves[1] == set(range(len(names)))
    assert not halves[0] & halves[1]
    for first, second in twins_of(asked).tolist():
        assert (first in halves[0]) == (second in halves[0])


def test_filters_by_hand() -> None:
    asked = [
        asked_of("the cat saw a dog , and it ran", 7, 1, 4, twin="x", family="ways"),
        asked_of("the cat saw a dog , and it ran", 7, 4, 1, twin="x", family="ways"),
        asked_of("길 고양이 그것", 2, 1, 0, lang="ko", family="home"),
    ]
    assert [q.distance for q in asked] == [5, 2, 1]  # the comma is no word
    assert [q.order for q in asked] == ["first", "later", "later"]
    ones = np.ones((3, 1, 1), bool)
    board = Leaderboard(asked, answers_of(ones, ones, twins_of(asked)))
    assert board.heads[0].flip.n == 1
    assert [q.sentence.lang for q in board.where(langs=["ko"]).asked] == ["ko"]
    assert board.where(families=["ways"]).asked == asked[:2]
    assert board.where(distance=(2, 4)).asked == [asked[1]]
    later = board.where(order="later")
    assert later.asked == asked[1:]
    assert later.heads[0].flip == Measured(None, 0)  # the other twin is gone
    assert later.heads[0].prefers.n == 2
    nothing = board.where(langs=["fr"])
    assert nothing.naming == Measured(None, 0)
    assert nothing.chosen is None
    assert np.isnan(nothing.table("mass")).all()


def test_one_pair_of_twins_cannot_choose_and_report() -> None:
    ones = np.ones((2, 1, 1), bool)
    asked = [asked_of("the cat saw it", 3, 1, twin="x")] * 2
    assert Leaderboard(asked, answers_of(ones, ones, twins_of(asked))).chosen is None


# ── the planted model ────────────────────────────────────────────────────────────────────────────


def test_a_head_that_resolves_by_construction_scores_full_marks(wired: Leaderboard) -> None:
    layer, head = planted.RESOLVES
    for measure in ("argmax", "prefers", "flip"):
        assert wired.table(measure)[layer, head] == 1  # type: ignore[arg-type]
    assert wired.table("mass")[layer, head] > 0.99
    assert wired.naming == Measured(1.0, 64, wilson(64, 64))
    assert wired.naming_flip.value == 1
    assert wired.chosen is not None
    assert (wired.chosen.layer, wired.chosen.head) == planted.RESOLVES
    assert wired.chosen.there.prefers.n == wired.chosen.here.prefers.n == 32
    assert wired.wrong() == []


def test_heads_that_attend_evenly_score_chance(wired: Leaderboard) -> None:
    """They do not see the word that decides, so in one of two twins they are right."""
    chance = wired.baselines
    for head in (1, 2):
        assert wired.table("prefers")[0, head] == chance["chance_noun"].value == 0.5
        assert wired.table("flip")[0, head] == 0
        pieces = [len(q.encoding.ids) for q in wired.asked]
        assert wired.table("mass")[0, head] == pytest.approx(
            np.mean([1 / n for n in pieces]), abs=0.01
        )
    assert chance["nearest_noun"].value == chance["first_noun"].value == 0.5
    assert chance["nearest_noun_flip"].value == 0


def test_a_random_head_is_the_mean_of_all(wired: Leaderboard) -> None:
    for measure in ("argmax", "prefers", "flip", "mass"):
        expected = wired.table(measure).mean()  # type: ignore[arg-type]
        assert getattr(wired.random_head, measure).value == pytest.approx(expected, abs=2e-4)


def test_what_is_named_wrong_is_listed_with_what_was_named() -> None:
    bundle = planted.bundle()
    asked, _ = read_set(bundle, planted.as_csv())
    tired = asked[0].sentence  # the cat; taken for a sentence about the street
    swapped = replace(tired, antecedent=tired.distractors[0], distractors=(tired.antecedent,))
    board = leaderboard(bundle.model, [question(bundle.tokenizer, swapped)])
    ((wrong, named),) = board.wrong()
    assert wrong.sentence == swapped
    assert named == "cat"
    assert board.answers.share[0] < 0.01 < 0.99 < board.answers.rival[0]


# ── one function behind the command and the page ─────────────────────────────────────────────────


def test_the_command_writes_what_the_leaderboard_finds(
    untrained: Transformer, learned: Tokenizer
) -> None:
    bundle = Bundle("t", untrained, learned, untrained.config, {}, "t")
    measured = evaluate(untrained, learned, items=4, directions=[("ko", "en")])
    for where, split in ((measured, "pairs"), (measured["unseen_nouns"], "nouns")):
        found = leaderboard(untrained, held_out(bundle, ["ko"], 4, split)).metrics()  # type: ignore[arg-type]
        assert where["naming"]["ko"] == found["naming"]
        assert where["baselines"]["ko"] == found["baselines"]
        assert where["heads"]["best"]["ko"] == found["best"]
        assert where["heads"]["all"]["ko"] == found["all"]


def test_fewer_twins_are_the_first_of_more(untrained: Transformer, learned: Tokenizer) -> None:
    bundle = Bundle("t", untrained, learned, untrained.config, {}, "t")
    few, more = (held_out(bundle, ["en"], items) for items in (2, 5))
    assert few == more[:4]
    assert all(q.sentence.family for q in more)


def test_naming_alone_is_the_naming_of_all_answers(wired: Leaderboard) -> None:
    named, shares = name_all(planted.bundle().model, wired.asked)
    assert (named == wired.answers.named).all()
    np.testing.assert_array_equal(shares, wired.answers.share)


def test_progress_is_told_and_may_cancel(
    wired: Leaderboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.analysis.leaderboard._BATCH", 30)
    model, told = planted.bundle().model, []
    found = ask(model, wired.asked, lambda *done: told.append(done))
    assert told == [(30, 64), (60, 64), (64, 64)]
    np.testing.assert_allclose(found.mass, wired.answers.mass, atol=1e-6)

    def cancel(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        ask(model, wired.asked, cancel)
    again = ask(model, wired.asked)  # and nothing is left behind
    np.testing.assert_array_equal(again.mass, found.mass)


def test_collecting_tells_its_progress_and_may_be_cancelled() -> None:
    bundle, told = planted.bundle(), []
    asked = held_out(bundle, ["en"], 3, progress=lambda *done: told.append(done))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert asked == held_out(bundle, ["en"], 3)

    def cancel(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        held_out(bundle, ["en"], 3, progress=cancel)


def test_long_sentences_come_in_small_batches(
    wired: Leaderboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = max(len(q.encoding.ids) for q in wired.asked)
    monkeypatch.setattr("model.analysis.leaderboard._WEIGHTS", 6 * longest**2 * 10)
    told: list[int] = []
    ask(planted.bundle().model, wired.asked[:25], lambda done, total: told.append(done))
    assert told == [10, 20, 25]


def test_nothing_asked_is_refused(untrained: Transformer) -> None:
    with pytest.raises(ValueError, match="no question"):
        ask(untrained, [])


def test_a_span_without_a_word_and_a_sentence_too_long_are_refused(learned: Tokenizer) -> None:
    sentence = Labelled("The cat saw it.", "en", (12, 14), (4, 7), ((20, 22),))
    with pytest.raises(ModelError) as caught:
        question(learned, sentence)
    assert caught.value.code == "no_such_word"
    with pytest.raises(ModelError) as caught:
        question(learned, replace(sentence, distractors=()), limit=3)
    assert caught.value.code == "text_too_long"


# ── luck and ranks ───────────────────────────────────────────────────────────────────────────────


def test_luck_by_hand() -> None:
    assert lucky_best(2, 1, 0.5) == pytest.approx(0.75)  # two coins: not both tails
    # max of two of {0: ¼, ½: ½, 1: ¼}: P(1) = 7/16, P(½ or 1) = 15/16
    assert lucky_best(2, 2, 0.5) == pytest.approx((7 + 15) / 32)


@given(st.integers(1, 60), st.floats(0.05, 0.95))
def test_one_guessing_head_scores_chance_and_more_heads_more(n: int, chance: float) -> None:
    assert lucky_best(1, n, chance) == pytest.approx(chance)
    scores = [lucky_best(heads, n, chance) for heads in (1, 2, 16, 192)]
    assert scores == sorted(scores)
    assert scores[-1] <= 1


def test_rank_correlation_by_hand() -> None:
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([10.0, 30, 20])) == pytest.approx(0.5)
    # ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: 4.5 / √(4.5 · 5)
    tied = rank_correlation(np.array([[0.0, 1], [1, 2]]), np.array([[0.0, 1], [2, 3]]))
    assert tied == pytest.approx(4.5 / math.sqrt(4.5 * 5))
    assert rank_correlation(np.zeros(3), np.arange(3.0)) is None


@given(st.lists(st.integers(-50, 50), min_size=3, max_size=9, unique=True))
def test_ranks_do_not_see_the_scale(values: list[int]) -> None:
    one = np.array(values, dtype=float)
    assert rank_correlation(one, np.exp(one / 10)) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)
