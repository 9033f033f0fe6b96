import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from model import KINDS, Bundle, capture, intervene, trace
from model.capture import (
    drop_scale,
    lift_mask,
    paste_pattern,
    probe_names,
    silence_heads,
)

SOURCE, TARGET = torch.tensor([[5, 9, 23, 7, 40, 3]]), torch.tensor([[2, 6, 11, 31]])
STEPS = ("q", "k", "v", "scores", "scaled", "mask", "masked", "weights", "context", "out")
ENCODER, DECODER = "encoder.layers.1.self_attn", "decoder.layers.3.self_attn"


def run(bundle: Bundle) -> Tensor:
    with torch.inference_mode():
        return bundle.model(SOURCE, TARGET)


def captured(bundle: Bundle, *points: str) -> dict[str, Tensor]:
    with capture(bundle.model, points or None) as values:
        run(bundle)
    return dict(values)


def attentions(bundle: Bundle) -> list[str]:
    layers = range(bundle.config.n_encoder_layers), range(bundle.config.n_decoder_layers)
    return (
        [f"encoder.layers.{n}.self_attn" for n in layers[0]]
        + [f"decoder.layers.{n}.self_attn" for n in layers[1]]
        + [f"decoder.layers.{n}.cross_attn" for n in layers[1]]
    )


def test_every_step_of_every_head_follows_from_the_one_before(bundle: Bundle) -> None:
    """q kᵀ = scores, ÷ √d_k = scaled, mask → −∞, softmax(masked) = weights, weights v = context."""
    points, d_k, exact = captured(bundle), bundle.config.d_k, dict(atol=1e-6, rtol=1e-5)
    assert len(attentions(bundle)) == 2 + 4 + 4
    for name in attentions(bundle):
        q, k, v, scores, scaled, mask, masked, weights, context, out = (
            points[f"{name}.{point}"] for point in STEPS
        )
        assert q.shape[1] == bundle.config.n_heads
        torch.testing.assert_close(q @ k.transpose(-2, -1), scores, **exact)
        torch.testing.assert_close(scores / math.sqrt(d_k), scaled, **exact)
        assert torch.equal(masked == -math.inf, ~mask.expand_as(masked))
        assert torch.equal(masked[masked > -math.inf], scaled[mask.expand_as(scaled)])
        torch.testing.assert_close(masked.softmax(dim=-1), weights, **exact)
        torch.testing.assert_close(weights @ v, context, **exact)
        module = bundle.model.get_submodule(name)
        torch.testing.assert_close(module.w_o(context.transpose(1, 2).flatten(2)), out, **exact)


def test_residuals_norms_and_feed_forward_follow_too(bundle: Bundle) -> None:
    points = {name: value.clone() for name, value in captured(bundle).items()}
    exact = dict(atol=1e-5, rtol=1e-5)
    for name, module in bundle.model.named_modules():
        at = {key.removeprefix(f"{name}."): points[key] for key in points if key.startswith(name)}
        if name.endswith("_add"):
            torch.testing.assert_close(at["x"] + at["sublayer"], at["added"], **exact)
            inside = at["added"] if bundle.config.norm == "post" else at["x"]
            torch.testing.assert_close(module.norm(inside), at["normed"], **exact)
        elif name.endswith(".ffn"):
            assert torch.equal(at["hidden"].clamp(min=0), at["relu"])
            torch.testing.assert_close(module.w_2(at["relu"]), at["out"], **exact)
        elif name.endswith(".input"):
            assert torch.equal(at["word"] + at["position"], at["sum"])


def test_capture_changes_no_logits_and_leaves_nothing_behind(bundle: Bundle) -> None:
    before = run(bundle)
    with capture(bundle.model) as points:
        during = run(bundle)
    assert torch.equal(points["logits"], during)
    torch.testing.assert_close(during, before, atol=1e-5, rtol=1e-5)
    assert torch.equal(run(bundle), before)


