"""Causes: cuts do what they say, in batches as alone, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model import Bundle, ModelError
from model.analysis.causes import (
    CutEdge,
    Cuts,
    PasteTwin,
    RemoveHeads,
    all_heads,
    changes_of,
    cost,
    drops,
    effect,
    knock_out,
    transferred,
    verdict,
)
from model.analysis.leaderboard import Question, ask
from model.analysis.own_sets import read_set, template_csv
from model.analysis.twins import Marked
from model.analysis.whatif import SilenceHeads, what_if
from model.capture import capture, intervene
from tests import planted


@pytest.fixture(scope="module")
def asked(bundle: Bundle) -> list[Question]:
    return read_set(bundle, template_csv())[0]


@pytest.fixture(scope="module")
def wired() -> list[Question]:
    return read_set(planted.bundle(), planted.as_csv())[0]


def weights(
    bundle: Bundle, batch: Sequence[Question], cuts: Cuts, among: Sequence[Question]
) -> np.ndarray:
    """[layer, head, query, key] of the first question of a batch."""
    changes = changes_of(bundle.model, among, cuts)(batch[:1])
    with (
        torch.inference_mode(),
        intervene(bundle.model, changes),
        capture(bundle.model, ["encoder.layers.*.weights"]) as points,
    ):
        bundle.model.encode(torch.tensor([batch[0].encoding.ids]))
    return np.stack([value[0].numpy() for value in points.values()])


# ── a row on another sentence ────────────────────────────────────────────────────────────────────


def test_a_row_is_transferred_by_hand() -> None:
    row = np.array([0.1, 0.2, 0.3, 0.4])
    assert transferred(row, [7, 8, 9, 3], [7, 8, 9, 3]).tolist() == row.tolist()
    # 9 is 4 and 5 there, which share its weight
    np.testing.assert_allclose(
        transferred(row, [7, 8, 9, 3], [7, 8, 4, 5, 3]), [0.1, 0.2, 0.15, 0.15, 0.4]
    )
    # 9 is not there: the others grow by 1 / 0.7
    np.testing.assert_allclose(
        transferred(row, [7, 8, 9, 3], [7, 8, 3]), np.array([0.1, 0.2, 0.4]) / 0.7
    )
    # 4 is new and gets nothing
    np.testing.assert_allclose(transferred(row, [7, 8, 9, 3], [4, 7, 8, 9, 3])[0], 0)
    # nothing is left
    assert transferred(np.array([1.0, 0.0]), [7, 3], [3]).tolist() == [0.0]


IDS = st.lists(st.integers(4, 9), min_size=1, max_size=8)


@given(IDS, IDS, st.integers(0, 5))
def test_what_is_transferred_sums_to_what_it_did(
    ours: list[int], theirs: list[int], seed: int
) -> None:
    row = np.random.default_rng(seed).dirichlet(np.ones(len(theirs) + 1), size=(2, 3))
    moved = transferred(row, [*theirs, 3], [*ours, 3])
    assert moved.shape == (2, 3, len(ours) + 1)
    assert (moved >= 0).all()
    np.testing.assert_allclose(moved.sum(axis=-1), 1, atol=1e-9)


# ── each cut ─────────────────────────────────────────────────────────────────────────────────────


def test_removed_heads_are_silent_as_in_what_if(bundle: Bundle, asked: list[Question]) -> None:
    sentence = asked[0].sentence
    marked = Marked(sentence.text, sentence.pronoun, (sentence.antecedent, *sentence.distractors))
    found = effect(bundle, marked, 0, (RemoveHeads(((1, 0), (1, 2))),), target_lang="ko")
    expected = what_if(bundle, sentence.text, "ko", (SilenceHeads("encoder", (0, 2), 1),))
    assert found.translations == expected.translations
    assert expected.naming is not None
    for reading, named in zip(found.readings, expected.naming, strict=True):
        assert [word[:3] for word in reading.named] == [word[:3] for word in named]
        shares = [share for *_, share in named]
        assert [share for *_, share in reading.named] == pytest.approx(shares, abs=1e-6)
    assert (found.readings[1].heads[1, [0, 2]] == 0).all()
    assert (found.readings[1].heads[1, 1] > 0).all()


def test_a_cut_edge_has_no_weight_and_the_others_grow_alike(
    bundle: Bundle, asked: list[Question]
) -> None:
    q = asked[0]
    before, after = (weights(bundle, asked, cuts, asked) for cuts in ((), (CutEdge(((0, 1),)),)))
    row, cut = before[0, 1, q.pronoun], after[0, 1, q.pronoun]
    assert (cut[q.antecedent] == 0).all()
    others = [n for n in range(len(row)) if n not in q.antecedent]
    np.testing.assert_allclose(cut[others], row[others] / row[others].sum(), atol=1e-6)
    same = np.ones(before.shape[1:3], dtype=bool)
    same[1, q.pronoun] = False
    np.testing.assert_array_equal(before[0][same], after[0][same])  # nothing else of that layer


def test_every_edge_is_cut_where_no_head_is_named(bundle: Bundle, asked: list[Question]) -> None:
    q = asked[2]
    cut = weights(bundle, [q], (CutEdge(),), asked)
    assert (cut[:, :, q.pronoun, q.antecedent] == 0).all()
    assert (cut[:, :, q.pronoun].sum(axis=-1) > 0.999).all()


def test_the_twins_row_is_pasted(bundle: Bundle, asked: list[Question]) -> None:
    one, other = asked[:2]
    pasted = weights(bundle, [one], (PasteTwin(((1, 2),)),), asked)
    twins_row = weights(bundle, [other], (), asked)[1, 2, other.pronoun]
    expected = transferred(twins_row, other.encoding.ids, one.encoding.ids)
    np.testing.assert_allclose(pasted[1, 2, one.pronoun], expected, atol=1e-6)
    own = weights(bundle, [one], (), asked)
    np.testing.assert_allclose(pasted[1, :2, one.pronoun], own[1, :2, one.pronoun], atol=1e-6)


def test_without_a_twin_a_row_stays(bundle: Bundle, asked: list[Question]) -> None:
    alone = asked[:1]
    own, pasted = (weights(bundle, alone, cuts, alone) for cuts in ((), (PasteTwin(),)))
    np.testing.assert_allclose(own, pasted, atol=1e-6)


@pytest.mark.parametrize(
    "cuts",
    [
        (RemoveHeads(((0, 0), (1, 2))),),
        (CutEdge(),),
        (PasteTwin(((1, 1), (1, 2))),),
        (CutEdge(((0, 2),)), RemoveHeads(((0, 1),)), PasteTwin(((0, 1), (1, 0)))),
    ],
)
def test_batches_give_what_each_sentence_gives_alone(
    bundle: Bundle, asked: list[Question], cuts: Cuts
) -> None:
    changes = changes_of(bundle.model, asked, cuts)
    together = ask(bundle.model, asked, changes=changes)
    for n, q in enumerate(asked):
        alone = ask(bundle.model, [q], changes=changes)
        np.testing.assert_allclose(together.mass[n], alone.mass[0], atol=1e-5)
        np.testing.assert_allclose(together.share[n], alone.share[0], atol=1e-5)


def test_cuts_at_one_place_follow_one_another(bundle: Bundle, asked: list[Question]) -> None:
    pasted_last = (RemoveHeads(((0, 1),)), PasteTwin(((0, 1),)))
    row = asked[0].pronoun
    assert weights(bundle, asked, pasted_last, asked)[0, 1, row].sum() == pytest.approx(1, abs=1e-5)
    assert (weights(bundle, asked, pasted_last[::-1], asked)[0, 1] == 0).all()


def test_nothing_is_left_behind(bundle: Bundle, asked: list[Question]) -> None:
    before = ask(bundle.model, asked)
    cost(bundle.model, asked, (RemoveHeads(((0, 0),)), CutEdge(), PasteTwin()))
    after = ask(bundle.model, asked)
    np.testing.assert_array_equal(before.mass, after.mass)
    np.testing.assert_array_equal(before.share, after.share)


@pytest.mark.parametrize("head", [(2, 0), (0, 3), (-1, 0)])
def test_a_head_that_is_not_there(
    bundle: Bundle, asked: list[Question], head: tuple[int, int]
) -> None:
    for cut in (RemoveHeads((head,)), CutEdge((head,)), PasteTwin((head,))):
        with pytest.raises(ModelError) as caught:
            changes_of(bundle.model, asked, (cut,))
        assert caught.value.code == "cut_nowhere"


def test_pasting_needs_a_twin(bundle: Bundle) -> None:
    with pytest.raises(ModelError) as caught:
        effect(bundle, Marked("A cat saw it.", (10, 12), ((2, 5), (6, 9))), 0, (PasteTwin(),))
    assert caught.value.code == "cut_no_twin"


# ── the planted model ────────────────────────────────────────────────────────────────────────────


def test_only_the_wired_heads_are_missed(wired: list[Question]) -> None:
    told: list[tuple[int, int]] = []
    found = drops(planted.bundle().model, wired, lambda *done: told.append(done))
    assert found.before.value == 1
    assert told[-1] == (7 * 64, 7 * 64)
    for layer, head in all_heads(planted.bundle().model):
        if (layer, head) in (planted.READS, planted.RESOLVES):
            assert found.accuracy[layer, head] >= 0.5
            assert found.log_p[layer, head] > 1
        else:
            assert found.accuracy[layer, head] == 0
            assert abs(found.log_p[layer, head]) < 0.01


def test_the_resolvers_edge_is_the_cause(wired: list[Question]) -> None:
    model = planted.bundle().model
    cut = cost(model, wired, (CutEdge((planted.RESOLVES,)),))
    assert (cut.before.value, cut.after.value) == (1, 0)
    assert cut.points == 100
    others = tuple(head for head in all_heads(model) if head != planted.RESOLVES)
    assert cost(model, wired, (CutEdge(others),), before=cut.answers[0]).points == 0


def test_the_twins_row_names_the_twins_noun(wired: list[Question]) -> None:
    pasted = cost(planted.bundle().model, wired, (PasteTwin((planted.RESOLVES,)),))
    assert pasted.after.value == 0
    assert pasted.answers[1].rival.min() > 0.99  # the other noun, in every sentence
    assert cost(planted.bundle().model, wired, (PasteTwin((planted.READS,)),)).points == 0


def test_the_best_head_is_knocked_out_first(wired: list[Question]) -> None:
    for by in ("attention", "drop"):
        found = knock_out(planted.bundle().model, wired, most=2, draws=3, by=by)  # type: ignore[arg-type]
        first = found.steps[1]
        assert [step.n for step in found.steps] == [0, 1, 2]
        assert found.steps[0].best.value == 1
        assert found.steps[0].random_mean is None
        assert first.cut[0] in (planted.RESOLVES, planted.READS)
        assert by == "drop" or first.cut[0] == planted.RESOLVES
        assert first.best.value is not None
        assert first.best.value <= 0.5
        assert len(first.random) == 3
        assert first.best.n == 32  # the half that did not rank them
    again = knock_out(planted.bundle().model, wired, most=2, draws=3, by="drop")
    assert again == found


def test_heads_are_cut_until_it_fails_and_none_are_drawn_that_are_not_there(
    wired: list[Question],
) -> None:
    found = knock_out(planted.bundle().model, wired, most=9, draws=2)  # it has six heads
    assert [len(step.random) for step in found.steps] == [0, 2, 2, 2, 0, 0, 0]
    assert [step.n for step in found.compared] == [0, 1, 2, 3]
    assert found.chance == 0.5
    assert found.fails is not None
    assert found.fails.n == 1  # without the head that resolves, its nouns are guessed
    one, three = found.steps[0], found.steps[3]
    assert one.best.value is not None
    assert three.best.value is not None
    assert found.lost[0] == pytest.approx(100 * (one.best.value - three.best.value))
    assert three.random_mean is not None
    assert found.lost[1] == pytest.approx(100 * (one.best.value - three.random_mean))
    uncut = knock_out(planted.bundle().model, wired, most=0)
    assert (len(uncut.steps), uncut.fails) == (1, None)


@pytest.mark.parametrize(
    ("best", "others", "says"),
    [(30, 9, "cause"), (40, 20, "partly"), (5, 2, "spread"), (16, 46, "others")],
)
def test_what_points_lost_say(best: float, others: float, says: str) -> None:
    assert verdict(best, others) == says


def test_one_pair_of_twins_cannot_rank_and_count(wired: list[Question]) -> None:
    found = knock_out(planted.bundle().model, wired[:2])
    assert (found.ranking, found.steps, found.fails) == ([], [], None)


def test_rows_pasted_one_by_one_and_a_way_out(wired: list[Question]) -> None:
    model = planted.bundle().model
    found = drops(model, wired, kind=PasteTwin)
    assert found.accuracy[planted.RESOLVES] == 1
    assert np.abs(found.accuracy).sum() == 1
    told: list[float] = []

    def tell(done: int, of: int) -> None:
        told.append(done / of)

    ways = knock_out(model, wired, most=1, draws=2, kind=PasteTwin, progress=tell)
    assert ways.steps[1].best.value == 0
    assert [draw.value for draw in ways.steps[1].random] == [1, 1]
    assert told == sorted(told)
    assert told[-1] == 1
    told.clear()
    cost(model, wired, (CutEdge(),), tell)
    assert told == [0.5, 1]

    def cancel(done: int, of: int) -> None:
        raise InterruptedError

    for work in (drops, knock_out):
        with pytest.raises(InterruptedError):
            work(model, wired, progress=cancel)  # type: ignore[operator]


def test_a_sentence_and_its_twin_live() -> None:
    bundle = planted.bundle()
    text = planted.twins()[0][1]
    a = Marked(text, (41, 43), ((4, 7), (26, 32)))
    b = Marked(text.replace("tired", "wide"), (41, 43), ((4, 7), (26, 32)))
    found = effect(bundle, a, 0, (PasteTwin((planted.RESOLVES,)),), twin=b)
    assert [reading.winner for reading in found.readings] == [0, 1]
    assert found.translations is None
    removed = effect(bundle, a, 0, (CutEdge((planted.RESOLVES,)),))
    assert removed.readings[0].naming[0] > 0.99 > 0.01 > removed.readings[1].naming[0]
