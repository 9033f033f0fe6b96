"""The five measures against numbers on paper, against a model written anew, and by hand."""

import copy
import math
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from model import capture, intervene, name_pronoun, trace
from model.analysis import importance as measures
from model.analysis.decoding import reference
from model.analysis.importance import MEASURES, Cell, Ids, importance, probability, spearman
from model.analysis.words import pronoun_span

PRONOUN = "The animal didn't cross the street because it was too tired."
PLAIN, TARGET = "I am a student.", "Je suis étudiant."
KINDS = ("encoder", "decoder", "cross")
WEIGHTS = {
    "encoder": "encoder.layers.{}.self_attn.weights",
    "decoder": "decoder.layers.{}.self_attn.weights",
    "cross": "decoder.layers.{}.cross_attn.weights",
}


def exact(bundle):
    """The same model in float64, in which differences of 1e-6 are no rounding."""
    return replace(bundle, model=copy.deepcopy(bundle.model).double())


def looked(bundle, text=PRONOUN):
    made = trace(bundle, text, target=TARGET, target_lang="fr")
    read = reference(bundle, text, "fr", TARGET)
    return made, read, Ids.of(bundle, made, read)


# ── a Transformer's encoder, written anew ────────────────────────────────────────────────────────


def layer_norm(x, norm):
    mean, spread = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    weight, bias = norm.weight.detach().numpy(), norm.bias.detach().numpy()
    return (x - mean) / np.sqrt(spread + norm.eps) * weight + bias


def linear(x, module):
    return x @ module.weight.detach().numpy().T + module.bias.detach().numpy()


def encoded(model, ids, changed_layer, change):
    """The encoder's output in NumPy; `change` replaces one layer's weights [head, query, key]."""
    config = model.config
    x = model.embedding.weight.detach().numpy()[ids] * config.d_model**0.5
    x = x + model.encoder.input.positions.numpy()[: len(ids)]
    for n, layer in enumerate(model.encoder.layers):
        attn, pre = layer.self_attn, config.norm == "pre"
        inner = layer_norm(x, layer.self_attn_add.norm) if pre else x
        q, k, v = (linear(inner, w) for w in (attn.w_q, attn.w_k, attn.w_v))
        weights = []
        for head in range(config.n_heads):
            columns = slice(head * config.d_k, (head + 1) * config.d_k)
            scores = np.exp(q[:, columns] @ k[:, columns].T / np.sqrt(config.d_k))
            weights.append(scores / scores.sum(axis=-1, keepdims=True))
        weights = change(np.stack(weights)) if n == changed_layer else np.stack(weights)
        contexts = [
            weights[head] @ v[:, head * config.d_v : (head + 1) * config.d_v]
            for head in range(config.n_heads)
        ]
        x = x + linear(np.concatenate(contexts, axis=1), attn.w_o)
        x = x if pre else layer_norm(x, layer.self_attn_add.norm)
        inner = layer_norm(x, layer.ffn_add.norm) if pre else x
        x = x + linear(np.maximum(0, linear(inner, layer.ffn.w_1)), layer.ffn.w_2)
        x = x if pre else layer_norm(x, layer.ffn_add.norm)
    return layer_norm(x, model.encoder.norm) if config.norm == "pre" else x


def sure(model, ids, asked, layer, change=lambda weights: weights):
    """ln P − ln(1 − P) of the named word, from the encoder written anew."""
    logits = linear(encoded(model, ids, layer, change)[asked.position], model.naming)
    logits = logits @ model.embedding.weight.detach().numpy().T
    shares = np.array([np.exp(logits[i]) / ids.count(i) for i in ids[:-1]])
    p = shares[list(asked.pieces)].sum() / shares.sum()
    return np.log(p / (1 - p))


@pytest.fixture
def anew(bundle):
    """A float64 model, its sentence, and what is asked about the pronoun."""
    double = exact(bundle)
    made, _, ids = looked(double)
    asked = measures.scalar(double, made, "encoder", 0, "naming")
    return SimpleNamespace(bundle=double, model=double.model, ids=ids, asked=asked,
                           source=ids.source[0].tolist())  # fmt: skip


