"""What-if: each change against the same numbers worked out by hand from q, k and v."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model import KINDS, ModelError, capture, trace
from model.analysis.whatif import (
    DropScale,
    EditWeight,
    LiftMask,
    ReplaceVector,
    SilenceHeads,
    SwapPositions,
    Temperature,
    changed,
    dumps,
    fits,
    loads,
    what_if,
)
from model.decode import decode_ids
from model.transformer import BOS, EOS

TEXT, TARGET = "I am a student. I am Sam", "Je suis étudiant."
IT = "The animal didn't cross the street because it was too tired."
LAYER, HEAD = 1, 2


def run(bundle, *changes, text=TEXT, target=TARGET):
    return what_if(bundle, text, "fr", changes, target)


def softmax(values):
    return torch.from_numpy(np.array(values)).softmax(dim=-1).numpy()


def same(a, b, tolerance=2e-6):
    np.testing.assert_allclose(a, b, atol=tolerance)


def equal_before(found, kind, layer):
    """Nothing below the change has moved, not by a bit."""
    moved = found.difference(kind)
    assert not moved[:layer].any()
    assert np.abs(moved[layer]).max() > 1e-4


# ── nothing changed ──────────────────────────────────────────────────────────────────────────────


def test_without_a_change_every_number_is_equal_to_the_bit(bundle):
    found = what_if(bundle, IT, "fr", ())
    assert found.before.points.keys() == found.after.points.keys()
    for name, value in found.before.points.items():
        np.testing.assert_array_equal(value, found.after.points[name], err_msg=name)
    assert found.translations[0] == found.translations[1] == found.before.output
    assert found.naming[0] == found.naming[1]
    assert not found.changed_predictions
    assert all(found.largest(kind, 0, 0) is None for kind in KINDS)


def test_nothing_is_left_behind(bundle):
    before = trace(bundle, TEXT, target=TARGET, target_lang="fr")
    run(bundle, DropScale("encoder"), LiftMask("decoder"), SwapPositions("source", 0, 1))
    after = trace(bundle, TEXT, target=TARGET, target_lang="fr")
    for name, value in before.points.items():
        np.testing.assert_array_equal(value, after.points[name], err_msg=name)


# ── each change by hand ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_root_the_scores_themselves_go_into_the_softmax(bundle, kind):
    found = run(bundle, DropScale(kind, LAYER, HEAD))
    steps = found.before.steps(kind, LAYER, HEAD)
    expected = softmax(np.where(steps.mask, steps.q @ steps.k.T, -np.inf))
    same(found.after.attention(kind)[LAYER, HEAD], expected)
    same(found.after.steps(kind, LAYER, HEAD).context, expected @ steps.v, 1e-5)
    others = [h for h in range(3) if h != HEAD]
    assert not found.difference(kind)[LAYER, others].any()
    equal_before(found, kind, LAYER)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10)
@given(temperature=st.floats(0.05, 50))
def test_a_temperature_divides_the_scaled_scores(make_bundle, kind, temperature):
    bundle = make_bundle(norm="pre")
    found = run(bundle, Temperature(kind, temperature, LAYER))
    for head in range(3):
        masked = found.before.steps(kind, LAYER, head).masked
        same(found.after.attention(kind)[LAYER, head], softmax(masked / temperature), 1e-5)


def test_a_temperature_of_the_root_undoes_the_root(bundle):
    warm = run(bundle, Temperature("encoder", 1 / math.sqrt(bundle.config.d_k)))
    dropped = run(bundle, DropScale("encoder"))
    same(warm.after.attention("encoder"), dropped.after.attention("encoder"), 1e-4)


def test_without_the_mask_the_future_is_seen(bundle):
    found = run(bundle, LiftMask("decoder", LAYER))
    steps = found.before.steps("decoder", LAYER, HEAD)
    same(found.after.attention("decoder")[LAYER, HEAD], softmax(steps.scaled))
    assert found.after.steps("decoder", LAYER, HEAD).mask.all()
    equal_before(found, "decoder", LAYER)
    assert not found.difference("encoder").any()


@pytest.mark.parametrize("kind", KINDS)
def test_silent_heads_give_nothing(bundle, kind):
    found = run(bundle, SilenceHeads(kind, (0, 2), LAYER))
    assert not found.after.attention(kind)[LAYER, [0, 2]].any()
    np.testing.assert_array_equal(
        found.after.attention(kind)[LAYER, 1], found.before.attention(kind)[LAYER, 1]
    )
    assert not found.after.steps(kind, LAYER, 0).context.any()


def test_every_head_off_leaves_the_bias_of_w_o(bundle):
    found = run(bundle, *(SilenceHeads(kind) for kind in KINDS))
    for kind in KINDS:
        assert not found.after.attention(kind).any()
    for layer, block in enumerate(bundle.model.encoder.layers):
        out = found.after.points[f"encoder.layers.{layer}.self_attn.out"]
        bias = block.self_attn.w_o.bias.detach().numpy()
        np.testing.assert_array_equal(out, np.broadcast_to(bias, out.shape))
    assert np.isfinite(found.after.logits).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", ["q", "k", "v"])
def test_a_replaced_vector_is_the_other_tokens(bundle, kind, point):
    token, by = 3, 1
    found = run(bundle, ReplaceVector(kind, point, token, by, LAYER, HEAD))
    steps = found.before.steps(kind, LAYER, HEAD)
    vectors = {name: getattr(steps, name).copy() for name in "qkv"}
    vectors[point][token] = vectors[point][by]
    scaled = vectors["q"] @ vectors["k"].T / math.sqrt(bundle.config.d_k)
    weights = softmax(np.where(steps.mask, scaled, -np.inf))
    after = found.after.steps(kind, LAYER, HEAD)
    same(after.weights, weights)
    same(after.context, weights @ vectors["v"], 1e-5)
    assert np.abs(after.context - steps.context).max() > 1e-3


@pytest.mark.parametrize("side", ["source", "target"])
def test_swapped_positions_are_embedding_plus_the_others_position(bundle, side):
    stack = {"source": "encoder", "target": "decoder"}[side]
    found = run(bundle, SwapPositions(side, 1, 3))
    order = [0, 3, 2, 1, *range(4, len(found.before.positional(side)))]
    np.testing.assert_array_equal(
        found.after.positional(side), found.before.positional(side)[order]
    )
    np.testing.assert_array_equal(
        found.after.points[f"{stack}.input.sum"],
        found.before.embedded(side) + found.before.positional(side)[order],
    )


@pytest.mark.parametrize(
    ("kind", "query", "key"), [("encoder", 2, 4), ("decoder", 3, 1), ("cross", 1, 0)]
)
@settings(max_examples=10)
@given(weight=st.floats(0, 1, width=32))
def test_an_edited_weight_and_its_row(make_bundle, kind, query, key, weight):
    bundle = make_bundle(norm="pre")
    kept = run(bundle, EditWeight(kind, LAYER, HEAD, query, key, weight, renormalise=False))
    spread = run(bundle, EditWeight(kind, LAYER, HEAD, query, key, weight, renormalise=True))
    row = kept.before.attention(kind)[LAYER, HEAD, query]
    expected = row.copy()
    expected[key] = weight
    np.testing.assert_array_equal(kept.after.attention(kind)[LAYER, HEAD, query], expected)
    expected = row * (1 - weight) / (1 - row[key])
    expected[key] = weight
    after = spread.after.attention(kind)[LAYER, HEAD]
    same(after[query], expected, 1e-5)
    assert after[query].sum() == pytest.approx(1, abs=1e-5)
    assert not np.delete(spread.difference(kind)[LAYER, HEAD], query, axis=0).any()
    v = kept.before.steps(kind, LAYER, HEAD).v
    same(spread.after.steps(kind, LAYER, HEAD).context[query], after[query] @ v, 1e-5)


def test_a_row_with_one_key_only_cannot_grow_again(bundle):
    found = run(bundle, EditWeight("decoder", 0, 0, 0, 0, 0.25))
    assert found.after.attention("decoder")[0, 0, 0, 0] == 0.25
    assert not found.after.attention("decoder")[0, 0, 0, 1:].any()


# ── together ─────────────────────────────────────────────────────────────────────────────────────


def test_changes_work_one_after_the_other(bundle):
    first = run(bundle, DropScale("encoder", 0, 1), Temperature("encoder", 3.0, 0, 1))
    steps = first.before.steps("encoder", 0, 1)
    same(first.after.attention("encoder")[0, 1], softmax(steps.q @ steps.k.T / 3))
    edit = EditWeight("encoder", 0, 1, 2, 3, 0.5)
    off_last = run(bundle, edit, SilenceHeads("encoder", (1,), 0))
    off_first = run(bundle, SilenceHeads("encoder", (1,), 0), edit)
    assert not off_last.after.attention("encoder")[0, 1].any()
    assert off_first.after.attention("encoder")[0, 1].sum() == 0.5


def test_swaps_follow_each_other_and_two_equal_ones_cancel(bundle):
    swaps = SwapPositions("source", 0, 1), SwapPositions("source", 1, 2)
    found = run(bundle, *swaps)
    order = [1, 2, 0]
    np.testing.assert_array_equal(
        found.after.positional("source")[:3], found.before.positional("source")[order]
    )
    back = run(bundle, swaps[0], swaps[0])
    np.testing.assert_array_equal(back.after.logits, back.before.logits)


# ── word by word ─────────────────────────────────────────────────────────────────────────────────

SMALL = st.integers(0, 4)
WORD_BY_WORD = st.one_of(
    st.builds(DropScale, st.sampled_from(KINDS)),
    st.builds(Temperature, st.sampled_from(KINDS), st.sampled_from([0.2, 5.0])),
    st.builds(SilenceHeads, st.sampled_from(KINDS), st.sampled_from([(), (0,), (1, 2)])),
    st.builds(
        lambda kind, point, a, b: ReplaceVector(kind, point, max(a, b) + 1, min(a, b)),
        st.sampled_from(KINDS), st.sampled_from("qkv"), SMALL, SMALL,
    ),
    st.builds(SwapPositions, st.sampled_from(["source", "target"]), SMALL, SMALL),
    st.builds(
        lambda kind, a, b, w: EditWeight(kind, 1, 2, max(a, b), min(a, b), w),
        st.sampled_from(KINDS), SMALL, SMALL, st.sampled_from([0.0, 0.9]),
    ),
)  # fmt: skip


@settings(max_examples=25)
@given(changes=st.lists(WORD_BY_WORD, min_size=1, max_size=3))
def test_written_word_by_word_it_is_the_same_model(make_bundle, changes):
    """With its cache, one row at a time, the changed model gives the logits of one whole pass."""
    bundle = make_bundle(norm="pre")
    model = bundle.model
    source = torch.tensor([bundle.tokenizer.source(TEXT).ids])
    target = torch.tensor([bundle.tokenizer.target(TARGET, "fr").ids])
    with torch.inference_mode():
        with changed(bundle, changes):
            whole = model(source, target)
        with changed(bundle, changes):
            memory, cache = model.encode(source), model.new_cache()
            seen = torch.ones(1, 1, 1, source.size(1), dtype=torch.bool)
            rows = [target[:, :2], *target[:, 2:].split(1, dim=1)]
            steps = [model.decode(new, memory, seen, cache) for new in rows]
    torch.testing.assert_close(torch.cat(steps, dim=1), whole, atol=2e-4, rtol=1e-4)


def test_the_translation_is_written_by_the_changed_model(bundle):
    change = SilenceHeads("cross")
    found = what_if(bundle, TEXT, "fr", (change,))
    source = bundle.tokenizer.source(TEXT).ids
    ids = [BOS, bundle.tokenizer.tag("fr")]
    limit = 2 * len(source) + 20
    with torch.inference_mode():
        while len(ids) < limit:
            with changed(bundle, (change,)):
                logits = bundle.model(torch.tensor([source]), torch.tensor([ids]))[0, -1]
            logits[[0, 1, 2]] = -torch.inf
            ids.append(int(logits.argmax()))
            if ids[-1] == EOS:
                break
    assert found.translations[1] == bundle.tokenizer.decode([i for i in ids[2:] if i != EOS])
    assert found.translations[0] == bundle.tokenizer.decode(decode_ids(bundle, source, "fr"))


def test_what_the_encoder_names_is_named_by_the_changed_encoder(bundle):
    found = what_if(bundle, IT, "fr", (SilenceHeads("encoder"),))
    (before, after) = found.naming
    assert [word for word, *_ in before] == [word for word, *_ in after]
    assert sum(share for *_, share in after) == pytest.approx(1, abs=1e-5)
    assert before != after
    assert run(bundle, SilenceHeads("decoder"), text=IT).naming[0] == before
    assert run(bundle, text="Sam jumps").naming is None


# ── what is told ─────────────────────────────────────────────────────────────────────────────────


def test_largest_spread_and_predictions_are_read_off_the_two_runs(bundle):
    found = run(bundle, SilenceHeads("encoder", (HEAD,), LAYER))
    before = found.before.attention("encoder")[LAYER, HEAD]
    query, key = np.unravel_index(before.argmax(), before.shape)
    most = found.largest("encoder", LAYER, HEAD)
    assert (most.query, most.key, most.after) == (query, key, 0)
    assert most.before == pytest.approx(before.max())
    assert found.spread("encoder")[LAYER] == pytest.approx(1 / 3)  # one head of three, whole
    assert found.spread("encoder")[0] == 0
    assert (found.spread("cross") > 0).all()
    before, after = (
        torch.tensor(read.logits[1:]).softmax(-1) for read in (found.before, found.after)
    )
    assert [at.before_p for at in found.predictions] == pytest.approx(before.amax(-1).tolist())
    assert [at.after_p for at in found.predictions] == pytest.approx(after.amax(-1).tolist())
    moved = (before.argmax(-1) != after.argmax(-1)).sum()
    assert len(found.changed_predictions) <= moved  # two pieces may read alike


# ── links ────────────────────────────────────────────────────────────────────────────────────────

ALL = (
    DropScale("encoder"),
    DropScale("cross", 1, 2),
    Temperature("decoder", 0.5, None, 1),
    LiftMask("decoder", 3),
    SilenceHeads("encoder", (0, 2), 1),
    SilenceHeads("cross"),
    ReplaceVector("encoder", "k", 2, 5, 0),
    SwapPositions("target", 1, 2),
    EditWeight("encoder", 0, 1, 2, 3, 0.25, False),
    EditWeight("encoder", 0, 1, 2, 3, 1.0, True),
)


def test_a_link_gives_the_same_changes_again():
    assert loads(dumps(ALL)) == ALL
    assert loads("") == ()
    assert len({dumps([change]) for change in ALL}) == len(ALL) == len(set(ALL))


@pytest.mark.parametrize(
    "line",
    [
        "nothing", "scale", "scale,encoder", "scale,ancoder,-,-", "scale,encoder,-1,-",
        "scale,encoder,x,-", "temperature,encoder,0,-,-", "temperature,encoder,nan,-,-",
        "weight,encoder,0,0,0,0,1.5,1", "vector,encoder,z,0,1,-,-", "mask,decoder,99999",
        "~".join(["mask,decoder,-"] * 13),
    ],
)  # fmt: skip
def test_other_links_are_refused(line):
    with pytest.raises(ValueError, match=r"."):
        loads(line)


@pytest.mark.parametrize(
    "change",
    [
        DropScale("encoder", 2),
        DropScale("encoder", 0, 3),
        SilenceHeads("decoder", (0, 3)),
        ReplaceVector("encoder", "q", 0, 40),
        ReplaceVector("decoder", "v", 1, 2),
        ReplaceVector("decoder", "v", 1, 1),
        ReplaceVector("cross", "q", 1, 2),
        SwapPositions("target", 0, 40),
        EditWeight("decoder", 0, 0, 1, 2, 0.5),
        EditWeight("cross", 0, 0, 40, 0, 0.5),
    ],
)
def test_a_change_without_a_place_is_refused(bundle, change):
    with pytest.raises(ModelError) as error:
        run(bundle, change)
    assert error.value.code == "change_nowhere"
    assert not fits(change, trace(bundle, TEXT, target=TARGET, target_lang="fr"))


def test_another_capture_sees_the_changed_model_inside_only(bundle):
    source = torch.tensor([bundle.tokenizer.source(TEXT).ids])
    name = "encoder.layers.0.self_attn.weights"
    with torch.inference_mode(), capture(bundle.model, [name]) as seen:
        with changed(bundle, (SilenceHeads("encoder"),)), capture(bundle.model, [name]) as inside:
            bundle.model.encode(source)
        assert not inside[name].any()
        bundle.model.encode(source)
        assert seen[name].any()
