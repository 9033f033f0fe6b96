"""The rest of the block: worked out by hand, by torch, and against the captured tensors."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from model import Bundle, Trace, trace
from model.analysis import block
from model.analysis.block import SUBLAYERS, Stack

STACKS: tuple[Stack, ...] = ("encoder", "decoder")


@pytest.fixture(scope="module")
def t(bundle: Bundle) -> Trace:
    return trace(bundle, "The animal was too tired.", target="그 동물은 피곤하였다.")


def length(t: Trace, stack: Stack) -> int:
    return len(t.source_tokens if stack == "encoder" else t.target_tokens)


def near(values: np.ndarray) -> float:
    """A few units in the last place of the largest number: float32 has no more to give."""
    return 4e-7 * max(1.0, float(np.abs(values).max()))


# ── LayerNorm ────────────────────────────────────────────────────────────────────────────────────


def test_a_layer_norm_worked_out_by_hand() -> None:
    norm = nn.LayerNorm(4, eps=1.0)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2.0, 3.0, -1.0]))
        norm.bias.copy_(torch.tensor([0.0, 10.0, 0.0, 0.5]))
    x = np.array([[1, 3, 5, 7], [2, 2, 2, 2]], dtype=np.float32)
    # μ = 4, σ² = (9 + 1 + 1 + 9) / 4 = 5, √(σ² + 1) = √6; a flat vector has σ² = 0 and gives β.
    root = math.sqrt(6)
    expected = np.array([[-3 / root, 10 - 2 / root, 3 / root, 0.5 - 3 / root], [0, 10, 0, 0.5]])
    steps = block.norm_steps(x, expected.astype(np.float32), norm)
    assert steps.mean.tolist() == [4, 2]
    assert steps.variance.tolist() == [5, 0]
    assert steps.centred[0].tolist() == [-3, -1, 1, 3]
    assert steps.eps == 1
    np.testing.assert_allclose(steps.scaled[0], np.array([-3, -1, 1, 3]) / root, rtol=1e-6)
    assert steps.largest_difference < 1e-6
    wrong = expected.astype(np.float32)
    wrong[1, 1] += 0.25
    assert block.norm_steps(x, wrong, norm).largest_difference == pytest.approx(0.25, abs=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(2, 37))
def test_layer_norm_is_torchs(seed: int, n: int, d: int) -> None:
    values = np.random.default_rng(seed).normal(3, 5, size=(n, d)).astype(np.float32)
    norm = nn.LayerNorm(d)
    normed = norm(torch.from_numpy(values)).detach().numpy()
    steps = block.norm_steps(values, normed, norm)
    assert steps.largest_difference < 2e-5  # two numbers that nearly agree, divided by √σ²
    np.testing.assert_allclose(steps.centred.mean(axis=-1), 0, atol=1e-5)


# ── every stage of every layer, in both orders ───────────────────────────────────────────────────


@pytest.mark.parametrize("stack", STACKS)
def test_every_stage_is_that_of_the_forward_pass(bundle: Bundle, t: Trace, stack: Stack) -> None:
    for layer in range(t.n_layers[stack]):
        for module in SUBLAYERS[stack]:
            added = block.residual(t, stack, layer, module)
            assert added.x.shape == (length(t, stack), 26)
            assert added.largest_difference == 0
            norm = block.layer_norm(bundle, t, stack, layer, module)
            assert norm.largest_difference <= near(norm.normed)
            read, written = (norm.x, added.added) if t.norm == "post" else (added.x, norm.x)
            assert np.array_equal(read, written)
        ffn = block.feed_forward(bundle, t, stack, layer)
        assert ffn.hidden.shape == (length(t, stack), 11)
        assert ffn.largest_difference <= near(np.concatenate([ffn.hidden, ffn.out], axis=1))
        assert np.array_equal(ffn.zeros, (ffn.hidden <= 0).sum(axis=1))
        assert np.array_equal(ffn.out, block.residual(t, stack, layer, "ffn").sublayer)
        handed = block.hand_over(t, stack, layer)
        assert handed.largest_difference == 0
        assert np.array_equal(handed.written, handed.read)


@pytest.mark.parametrize("stack", STACKS)
def test_the_feed_forward_network_reads_what_the_order_says(
    bundle: Bundle, t: Trace, stack: Stack
) -> None:
    norm = block.layer_norm(bundle, t, stack, 1, "ffn")
    before = norm.normed if t.norm == "pre" else block.residual(t, stack, 1, "ffn").x
    assert np.array_equal(block.feed_forward(bundle, t, stack, 1).x, before)


@pytest.mark.parametrize("stack", STACKS)
def test_the_final_norm_exists_in_pre_norm_only(bundle: Bundle, t: Trace, stack: Stack) -> None:
    if t.norm == "post":
        with pytest.raises(ValueError, match="post-norm"):
            block.final_norm(bundle, t, stack)
    else:
        steps = block.final_norm(bundle, t, stack)
        assert steps.largest_difference <= near(steps.normed)
        assert np.array_equal(steps.normed, t.points[f"{stack}.out"])


def test_stages_stand_in_the_models_own_order(make_bundle: Any) -> None:
    post = block.stages(trace(make_bundle(norm="post"), "I am Sam."), "encoder")
    assert post == (
        "self_attn.out", "self_attn.add", "self_attn.norm", "ffn.out", "ffn.add", "ffn.norm", "next"
    )  # fmt: skip
    pre = block.stages(trace(make_bundle(norm="pre"), "I am Sam."), "decoder")
    assert pre[:3] == ("self_attn.norm", "self_attn.out", "self_attn.add")
    assert pre[3:6] == ("cross_attn.norm", "cross_attn.out", "cross_attn.add")
    assert pre[-3:] == ("next", "final_norm", "output")


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_a_changed_tensor_shows_as_a_difference(make_bundle: Any, norm: str) -> None:
    """The badge is no ornament: it finds a number that the model did not compute."""
    bundle = make_bundle(norm=norm)
    t = trace(bundle, "I am Sam.")
    for name in ("self_attn_add.added", "self_attn_add.normed", "ffn.hidden", "ffn.out"):
        t.points[f"encoder.layers.0.{name}"][1, 2] += 0.5
    added = block.residual(t, "encoder", 0, "self_attn").largest_difference
    normed = block.layer_norm(bundle, t, "encoder", 0, "self_attn").largest_difference
    assert added == pytest.approx(0.5, rel=1e-3)
    assert normed > 0.1
    assert block.feed_forward(bundle, t, "encoder", 0).largest_difference >= 0.49
    t.logits[0, 7] -= 0.5
    assert block.output(bundle, t, 0).largest_difference == pytest.approx(0.5, rel=1e-3)


# ── output ───────────────────────────────────────────────────────────────────────────────────────


def test_the_output_is_a_softmax_of_x_times_the_embedding(bundle: Bundle, t: Trace) -> None:
    for position in range(len(t.target_tokens)):
        steps = block.output(bundle, t, position)
        assert steps.largest_difference <= near(steps.logits)
        expected = torch.from_numpy(t.logits[position]).softmax(dim=-1).numpy()
        np.testing.assert_allclose(steps.probabilities, expected, rtol=1e-4, atol=1e-9)
        assert steps.exp.max() == 1
        assert steps.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_candidates_are_the_largest_logits_with_their_pieces(bundle: Bundle, t: Trace) -> None:
    steps = block.output(bundle, t, 2)
    found = block.candidates(bundle, t, steps, most=10)
    assert len(found) == 10
    assert [c.logit for c in found] == sorted(steps.logits.tolist(), reverse=True)[:10]
    best = int(steps.logits.argmax())
    assert found[0].piece == bundle.tokenizer.target_from_ids([best], "ko").pieces[-1]
    assert found[0].exp == 1
    for candidate in found:
        assert candidate.probability == pytest.approx(candidate.exp / steps.total, rel=1e-5)


def test_the_likeliest_candidate_is_what_greedy_decoding_writes(bundle: Bundle) -> None:
    t = trace(bundle, "I am a student.", target_lang="fr")
    for position in range(1, min(5, len(t.target_tokens) - 1)):
        best = block.candidates(bundle, t, block.output(bundle, t, position), most=1)[0]
        assert best.piece == t.target_tokens[position + 1]


# ── the residual stream and its paths ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stack", STACKS)
def test_the_stream_holds_every_sublayer_in_order(bundle: Bundle, t: Trace, stack: Stack) -> None:
    found = block.stream(t, stack)
    per_layer = len(SUBLAYERS[stack])
    assert len(found.sublayers) == per_layer * t.n_layers[stack]
    assert found.sublayers[per_layer] == (1, "self_attn")
    x = t.points[f"{stack}.input.sum"]
    np.testing.assert_allclose(found.carried[0], np.sqrt((x**2).sum(axis=1)), rtol=1e-5)
    layer, module = found.sublayers[-1]
    said = block.residual(t, stack, layer, module).sublayer
    np.testing.assert_allclose(found.contributed[-1], np.sqrt((said**2).sum(axis=1)), rtol=1e-5)
    if t.norm == "pre":  # nothing rescales the stream: what leaves one sublayer enters the next
        np.testing.assert_array_equal(found.carried[1:], found.added[:-1])
        assert found.largest_difference is not None
        assert found.largest_difference <= 1e-5 * float(found.added.max())
    else:
        assert found.largest_difference is None


@pytest.mark.parametrize(("n", "count"), [(0, 1), (1, 2), (3, 8), (8, 256), (12, 4096)])
def test_paths_double_with_each_sublayer(n: int, count: int) -> None:
    assert block.paths(n) == count
    assert sum(block.paths_by_length(n)) == count


def test_the_unrolled_stack_lists_every_path_once() -> None:
    assert block.unrolled(0).shape == (1, 0)
    assert block.unrolled(2).tolist() == [
        [False, False], [True, False], [False, True], [True, True]
    ]  # fmt: skip
    for n in range(1, 7):
        listed = [frozenset(np.flatnonzero(path).tolist()) for path in block.unrolled(n)]
        expected = [frozenset(c) for k in range(n + 1) for c in combinations(range(n), k)]
        assert listed == expected
        lengths = [len(path) for path in listed]
        assert [lengths.count(k) for k in range(n + 1)] == block.paths_by_length(n)
    with pytest.raises(ValueError, match="too many"):
        block.unrolled(11)