@pytest.mark.parametrize("layer", [0, 1])
def test_gradient_against_the_encoder_written_anew(anew, layer):
    slopes, found, weights = measures.gradient(
        anew.bundle, anew.ids, "encoder", layer, [anew.asked]
    )
    assert found[0] == pytest.approx(sure(anew.model, anew.source, anew.asked, layer), abs=1e-9)
    assert weights.sum(axis=-1) == pytest.approx(1)
    at, small = anew.asked.position, 1e-5
    for head, query, key in ((0, at, 1), (1, at, at), (2, at, 3), (1, 2, 5)):

        def moved(by, cell=(head, query, key)):
            def change(weights):
                weights[cell] += by
                return weights

            return sure(anew.model, anew.source, anew.asked, layer, change)

        slope = (moved(small) - moved(-small)) / (2 * small)
        assert slopes[0, head, query, key] == pytest.approx(slope, abs=1e-6, rel=1e-5)
    assert np.abs(slopes).max() > 0.01
    others = [query for query in range(len(anew.source)) if query != at]
    # In the last layer nobody but the pronoun's own row is asked.
    assert (slopes[0][:, others] == 0).all() == (layer == 1)


@pytest.mark.parametrize("layer", [0, 1])
def test_cut_against_the_encoder_written_anew(anew, layer):
    at = anew.asked.position
    cells = [Cell(h, at, k, anew.asked) for h in range(3) for k in range(len(anew.source))]
    effects = measures.cut(anew.bundle, anew.ids, "encoder", layer, cells)
    whole = sure(anew.model, anew.source, anew.asked, layer)
    for cell, effect in zip(cells, effects, strict=True):

        def zero(weights, cell=cell):
            weights[cell.head, cell.query, cell.key] = 0
            return weights

        without = sure(anew.model, anew.source, anew.asked, layer, zero)
        assert effect == pytest.approx(whole - without, abs=1e-9)
    assert np.abs(effects).max() > 1e-4


# ── every kind of attention, through the model itself ────────────────────────────────────────────


def rerun(bundle, ids, asked, kind, layer, change):
    """S with one change, asked of the model one sentence at a time."""
    name = WEIGHTS[kind].format(layer)
    with torch.no_grad(), intervene(bundle.model, {name: change}):
        logits = bundle.model(ids.source, ids.target)[0].double()
    if asked.what == "translation":
        shares = logits[1:].log_softmax(dim=-1)
        return sum(float(row[piece]) for row, piece in zip(shares, asked.pieces, strict=True))
    p = logits[asked.position].softmax(dim=-1)[asked.pieces[0]]
    return float((p / (1 - p)).log())


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_and_cut_of_every_kind(bundle, kind):
    double = exact(bundle)
    made, _, ids = looked(double, PLAIN)
    layer, head, query, small = 1, 2, 3, 1e-5
    asked = measures.scalar(double, made, kind, query, "naming")
    other = measures.scalar(double, made, kind, 2, "naming")
    slopes, found, _ = measures.gradient(double, ids, kind, layer, [other, asked])

    def of(change):
        return rerun(double, ids, asked, kind, layer, change)

    assert found[1] == pytest.approx(of(torch.clone), abs=1e-9)
    for key in (0, 2):

        def moved(by, key=key):
            def change(weights):
                weights = weights.clone()
                weights[:, head, query, key] += by
                return weights

            return of(change)

        slope = (moved(small) - moved(-small)) / (2 * small)
        assert slopes[1, head, query, key] == pytest.approx(slope, abs=1e-6, rel=1e-5)

        def zero(weights, key=key):
            weights = weights.clone()
            weights[:, head, query, key] = 0
            return weights

        (effect,) = measures.cut(double, ids, kind, layer, [Cell(head, query, key, asked)])
        assert effect == pytest.approx(found[1] - of(zero), abs=1e-9)
        assert effect != 0


def test_cells_that_are_cut_together_do_not_meet(bundle):
    """In one batch, each alone, and in chunks: the same numbers."""
    double = exact(bundle)
    made, _, ids = looked(double)
    asked = [measures.scalar(double, made, "cross", query, "naming") for query in range(5)]
    cells = [Cell(1, query, key, asked[query]) for query in range(5) for key in range(4)]
    together = measures.cut(double, ids, "cross", 0, cells)
    alone = [measures.cut(double, ids, "cross", 0, [cell])[0] for cell in cells]
    np.testing.assert_allclose(together, alone, atol=1e-10)
    assert asked[0].what == "translation"
    assert len({one.what for one in asked}) == 2


# ── values ───────────────────────────────────────────────────────────────────────────────────────


