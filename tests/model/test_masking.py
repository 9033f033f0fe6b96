"""Masks at work: real batches against the sentence alone, and the leak against single runs."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model import ModelError, capture, intervene, trace
from model.analysis import masking
from model.analysis.decoding import reference
from model.masks import look_ahead_mask
from model.transformer import BOS, EOS

SHORT, LONG = "I am Sam", "I am a student. I am Sam"
TEXT, TARGET = "I am a student.", "Je suis étudiant."


@pytest.fixture(scope="module")
def padded(bundle):
    return masking.source_batch(bundle, (LONG, SHORT), layer=1, head=2)


# ── padding ──────────────────────────────────────────────────────────────────────────────────────


def test_the_shorter_sentence_is_filled_up(bundle, padded):
    n = len(bundle.tokenizer.source(SHORT).ids)
    longer = len(bundle.tokenizer.source(LONG).ids)
    assert padded.row == 1
    assert padded.n_padding == longer - n > 0
    assert padded.tokens[1][n - 1 :] == ["</s>", *["<pad>"] * (longer - n)]
    assert "<pad>" not in padded.tokens[0]
    np.testing.assert_array_equal(padded.words, np.arange(longer) < n)
    assert padded.look_ahead.all()


def test_padding_is_minus_infinity_then_exactly_zero(padded):
    stages = padded.around
    assert np.isneginf(stages.masked[:, ~padded.words]).all()
    assert (stages.weights[:, ~padded.words] == 0).all()
    np.testing.assert_array_equal(stages.masked[:, padded.words], stages.scaled[:, padded.words])
    np.testing.assert_allclose(stages.weights.sum(axis=-1), 1, atol=1e-6)
    expected = torch.tensor(stages.masked).softmax(dim=-1)
    np.testing.assert_allclose(stages.weights, expected, atol=1e-6)
    assert stages.largest_difference < 1e-6


def test_company_changes_nothing(bundle, padded):
    assert padded.changed_by_company < 1e-5
    n = len(bundle.tokenizer.source(SHORT).ids)
    alone = trace(bundle, SHORT).attention("encoder")[1, 2]
    np.testing.assert_allclose(padded.around.weights[:n, :n], alone, atol=1e-5)


def test_what_padding_would_have_taken(padded):
    unmasked = torch.tensor(padded.around.scaled).softmax(dim=-1).numpy()
    np.testing.assert_allclose(padded.taken, unmasked[:, ~padded.words].sum(axis=-1), atol=1e-6)
    assert (padded.taken > 0).all()
    assert padded.mean_taken == pytest.approx(padded.taken[padded.words].mean())
    assert padded.taken[padded.most_robbed] == padded.taken[padded.words].max()
    np.testing.assert_allclose(padded.around.unmasked, unmasked, atol=1e-6)


def test_equal_lengths_need_no_padding(bundle):
    batch = masking.source_batch(bundle, (SHORT, SHORT), layer=0, head=0)
    assert batch.n_padding == 0
    assert (batch.taken == 0).all()


@pytest.mark.parametrize("bad", ["", "word " * 100])
def test_a_companion_that_cannot_be_read_is_refused(bundle, bad):
    with pytest.raises(ModelError):
        masking.source_batch(bundle, (SHORT, bad), layer=0, head=0)


# ── both masks ───────────────────────────────────────────────────────────────────────────────────


def test_both_masks_at_once(bundle):
    targets = [bundle.tokenizer.target(text, "fr") for text in ("Je suis", TARGET)]
    batch = masking.target_batch(bundle, (SHORT, LONG), targets, layer=3, head=1)
    n, words = len(batch.words), len(targets[0].ids)
    assert (batch.row, batch.n_padding) == (0, n - words)
    for query in range(n):
        for key in range(n):
            allowed = key <= query and key < words
            assert batch.around.mask[query, key] == allowed
            assert (batch.around.weights[query, key] > 0) == allowed
    assert batch.around.largest_difference < 1e-6
    assert batch.changed_by_company < 1e-5
    # Padding stands behind the words, so that looking ahead is what a word would have to do.
    assert (batch.taken[:words] == 0).all()
    assert (batch.taken[words:] > 0).all()
    assert batch.most_taken == (0, pytest.approx(batch.taken.max()))


def test_stages_of_a_trace(bundle):
    steps = trace(bundle, TEXT, target=TARGET, target_lang="fr").steps("decoder", 2, 1)
    stages = masking.around_mask(steps)
    n = len(steps.q)
    np.testing.assert_array_equal(stages.mask, look_ahead_mask(n).numpy())
    np.testing.assert_allclose(masking.softmax(stages.masked), stages.weights, atol=1e-6)
    assert stages.largest_difference == steps.largest_difference


def test_a_row_of_minus_infinity_gives_zeros():
    masked = np.array([[-np.inf, -np.inf], [math.log(3), 0]], dtype=np.float32)
    np.testing.assert_allclose(masking.softmax(masked), [[0, 0], [0.75, 0.25]], atol=1e-7)


# ── the mask lifted ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def leaked(bundle):
    return masking.leak(bundle, TEXT, TARGET, "fr")


def predictions(bundle, mask=None):
    source = torch.tensor([bundle.tokenizer.source(TEXT).ids])
    target = torch.tensor([bundle.tokenizer.target(TARGET, "fr").ids])
    changes = {} if mask is None else {"decoder.layers.*.self_attn.mask": lambda _: mask}
    with torch.inference_mode(), intervene(bundle.model, changes):
        return bundle.model(source, target)[0].softmax(dim=-1).numpy()


def test_with_the_mask_it_is_the_model_itself(bundle, leaked):
    masked = predictions(bundle)
    assert len(leaked.positions) == leaked.length - 1 == len(masked) - 1
    for at, row in zip(leaked.positions, masked[1:], strict=True):
        assert at.masked.id == row.argmax()
        assert at.masked.probability == pytest.approx(row.max(), abs=1e-5)


def test_without_the_mask_it_is_one_run_that_sees_everything(bundle, leaked):
    n = leaked.length
    masked = predictions(bundle)
    lifted = predictions(bundle, torch.ones(1, 1, n, n, dtype=torch.bool))
    ids = [*bundle.tokenizer.target(TARGET, "fr").ids[1:], EOS]
    for t, at in enumerate(leaked.positions, start=leaked.first):
        assert at.lifted.id == lifted[t].argmax()
        assert at.moved == pytest.approx(np.abs(masked[t] - lifted[t]).sum() / 2, abs=1e-5)
        assert at.right_masked == pytest.approx(masked[t, ids[t]], abs=1e-5)
        assert at.right_lifted == pytest.approx(lifted[t, ids[t]], abs=1e-5)


def test_what_is_expected_is_compared_with_a_trace(bundle, leaked):
    read = trace(bundle, TEXT, target=TARGET, target_lang="fr")
    assert masking.difference_from(read, leaked.expected) < 1e-5
    read.points["logits"][2, leaked.positions[1].masked.id] -= 5
    assert masking.difference_from(read, leaked.expected) > 0.01


def test_each_later_piece_is_let_in_by_itself(bundle, leaked):
    n, masked = leaked.length, predictions(bundle)
    for later in range(n):
        mask = look_ahead_mask(n)
        mask[:later, later] = True
        opened = predictions(bundle, mask[None, None])
        expected = np.abs(masked - opened).sum(axis=-1) / 2
        np.testing.assert_allclose(
            leaked.moved_by[: max(0, later - 1), later], expected[1:later], atol=1e-5
        )


def test_what_leaks_comes_from_later(leaked):
    assert (leaked.moved_by[~leaked.later] == 0).all()
    assert (leaked.moved_by[leaked.later] > 0).all()
    assert leaked.later.sum() == sum(range(leaked.length - 1))
    assert leaked.moved_by.max() > 1e-3
    last = leaked.positions[-1]
    assert (last.source, last.source_guess) == (None, None)
    for row, at in zip(leaked.moved_by[:-1], leaked.positions, strict=False):
        assert at.source_moved == pytest.approx(row.max()) == row[at.source]
    assert leaked.positions[leaked.worst].moved == max(at.moved for at in leaked.positions)
    assert leaked.right[0] == pytest.approx(np.mean([at.right_masked for at in leaked.positions]))


def test_the_models_own_translation_and_a_long_one(bundle):
    own = masking.leak(bundle, SHORT, None, "fr")
    assert own.length == len(reference(bundle, SHORT, "fr", None).ids)
    long = masking.leak(bundle, SHORT, "Je suis " * 16 + TARGET, "fr")
    assert long.length > masking.MOST_LEAKING == len(long.positions) + 1 == len(long.tokens)
    assert long.moved_by.shape == (masking.MOST_LEAKING - 1, masking.MOST_LEAKING)


# ── nothing to see ───────────────────────────────────────────────────────────────────────────────


@given(layer=st.integers(0, 3), query=st.integers(0, 4))
def test_a_row_with_nothing_to_see(bundle, layer, query):
    found = masking.nothing_to_see(bundle, TEXT, TARGET, "fr", layer=layer, query=query)
    assert np.isneginf(found.masked).all()
    assert np.isnan(found.naive).all()
    assert (found.weights == 0).all()
    assert (found.context == 0).all()
    assert found.largest == 0
    assert 0 < found.moved <= 1
    expected = predictions(bundle)[query]
    assert found.before.probability == pytest.approx(expected.max(), abs=1e-5)
    assert math.isfinite(found.after.probability)


def test_a_query_that_is_not_there(bundle):
    with pytest.raises(IndexError):
        masking.nothing_to_see(bundle, TEXT, TARGET, "fr", layer=0, query=99)


def test_nothing_is_left_behind(bundle):
    before = predictions(bundle)
    masking.leak(bundle, TEXT, TARGET, "fr")
    masking.nothing_to_see(bundle, TEXT, TARGET, "fr", layer=0, query=1)
    np.testing.assert_array_equal(predictions(bundle), before)
    with torch.inference_mode(), capture(bundle.model, ["decoder.layers.0.self_attn.mask"]) as seen:
        bundle.model(torch.tensor([[EOS]]), torch.tensor([[BOS, BOS]]))
    (mask,) = seen.values()
    assert not mask[0, 0, 0, 1]
