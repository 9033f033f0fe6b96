import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from model.attention import MultiHeadAttention, softmax_or_nothing
from model.capture import capture
from model.masks import look_ahead_mask


def step_by_step(attention: MultiHeadAttention, *inputs: Tensor) -> dict[str, Tensor]:
    """Every point of one pass; watching a square makes the module compute it explicitly."""
    with capture(attention) as points:
        attention(*inputs)
    return dict(points)


def make(seed: int = 0, **changes: int) -> MultiHeadAttention:
    torch.manual_seed(seed)
    sizes = dict(d_model=13, n_heads=3, d_k=5, d_v=7) | changes
    attention = MultiHeadAttention(**sizes, dropout=0.3).eval()
    for parameter in attention.parameters():
        nn.init.normal_(parameter, std=0.5)
    return attention


def test_two_words_by_hand() -> None:
    attention = MultiHeadAttention(d_model=2, n_heads=1, d_k=2, d_v=2, dropout=0.0)
    weights = {
        "w_q.weight": torch.tensor([[math.sqrt(2) * math.log(3), 0.0], [0.0, 0.0]]),
        "w_k.weight": torch.eye(2),
        "w_v.weight": torch.tensor([[4.0, 0.0], [0.0, 8.0]]),
        "w_o.weight": torch.tensor([[0.0, 1.0], [1.0, 0.0]]),  # swaps the two
        "w_o.bias": torch.tensor([10.0, 20.0]),
    }
    zero = torch.zeros(2)
    attention.load_state_dict(dict(attention.state_dict(), **weights) | {
        "w_q.bias": zero, "w_k.bias": zero, "w_v.bias": zero,
    })  # fmt: skip
    x = torch.eye(2)[None]

    points = step_by_step(attention, x, x, torch.ones(1, 1, 2, 2, dtype=torch.bool))
    expected = {
        "q": [[1.553672, 0.0], [0.0, 0.0]],  # √2 ln 3
        "k": [[1.0, 0.0], [0.0, 1.0]],
        "v": [[4.0, 0.0], [0.0, 8.0]],
        "scores": [[1.553672, 0.0], [0.0, 0.0]],
        "scaled": [[1.098612, 0.0], [0.0, 0.0]],  # ÷ √2 leaves ln 3, and e^ln 3 : e^0 = 3 : 1
        "weights": [[0.75, 0.25], [0.5, 0.5]],
        "context": [[3.0, 2.0], [2.0, 4.0]],  # ¾ · 4, ¼ · 8; ½ · 4, ½ · 8
    }
    for point, values in expected.items():
        torch.testing.assert_close(points[point][0, 0], torch.tensor(values), msg=point)
    torch.testing.assert_close(points["masked"], points["scaled"])
    torch.testing.assert_close(points["out"][0], torch.tensor([[12.0, 23.0], [14.0, 22.0]]))

    # The first word may not look ahead: −∞, then all its weight on itself.
    points = step_by_step(attention, x, x, look_ahead_mask(2)[None, None])
    assert points["masked"][0, 0, 0].tolist() == [pytest.approx(math.log(3)), -math.inf]
    assert points["weights"][0, 0].tolist() == [[1.0, 0.0], [0.5, 0.5]]
    assert points["context"][0, 0].tolist() == [[4.0, 0.0], [2.0, 4.0]]


@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_agrees_with_torch_scaled_dot_product(batch: int, t: int, s: int, seed: int) -> None:
    attention = make(seed).double()
    x, memory = torch.randn(batch, t, 13).double(), torch.randn(batch, s, 13).double()
    mask = torch.rand(batch, 1, t, s) < 0.6
    mask[..., 0] = True  # torch is silent about rows without a key; see the test below

    points = step_by_step(attention, x, memory, mask)
    heads = [points[name] for name in ("q", "k", "v")]
    context = F.scaled_dot_product_attention(*heads, attn_mask=mask)
    torch.testing.assert_close(points["context"], context, atol=1e-10, rtol=0)
    torch.testing.assert_close(attention(x, memory, mask), points["out"], atol=1e-10, rtol=0)