def test_value_norms_on_paper(bundle):
    """Two heads with one number a value: v W^O is a multiple of a column of W^O."""
    model = copy.deepcopy(bundle.model)
    attn = model.encoder.layers[1].self_attn
    attn.w_o.weight = torch.nn.Parameter(torch.tensor([[3.0, 0.0], [4.0, 2.0]]))
    attn.w_o.bias = torch.nn.Parameter(torch.tensor([0.5, -1.0]))
    points = {
        "encoder.layers.1.self_attn.v": np.array([[[1], [2]], [[3], [-1]]], np.float32),
        "encoder.layers.1.self_attn.weights": np.array(
            [[[0.5, 0.5], [1, 0]], [[0.25, 0.75], [0, 1]]], np.float32
        ),
    }
    made = replace(trace(bundle, PLAIN), points=points)
    toy = replace(bundle, model=model)
    norms = measures.value_norms(toy, made, "encoder", 1)
    # ‖v W^O‖: 5 and 10 in head 1 (3, 4 and 6, 8), 6 and 2 in head 2
    np.testing.assert_allclose(norms, [[[2.5, 5], [5, 0]], [[1.5, 1.5], [0, 2]]])
    # row 1: ½(3, 4) + ½(6, 8) + ¼(0, 6) + ¾(0, −2) + b = (4.5, 6) + (0, 0) + (0.5, −1)
    np.testing.assert_allclose(measures.summed(toy, made, "encoder", 1), [[5, 5], [3.5, 1]])


@pytest.mark.parametrize("kind", KINDS)
def test_all_heads_and_keys_add_up_to_what_the_model_gives_back(bundle, kind):
    made, *_ = looked(bundle)
    for layer in range(made.n_layers[kind]):
        out = made.points[WEIGHTS[kind].format(layer).replace("weights", "out")]
        np.testing.assert_allclose(measures.summed(bundle, made, kind, layer), out, atol=1e-5)


# ── what is asked ────────────────────────────────────────────────────────────────────────────────


def test_what_is_asked(bundle):
    made, *_ = looked(bundle)
    word, start, end, p = max(
        name_pronoun(bundle, PRONOUN, pronoun_span(made)), key=lambda one: one[3]
    )
    asked = measures.scalar(bundle, made, "encoder", 3, "naming")
    assert (asked.what, asked.answer) == ("naming", word)
    assert PRONOUN[start:end] == word
    assert measures.sure_in_trace(bundle, made, asked) == pytest.approx(
        np.log(p / (1 - p)), abs=1e-4
    )
    following = measures.scalar(bundle, made, "cross", 2, "naming")
    assert (following.what, following.position) == ("next", 2)
    assert following.pieces == (made.logits[2].argmax(),)
    for kind, query, about in (("encoder", 1, "translation"), ("decoder", 0, "naming")):
        assert measures.scalar(bundle, made, kind, query, about).what == "translation"
    plain, *_ = looked(bundle, PLAIN)
    assert measures.scalar(bundle, plain, "encoder", 1, "naming").what == "translation"


# ── one row ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_one_row_by_all_measures(bundle, kind):
    made, read, ids = looked(bundle)
    layer, head, query = 1, 1, 4
    found = importance(bundle, made, read, kind, layer, head, query)
    seen = np.flatnonzero(made.mask(kind)[query]).tolist()
    assert found.keys == seen
    np.testing.assert_array_equal(
        found.values["weight"], made.attention(kind)[layer, head, query, seen]
    )
    slopes, *_ = measures.gradient(bundle, ids, kind, layer, [found.scalar])
    np.testing.assert_allclose(
        found.values["gradient"], found.values["weight"] * slopes[0, head, query, seen], atol=1e-6
    )
    cells = [Cell(head, query, key, found.scalar) for key in seen]
    alone = measures.cut(bundle, ids, kind, layer, cells)
    np.testing.assert_allclose(found.values["cut"], alone, atol=1e-5)
    assert found.difference < 1e-5 * max(1, found.size)
    assert found.strongest("weight") == seen[found.values["weight"].argmax()]
    assert found.added > 0
    assert found.carried > 0
    np.testing.assert_allclose(found.agreement, found.agreement.T)
    for n in range(len(MEASURES)):
        assert found.agreement[n, n] == pytest.approx(1)
    assert len(found.rows) == (len(seen) if kind == "encoder" else len(found.rows))


def test_agreement_is_the_mean_over_rows(bundle):
    made, read, _ = looked(bundle, PLAIN)
    found = importance(bundle, made, read, "encoder", 0, 1, 2)
    assert found.rows == list(range(len(made.source_tokens)))
    norms = measures.value_norms(bundle, made, "encoder", 0)[1]
    weights = made.attention("encoder")[0, 1]
    expected = np.mean([spearman(a, b) for a, b in zip(weights, norms, strict=True)])
    assert found.agreement[0, 1] == pytest.approx(expected)


