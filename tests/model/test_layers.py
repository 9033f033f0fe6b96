import math
from typing import Any

import pytest
import torch
from torch import nn

from model import ModelConfig
from model.layers import (
    AddNorm,
    DecoderLayer,
    EncoderLayer,
    FeedForward,
    InputEmbedding,
    LayerCache,
)
from model.masks import look_ahead_mask


def config(**changes: Any) -> ModelConfig:
    sizes = dict(vocab_size=17, d_model=2, n_heads=1, d_k=2, d_v=2, d_ff=3, dropout=0.0)
    return ModelConfig(**(sizes | changes))


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        # x + x = [2, 6]: mean 4, deviation 2, so normed to [−1, 1]; · [3, 5] + [10, 20].
        ("post", [7.0, 25.0]),
        # x = [1, 3] is normed to [−1, 1] · [3, 5] + [10, 20] = [7, 25]; x is added to that.
        ("pre", [8.0, 28.0]),
    ],
)
def test_residual_and_norm_by_hand(norm: str, expected: list[float]) -> None:
    add = AddNorm(config(norm=norm))
    add.norm.load_state_dict({"weight": torch.tensor([3.0, 5.0]), "bias": torch.tensor([10.0, 20])})
    out = add(torch.tensor([[[1.0, 3.0]]]), lambda x: x)
    torch.testing.assert_close(out, torch.tensor([[expected]]), atol=1e-4, rtol=0)  # ε = 1e-5


def test_feed_forward_by_hand() -> None:
    ffn = FeedForward(config())
    ffn.load_state_dict({
        "w_1.weight": torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]),
        "w_1.bias": torch.tensor([0.0, 0.0, -4.0]),
        "w_2.weight": torch.tensor([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]]),
        "w_2.bias": torch.tensor([0.5, 0.25]),
    })  # fmt: skip
    # [2, −3] → [2, −3, −5] → relu [2, 0, 0] → [2, 4] + b_2; [1, 5] → [1, 5, 2] → [251, 502] + b_2
    out = ffn(torch.tensor([[[2.0, -3.0], [1.0, 5.0]]]))
    assert out.tolist() == [[[2.5, 4.25], [251.5, 502.25]]]


def test_input_is_scaled_embedding_plus_position() -> None:
    embed = InputEmbedding(config(d_model=4)).eval()
    out = embed(torch.ones(1, 2, 4), start=1)  # √4 = 2; positions 1 and 2
    expected = [
        [2 + math.sin(p), 2 + math.cos(p), 2 + math.sin(p / 100), 2 + math.cos(p / 100)]
        for p in (1, 2)
    ]
    torch.testing.assert_close(out, torch.tensor([expected]))


SIZES = dict(d_model=20, n_heads=4, d_k=5, d_v=5, d_ff=11)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_agrees_with_torch_encoder_layer(norm: str, randomise: Any, torch_weights: Any) -> None:
    ours = randomise(EncoderLayer(config(norm=norm, **SIZES)).double())
    theirs = nn.TransformerEncoderLayer(
        20, 4, 11, 0.0, batch_first=True, norm_first=norm == "pre", dtype=torch.float64
    )  # in training mode: in eval mode torch takes a short cut that zeroes padded rows
    theirs.load_state_dict(torch_weights(ours))
    x = torch.randn(3, 7, 20).double()
    padding = torch.arange(7) >= torch.tensor([[7], [4], [1]])

    expected = theirs(x, src_key_padding_mask=padding)
    got = ours(x, ~padding[:, None, None, :])
    torch.testing.assert_close(got, expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_agrees_with_torch_decoder_layer(norm: str, randomise: Any, torch_weights: Any) -> None:
    ours = randomise(DecoderLayer(config(norm=norm, **SIZES)).double())
    theirs = nn.TransformerDecoderLayer(
        20, 4, 11, 0.0, batch_first=True, norm_first=norm == "pre", dtype=torch.float64
    )
    theirs.load_state_dict(torch_weights(ours))
    x, memory = torch.randn(2, 5, 20).double(), torch.randn(2, 7, 20).double()
    padding = torch.arange(5) >= torch.tensor([[5], [3]])
    memory_padding = torch.arange(7) >= torch.tensor([[4], [7]])

    expected = theirs(
        x,
        memory,
        tgt_mask=~look_ahead_mask(5),
        tgt_key_padding_mask=padding,
        memory_key_padding_mask=memory_padding,
    )
    mask = look_ahead_mask(5) & ~padding[:, None, None, :]
    got = ours(x, memory, mask, ~memory_padding[:, None, None, :], LayerCache())
    torch.testing.assert_close(got, expected, atol=1e-10, rtol=0)
