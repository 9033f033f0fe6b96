"""Attention step by step: what the page computes is what the model's own hooks see."""

import itertools
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model import KINDS, Bundle, Trace, capture, load, trace
from model.analysis.steps import STAGES, Stages, attention_stages, largest
from model.corpus.generator import generate
from viz.sentence import EXAMPLES

TEXT = "The animal didn't cross the street because it was too tired."
CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "jumok"
WHERE = {"encoder": "encoder.layers.{}.self_attn", "decoder": "decoder.layers.{}.self_attn"}
WHERE |= {"cross": "decoder.layers.{}.cross_attn"}
LETTERS = {
    "en": "abcdefghijklmnopqrstuvwxyz",
    "ko": "가나다라마바사아자차카타파하고노도로모보소오조",
    "fr": "abcdefghijklmnoprstuvéèàçêôûî",
}


@pytest.fixture(scope="module")
def t(bundle: Bundle) -> Trace:
    return trace(bundle, TEXT, target="그 동물은 길을 건너지 않았다.", target_lang="ko")


def heads(bundle: Bundle, t: Trace) -> list[tuple[Any, int, int]]:
    n = bundle.config.n_heads
    return [(kind, la, h) for kind in KINDS for la in range(t.n_layers[kind]) for h in range(n)]


# ── 200 sentences, every attention, every layer, every head ──────────────────────────────────────


def sentences() -> list[tuple[str, str | None, str]]:
    """(text, target or None to translate, language): examples, corpus, random text."""
    examples = [(e.text, None, "ko") for group in EXAMPLES.values() for e in group]
    drawn = [item.examples[0].sentences for item in generate(130, seed=23)]
    ways = itertools.cycle([("en", "ko"), ("ko", "en"), ("en", "fr"), ("fr", "ko"), ("ko", "fr")])
    corpus = [
        (said[start].text, said[end].text, end)
        for said, (start, end) in zip(drawn, ways, strict=False)
    ]
    draw = random.Random(5)
    count = 200 - len(examples) - len(corpus)
    languages = [draw.choice(["en", "ko", "fr"]) for _ in range(count)]
    noise = [(gibberish(draw, lang), gibberish(draw, lang), lang) for lang in languages]
    return [*examples, *corpus, *noise]


def gibberish(draw: random.Random, lang: str) -> str:
    words = [draw.choices(LETTERS[lang], k=draw.randint(1, 6)) for _ in range(draw.randint(1, 12))]
    return " ".join(map("".join, words))


def test_every_stage_of_every_head_is_what_the_hooks_saw_in_200_sentences() -> None:
    bundle = load(CHECKPOINT, device="cpu")
    asked = sentences()
    assert len(asked) == 200
    assert {lang for _, _, lang in asked} == {"en", "ko", "fr"}
    worst = dict.fromkeys(STAGES, 0.0)
    for text, target, lang in asked:
        with capture(bundle.model) as seen:  # what passes last is the Trace's own forward pass
            t = trace(bundle, text, target=target, target_lang=lang)  # type: ignore[arg-type]
        for kind, layer, head in heads(bundle, t):
            stages = attention_stages(bundle, t, kind, layer, head)
            block = WHERE[kind].format(layer)
            for stage, difference in against(stages, seen, block, head).items():
                assert difference <= 1e-6, (stage, text, kind, layer, head)
                assert stages.differences[stage] == pytest.approx(difference, abs=1e-7)
            size = max(1.0, float(np.abs(stages.context).max()))
            assert stages.differences["weigh"] <= 1e-6 * size
            worst = {stage: max(worst[stage], stages.differences[stage]) for stage in STAGES}
    assert 0 < worst["softmax"] < 1e-6  # a quotient made here is rounded once more: not copied


def against(stages: Stages, seen: Any, block: str, head: int) -> dict[Any, float]:
    """Each stage's arrays against the tensors of the forward pass itself."""

    def of_head(point: str) -> np.ndarray:
        return seen[f"{block}.{point}"][0, head].numpy()

    def of_all(name: str) -> np.ndarray:
        return seen[name][0].numpy()

    normed = of_all(f"{block}_add.normed")
    contexts = of_all(f"{block}.context")
    return {
        "input": max(largest(stages.before, of_all(f"{block}_add.x")), largest(stages.x, normed)),
        "project": max(largest(getattr(stages, name), of_head(name)) for name in "qkv"),
        "scores": largest(stages.scores, of_head("scores")),
        "scale": largest(stages.scaled, of_head("scaled")),
        "mask": largest(stages.masked, of_head("masked")),
        "softmax": max(
            largest(stages.weights, of_head("weights")),
            largest(stages.exp / stages.total[:, None], of_head("weights")),
        ),
        "context": largest(stages.context, of_head("context")),
        "concat": largest(stages.concat, np.concatenate(list(contexts), axis=1)),
        "output": largest(stages.out, of_all(f"{block}.out")),
    }


# ── what each stage is ───────────────────────────────────────────────────────────────────────────