def test_an_exception_leaves_nothing_behind(bundle: Bundle) -> None:
    before = run(bundle)

    def fail(value: Tensor) -> Tensor:
        raise ZeroDivisionError

    points: Mapping[str, Tensor] = {}
    for change in ({"logits": fail}, {"encoder.*.weights": torch.zeros_like, "logits": fail}):
        with pytest.raises(ZeroDivisionError):  # noqa: SIM117
            with capture(bundle.model) as points, intervene(bundle.model, change):
                run(bundle)
    seen = dict(points)
    assert seen  # the pass had begun
    assert torch.equal(run(bundle), before)
    assert dict(points) == seen


def test_a_captured_value_stays_what_it_was(bundle: Bundle) -> None:
    """What happens to the model's output afterwards is not written into the record."""
    from model.decode import decode_ids

    with capture(bundle.model, ["logits", "encoder.out"]) as points:
        decode_ids(bundle, SOURCE[0].tolist(), "ko")
    assert points["logits"].isfinite().all()


def test_every_probe_of_the_model_is_passed(bundle: Bundle) -> None:
    names = probe_names(bundle.model)
    assert sorted(captured(bundle)) == sorted(names)
    assert {f"{ENCODER}.weights", "decoder.layers.2.cross_attn.q", "logits"} <= set(names)


def test_points_are_chosen_by_name_or_pattern(bundle: Bundle) -> None:
    assert list(captured(bundle, "logits")) == ["logits"]
    found = captured(bundle, "encoder.*.weights", f"{DECODER}.q")
    assert set(found) == {f"encoder.layers.{n}.self_attn.weights" for n in (0, 1)} | {
        f"{DECODER}.q"
    }


@pytest.mark.parametrize("name", ["weights", "encoder.layers.2.*", "Logits", ""])
def test_an_unknown_point_is_named(bundle: Bundle, name: str) -> None:
    with pytest.raises(ValueError, match="no point of this model"), capture(bundle.model, [name]):
        pytest.fail("the block must not be entered")
    with pytest.raises(ValueError, match="no point"), intervene(bundle.model, {name: lift_mask}):
        pytest.fail("the block must not be entered")


def test_captures_may_be_nested(bundle: Bundle) -> None:
    with capture(bundle.model, ["logits"]) as outer:
        with capture(bundle.model, ["encoder.*"]) as inner:
            run(bundle)
        assert "logits" not in inner
        del inner
        seen = outer["logits"]
        other = bundle.model(SOURCE.flip(1), TARGET)
    assert not torch.equal(seen, other)
    assert torch.equal(outer["logits"], other)  # passed twice: the last


def test_two_models_do_not_see_each_other(make_bundle: Any) -> None:
    first, second = make_bundle(seed=1), make_bundle(seed=2)
    alone = run(second)
    with capture(first.model) as points:
        assert torch.equal(run(second), alone)
    assert not points


def test_32_threads_on_one_model_get_what_they_get_alone(make_bundle: Any) -> None:
    bundle = make_bundle(seed=3)
    texts = [f"The animal {'very ' * (n % 5)}didn't cross street {n}." for n in range(8)]
    alone = [trace(bundle, text) for text in texts]
    start = Barrier(32)

    def one(n: int) -> list[Any]:
        start.wait()
        if n % 8 == 7:  # some meddle while the others watch
            with intervene(bundle.model, {"*.weights": torch.zeros_like}):
                return [trace(bundle, texts[n % 8])]
        return [trace(bundle, texts[n % 8]) for _ in range(2)]

    with ThreadPoolExecutor(32) as pool:
        together = list(pool.map(one, range(32)))
    for n, got in enumerate(together):
        expected = alone[n % 8]
        if n % 8 == 7:
            assert not got[0].attention("encoder").any()
            continue
        for one_trace in got:
            assert one_trace.target_tokens == expected.target_tokens
            assert one_trace.points.keys() == expected.points.keys()
            for name, value in expected.points.items():
                assert np.array_equal(one_trace.points[name], value), name


