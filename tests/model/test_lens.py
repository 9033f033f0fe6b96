"""The lens: the last row is naming itself, every row is what a model written anew gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model import Bundle, ModelError, name_pronoun
from model.analysis.coreference import naming_probabilities
from model.analysis.lens import Lens, lens
from model.analysis.own_sets import read_set
from model.transformer import PAD
from tests import planted

TEXT = "The animal didn't cross the street because it was too tired."


@given(st.text(st.sampled_from("it anml그것은 물.,’😀"), min_size=1).filter(str.strip))
def test_rows_sum_to_one_and_the_last_is_naming(bundle: Bundle, text: str) -> None:
    found = lens(bundle, text, (0, len(text)))
    np.testing.assert_allclose(found.shares.sum(axis=1), 1, atol=1e-5)
    named = name_pronoun(bundle, text, (0, len(text)))
    assert found.words == [(word, start, end) for word, start, end, _ in named]
    np.testing.assert_allclose(found.shares[-1], [share for *_, share in named], atol=1e-6)
    assert found.largest_difference <= 1e-6
    assert len(found.shares) == bundle.config.n_encoder_layers + 1


def test_every_row_follows_from_the_layers_one_by_one(bundle: Bundle) -> None:
    model, encoding = bundle.model, bundle.tokenizer.source(TEXT)
    (at,) = encoding.pieces_in(43, 45)
    ids = torch.tensor([encoding.ids])
    found = lens(bundle, TEXT, (43, 45)).shares
    with torch.inference_mode():
        x = model.encoder.input(model.embedding(ids))
        for n in range(bundle.config.n_encoder_layers + 1):
            normed = model.encoder.norm(x[0, at]) if bundle.config.norm == "pre" else x[0, at]
            logits = model.embedding.weight @ (model.naming.weight @ normed + model.naming.bias)
            pieces = naming_probabilities(logits, ids[0])
            words = [float(pieces[indices].sum()) for _, indices in encoding.words()[:-1]]
            np.testing.assert_allclose(found[n], words, atol=1e-6)
            if n < bundle.config.n_encoder_layers:
                x = model.encoder.layers[n](x, (ids != PAD)[:, None, None])


def test_the_planted_model_decides_in_its_second_layer() -> None:
    bundle = planted.bundle()
    asked, _ = read_set(bundle, planted.as_csv())
    for q in asked[:4]:
        found = lens(bundle, q.sentence.text, q.sentence.pronoun)
        assert found.decided_at == 2
        assert found.words[found.likeliest[-1]][1:] == q.sentence.antecedent
        assert found.shares[2].max() > 0.99


def test_where_it_is_decided_by_hand() -> None:
    def decided(*likeliest: int) -> int:
        return Lens([], np.eye(3)[list(likeliest)], 0.0).decided_at

    assert decided(1, 1, 1) == 0
    assert decided(0, 1, 1) == 1
    assert decided(1, 0, 1) == 2  # it had been there before, but did not stay


def test_there_is_no_word(bundle: Bundle) -> None:
    with pytest.raises(ModelError) as caught:
        lens(bundle, TEXT, (90, 95))
    assert caught.value.code == "no_such_word"