def test_stages_follow_the_formulas_in_double_precision(bundle: Bundle, t: Trace) -> None:
    """Worked out with other arithmetic than the model's; d_v is not d_k here, and d_k no square."""
    for kind, layer, head in heads(bundle, t):
        s = attention_stages(bundle, t, kind, layer, head)
        f = {name: v.astype(float) for name, v in vars(s).items() if isinstance(v, np.ndarray)}
        q, k, v = (
            f[rows] @ f[f"w_{n}"] + f[f"b_{n}"]
            for rows, n in (("x", "q"), ("memory", "k"), ("memory", "v"))
        )
        scores = q @ k.T
        masked = np.where(s.mask, scores / math.sqrt(5), -np.inf)
        exp = np.exp(masked - masked.max(axis=1, keepdims=True))
        weights = exp / exp.sum(axis=1, keepdims=True)
        out = f["concat"] @ f["w_o"] + f["b_o"]
        made = dict(q=q, k=k, v=v, scores=scores, masked=masked, weights=weights, out=out)
        made |= dict(context=weights @ v, top=masked.max(axis=1), total=exp.sum(axis=1))
        for name, value in made.items():
            np.testing.assert_allclose(getattr(s, name), value, rtol=2e-5, atol=2e-5, err_msg=name)
        assert np.array_equal(s.concat[:, 7 * head : 7 * head + 7], s.context)
        assert set(s.differences) == set(STAGES)
        assert max(s.differences.values()) < 1e-5


def test_products_add_up_to_the_score_and_weighted_values_to_the_context(
    bundle: Bundle, t: Trace
) -> None:
    s = attention_stages(bundle, t, "cross", 1, 2)
    for query, key in np.ndindex(s.scores.shape):
        products = s.products(query, key)
        assert products.shape == (5,)
        assert products[3] == s.q[query, 3] * s.k[key, 3]
        assert products.sum(dtype=float) == pytest.approx(s.scores[query, key], abs=1e-5)
    for query in range(len(s.weights)):
        weighted = s.weighted(query)
        assert weighted.shape == s.v.shape
        np.testing.assert_allclose(weighted.sum(axis=0), s.context[query], atol=1e-5)


def test_a_score_worked_out_by_hand() -> None:
    s = Stages(**dict.fromkeys(Stages.__annotations__, None))  # type: ignore[arg-type]
    vars(s).update(
        q=np.float32([[2, 3], [1, 0]]),
        k=np.float32([[5, 7], [0, -1]]),
        v=np.float32([[10, 20], [30, 40]]),
        weights=np.float32([[0.25, 0.75], [1, 0]]),
    )
    assert s.products(0, 0).tolist() == [10, 21]
    assert s.products(0, 1).tolist() == [0, -3]
    assert s.weighted(0).tolist() == [[2.5, 5], [22.5, 30]]
    assert s.weighted(1).tolist() == [[10, 20], [0, 0]]


def test_only_the_bottom_of_a_stack_is_word_plus_position(bundle: Bundle, t: Trace) -> None:
    for kind, layer, head in heads(bundle, t):
        s = attention_stages(bundle, t, kind, layer, head)
        if kind != "cross" and layer == 0:
            assert s.word is not None
            assert s.position is not None
            side: Any = "source" if kind == "encoder" else "target"
            assert np.array_equal(s.word, t.embedded(side))
            assert np.array_equal(s.before, s.word + s.position)
        else:
            assert s.word is None
            assert s.position is None
        normed = not np.array_equal(s.x, s.before)
        assert normed == (bundle.config.norm == "pre")
        assert np.array_equal(s.memory, t.points["encoder.out"] if kind == "cross" else s.x)


@pytest.mark.parametrize(("layer", "head"), [(4, 0), (-1, 0), (0, 3), (0, -1)])
def test_there_is_no_such_head(bundle: Bundle, t: Trace, layer: int, head: int) -> None:
    with pytest.raises(IndexError):
        attention_stages(bundle, t, "decoder", layer, head)


# ── the badge tells the truth ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("point", "stage"),
    [("q", "project"), ("v", "project"), ("weights", "softmax"), ("context", "context")],
)
def test_a_captured_tensor_that_was_changed_shows_at_its_stage(
    bundle: Bundle, t: Trace, point: str, stage: Any
) -> None:
    name = f"encoder.layers.1.self_attn.{point}"
    wrong = t.points[name].copy()
    wrong[2] += np.float32(0.125)
    broken = Trace(**(vars(t) | {"points": {**t.points, name: wrong}}))
    found = attention_stages(bundle, broken, "encoder", 1, 2).differences
    assert found[stage] == pytest.approx(0.125, abs=1e-5)
    assert found["scores"] < 1e-5
    assert attention_stages(bundle, broken, "encoder", 1, 1).differences[stage] < 1e-5


@pytest.mark.parametrize(("point", "stage"), [("out", "output"), ("context", "concat")])
def test_the_block_is_compared_as_a_whole(bundle: Bundle, t: Trace, point: str, stage: Any) -> None:
    name = f"decoder.layers.0.cross_attn.{point}"
    wrong = t.points[name] + np.float32(0.25)
    broken = Trace(**(vars(t) | {"points": {**t.points, name: wrong}}))
    found = attention_stages(bundle, broken, "cross", 0, 0).differences
    assert found[stage] == pytest.approx(0.25, abs=1e-5)


def test_minus_infinity_on_one_side_only_is_an_infinite_difference() -> None:
    here = np.float32([1, -np.inf, -np.inf])
    assert largest(here, here) == 0
    assert largest(here, np.float32([1.5, -np.inf, -np.inf])) == 0.5
    assert largest(here, np.float32([1, -np.inf, 0])) == np.inf
    assert largest(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)) == 0
