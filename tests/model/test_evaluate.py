"""Evaluation: everything that `metrics.json` holds, and what the command keeps."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from model import load
from model.__main__ import main
from model.analysis.evaluate import evaluate, measure_speed, read_questions
from model.checkpoint import AnyBundle, save
from model.config import PRESETS, RecurrentConfig, to_dict
from model.corpus.splits import SPLITS
from model.recurrent import Recurrent
from model.tokenizer import Tokenizer
from model.training.card import report
from model.transformer import Transformer


def test_evaluation_reports_shares_with_counts(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path
) -> None:
    dev = tmp_path / "real.tsv"
    dev.write_text(
        "I sing.\t나는 노래한다.\tsongs\nI sleep.\t나는 잔다.\tsongs\n", encoding="utf-8"
    )
    measured = evaluate(untrained, learned, items=10, dev=[dev])
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


def labelled(text: str, pronoun: str, nouns: list[str], antecedent: str) -> str:
    """A line of a file of labelled pronouns."""

    def span(word: str) -> dict[str, int]:
        start = text.index(word)
        return {"start": start, "end": start + len(word)}

    candidates = [{**span(noun), "label": noun == antecedent} for noun in nouns]
    return json.dumps({"text": text, "pronoun": span(pronoun), "candidates": candidates}) + "\n"


def test_pronouns_that_others_labelled_are_told_by_language_next_to_rules(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path
) -> None:
    # Each noun is once the right one: whatever the model says, it is right once.
    english = "The dog ate the bread because it was big.", "it", ["The dog", "the bread"]
    korean = "고양이가 쥐를 쫓았다. 그것은 빨랐다.", "그것", ["고양이", "쥐"]
    file = tmp_path / "others.jsonl"
    lines = [labelled(*asked, noun) for asked in (english, korean) for noun in asked[-1]]
    file.write_text("".join(lines[:3]), encoding="utf-8")
    bundle = AnyBundle("tests", untrained, learned, untrained.config, {}, "")
    asked = {"others.jsonl": read_questions(bundle, file)}
    found = evaluate(untrained, learned, items=2, labelled=asked)["labelled"]["others.jsonl"]
    assert {lang: one["naming"]["n"] for lang, one in found.items()} == {"en": 2, "ko": 1}
    names = ("of_nouns", "prefers", "nearest_noun", "first_noun", "chance_noun")
    assert [found["en"][name]["value"] for name in names] == [0.5] * 5
    assert found["en"]["naming"]["value"] in (0.0, 0.5)
    assert [found["ko"][name]["value"] for name in names[2:]] == [0.0, 1.0, 0.5]


def test_an_encoder_without_heads_names_what_others_labelled_too(
    learned: Tokenizer, tmp_path: Path
) -> None:
    file = tmp_path / "others.jsonl"
    nouns = ["The dog", "the bread"]
    line = labelled("The dog ate the bread because it was big.", "it", nouns, nouns[0])
    file.write_text(line, encoding="utf-8")
    config = RecurrentConfig(learned.vocab_size, d_model=8, d_hidden=8)
    bundle = AnyBundle("tests", Recurrent(config).eval(), learned, config, {}, "")
    asked = {"others.jsonl": read_questions(bundle, file)}
    measured = evaluate(bundle.model, learned, items=2, labelled=asked)
    found = measured["labelled"]["others.jsonl"]["en"]
    assert set(found) == {"naming", "nearest_noun", "first_noun", "chance_noun"}


def test_every_split_that_is_held_out_is_measured(
    untrained: Transformer, learned: Tokenizer
) -> None:
    measured = evaluate(untrained, learned, items=2, directions=[("ko", "en")])
    assert {f"unseen_{split}" for split in SPLITS[2:]} <= set(measured)
    assert set(measured["naming"]) == {"ko"}
    assert set(measured["scores"]["generated"]) == {"ko-en"}


def test_speed_is_timed_on_the_cpu_and_leaves_the_threads_alone(
    untrained: Transformer, learned: Tokenizer
) -> None:
    threads = torch.get_num_threads()
    speed = measure_speed(untrained, learned, "I am a student.", ["fr"])
    assert torch.get_num_threads() == threads
    assert set(speed["fr"]["milliseconds"]) == {"1", "2"}
    assert all(ms > 0 for ms in speed["fr"]["milliseconds"].values())
    assert 0 <= speed["fr"]["pieces"] <= 2 * 6 + 20


HOW = {
    "steps": 1, "processes": 1, "command": "", "device": "CPU", "precision": "32-true",
    "seconds": 1, "torch": "2", "python": "3", "epochs": 1,
    "settings": to_dict(PRESETS["tiny"].train),
}  # fmt: skip


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command measures on few sentences."""
    monkeypatch.setattr("model.__main__.evaluate", functools.partial(evaluate, items=4))
    quickly = functools.partial(measure_speed, text="I go.", threads=(1,))
    monkeypatch.setattr("model.__main__.measure_speed", quickly)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command comes to its end before anything is measured."""
    measured: list[object] = []
    monkeypatch.setattr("model.__main__.evaluate", lambda *given, **_: measured.append(given))
    yield
    assert measured == []


def test_the_command_keeps_what_it_measured_and_what_it_measured_before(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path, quick: None
) -> None:
    checkpoint, dev = tmp_path / "mine", tmp_path / "real.tsv"
    save(checkpoint, untrained, learned, {"training": HOW}, "")
    dev.write_text("I sing.\t나는 노래한다.\n", encoding="utf-8")
    others = tmp_path / "others.jsonl"
    nouns = ["The dog", "the bread"]
    text = "The dog ate the bread because it was big."
    others.write_text(labelled(text, "it", nouns, nouns[1]), encoding="utf-8")
    files = ["--dev", str(dev), "--labelled", str(others)]
    assert main(["evaluate", str(checkpoint), "--keep", *files]) == 0
    assert main(["evaluate", str(checkpoint), "--keep"]) == 0
    metrics = load(checkpoint).metrics
    assert metrics["training"] == json.loads(json.dumps(HOW))  # JSON knows no tuples
    assert set(metrics["scores"]["dev"]) == {"real.tsv"}
    assert set(metrics["labelled"]) == {"others.jsonl"}
    assert metrics["speed"]["ko"]["milliseconds"]["1"] > 0
    assert report(metrics) in (checkpoint / "CARD.md").read_text(encoding="utf-8")
    assert (checkpoint / "metrics.json").stat().st_size < 300_000


def test_a_missing_file_is_named_before_minutes_of_measuring(
    untrained: Transformer,
    learned: Tokenizer,
    tmp_path: Path,
    unmeasured: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save(tmp_path / "mine", untrained, learned, {}, "")
    for kind in ("--dev", "--labelled"):
        assert main(["evaluate", str(tmp_path / "mine"), kind, "nowhere.tsv"]) == 2
        assert "nowhere.tsv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("--labelled", "", "no labelled pronoun"),
        ("--labelled", f"The dog saw it.{' And so on.' * 300}", "pieces"),
        ("--dev", "I sing.\t나는 노래한다.\nno translation\n", "line 2"),
    ],
)
def test_a_bad_file_is_named_before_anything_is_averaged(
    untrained: Transformer,
    learned: Tokenizer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    content: str,
    said: str,
) -> None:
    save(tmp_path / "mine", untrained, learned, {"training": HOW}, "a card")
    file = tmp_path / "file"
    if kind == "--labelled" and content:
        content = labelled(content, "it", ["The dog"], "The dog")
    file.write_text(content, encoding="utf-8")
    mine = str(tmp_path / "mine")
    assert main(["average", mine, "--out", mine, kind, str(file)]) == 2
    assert said in capsys.readouterr().err
    assert (tmp_path / "mine" / "CARD.md").read_text(encoding="utf-8") == "a card"


def test_what_does_not_say_how_it_was_trained_has_no_card_to_keep(
    untrained: Transformer,
    learned: Tokenizer,
    tmp_path: Path,
    unmeasured: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save(tmp_path / "mine", untrained, learned, {}, "")
    assert main(["evaluate", str(tmp_path / "mine"), "--keep"]) == 2
    assert "does not say how it was trained" in capsys.readouterr().err


def test_an_average_is_measured_in_the_directions_that_it_learned(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path, quick: None
) -> None:
    settings = HOW["settings"] | {"directions": ["en-ko", "ko-en"]}
    save(tmp_path / "one", untrained, learned, {"training": HOW | {"settings": settings}}, "")
    assert main(["average", str(tmp_path / "one"), "--out", str(tmp_path / "mean")]) == 0
    mean = load(tmp_path / "mean")
    assert set(mean.metrics["translation"]) == {"en-ko", "ko-en"}
    assert set(mean.metrics["speed"]) == {"text", "ko"}


def test_averaged_checkpoints_are_measured_and_told(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path, quick: None
) -> None:
    paths = [str(tmp_path / name) for name in ("one", "two", "mean")]
    for path, steps in zip(paths, (3, 7), strict=False):
        save(path, untrained, learned, {"training": HOW | {"steps": steps}}, "")
    assert main(["average", *paths[:2], "--out", paths[2]]) == 0
    mean = load(paths[2])
    assert mean.metrics["naming"]["en"]["n"] > 0
    told = (tmp_path / "mean" / "CARD.md").read_text(encoding="utf-8")
    assert "50% those after 3 steps and 50% those after 7 steps" in told
