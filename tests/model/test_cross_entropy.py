"""The loss by chunks of rows is the loss, and so are its gradients."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from model.training import cross_entropy
from model.training.cross_entropy import tied_cross_entropy


def test_worked_out_by_hand() -> None:
    # p = (3/4, 1/4): the loss is −0.9 log p_0 − 0.1 · mean(log p), and the likeliest is right.
    states, embedding = torch.tensor([[math.log(3.0)]]), torch.tensor([[1.0], [0.0]])
    loss, hits = tied_cross_entropy(states, embedding, torch.tensor([0]), 0.1)
    assert loss.item() == pytest.approx(0.95 * math.log(4 / 3) + 0.05 * math.log(4))
    assert hits.item() == 1


@given(
    rows=st.integers(0, 13),
    at_once=st.integers(1, 60),
    smoothing=st.sampled_from([0.0, 0.1, 0.5]),
    seed=st.integers(0, 1000),
)
def test_agrees_with_torch_whatever_the_chunks(
    rows: int, at_once: int, smoothing: float, seed: int
) -> None:
    torch.manual_seed(seed)
    vocab, d_model = 11, 3
    states = torch.randn(rows, d_model, requires_grad=True)
    embedding = torch.randn(vocab, d_model, requires_grad=True)
    labels = torch.randint(vocab, (rows,))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cross_entropy, "_AT_ONCE", {"cpu": at_once})
        loss, hits = tied_cross_entropy(states, embedding, labels, smoothing)
    ours = torch.autograd.grad(0.3 * loss, (states, embedding))

    logits = states @ embedding.T
    expected = F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="sum")
    theirs = torch.autograd.grad(0.3 * expected, (states, embedding))
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    assert hits == (logits.argmax(dim=-1) == labels).sum()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_in_mixed_precision_the_softmax_is_exact() -> None:
    torch.manual_seed(0)
    states, embedding = torch.randn(7, 8), torch.randn(13, 8)
    labels = torch.randint(13, (7,))
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = tied_cross_entropy(states, embedding, labels, 0.1)
        logits = states @ embedding.T
    expected = F.cross_entropy(logits.float(), labels, label_smoothing=0.1, reduction="sum")
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected)


def test_in_mixed_precision_gradients_are_those_of_autocast() -> None:
    torch.manual_seed(0)
    states, embedding = (
        torch.randn(7, 8, requires_grad=True),
        torch.randn(13, 8, requires_grad=True),
    )
    labels = torch.randint(13, (7,))
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = tied_cross_entropy(states, embedding, labels, 0.1)
        logits = states @ embedding.T
    ours = torch.autograd.grad(loss, (states, embedding))
    expected = F.cross_entropy(logits.float(), labels, label_smoothing=0.1, reduction="sum")
    theirs = torch.autograd.grad(expected, (states, embedding))
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0.02, atol=0.02)  # bfloat16 has 8 bits
