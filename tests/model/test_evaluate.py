"""Evaluation: what is counted, by hand; and that batches change nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from model.analysis.coreference import naming_probabilities
from model.analysis.evaluate import Answers, ask, best_head, evaluate, questions, wilson
from model.capture import capture, intervene
from model.config import PRESETS, ModelConfig
from model.corpus.generator import generate
from model.tokenizer import Tokenizer
from model.training.loop import learn_vocabulary
from model.transformer import Transformer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learn_vocabulary(replace(PRESETS["tiny"].train, items=300))


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> Transformer:
    torch.manual_seed(3)
    sizes = dict(d_model=14, n_heads=3, d_k=5, d_v=7, d_ff=11)
    config = ModelConfig(vocab_size=tokenizer.vocab_size, n_encoder_layers=2, **sizes)
    return Transformer(config).eval()


def test_wilson_interval_of_a_textbook_example() -> None:
    # 81 of 263 (Newcombe 1998, table I): 0.2553 to 0.3662
    assert wilson(81, 263) == [0.2553, 0.3662]
    assert wilson(10, 10)[1] == 1.0
    assert wilson(0, 10)[0] == 0.0


def test_the_best_head_is_chosen_by_argmax_and_flips() -> None:
    argmax = np.zeros((4, 2, 3), dtype=bool)
    prefers = np.zeros((4, 2, 3), dtype=bool)
    argmax[:, 0, 1] = True  # largest weight always right, twin never flips
    prefers[[0, 2], 0, 1] = True
    argmax[:3, 1, 2] = True  # right three times of four, and flips with both twins
    prefers[:, 1, 2] = True
    answers = Answers(argmax, prefers, argmax.astype(float), argmax[:, 0, 0])
    assert answers.flips[:, 0, 1].tolist() == [False, False]
    assert answers.flips[:, 1, 2].tolist() == [True, True]
    assert best_head(answers) == (1, 2)


@pytest.mark.parametrize("lang", ["en", "ko", "fr"])
def test_batches_give_what_each_sentence_gives_alone(
    model: Transformer, tokenizer: Tokenizer, lang: str
) -> None:
    examples = [e for item in generate(40, seed=1, split="pairs") for e in item.examples]
    asked = questions(tokenizer, examples, lang)  # type: ignore[arg-type]
    answers = ask(model, asked)
    for n, question in enumerate(asked):
        source = torch.tensor([question.encoding.ids])
        with torch.inference_mode(), capture(model, ["encoder.*.weights"]) as points:
            encoded = model.encode(source)[0, question.pronoun]
        rows = torch.stack(list(points.values()))[:, 0, :, question.pronoun]
        np.testing.assert_allclose(
            answers.mass[n], rows[..., question.antecedent].sum(-1), atol=1e-6
        )
        top = rows.argmax(-1).numpy()
        assert (answers.argmax[n] == np.isin(top, question.antecedent)).all()
        rivals = torch.stack([rows[..., d].sum(-1) for d in question.distractors]).amax(0)
        clear = np.abs(answers.mass[n] - rivals.numpy()) > 1e-6
        prefers = answers.mass[n] > rivals.numpy()
        assert (answers.prefers[n] == prefers)[clear].all()
        with torch.inference_mode():
            shares = naming_probabilities(model.name(encoded[None])[0], source[0])
        words = question.encoding.words()
        word = max(words, key=lambda word: float(shares[word[1]].sum()))
        assert answers.named[n] == bool(set(word[1]) & set(question.antecedent))


def test_a_head_that_copies_the_answer_scores_full_marks(
    model: Transformer, tokenizer: Tokenizer
) -> None:
    """The scale's upper end: paste attention that is right by construction into one head."""
    examples = [e for item in generate(8, seed=2, split="pairs") for e in item.examples]
    asked = questions(tokenizer, examples, "en")
    perfect = torch.zeros(len(asked), 3, *[max(len(q.encoding.ids) for q in asked)] * 2)
    for n, question in enumerate(asked):
        perfect[n, 1, question.pronoun, question.antecedent[0]] = 1

    def paste(weights: torch.Tensor) -> torch.Tensor:
        return perfect

    with intervene(model, {"encoder.layers.1.self_attn.weights": paste}):
        answers = ask(model, asked)
    assert best_head(answers) == (1, 1)
    assert answers.argmax[:, 1, 1].all()
    assert answers.flips[:, 1, 1].all()
    assert (answers.mass[:, 1, 1] == 1).all()
    assert not answers.prefers[:, 1, 0].any()


def test_evaluation_reports_shares_with_counts(model: Transformer, tokenizer: Tokenizer) -> None:
    measured = evaluate(model, tokenizer, items=10)
    best = measured["heads"]["best"]["ko"]
    assert best["argmax"]["n"] == 10  # half of ten pairs of twins
    assert best["flip"]["n"] == 5
    assert measured["naming"]["en"]["n"] == 20
    low, high = measured["naming"]["en"]["interval"]
    assert 0 <= low <= measured["naming"]["en"]["value"] <= high <= 1
    assert np.shape(measured["heads"]["all"]["en"]["mass"]) == (2, 3)
    assert set(measured["translation"]) == {"en-ko", "ko-en", "en-fr", "ko-fr"}
    assert measured["unseen_templates"]["heads"]["best"]["en"]["argmax"]["n"] == 10
