"""Sentences from files: each group of origins in its own share, every line in its turn."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from model import ModelError
from model.config import PRESETS
from model.corpus.loaders import read_pronouns
from model.corpus.mixture import Mixture
from model.training.batches import TrainingSet
from model.training.loop import learn_vocabulary
from model.transformer import EOS

CHAT = [(f"I saw number {n} today.", f"오늘 {n}번을 봤어.", "tatoeba") for n in range(40)]
MANUAL = [(f"Set option {n}.", f"옵션 {n}을 설정합니다.", "python-docs") for n in range(400)]
LONG = [("word " * 26, "말 " * 26, "python-docs")]
OWN = [(f"My own {n}.", f"내 것 {n}.", "") for n in range(10)]
FRENCH = [(f"It is {n}.", f"C'est le numéro {n}.", "tatoeba") for n in range(50)]


def write(path: Path, lines: list[tuple[str, str, str]]) -> Path:
    path.write_text("".join("\t".join(line).rstrip("\t") + "\n" for line in lines), "utf-8")
    return path


@pytest.fixture
def korean(tmp_path: Path) -> Path:
    return write(tmp_path / "en-ko.tsv", CHAT + MANUAL + LONG + OWN)


def test_groups_have_their_shares_however_many_lines_they_have(korean: Path) -> None:
    drawn = Counter(read.origin for read in Mixture([korean]).draw(10_000, turn=0, seed=1))
    # conversation 0.5, technical 0.12, other 0.5
    assert drawn["tatoeba"] == pytest.approx(10_000 * 0.5 / 1.12, rel=0.01)
    assert drawn["python-docs"] == pytest.approx(10_000 * 0.12 / 1.12, rel=0.01)
    assert drawn[""] == pytest.approx(10_000 * 0.5 / 1.12, rel=0.01)


def test_every_line_comes_once_before_any_comes_again(tmp_path: Path) -> None:
    mixture = Mixture([write(tmp_path / "fr.tsv", FRENCH)])
    turns = [list(mixture.draw(20, turn, seed=3)) for turn in range(5)]
    texts = Counter(read.source.text for turn in turns for read in turn)
    assert set(texts.values()) == {2}
    assert len(texts) == 50
    assert turns[0] != turns[1]
    assert list(mixture.draw(20, 0, seed=3)) == turns[0]


def test_a_pair_serves_the_directions_that_are_learned(korean: Path, tmp_path: Path) -> None:
    french = write(tmp_path / "en-fr.tsv", FRENCH)
    reads = list(Mixture([korean, french]).draw(2000, turn=0, seed=0))
    starts = {(read.to, read.source.text.isascii()) for read in reads}
    assert starts == {("ko", True), ("en", False), ("fr", True)}


def test_what_is_too_long_for_its_group_is_left_out(korean: Path) -> None:
    mixture = Mixture([korean])
    assert not any("word word" in read.source.text for read in mixture.draw(3000, 0, 0))
    assert {o["origin"]: o["lines"] for o in mixture.origins()} == {
        "python-docs": 400,
        "tatoeba": 40,
        "other": 10,
    }
    assert next(o for o in mixture.origins() if o["origin"] == "tatoeba")["licence"].startswith(
        "CC"
    )


def labelled(text: str, pronoun: str, right: str, wrong: str) -> str:
    def span(part: str) -> dict[str, int]:
        return {"start": text.index(part), "end": text.index(part) + len(part)}

    candidates = [span(right) | {"label": True}, span(wrong) | {"label": False}]
    return json.dumps({"text": text, "pronoun": span(pronoun), "candidates": candidates})


def test_labelled_pronouns_point_at_nouns_without_their_article(tmp_path: Path) -> None:
    path = tmp_path / "pronouns.jsonl"
    path.write_text(labelled("The GPS beat the map as it was off.", "it", "The GPS", "the map"))
    (sentence,) = read_pronouns(path)
    (reference,) = sentence.references
    found = [sentence.text[s.start : s.end] for s in (reference.antecedent, *reference.distractors)]
    assert found == ["GPS", "map"]


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"text": "a"}', labelled("a b it", "it", "a", "b")[:-1]]
)
def test_a_line_without_a_labelled_pronoun_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "pronouns.jsonl"
    path.write_text("\n" + line)
    with pytest.raises(ModelError) as error:
        list(read_pronouns(path))
    assert error.value.code == "pronouns_line"
    assert error.value.details["line"] == 2


def test_training_reads_files_in_their_share_and_pronouns_without_a_translation(
    korean: Path, tmp_path: Path
) -> None:
    path = tmp_path / "pronouns.jsonl"
    path.write_text(labelled("The cat bit the dog as it was mad.", "it", "The cat", "the dog"))
    config = replace(PRESETS["tiny"].train, items=300, read_share=0.5)
    mixture = Mixture([korean], [path])
    tokenizer = learn_vocabulary(replace(config, vocab_size=2000), mixture)
    alone, mixed = (
        [pair for batch in TrainingSet(config, tokenizer, m).batches(0) for pair in batch]
        for m in (None, mixture)
    )
    assert len(mixed) == pytest.approx(2 * len(alone), rel=0.02)
    later = TrainingSet(replace(config, alone_epochs=1), tokenizer, mixture)
    assert [pair for batch in later.batches(0) for pair in batch] == alone
    assert sum(map(len, later.batches(1))) > 1.5 * len(alone)
    untranslated = [pair for pair in mixed if pair.target[-1] != EOS]
    assert untranslated
    assert all(len(pair.target) == 2 and pair.source.namings for pair in untranslated)


def test_another_process_reads_the_same_files_itself(korean: Path) -> None:
    mixture = Mixture([korean], directions=(("en", "ko"),))
    told = pickle.dumps(mixture)
    assert len(told) < 2000
    again = pickle.loads(told)
    assert again.name == mixture.name
    assert list(again.draw(20, turn=1, seed=0)) == list(mixture.draw(20, turn=1, seed=0))
