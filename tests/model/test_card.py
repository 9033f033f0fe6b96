"""The card says what metrics.json says, and nothing where nothing was measured."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from model.config import PRESETS, ModelConfig, to_dict
from model.training.card import card, every_head, report

TRAIN = PRESETS["tiny"].train
MODEL = ModelConfig(vocab_size=101, **PRESETS["tiny"].model)


def share(value: float, n: int = 100) -> dict[str, Any]:
    return {"value": value, "n": n, "interval": [value - 0.01, value + 0.01]}


def pronouns(naming: float) -> dict[str, Any]:
    best = {name: share(0.9) for name in ("argmax", "prefers", "flip", "mass")}
    table = [[0.125, 0.25], [0.5, 0.625]]
    every = dict.fromkeys(("argmax", "prefers", "flips", "mass"), table)
    rules = ("nearest_noun", "nearest_noun_flip", "first_noun", "first_noun_flip")
    baseline = dict.fromkeys(rules, share(0.49))
    baseline |= {f"chance_{what}": {"value": 0.111, "n": 9} for what in ("noun", "word", "flip")}
    return {
        "naming": {"en": share(naming)},
        "baselines": {"en": baseline},
        "heads": {
            "best": {"en": {"layer": 2, "head": 0, **best}},
            "all": {"en": {**every, "n": {"argmax": 2000, "flips": 1000}}},
        },
    }


def of_others() -> dict[str, Any]:
    rules = {"nearest_noun": share(0.75), "first_noun": share(0.25), "chance_noun": share(0.5)}
    naming = {"value": 0.4, "n": 400, "interval": [0.35, 0.45]}
    return rules | {"naming": naming, "of_nouns": share(0.55), "prefers": share(0.6)}


def scored(chrf: float) -> dict[str, Any]:
    value = {"value": chrf, "interval": [chrf - 1, chrf + 1]}
    return {"n": 1860, "chrf": {**value, "signature": "c:1"}, "bleu": {**value, "signature": "b:1"}}


@pytest.fixture
def metrics() -> dict[str, Any]:
    return copy.deepcopy(
        {
            "measured_on": {"twins": 1000},
            **pronouns(0.99),
            "unseen_templates": pronouns(0.75),
            "translation": {"en-ko": share(0.8)},
            "pieces_per_word": {"ko": {**share(1.5), "whole_words": share(0.6)}},
            "training": {
                "steps": 400, "processes": 1, "command": "python -m model train", "device": "CPU",
                "precision": "32-true", "seconds": 61, "torch": "2", "python": "3.11",
                "settings": to_dict(TRAIN), "epochs": 2, "origins": [],
            },
        }
    )  # fmt: skip


def test_the_card_tells_what_was_measured(metrics: dict[str, Any]) -> None:
    text = card("mine", MODEL, TRAIN, metrics)
    assert text.startswith("# mine\n")
    assert "| **English** | 99.0% [98.0%, 100.0%] | layer 3, head 1 | 90.0%" in text
    assert "| nearest noun | 49.0% |  | 49.0% | 49.0% | 49.0% |  |" in text
    assert "| chance | 11.1% |" in text
    assert "In frames that it never met it names 25% of English pronouns wrong" in text
    assert "en → ko 80.0%" in text
    assert "1.50 [1.49, 1.51] pieces an eojeol" in text
    assert "No other text was used" in text
    assert "generated sentences only" in text


def test_nothing_is_said_of_what_was_not_measured(metrics: dict[str, Any]) -> None:
    text = card("mine", MODEL, TRAIN, metrics)
    for absent in (
        "chrF",
        "### Speed",
        "### What leads",
        "### Other seeds",
        "On nouns that training",
    ):
        assert absent not in text
    assert "No translation of sentences that people wrote has been measured" in text
    assert "None" not in text
    assert "nan" not in text


def test_what_else_was_measured_is_told_too(metrics: dict[str, Any]) -> None:
    trial = dict.fromkeys(("naming_en", "naming_ko", "argmax_en", "argmax_ko", "flip_en"), 0.5)
    trial |= {"flip_ko": 0.125, "steps": 4500}
    dev = {"en-ko": {**scored(32), "origins": {"tatoeba": scored(40)}}}
    metrics |= {
        "unseen_nouns": pronouns(0.5),
        "scores": {"generated": {"en-ko": scored(77)}, "dev": {"real.tsv": dev}},
        "labelled": {"others.jsonl": {"en": of_others()}},
        "speed": {
            "text": "I go.",
            "ko": {"pieces": 3, "milliseconds": {"1": 8.5, "2": 6.25}},
        },
        "seen": {"en": {"cat": 100, "giraffe": 3, "zebra": 0}},
        "trials_of": "`class`, with two heads",
        "ablation": [{"label": "without the naming objective", **trial}],
        "seeds": [{"label": "seed 1", **trial}, {"label": "seed 2", **trial}],
    }
    metrics["training"]["origins"] = [
        {"origin": "tatoeba", "licence": "CC-BY 2.0 FR", "lines": 5205, "from": "tatoeba.org"}
    ]
    text = card("mine", MODEL, TRAIN, metrics)
    assert "| tatoeba | CC-BY 2.0 FR | 5,205 | tatoeba.org |" in text
    assert "generated sentences only" not in text
    assert "On nouns that training had in plain sentences only" in text
    assert "| `real.tsv` | en → ko | 1,860 | 32.0 [31.0, 33.0] | 32.0 [31.0, 33.0] |" in text
    assert "| … of these tatoeba | en → ko | 1,860 | 40.0 [39.0, 41.0] |" in text
    assert text.count("`c:1`") == 1  # every signature once
    assert "8.5 ms with 1 thread, 6.25 ms with 2 threads" in text
    assert "least well en → ko (chrF 32 of 100)" in text
    assert "2 stood in training fewer than 10 times, such as zebra, giraffe." in text
    assert "| `others.jsonl` | English | 400 | 40.0% [35.0%, 45.0%] | 55.0%" in text
    assert "| 75.0% | 25.0% | 50.0% |" in text
    assert "(`others.jsonl`) it names 60% of the English pronouns wrong" in text
    assert "| without the naming objective | 50.0% |" in text
    assert "| 12.5% | 4,500 |" in text
    assert text.count("| seed ") == 2


def test_the_report_is_the_cards_and_every_head_has_a_cell(metrics: dict[str, Any]) -> None:
    assert report(metrics) in card("mine", MODEL, TRAIN, metrics)
    told = every_head(metrics)
    assert told.count("| layer 1 | 12 / 12 / 12 / 0.12 | 25 / 25 / 25 / 0.25 |") == 2
    assert "n = 2,000 (1,000 twins)" in told
    assert "On whole templates that training never saw, English" in told


def test_a_training_without_the_naming_objective_says_so(metrics: dict[str, Any]) -> None:
    without = type(TRAIN)(naming_weight=0)
    assert "the naming objective was switched off" in card("mine", MODEL, without, metrics)


def test_what_was_changed_on_the_way_is_told(metrics: dict[str, Any]) -> None:
    metrics["training"]["changes"] = [
        {"step": 2500, "steps": [8000, 9000], "precision": ["bf16-mixed", "32-true"]}
    ]
    told = "after 2,500 steps steps 8,000 → 9,000, precision bf16-mixed → 32-true"
    assert told in card("mine", MODEL, TRAIN, metrics)


def test_a_part_of_the_corpus_is_named(metrics: dict[str, Any]) -> None:
    settings = metrics["training"]["settings"]
    settings |= {"families": ("ways",), "directions": ("en-ko", "ko-en")}
    written = card("ours", MODEL, TRAIN, metrics)
    assert "Only templates about ways were used." in written
    assert "only these directions: en → ko, ko → en." in written
    settings["read_share"] = 1
    assert "generated anew" in card("ours", MODEL, TRAIN, metrics)  # no file was read
    metrics["training"]["origins"] = [{"origin": "other", "licence": "unknown", "lines": 3}]
    alone = card("ours", MODEL, TRAIN, metrics)
    assert "the texts in the table below and no others" in alone
    assert "generated anew" not in alone