def test_a_changed_trace_is_noticed(bundle):
    made, read, _ = looked(bundle, PLAIN)
    name = WEIGHTS["encoder"].format(0)
    points = {**made.points, name: made.points[name] + np.float32(0.01)}
    found = importance(bundle, replace(made, points=points), read, "encoder", 0, 0, 1)
    assert found.difference > 1e-3


def test_short_and_long_sentences(make_bundle):
    bundle = make_bundle(max_len=300)
    for text, query in (("a", 0), ("I am a student. " * 50, 7)):
        made = trace(bundle, text, target="a", target_lang="fr")
        read = reference(bundle, text, "fr", "a")
        for kind in KINDS:
            row = min(query, len(made.attention(kind)[0, 0]) - 1)
            found = importance(bundle, made, read, kind, 0, 0, row)
            assert 1 <= len(found.keys) <= measures.MOST_KEYS
            assert found.difference < 1e-4
            assert (found.agreement.shape, len(found.values)) == ((5, 5), 5)
    strongest = np.argsort(-made.attention("encoder")[0, 0, 7])
    long = importance(bundle, made, read, "encoder", 0, 0, 7)
    assert set(long.keys) == set(strongest[: len(long.keys)])
    assert long.rows == [7]
    with pytest.raises(IndexError):
        importance(bundle, made, read, "encoder", 0, 0, 999)


# ── nothing is left behind ───────────────────────────────────────────────────────────────────────


def test_the_model_is_not_touched(bundle):
    made, read, ids = looked(bundle)
    before = {name: p.detach().clone() for name, p in bundle.model.named_parameters()}
    with torch.no_grad():
        logits = bundle.model(ids.source, ids.target)
    importance(bundle, made, read, "cross", 1, 0, 2)
    for name, parameter in bundle.model.named_parameters():
        assert parameter.grad is None, name
        assert torch.equal(parameter, before[name])
    with torch.no_grad():
        assert torch.equal(bundle.model(ids.source, ids.target), logits)


def test_in_several_threads_at_once(bundle):
    made, read, ids = looked(bundle)
    places = [("encoder", 0, 1), ("decoder", 2, 0), ("cross", 1, 2), ("encoder", 1, 0)] * 2
    alone = [importance(bundle, made, read, *place, query=3) for place in places]
    together, seen = [None] * len(places), []

    def measure(n):
        together[n] = importance(bundle, made, read, *places[n], query=3)

    threads = [threading.Thread(target=measure, args=(n,)) for n in range(len(places))]
    with torch.no_grad(), capture(bundle.model, ["*.weights"]) as points:
        for thread in threads:
            thread.start()
        bundle.model(ids.source, ids.target)
        seen = [value.requires_grad for value in points.values()]
        for thread in threads:
            thread.join()
    assert not any(seen)
    for one, other in zip(alone, together, strict=True):
        for measure_name in MEASURES:
            np.testing.assert_allclose(one.values[measure_name], other.values[measure_name])


# ── rank correlation ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 31], 1),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1),
        ([1, 2, 2, 3], [1, 3, 2, 4], 4.5 / (4.5 * 5) ** 0.5),  # ranks 1 2½ 2½ 4 and 1 3 2 4
        ([1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 0.8 * 10 / (10 * 9.5) ** 0.5),
    ],
)
def test_rank_correlation(a, b, expected):
    assert spearman(np.array(a), np.array(b)) == pytest.approx(expected)


def test_no_order_no_correlation():
    assert np.isnan(spearman(np.array([1.0, 2.0]), np.array([1.0, 2.0])))
    assert np.isnan(spearman(np.array([1.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0])))


def test_rounding_ranks_as_nothing():
    tiny = {name: np.array([0.3, 1e-7, 2e-8]) for name in MEASURES}
    sizes = dict(zip(MEASURES, measures._sizes(tiny), strict=True))
    np.testing.assert_array_equal(sizes["cut"], [0.3, 0, 0])
    np.testing.assert_array_equal(sizes["weight"], tiny["weight"])


def test_log_odds_become_a_probability_and_do_not_overflow():
    assert probability(math.log(3)) == pytest.approx(0.75)  # three to one
    assert probability(-math.log(3)) == pytest.approx(0.25)
    assert (probability(0.0), probability(1e6), probability(-1e6)) == (0.5, 1.0, 0.0)
