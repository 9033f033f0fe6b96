"""A recurrent model as a Trace; its steps, its memory, and quality by length."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model import AnyBundle, Bundle, ModelError, Trace, trace, translate
from model.analysis import lengths
from model.analysis.history import decoder_step
from model.analysis.memory import jacobian_norms, last_vector, reach
from model.analysis.translation import pieces_right, share_of_pieces
from model.checkpoint import bundled
from model.config import RecurrentConfig, Scoring
from model.corpus.writing import Reference, Sentence, Span
from model.recurrent import Recurrent
from model.tokenizer import Tokenizer
from model.training.batches import joined

TEXT, TARGET = "The animal didn't cross the street.", "그 동물은 길을 건너지 않았다."
ATTENDING: tuple[Scoring, ...] = ("bahdanau", "dot", "general", "concat")


def made(tokenizer: Tokenizer, attention: Scoring, name: str = "tests", **sizes: Any) -> AnyBundle:
    torch.manual_seed(0)
    changes = dict(d_model=6, d_hidden=10) | sizes
    model = Recurrent(RecurrentConfig(tokenizer.vocab_size, attention, **changes)).eval()
    return bundled(name, model, tokenizer, {"translation": {"en-ko": {}}}, attention)


@pytest.fixture(scope="module", params=ATTENDING)
def attending(request: pytest.FixtureRequest, tokenizer: Tokenizer) -> AnyBundle:
    return made(tokenizer, request.param)


@pytest.fixture(scope="module")
def plain(tokenizer: Tokenizer) -> AnyBundle:
    return made(tokenizer, "none")


# ── the Trace ────────────────────────────────────────────────────────────────────────────────────


def test_the_alignment_has_the_axes_of_cross_attention(attending: AnyBundle) -> None:
    found = trace(attending, TEXT, TARGET)
    shape = (1, 1, len(found.target_tokens), len(found.source_tokens))
    assert found.kinds == ("cross",)
    assert found.attention("cross").shape == shape
    assert found.mask("cross").all()
    np.testing.assert_allclose(found.attention("cross").sum(axis=-1), 1, atol=1e-6)
    with torch.inference_mode():
        ids = (attending.tokenizer.source(TEXT).ids, attending.tokenizer.target(TARGET, "ko").ids)
        logits = attending.model(*(torch.tensor([row]) for row in ids))[0]
    np.testing.assert_allclose(found.logits, logits.numpy(), atol=1e-6)


def test_without_a_target_the_model_translates(attending: AnyBundle) -> None:
    assert trace(attending, TEXT).output == translate(attending, TEXT, "ko")


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_what_a_recurrent_model_lacks_is_told(attending: AnyBundle, kind: Any) -> None:
    found = trace(attending, TEXT, TARGET)
    for ask in (found.attention, found.mask, lambda kind: found.steps(kind, 0, 0)):
        with pytest.raises(ModelError) as error:
            ask(kind)
        assert error.value.code == "no_such_attention"
    with pytest.raises(ModelError) as error:
        found.positional("source")
    assert error.value.code == "no_positions"


def test_the_plain_model_has_no_attention_at_all(plain: AnyBundle) -> None:
    found = trace(plain, TEXT, TARGET)
    assert found.kinds == ()
    assert found.to_json()["attention"] == {}
    for ask in (lambda: found.attention("cross"), lambda: decoder_step(plain, found, 0)):
        with pytest.raises(ModelError) as error:
            ask()
        assert error.value.code == "no_such_attention"


def test_a_trace_is_kept_in_a_file(attending: AnyBundle, tmp_path: Path) -> None:
    before = trace(attending, TEXT, TARGET)
    before.save(tmp_path / "t.npz")
    after = Trace.load(tmp_path / "t.npz")
    assert (after.kinds, after.norm) == (("cross",), None)
    np.testing.assert_array_equal(after.attention("cross"), before.attention("cross"))


# ── one step ─────────────────────────────────────────────────────────────────────────────────────


def test_a_step_follows_from_its_own_numbers(attending: AnyBundle) -> None:
    found = trace(attending, TEXT, TARGET)
    step = decoder_step(attending, found, 3)
    assert step.largest_difference < 1e-5
    if step.query is None:
        scores = step.keys @ step.state
    else:
        scores = np.tanh(step.query + step.keys) @ step.v
        np.testing.assert_allclose(step.hidden, np.tanh(step.query + step.keys), atol=1e-6)
    np.testing.assert_allclose(step.scores, scores, atol=1e-6)
    exp = np.exp(scores)
    np.testing.assert_allclose(step.weights, exp / exp.sum(), atol=1e-6)
    np.testing.assert_allclose(step.context, step.weights @ step.annotations, atol=1e-6)
    np.testing.assert_array_equal(step.weights, found.attention("cross")[0, 0, 3])
    (piece, share), *_ = step.likeliest
    shares = torch.tensor(found.logits[3]).softmax(dim=-1)
    assert share == pytest.approx(shares.max().item())
    assert attending.tokenizer.decode([int(shares.argmax())]) == piece.replace("▁", "").strip()


def test_bahdanaus_new_state_is_what_the_next_step_looks_from(tokenizer: Tokenizer) -> None:
    bundle = made(tokenizer, "bahdanau")
    found = trace(bundle, TEXT, TARGET)
    steps = [decoder_step(bundle, found, n) for n in (2, 3)]
    np.testing.assert_allclose(steps[0].new_state, steps[1].state, atol=1e-6)


def test_a_changed_trace_shows_in_the_difference(attending: AnyBundle) -> None:
    found = trace(attending, TEXT, TARGET)
    weights = "decoder.layers.0.cross_attn.weights"
    changed = dict(found.points) | {weights: found.points[weights] + 0.25}
    values = {**vars(found), "points": changed}
    assert decoder_step(attending, Trace(**values), 1).largest_difference == pytest.approx(0.25)


def test_there_is_no_step_behind_the_last(attending: AnyBundle) -> None:
    found = trace(attending, TEXT, TARGET)
    with pytest.raises(IndexError):
        decoder_step(attending, found, len(found.target_tokens))


# ── memory ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["recurrent", "transformer"])
def test_dependence_agrees_with_finite_differences(
    tokenizer: Tokenizer, make_bundle: Any, kind: str
) -> None:
    torch.manual_seed(1)
    sizes = dict(n_encoder_layers=1, n_decoder_layers=1, d_model=6, n_heads=2, d_ff=5)
    bundle = made(tokenizer, "none") if kind == "recurrent" else make_bundle(**sizes)
    model = bundle.model
    before = model.state_dict()
    try:
        f, x = last_vector(model.double()), torch.randn(1, 5, 6, dtype=torch.float64)
        norms, wanted, little = jacobian_norms(f, x), torch.zeros(5, dtype=torch.float64), 1e-5
        with torch.no_grad():
            for j in range(5):
                for k in range(6):
                    more, less = x.clone(), x.clone()
                    more[0, j, k] += little
                    less[0, j, k] -= little
                    wanted[j] += ((f(more) - f(less)) / (2 * little)).square().sum()
        torch.testing.assert_close(norms, wanted.sqrt(), rtol=1e-5, atol=1e-8)
        assert (norms > 0).all()
    finally:
        model.float().load_state_dict(before)


def test_a_gru_that_keeps_its_state_remembers_nothing_new(tokenizer: Tokenizer) -> None:
    """With the update gate z at 1, h stays what it was: it depends on no word."""
    bundle = made(tokenizer, "none")
    model = bundle.model
    assert isinstance(model, Recurrent)
    half = model.config.d_hidden // 2
    with torch.no_grad():
        model.encoder.gru.bias_ih_l0[half : 2 * half] = 100.0
    assert reach(bundle, TEXT).norms.max() < 1e-6


def test_reach_has_a_share_for_each_piece(attending: AnyBundle) -> None:
    found = reach(attending, TEXT)
    assert len(found.norms) == len(found.tokens)
    assert found.tokens[-1] == "</s>"
    assert found.shares.sum() == pytest.approx(1)
    assert sorted(n for _, pieces in found.words for n in pieces) == list(range(len(found.tokens)))


# ── quality by length ────────────────────────────────────────────────────────────────────────────


def test_joined_sentences_keep_their_pronouns() -> None:
    def sentence(text: str) -> Sentence:
        at = text.index("it")
        reference = Reference(Span(at, at + 2), Span(0, 3), (Span(4, 7),))
        return Sentence(text, (reference,), (1,))

    both = joined([sentence("Cat dog it."), sentence("Cow pig saw it.")])
    assert both.text == "Cat dog it. Cow pig saw it."
    assert both.cuts == (1, 13)
    words = [
        [both.text[span.start : span.end] for span in (r.pronoun, r.antecedent, *r.distractors)]
        for r in both.references
    ]
    assert words == [["it", "Cat", "dog"], ["it", "Cow", "pig"]]


def test_quality_by_length_on_the_same_texts(tokenizer: Tokenizer) -> None:
    bundles = [made(tokenizer, "none", "one"), made(tokenizer, "dot", "other", max_len=300)]
    found = lengths.measure(bundles, each=8)
    assert set(found["models"]) == {"one", "other"}
    assert found["models"]["one"]["parameters"] == bundles[0].config.n_parameters
    measured = found["sets"]["generated"]["en-ko"]
    ends = [bucket["pieces"] for bucket in measured["buckets"]]
    assert ends == sorted(ends)
    assert all(low <= high for low, high in ends)
    assert all(
        bucket["pieces"][0] <= bucket["mean_pieces"] <= bucket["pieces"][1]
        for bucket in measured["buckets"]
    )
    for measure in ("chrf", "accuracy"):
        for values in measured[measure].values():
            assert len(values) == len(ends)
            for value in values:
                low, high = value["interval"]
                assert 0 <= low <= value["value"] <= high
    assert "other" in lengths.table(found)


def test_accuracy_counts_what_is_predicted_right(tokenizer: Tokenizer) -> None:
    bundle = made(tokenizer, "general")
    texts = [lengths.Text(TEXT, TARGET), lengths.Text("I am a student.", "나는 학교에 갔다.")]
    right, count = pieces_right(
        bundle.model,
        tokenizer,
        [text.source for text in texts],
        [text.target for text in texts],
        "ko",
    )
    for n, text in enumerate(texts):
        labels = [*tokenizer.target(text.target, "ko").ids, 3]
        with torch.inference_mode():
            logits = bundle.model(
                torch.tensor([tokenizer.source(text.source).ids]), torch.tensor([labels[:-1]])
            )[0, 1:]
        assert right[n] == (logits.argmax(dim=-1) == torch.tensor(labels[2:])).sum()
        assert count[n] == len(labels) - 2


def test_texts_not_pieces_are_drawn_anew_for_the_interval() -> None:
    """Two texts, one all right and one all wrong: a quarter of the draws is all of either."""
    found = share_of_pieces(np.array([50, 0]), np.array([50, 50]))
    assert found == {"value": 0.5, "n": 100, "interval": [0.0, 1.0]}


def test_models_of_other_vocabularies_are_not_compared(tokenizer: Tokenizer) -> None:
    other = Tokenizer.train([("Another text of the world.", [])] * 9, vocab_size=40)
    with pytest.raises(ModelError) as error:
        lengths.measure([made(tokenizer, "none"), made(other, "none", "b")])
    assert error.value.code == "different_vocabularies"


def test_what_was_measured_is_kept(tmp_path: Path) -> None:
    path = tmp_path / lengths.NAME
    assert lengths.load(path) is None
    lengths.write(path, {"sets": {"이름": {}}})
    assert lengths.load(path) == {"sets": {"이름": {}}}
    path.write_text("[1]")
    assert lengths.load(path) is None


def test_a_transformer_is_a_bundle(bundle: Bundle) -> None:
    again = bundled("x", bundle.model, bundle.tokenizer, {}, "v")
    assert isinstance(again, Bundle)
    assert again.config is bundle.config
