"""Evaluation: what is counted, by hand; and that batches change nothing."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model import load
from model.__main__ import main
from model.analysis.coreference import naming_probabilities
from model.analysis.evaluate import (
    Answers,
    Question,
    _baselines,
    ask,
    best_head,
    evaluate,
    mean,
    measure_speed,
    questions,
    wilson,
)
from model.capture import capture, intervene
from model.checkpoint import save
from model.config import PRESETS, ModelConfig, to_dict
from model.corpus.generator import generate
from model.corpus.splits import SPLITS
from model.tokenizer import Encoding, Tokenizer
from model.training.card import report
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


def asked_of(text: str, pronoun: int, antecedent: int, *distractors: int) -> Question:
    """A question about a sentence whose every word is one piece."""
    words = text.split()
    starts = [sum(len(word) + 1 for word in words[:n]) for n in range(len(words))]
    offsets = [(at, at + len(word)) for at, word in zip(starts, words, strict=True)]
    encoding = Encoding(text, list(range(7, 7 + len(words))), words, list(offsets))
    return Question(
        encoding.with_special(eos=True), pronoun, [antecedent], [[d] for d in distractors]
    )


def test_rules_without_a_model_by_hand() -> None:
    twins = "the cat saw the dog near the park because it was {} ."
    tired = asked_of(twins.format("tired"), 9, 1, 4, 7)
    loud = asked_of(twins.format("green"), 9, 7, 1, 4)
    assert [tired.nearest_is_right, loud.nearest_is_right] == [False, True]
    assert [tired.first_is_right, loud.first_is_right] == [True, False]
    assert tired.words == 12  # without the full stop and </s>
    behind = asked_of("when it fell the cup broke a plate", 1, 4, 7)
    assert behind.nearest_is_right
    assert behind.first_is_right

    found = _baselines([tired, loud])
    assert found["nearest_noun"]["value"] == found["first_noun"]["value"] == 0.5
    assert found["nearest_noun_flip"] == {"value": 0.0, "n": 1, "interval": wilson(0, 1)}
    assert found["chance_noun"] == {"value": 0.3333, "n": 2}
    assert found["chance_word"] == {"value": 0.0833, "n": 2}
    assert found["chance_flip"] == {"value": 0.1111, "n": 1}


def test_generated_twins_give_rules_no_more_than_half(tokenizer: Tokenizer) -> None:
    """Twins differ in the antecedent only, so no rule of position can be right in both."""
    examples = [e for item in generate(60, seed=4, split="pairs") for e in item.examples]
    for lang in ("en", "ko", "fr"):
        found = _baselines(questions(tokenizer, examples, lang))  # type: ignore[arg-type]
        assert found["nearest_noun"]["value"] <= 0.55
        assert found["nearest_noun_flip"]["value"] <= 0.1


def test_a_mean_has_an_interval_of_twice_its_standard_error() -> None:
    # standard deviation 2, standard error 1
    values = np.array([1.0, 1.0, 5.0, 5.0]) * math.sqrt(3) / 2
    found = mean(values)
    assert found["n"] == 4
    assert found["value"] == pytest.approx(2.5981, abs=1e-4)
    assert np.diff(found["interval"])[0] == pytest.approx(2 * 1.96, abs=1e-3)
    assert mean(np.array([2.0]))["interval"] == [2.0, 2.0]


def test_evaluation_reports_shares_with_counts(
    model: Transformer, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    dev = tmp_path / "real.tsv"
    dev.write_text(
        "I sing.\t나는 노래한다.\tsongs\nI sleep.\t나는 잔다.\tsongs\n", encoding="utf-8"
    )
    measured = evaluate(model, tokenizer, items=10, dev=[dev])
    best = measured["heads"]["best"]["ko"]
    assert best["argmax"]["n"] == 10  # half of ten pairs of twins
    assert best["flip"]["n"] == 5
    assert measured["naming"]["en"]["n"] == 20
    low, high = measured["naming"]["en"]["interval"]
    assert 0 <= low <= measured["naming"]["en"]["value"] <= high <= 1
    every = measured["heads"]["all"]["en"]
    assert np.shape(every["mass"]) == (2, 3)
    assert np.shape(every["intervals"]["argmax"]) == (2, 3, 2)
    assert every["n"] == {"argmax": 20, "prefers": 20, "flips": 10, "mass": 20}
    directions = {"en-ko", "ko-en", "en-fr", "ko-fr"}
    assert set(measured["translation"]) == set(measured["scores"]["generated"]) == directions
    assert measured["scores"]["generated"]["ko-fr"]["n"] == 20
    assert set(measured["scores"]["dev"]["real.tsv"]) == {"en-ko", "ko-en"}
    assert measured["unseen_templates"]["heads"]["best"]["en"]["argmax"]["n"] == 10
    words = measured["pieces_per_word"]["en"]
    assert words["value"] >= 1 >= words["whole_words"]["value"]


def test_every_split_that_is_held_out_is_measured(model: Transformer, tokenizer: Tokenizer) -> None:
    measured = evaluate(model, tokenizer, items=2, directions=[("ko", "en")])
    assert {f"unseen_{split}" for split in SPLITS[2:]} <= set(measured)
    assert set(measured["naming"]) == {"ko"}
    assert set(measured["scores"]["generated"]) == {"ko-en"}


def test_speed_is_timed_on_the_cpu_and_leaves_the_threads_alone(
    model: Transformer, tokenizer: Tokenizer
) -> None:
    threads = torch.get_num_threads()
    speed = measure_speed(model, tokenizer, "I am a student.", ["fr"])
    assert torch.get_num_threads() == threads
    assert set(speed["fr"]["milliseconds"]) == {"1", "2"}
    assert all(ms > 0 for ms in speed["fr"]["milliseconds"].values())
    assert 0 <= speed["fr"]["pieces"] <= 2 * 6 + 20


def test_the_command_keeps_what_it_measured_and_what_it_measured_before(
    model: Transformer, tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.__main__.evaluate", functools.partial(evaluate, items=4))
    quickly = functools.partial(measure_speed, text="I go.", threads=(1,))
    monkeypatch.setattr("model.__main__.measure_speed", quickly)
    how = {
        "steps": 1, "processes": 1, "command": "", "device": "CPU", "precision": "32-true",
        "seconds": 1, "torch": "2", "python": "3", "epochs": 1,
        "settings": to_dict(PRESETS["tiny"].train),
    }  # fmt: skip
    checkpoint, dev = tmp_path / "mine", tmp_path / "real.tsv"
    save(checkpoint, model, tokenizer, {"training": how}, "")
    dev.write_text("I sing.\t나는 노래한다.\n", encoding="utf-8")
    assert main(["evaluate", str(checkpoint), "--keep", "--dev", str(dev)]) == 0
    assert main(["evaluate", str(checkpoint), "--keep"]) == 0
    metrics = load(checkpoint).metrics
    assert metrics["training"] == how
    assert set(metrics["scores"]["dev"]) == {"real.tsv"}
    assert metrics["speed"]["ko"]["milliseconds"]["1"] > 0
    assert report(metrics) in (checkpoint / "CARD.md").read_text(encoding="utf-8")
    assert (checkpoint / "metrics.json").stat().st_size < 300_000
