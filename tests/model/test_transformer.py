from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from model import Bundle, ModelConfig
from model.capture import capture
from model.transformer import BOS, PAD, Transformer

Ids = st.lists(st.integers(3, 60), min_size=1, max_size=9)


def pad(*sentences: list[int]) -> Tensor:
    rows = [torch.tensor(sentence) for sentence in sentences]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_agrees_with_torch_transformer(norm: Any, randomise: Any, torch_weights: Any) -> None:
    config = ModelConfig(
        37, d_model=20, n_heads=4, d_k=5, d_v=5, d_ff=11, n_encoder_layers=3, n_decoder_layers=2,
        norm=norm, dropout=0.0,
    )  # fmt: skip
    ours = randomise(Transformer(config).double())
    # Post-norm, the paper's, ends with its last layer's norm; torch would add one more.
    ends = {
        "encoder": ours.encoder.norm if norm == "pre" else None,
        "decoder": ours.decoder.norm if norm == "pre" else None,
    }
    options = dict(batch_first=True, norm_first=norm == "pre", dtype=torch.float64)
    theirs = nn.Transformer(
        20, 4, 3, 2, 11, 0.0, **options,
        custom_encoder=nn.TransformerEncoder(
            nn.TransformerEncoderLayer(20, 4, 11, 0.0, **options), 3, ends["encoder"],
            enable_nested_tensor=False,
        ),
        custom_decoder=nn.TransformerDecoder(
            nn.TransformerDecoderLayer(20, 4, 11, 0.0, **options), 2, ends["decoder"]
        ),
    )  # fmt: skip
    for stack in ("encoder", "decoder"):
        layers = zip(getattr(theirs, stack).layers, getattr(ours, stack).layers, strict=True)
        for their_layer, our_layer in layers:
            their_layer.load_state_dict(torch_weights(our_layer))
    source = pad([5, 6, 7, 8, 9, 10], [11, 12])
    target = pad([2, 20], [2, 21, 22, 23])

    def embed(ids: Tensor) -> Tensor:
        return ours.embedding(ids) * 20**0.5 + ours.encoder.input.positions[: ids.size(1)]

    decoded = theirs(
        embed(source), embed(target),
        tgt_mask=torch.ones(4, 4, dtype=torch.bool).triu(1),
        src_key_padding_mask=source == PAD,
        tgt_key_padding_mask=target == PAD,
        memory_key_padding_mask=source == PAD,
    )  # fmt: skip
    expected = decoded @ ours.embedding.weight.T
    torch.testing.assert_close(ours(source, target), expected, atol=1e-10, rtol=0)


@given(Ids, Ids, Ids, st.integers(0, 8))
def test_a_later_token_never_changes_an_earlier_row(
    bundle: Bundle, source: list[int], target: list[int], other: list[int], cut: int
) -> None:
    """To the last bit: what a masked cell gives is multiplied by an exact zero."""
    same = target[:cut]
    a, b = [BOS, *same, *target], [BOS, *same, *reversed(target)]
    with torch.inference_mode():
        first, second = (bundle.model(pad(source), pad(ids)) for ids in (a, b))
        longer = bundle.model(pad(source), pad([*a, *other]))
    seen = 1 + len(same)
    assert torch.equal(first[:, :seen], second[:, :seen])
    torch.testing.assert_close(first, longer[:, : len(a)], atol=1e-5, rtol=1e-5)


@given(st.lists(st.tuples(Ids, Ids), min_size=1, max_size=4))
def test_padding_changes_nothing(bundle: Bundle, pairs: list[tuple[list[int], list[int]]]) -> None:
    sources, targets = zip(*pairs, strict=True)
    with torch.inference_mode():
        together = bundle.model(pad(*sources), pad(*targets))
        encoded = bundle.model.encode(pad(*sources))
        for n, (source, target) in enumerate(pairs):
            alone = bundle.model(pad(source), pad(target))[0]
            torch.testing.assert_close(together[n, : len(target)], alone, atol=1e-4, rtol=1e-4)
            alone = bundle.model.encode(pad(source))[0]
            torch.testing.assert_close(encoded[n, : len(source)], alone, atol=1e-4, rtol=1e-4)
    assert together.isfinite().all()


@given(Ids, Ids, st.data())
def test_decoding_with_a_cache_gives_the_same_logits(
    bundle: Bundle, source: list[int], target: list[int], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(target) - 1))
    with torch.inference_mode():
        memory = bundle.model.encode(pad(source))
        mask = torch.ones(1, 1, 1, len(source), dtype=torch.bool)
        whole = bundle.model.decode(pad(target), memory, mask)
        cache = bundle.model.new_cache()
        steps = [target[: cut + 1], *([i] for i in target[cut + 1 :])]
        parts = [bundle.model.decode(pad(step), memory, mask, cache) for step in steps]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-4, rtol=1e-4)


def test_one_embedding_serves_encoder_decoder_output_and_naming(bundle: Bundle) -> None:
    model, source, target = bundle.model, pad([5, 6, 7]), pad([2, 8])
    with torch.inference_mode(), capture(model) as points:
        logits = model(source, target)
        table, scale = model.embedding.weight, bundle.config.d_model**0.5
        torch.testing.assert_close(points["encoder.input.word"], table[source] * scale)
        torch.testing.assert_close(points["decoder.input.word"], table[target] * scale)
        torch.testing.assert_close(points["decoder.out"] @ table.T, logits)
        hidden = points["encoder.out"][0]
        torch.testing.assert_close(model.name(hidden), model.naming(hidden) @ table.T)
    assert sum(p.shape == table.shape for p in model.parameters()) == 1


def test_a_fresh_model_starts_even_handed() -> None:
    """√d_model · E has unit variance and so have the logits of a normalised vector."""
    torch.manual_seed(0)
    model = Transformer(ModelConfig(999, d_model=64))
    table = model.embedding.weight
    assert (table[PAD] == 0).all()
    assert (table[PAD + 1 :] * 8).std().item() == pytest.approx(1, abs=0.02)
    normed = nn.functional.layer_norm(torch.randn(50, 64), [64])
    assert (normed @ table.T).std().item() == pytest.approx(1, abs=0.05)