def test_silenced_heads_give_no_context_and_the_others_stay(bundle: Bundle) -> None:
    plain = captured(bundle)
    with intervene(bundle.model, {f"{ENCODER}.weights": silence_heads(0, 2)}):
        points = captured(bundle)
    assert (points[f"{ENCODER}.weights"][:, [0, 2]] == 0).all()
    assert (points[f"{ENCODER}.context"][:, [0, 2]] == 0).all()
    assert torch.equal(points[f"{ENCODER}.context"][:, 1], plain[f"{ENCODER}.context"][:, 1])
    assert not torch.allclose(points["logits"], plain["logits"])
    assert torch.equal(captured(bundle)["logits"], plain["logits"])


def test_a_pasted_pattern_mixes_the_values_as_it_says(bundle: Bundle) -> None:
    pattern = torch.eye(6).roll(1, dims=1)  # every word looks at the next
    with intervene(bundle.model, {f"{ENCODER}.weights": paste_pattern(1, pattern)}):
        points = captured(bundle)
    values = points[f"{ENCODER}.v"][0, 1]
    torch.testing.assert_close(points[f"{ENCODER}.context"][0, 1], values.roll(-1, dims=0))


def test_dropping_the_scale_gives_softmax_of_the_scores(bundle: Bundle) -> None:
    with intervene(bundle.model, {f"{ENCODER}.scaled": drop_scale(bundle.config.d_k)}):
        points = captured(bundle)
    expected = points[f"{ENCODER}.scores"].softmax(dim=-1)  # nothing is masked in one sentence
    torch.testing.assert_close(points[f"{ENCODER}.weights"], expected)


def test_lifting_the_mask_lets_the_future_leak(bundle: Bundle) -> None:
    later = TARGET.clone()
    later[0, -1] = 12

    def first_row(target: Tensor) -> Tensor:
        with torch.inference_mode():
            return bundle.model(SOURCE, target)[0, 0]

    assert torch.equal(first_row(TARGET), first_row(later))
    with intervene(bundle.model, {"decoder.*.self_attn.mask": lift_mask}):
        assert not torch.allclose(first_row(TARGET), first_row(later))
        assert (captured(bundle, f"{DECODER}.weights")[f"{DECODER}.weights"] > 0).all()


def test_a_replacement_of_another_shape_is_refused(bundle: Bundle) -> None:
    with (
        intervene(bundle.model, {"encoder.out": lambda x: x[:, 1:]}),
        pytest.raises(ValueError, match=r"shape \(1, 6, 26\), got \(1, 5, 26\)"),
    ):
        run(bundle)


def test_an_inner_capture_sees_the_replacement_an_outer_one_the_original(bundle: Bundle) -> None:
    point = "encoder.out"
    plain = captured(bundle, point)[point]
    with (
        capture(bundle.model, [point]) as outer,
        intervene(bundle.model, {point: lambda x: x + 1}),
        capture(bundle.model, [point]) as inner,
    ):
        run(bundle)
    assert torch.equal(outer[point], plain)
    assert torch.equal(inner[point], plain + 1)


def test_interventions_add_up_from_outside_in(bundle: Bundle) -> None:
    point = "encoder.out"
    plain = captured(bundle, point)[point]
    with (
        intervene(bundle.model, {point: lambda x: x + 1}),
        intervene(bundle.model, {point: lambda x: x * 2}),
    ):
        assert torch.equal(captured(bundle, point)[point], (plain + 1) * 2)


def test_a_trace_of_a_lifted_mask_tells_the_truth(bundle: Bundle) -> None:
    """Each layer's steps hold its own mask; the recomputed steps still fit the captured ones."""
    with intervene(bundle.model, {f"{DECODER}.mask": lift_mask}):
        t = trace(bundle, "I am a student.", target="나는 학교에")
    assert t.steps("decoder", 3, 0).mask.all()
    assert not t.steps("decoder", 2, 0).mask.all()
    for kind in KINDS:
        for layer in range(t.n_layers[kind]):
            assert t.steps(kind, layer, 2).largest_difference < 1e-5
