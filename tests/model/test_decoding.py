"""The decoding page's numbers, against the decoder, torch, and values worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.nn import functional as F

from model import Bundle, trace
from model.analysis import decoding
from model.analysis.decoding import Sampling
from model.analysis.softmax import softmax
from model.decode import decode_ids
from model.transformer import BOS, EOS, PAD, UNK

TEXT = "I am a student."
LOGITS = arrays.arrays(np.float32, st.integers(2, 23), elements=st.floats(-20, 20, width=32))


@pytest.fixture(scope="module")
def ending(make_bundle: Any) -> Bundle:
    """A model that leans towards `</s>`, so that hypotheses end at many lengths and compete."""
    bundle: Bundle = make_bundle(seed=50, norm="pre")
    with torch.no_grad():
        bundle.model.decoder.norm.bias += bundle.model.embedding.weight[EOS]
    return bundle


def source_of(bundle: Bundle, text: str = TEXT) -> list[int]:
    return bundle.tokenizer.source(text).ids


def without_end(ids: list[int]) -> list[int]:
    return [i for i in ids if i != EOS]


# ── piece by piece ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", ["ko", "en", "fr"])
def test_logits_piece_by_piece_are_those_of_one_teacher_forced_pass(
    bundle: Bundle, lang: Any
) -> None:
    run = decoding.greedy_run(bundle, TEXT, lang)
    at_once = trace(bundle, TEXT, target_lang=lang).logits[1:]
    finite = np.isfinite(run.logits)
    assert (np.flatnonzero(~finite[0]) == [PAD, UNK, BOS]).all()
    at_once = at_once[: len(run.logits)]
    np.testing.assert_allclose(run.logits[finite], at_once[finite], atol=1e-5)
    assert run.largest_difference == pytest.approx(
        np.abs(run.logits - at_once)[finite].max(), abs=1e-5
    )


def test_a_difference_between_the_two_would_be_told(bundle: Bundle) -> None:
    from model.capture import intervene

    def later_only(x: torch.Tensor) -> torch.Tensor:  # touches what only a whole pass holds
        x = x.clone()
        x[:, 2:, 0] += 5
        return x

    with intervene(bundle.model, {"decoder.input.sum": later_only}):
        assert decoding.greedy_run(bundle, TEXT, "ko").largest_difference > 1e-2


def test_a_greedy_run_is_the_greedy_translation(ending: Bundle) -> None:
    ended = 0
    for text in (TEXT, "It is full.", "나는 학교에 갔다.", "the cup"):
        run = decoding.greedy_run(ending, text, "ko")
        assert without_end(run.ids) == decode_ids(ending, source_of(ending, text), "ko")
        assert len(run.ids) == len(run.logits) == len(run.pieces) == len(run.texts) - 1
        assert run.ids == run.logits.argmax(axis=1).tolist()
        assert run.texts[-1] == ending.tokenizer.decode(without_end(run.ids))
        assert run.start == ["<s>", "<2ko>"]
        ended += run.ids[-1] == EOS
    assert ended


def test_a_model_without_room_writes_nothing(make_bundle: Any) -> None:
    run = decoding.greedy_run(make_bundle(max_len=2), "a", "ko")
    assert (run.ids, run.texts, run.largest_difference) == ([], [""], 0)


def test_the_top_candidates_are_the_likeliest_in_order(bundle: Bundle) -> None:
    probabilities = np.zeros(bundle.config.vocab_size)
    probabilities[[9, 5, 7]] = 0.2, 0.5, 0.3
    found = decoding.top(bundle, probabilities, 3)
    assert [(c.id, c.probability) for c in found] == [(5, 0.5), (7, 0.3), (9, 0.2)]
    assert [c.piece for c in found] == decoding.pieces_of(bundle, [5, 7, 9])


def test_a_piece_asked_for_stands_behind_the_likeliest_and_never_twice(bundle: Bundle) -> None:
    probabilities = np.zeros(bundle.config.vocab_size)
    probabilities[[9, 5, 7]] = 0.2, 0.5, 0.3
    assert [c.id for c in decoding.top(bundle, probabilities, 2, also=[9])] == [5, 7, 9]
    assert [c.id for c in decoding.top(bundle, probabilities, 2, also=[5])] == [5, 7]


def test_the_rest_is_what_is_missing_to_1() -> None:
    assert decoding.rest([0.5, 0.25]) == 0.25
    assert decoding.rest([0.5, 0.5 + 1e-12]) == 0


@pytest.mark.parametrize(
    ("piece", "label"),
    [("▁the", "the"), ("은", "+은"), ("'t", "+'t"), (".", "."), ("</s>", "</s>"), ("▁", "▁")],
)
def test_labels_read_as_on_the_maps(piece: str, label: str) -> None:
    assert decoding.label(piece) == label


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────

BY_HAND = np.log(np.array([0.5, 0.2, 0.3], np.float32))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Sampling(), [0.5, 0.2, 0.3]),
        (Sampling(temperature=0.5), [25 / 38, 4 / 38, 9 / 38]),  # squares
        (Sampling(top_k=2), [5 / 8, 0, 3 / 8]),
        (Sampling(top_k=1), [1, 0, 0]),
        (Sampling(top_p=0.49), [1, 0, 0]),
        (Sampling(top_p=0.51), [5 / 8, 0, 3 / 8]),
        (Sampling(top_p=0.81), [0.5, 0.2, 0.3]),
        (Sampling(temperature=0.5, top_p=0.6), [1, 0, 0]),  # 25/38 = 0.66 is enough
        (Sampling(top_k=2, top_p=0.6), [1, 0, 0]),  # 5/8 of what top-k left is enough
    ],
)
def test_distributions_worked_out_by_hand(how: Sampling, expected: list[float]) -> None:
    found = decoding.sampled(BY_HAND, how)
    np.testing.assert_allclose(found.before, [0.5, 0.2, 0.3], atol=1e-7)
    np.testing.assert_allclose(found.after, expected, atol=1e-7)
    assert found.kept.tolist() == [p > 0 for p in expected]


@given(LOGITS, st.floats(0.05, 5), st.integers(1, 30), st.floats(0.01, 1))
def test_what_is_drawn_from_sums_to_1_and_keeps_its_order(
    logits: np.ndarray, temperature: float, top_k: int, top_p: float
) -> None:
    found = decoding.sampled(logits, Sampling(temperature, top_k, top_p))
    assert found.after.sum() == pytest.approx(1)
    assert 1 <= found.kept.sum() <= top_k
    assert (found.after[~found.kept] == 0).all()
    order = np.argsort(-logits, kind="stable")
    assert (np.diff(found.after[order]) <= 1e-12).all()
    cut = logits[~found.kept]
    assert not len(cut) or cut.max() <= logits[found.kept].min()


@given(LOGITS, st.floats(0.01, 0.99))
def test_top_p_keeps_the_fewest_pieces_that_hold_p(logits: np.ndarray, top_p: float) -> None:
    found = decoding.sampled(logits, Sampling(top_p=top_p))
    held = np.sort(found.before[found.kept])[::-1]
    assert held.sum() >= top_p - 1e-9
    assert held[:-1].sum() < top_p + 1e-9


@given(LOGITS)
def test_sliders_at_rest_change_nothing(logits: np.ndarray) -> None:
    found = decoding.sampled(logits, Sampling(1.0, len(logits), 1.0))
    np.testing.assert_allclose(found.after, found.before, rtol=1e-12)
    expected = torch.from_numpy(logits).double().softmax(dim=0).numpy()
    np.testing.assert_allclose(found.before, expected, rtol=1e-9)
    assert found.kept.all()


def test_forbidden_pieces_are_never_kept() -> None:
    logits = np.array([-np.inf, 1, 0], np.float32)
    assert decoding.sampled(logits, Sampling(5.0)).kept.tolist() == [False, True, True]


@pytest.mark.parametrize("bad", [dict(temperature=0), dict(top_k=0), dict(top_p=0), dict(top_p=2)])
def test_impossible_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        Sampling(**bad)


def test_a_draw_depends_on_its_seed_and_position_alone_and_follows_the_probabilities() -> None:
    probabilities = np.array([0.1, 0.6, 0.0, 0.3])
    draws = [decoding.draw(probabilities, seed, 4) for seed in range(4000)]
    assert draws == [decoding.draw(probabilities, seed, 4) for seed in range(4000)]
    shares = np.bincount(draws, minlength=4) / len(draws)
    np.testing.assert_allclose(shares, probabilities, atol=0.03)  # four standard deviations
    others = [decoding.draw(probabilities, seed, 5) for seed in range(4000)]
    assert 0.3 < np.mean(np.array(draws) == np.array(others)) < 0.6  # 0.46 by chance


def test_drawing_to_the_end_is_drawing_piece_by_piece(ending: Bundle) -> None:
    how, lengths = Sampling(1.2, 30, 0.95), set()
    for seed in range(4):
        written: list[int] = []
        limit = decoding.room(ending, TEXT, "fr")
        while EOS not in written and len(written) < limit:
            logits = decoding.next_logits(ending, TEXT, "fr", written)
            after = decoding.sampled(logits, how).after
            written.append(decoding.draw(after, seed, len(written)))
        assert decoding.draw_on(ending, TEXT, "fr", [], how, seed) == written
        assert decoding.draw_on(ending, TEXT, "fr", written[:1], how, seed) == written
        lengths.add(len(written))
    assert len(lengths) > 1


def test_drawing_the_likeliest_only_is_greedy(bundle: Bundle) -> None:
    run = decoding.greedy_run(bundle, TEXT, "ko")
    assert decoding.draw_on(bundle, TEXT, "ko", [], Sampling(top_k=1), 0) == run.ids


def test_next_logits_are_those_of_the_run(bundle: Bundle) -> None:
    run = decoding.greedy_run(bundle, TEXT, "ko")
    for n in (0, 1, 5):
        found = decoding.next_logits(bundle, TEXT, "ko", run.ids[:n])
        np.testing.assert_allclose(found, run.logits[n], atol=1e-5)


@pytest.mark.parametrize(
    ("written", "complete"), [([], False), ([9, 8], False), ([9, EOS], True), ([9, 8, 7], True)]
)
def test_a_sentence_is_complete_at_its_end_or_without_room(
    written: list[int], complete: bool
) -> None:
    assert decoding.is_complete(written, room=3) == complete


# ── beam search ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("beam", [1, 2, 3, 5])
def test_the_trees_winner_is_the_translation(ending: Bundle, beam: int) -> None:
    for text in (TEXT, "It is full.", "나는 학교에 갔다."):
        tree = decoding.beam_tree(ending, text, "en", beam)
        assert tree.ids == decode_ids(ending, source_of(ending, text), "en", beam)
        winner = tree.nodes[tree.winner]
        assert winner.text == ending.tokenizer.decode(tree.ids)
        ended = [node.score for node in tree.nodes if node.fate == "ended"]
        if ended:
            assert winner.fate == "ended"
            assert winner.score == max(ended)


def test_the_tree_holds_what_was_kept_and_what_was_dropped(ending: Bundle) -> None:
    beam = 3
    tree = decoding.beam_tree(ending, TEXT, "ko", beam)
    root, *others = tree.nodes
    assert (root.parent, root.depth, root.log_p, root.won) == (None, 0, 0, True)
    for number, node in enumerate(others, start=1):
        parent = tree.nodes[node.parent]
        assert node.parent < number
        assert parent.fate == "kept"
        assert node.depth == parent.depth + 1
        assert node.log_p == pytest.approx(parent.log_p + np.log(node.probability), abs=1e-4)
        assert node.penalty == pytest.approx(((5 + node.depth) / 6) ** 0.6)
        assert node.score == pytest.approx(node.log_p / node.penalty)
        assert (node.fate == "ended") <= (node.piece == "</s>")
    for depth in range(1, tree.n_levels + 1):
        level = [node for node in others if node.depth == depth]
        assert len(level) == 2 * beam
        assert sum(node.fate == "kept" for node in level) <= beam
        assert [n.log_p for n in level] == sorted((n.log_p for n in level), reverse=True)
        assert sum(node.won for node in level) == (depth <= tree.nodes[tree.winner].depth)
    assert {node.fate for node in others} == {"kept", "ended", "dropped"}
    ended = [n for n, node in enumerate(tree.nodes) if node.fate == "ended"]
    assert sorted(n for n, _ in tree.finished) == ended
    assert tree.finished[0][0] == tree.winner


def test_probabilities_in_the_tree_are_the_models(bundle: Bundle) -> None:
    tree = decoding.beam_tree(bundle, TEXT, "ko", 2)
    first = softmax(decoding.greedy_run(bundle, TEXT, "ko").logits[0])
    level = [node.probability for node in tree.nodes if node.depth == 1]
    np.testing.assert_allclose(level, np.sort(first)[::-1][:4], rtol=1e-4)


def test_a_beam_of_nothing_is_refused(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        decoding.beam_tree(bundle, TEXT, "ko", 0)


# ── with a teacher ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_torchs_cross_entropy(bundle: Bundle, smoothing: float) -> None:
    read = decoding.reference(bundle, TEXT, "ko", "나는 학생")
    run = decoding.forced_run(bundle, TEXT, read)
    logits = trace(bundle, TEXT, target="나는 학생", target_lang="ko").logits[1:]
    expected = F.cross_entropy(
        torch.from_numpy(logits), torch.tensor([*read.ids[2:], EOS]), label_smoothing=smoothing
    )
    assert run.smoothed_loss(smoothing) == pytest.approx(expected.item(), rel=1e-5)
    assert run.loss == pytest.approx(-np.log(run.probabilities).mean())
    assert run.right[-1] == "</s>"
    assert run.input == ["<s>", "<2ko>", *run.right[:-1]]


def test_the_least_sure_position_is_a_piece_of_the_translation(bundle: Bundle) -> None:
    read = decoding.reference(bundle, TEXT, "ko", "나는 학교에 갔다.")
    run = decoding.forced_run(bundle, TEXT, read)
    assert run.probabilities[run.least_sure] == run.probabilities[:-1].min()


def test_a_forced_run_agrees_with_the_captured_logits(bundle: Bundle) -> None:
    read = decoding.reference(bundle, TEXT, "ko", "나는 학생")
    run = decoding.forced_run(bundle, TEXT, read)
    same = trace(bundle, TEXT, target="나는 학생", target_lang="ko")
    assert decoding.difference_from(run, same) < 1e-5
    elsewhere = trace(bundle, "It is full.", target="나는 학생", target_lang="ko")
    assert decoding.difference_from(run, elsewhere) > 1e-3
    with pytest.raises(ValueError, match="has read"):
        decoding.difference_from(run, trace(bundle, TEXT, target="학생", target_lang="ko"))


def test_forced_on_its_own_words_the_model_agrees_with_itself(ending: Bundle) -> None:
    written = decoding.greedy_run(ending, TEXT, "ko")
    assert written.ids[-1] == EOS
    run = decoding.forced_run(ending, TEXT, decoding.reference(ending, TEXT, "ko", None))
    allowed = run.likeliest_p > run.probabilities
    assert set(np.array(run.likeliest)[allowed]) <= {"<pad>", "<unk>", "<s>"}
    assert run.right == written.pieces


def test_before_a_wrong_piece_both_runs_are_one_and_behind_it_they_part(bundle: Bundle) -> None:
    read = decoding.reference(bundle, TEXT, "ko", "나는 학교에 갔다. 물을 컵에")
    wrong = bundle.tokenizer.encode("동물").ids[0]
    found = decoding.derailed(bundle, TEXT, read, 2, wrong)
    right = found.teacher.probabilities
    np.testing.assert_allclose(found.p_right[:3], right[:3], rtol=1e-4)
    assert abs(found.p_right[3] / right[3] - 1) > 1e-3
    assert found.free[:3] == [*read.pieces[2:4], found.wrong]
    np.testing.assert_array_equal(np.isnan(found.p_right), np.arange(len(right)) >= len(found.free))


def test_the_free_run_goes_on_as_the_model_would(ending: Bundle) -> None:
    read = decoding.reference(ending, TEXT, "ko", "나는 학교에 갔다.")
    wrong = ending.tokenizer.encode("동물").ids[0]
    found = decoding.derailed(ending, TEXT, read, 1, wrong)
    written = [read.ids[2], wrong]
    for piece in found.free[2:]:
        logits = decoding.next_logits(ending, TEXT, "ko", written)
        written.append(int(logits.argmax()))
        assert decoding.pieces_of(ending, written[-1:]) == [piece]
    assert found.free == decoding.pieces_of(ending, written)


def test_the_models_own_piece_put_in_changes_nothing(ending: Bundle) -> None:
    read = decoding.reference(ending, TEXT, "ko", None)
    found = decoding.derailed(ending, TEXT, read, 0, read.ids[2])
    np.testing.assert_allclose(found.p_right, found.teacher.probabilities, rtol=1e-4)
    assert found.free == found.teacher.right


def test_a_wrong_end_ends_the_free_run(bundle: Bundle) -> None:
    read = decoding.reference(bundle, TEXT, "ko", "나는 학교에 갔다.")
    found = decoding.derailed(bundle, TEXT, read, 1, EOS)
    assert found.free[1:] == ["</s>"]
    assert np.isfinite(found.p_right[:2]).all()
    assert np.isnan(found.p_right[2:]).all()


@pytest.mark.parametrize("position", [-1, 2])
def test_there_is_no_piece_outside_of_the_translation(bundle: Bundle, position: int) -> None:
    read = bundle.tokenizer.target_from_ids([9, 8], "ko")
    with pytest.raises(IndexError, match="2 pieces"):
        decoding.derailed(bundle, TEXT, read, position, 7)


def test_the_longest_reference_has_room(make_bundle: Any) -> None:
    bundle = make_bundle(max_len=21)
    read = bundle.tokenizer.target_from_ids([9] * 19, "ko")
    assert len(decoding.forced_run(bundle, "a", read).ids) == 20
    for position in (0, 18):
        found = decoding.derailed(bundle, "a", read, position, 8)
        assert len(found.p_right) == 20
        assert len(found.free) <= 20