@pytest.mark.parametrize("cross", [False, True])
def test_agrees_with_torch_multihead_attention(cross: bool) -> None:
    ours = make(d_model=15, n_heads=3, d_k=5, d_v=5).double()
    theirs = nn.MultiheadAttention(15, 3, batch_first=True, dtype=torch.float64).eval()
    qkv = (ours.w_q, ours.w_k, ours.w_v)
    theirs.load_state_dict({
        "in_proj_weight": torch.cat([linear.weight for linear in qkv]),
        "in_proj_bias": torch.cat([linear.bias for linear in qkv]),
        "out_proj.weight": ours.w_o.weight,
        "out_proj.bias": ours.w_o.bias,
    })  # fmt: skip
    x = torch.randn(2, 4, 15).double()
    memory = torch.randn(2, 7, 15).double() if cross else x
    padding = torch.zeros(2, memory.size(1), dtype=torch.bool)
    padding[1, -2:] = True
    causal = torch.ones(4, 4, dtype=torch.bool) if cross else look_ahead_mask(4)
    blocked = None if cross else ~causal
    mask = ~padding[:, None, None, :] & (True if cross else causal)

    out, weights = theirs(
        x, memory, memory, key_padding_mask=padding, attn_mask=blocked, average_attn_weights=False
    )
    points = step_by_step(ours, x, memory, mask)
    torch.testing.assert_close(points["weights"], weights, atol=1e-10, rtol=0)
    torch.testing.assert_close(points["out"], out, atol=1e-10, rtol=0)
    torch.testing.assert_close(ours(x, memory, mask), out, atol=1e-10, rtol=0)


@given(st.sampled_from([(5, 7), (7, 5), (8, 8)]), st.integers(1, 9), st.integers(0, 99))
def test_the_two_paths_agree(sizes: tuple[int, int], length: int, seed: int) -> None:
    attention = make(seed, d_k=sizes[0], d_v=sizes[1])
    x = torch.randn(2, length, 13)
    mask = torch.rand(2, 1, length, length) < 0.4  # rows with nothing to attend to among them

    fused = attention(x, x, mask)
    torch.testing.assert_close(
        step_by_step(attention, x, x, mask)["out"], fused, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize(("d_k", "d_v"), [(5, 7), (8, 8), (16, 4)])
@pytest.mark.parametrize("grad", [False, True])
def test_nothing_to_attend_to_gives_zeros_in_both_paths(d_k: int, d_v: int, grad: bool) -> None:
    attention = make(d_k=d_k, d_v=d_v)
    x = torch.randn(2, 4, 13)
    mask = torch.ones(2, 1, 4, 4, dtype=torch.bool)
    mask[0, :, 2], mask[1] = False, False

    with torch.set_grad_enabled(grad):
        points = step_by_step(attention, x, x, mask)
        with capture(attention, ["context"]) as fused:
            out = attention(x, x, mask)
    for context in (points["context"], fused["context"]):
        assert context.isfinite().all()
        assert (context[0, :, 2] == 0).all()
        assert (context[1] == 0).all()
        assert (context[0, :, 0] != 0).all()
    assert (points["weights"][1] == 0).all()
    torch.testing.assert_close(out[1], attention.w_o.bias.expand(4, -1))


def test_nothing_to_attend_to_has_finite_gradients() -> None:
    attention, x = make(), torch.randn(1, 3, 13, requires_grad=True)
    attention(x, x, torch.zeros(1, 1, 3, 3, dtype=torch.bool)).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@given(st.integers(1, 4), st.integers(1, 8), st.integers(0, 999))
def test_rows_sum_to_one_or_to_nothing_and_masked_cells_are_zero(t: int, s: int, seed: int) -> None:
    attention = make(seed)
    mask = torch.rand(2, 1, t, s) < 0.3
    weights = step_by_step(attention, torch.randn(2, t, 13), torch.randn(2, s, 13), mask)["weights"]
    assert (weights.masked_select(~mask) == 0).all()
    expected = mask.any(dim=-1).float().expand(-1, 3, -1)
    torch.testing.assert_close(weights.sum(dim=-1), expected)


def test_softmax_stands_large_scores() -> None:
    masked = torch.tensor([[1e30, -1e30, -math.inf], [-math.inf] * 3, [3e38, 3e38, -3e38]])
    assert softmax_or_nothing(masked).tolist() == [[1, 0, 0], [0, 0, 0], [0.5, 0.5, 0]]


def test_weights_are_taken_before_dropout() -> None:
    attention = make().train()
    x, mask = torch.randn(1, 6, 13), torch.ones(1, 1, 6, 6, dtype=torch.bool)
    points = step_by_step(attention, x, x, mask)
    torch.testing.assert_close(points["weights"].sum(-1), torch.ones(1, 3, 6))
    assert not torch.allclose(points["weights"] @ points["v"], points["context"])  # dropped out


def test_mixed_precision_on_a_cpu_keeps_results_and_gradients() -> None:
    attention = make()
    x = torch.randn(2, 5, 13, requires_grad=True)
    mask = look_ahead_mask(5)
    exact = attention(x, x, mask)
    (expected,) = torch.autograd.grad(exact.square().sum(), x)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = attention(x, x, mask)
    (gradient,) = torch.autograd.grad(mixed.float().square().sum(), x)
    torch.testing.assert_close(mixed.float(), exact, rtol=0.05, atol=0.05)  # bfloat16 has 8 bits
    assert (gradient - expected).norm() < 0.03 * expected.norm()
