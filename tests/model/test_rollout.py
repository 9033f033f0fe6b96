"""Rollout against numbers worked out on paper, and against Abnar & Zuidema's formula in a loop."""

from dataclasses import replace

import numpy as np
import pytest

from model import trace
from model.analysis.rollout import rollout

TEXT = "I am a student."


@pytest.fixture
def toy(bundle):
    """Two words in, two words out, two layers of two heads; the numbers are on paper below."""
    heads = {
        "encoder.layers.0.self_attn": ([[1, 0], [1, 0]], [[0, 1], [1, 0]]),  # ½ ½ / 1 0
        "encoder.layers.1.self_attn": ([[0, 1], [0, 1]], [[0, 1], [0, 1]]),
        "decoder.layers.0.self_attn": ([[1, 0], [0, 1]], [[1, 0], [0, 1]]),
        "decoder.layers.1.self_attn": ([[1, 0], [1, 0]], [[1, 0], [1, 0]]),
        "decoder.layers.0.cross_attn": ([[1, 0], [0, 1]], [[1, 0], [0, 1]]),
        "decoder.layers.1.cross_attn": ([[0, 1], [0, 1]], [[0, 1], [0, 1]]),
    }
    points = {f"{name}.weights": np.array(pair, np.float32) for name, pair in heads.items()}
    n_layers = dict.fromkeys(("encoder", "decoder", "cross"), 2)
    return replace(trace(bundle, TEXT), points=points, n_layers=n_layers)


def test_two_layers_on_paper(toy):
    found = rollout(toy)
    # Â_0 = [¾ ¼; ½ ½], Â_1 = [½ ½; 0 1]
    np.testing.assert_allclose(found["encoder"][0], [[0.75, 0.25], [0.5, 0.5]])
    np.testing.assert_allclose(found["encoder"][1], [[0.625, 0.375], [0.5, 0.5]])
    np.testing.assert_allclose(found["decoder"][0], np.eye(2))
    np.testing.assert_allclose(found["decoder"][1], [[1, 0], [0.5, 0.5]])
    # S_0 = ½ R_encoder; S_1 = ½ [1 0; ½ ½] S_0 + ½ [0 1; 0 1] R_encoder
    np.testing.assert_allclose(found["cross"][0], [[0.3125, 0.1875], [0.25, 0.25]])
    np.testing.assert_allclose(found["cross"][1], [[0.40625, 0.34375], [0.390625, 0.359375]])


def test_rows_sum_to_what_comes_from_the_words(bundle):
    made = trace(bundle, TEXT)
    found = rollout(made)
    for kind in ("encoder", "decoder"):
        np.testing.assert_allclose(found[kind].sum(axis=-1), 1, atol=1e-6)
    assert np.triu(found["decoder"][-1], k=1).max() == 0
    for layer, rows in enumerate(found["cross"], start=1):
        np.testing.assert_allclose(rows.sum(axis=-1), 1 - 0.5**layer, atol=1e-6)


def test_cross_is_rollout_over_source_and_target_side_by_side(bundle):
    """The same as one product of matrices over all words of both sides."""
    made = trace(bundle, TEXT)
    s, t = len(made.source_tokens), len(made.target_tokens)
    rolled = np.eye(s + t)
    for layer in made.attention("encoder"):
        step = np.eye(s + t)
        step[:s, :s] = 0.5 * layer.mean(axis=0) + 0.5 * np.eye(s)
        rolled = step @ rolled
    pairs = zip(made.attention("decoder"), made.attention("cross"), strict=True)
    for number, (own, across) in enumerate(pairs):
        looks = np.eye(s + t)
        looks[s:, s:] = 0.5 * own.mean(axis=0) + 0.5 * np.eye(t)
        reads = np.eye(s + t)
        reads[s:, s:] = 0.5 * np.eye(t)
        reads[s:, :s] = 0.5 * across.mean(axis=0)
        rolled = reads @ looks @ rolled
        np.testing.assert_allclose(rollout(made)["cross"][number], rolled[s:, :s], atol=1e-6)


def test_a_row_with_nothing_to_look_at_keeps_itself(toy):
    points = dict(toy.points)
    points["encoder.layers.0.self_attn.weights"] = np.array([[[0, 0], [1, 0]]] * 2, np.float32)
    found = rollout(replace(toy, points=points))["encoder"][0]
    np.testing.assert_allclose(found, [[1, 0], [0.5, 0.5]])
