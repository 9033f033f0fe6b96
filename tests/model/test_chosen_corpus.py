"""A training on a part of the corpus: chosen families of templates, chosen directions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model import ModelError
from model.__main__ import main
from model.config import DIRECTIONS, PRESETS, TrainConfig, from_dict, preset_of, to_dict
from model.corpus.generator import families, generate, met_in_training, templates
from model.corpus.mixture import Mixture
from model.tokenizer import language_of
from model.training.batches import TrainingSet, examples
from model.training.loop import learn_vocabulary

FEW = TrainConfig(items=60, vocab_size=800, families=("ways",), directions=("ko-en",))


def test_families_with_twins_stand_first_and_every_template_has_one() -> None:
    found = families()
    assert sum(twins + plain for twins, plain in found.values()) == len(templates())
    with_twins = [bool(twins) for twins, _ in found.values()]
    assert with_twins == sorted(with_twins, reverse=True)
    assert found["ways"][0] > 10


def test_sentences_are_of_the_chosen_families_alone() -> None:
    for split in ("train", "pairs", "nouns"):
        items = list(generate(40, seed=1, split=split, families=("ways", "talk")))  # type: ignore[arg-type]
        used = {templates()[e.template].family for item in items for e in item.examples}
        assert used == ({"ways", "talk"} if split == "train" else {"ways"})
    met = met_in_training(("ways",))
    assert {templates()[id].family for id in met.templates} == {"ways"}
    (unseen,) = generate(1, seed=1, split="templates", families=("ways",))
    assert unseen.examples[0].template not in met.templates


def test_no_choice_gives_what_it_always_gave() -> None:
    assert list(generate(20, seed=3)) == list(generate(20, seed=3, families=()))
    assert TrainConfig().shares == DIRECTIONS
    for name, code in (("weather", "unknown_family"), ("talk", "no_twins")):
        with pytest.raises(ModelError) as error:
            next(generate(1, seed=0, families=(name,)))
        assert error.value.code == code


def test_batches_lead_in_the_chosen_directions() -> None:
    tokenizer = learn_vocabulary(FEW)
    pairs = [pair for batch in TrainingSet(FEW, tokenizer).batches(0) for pair in batch]
    assert len(pairs) == len(list(examples(FEW, 0)))
    assert {pair.target[1] for pair in pairs} == {tokenizer.tag("en")}
    assert {language_of(tokenizer.decode(pair.source.ids)) for pair in pairs} == {"ko"}


def test_uploaded_pairs_alone(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text("The dog sleeps.\t개가 잔다.\nThe dog eats.\t개가 먹는다.\n")
    alone = replace(FEW, read_share=1.0, items=10)
    tokenizer = learn_vocabulary(alone)
    mixture = Mixture([file], directions=tuple(alone.shares))
    pairs = [p for batch in TrainingSet(alone, tokenizer, mixture).batches(0) for p in batch]
    read = {tokenizer.decode(pair.source.ids).lower().rstrip(".") for pair in pairs}
    assert len(pairs) == 10
    assert read == {"개가 잔다", "개가 먹는다"}
    half = replace(alone, read_share=0.5)
    both = [p for batch in TrainingSet(half, tokenizer, mixture).batches(0) for p in batch]
    assert len(both) == 2 * len(list(examples(half, 0)))


def test_settings_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert from_dict(TrainConfig, to_dict(FEW)) == FEW
    assert from_dict(TrainConfig, to_dict(FEW) | {"families": ["ways"]}) == FEW  # as JSON has it
    preset = preset_of({"preset": "base", "model": {"d_k": 7}, "train": {"families": ["ways"]}})
    assert (preset.model["d_k"], preset.model["norm"]) == (7, "post")
    assert preset_of({"model": preset.model, "train": to_dict(preset.train)}) == preset
    for values, setting in (
        ([], "settings"),
        ({"sizes": {}}, "settings"),
        ({"model": []}, "settings"),
        ({"model": {"vocab_size": 5}}, "vocab_size"),
        ({"train": {"families": "ways"}}, "families"),
        ({"train": {"directions": ["en-jp"]}}, "directions"),
        ({"train": {"minutes": -1}}, "minutes"),
    ):
        with pytest.raises(ModelError) as error:
            preset_of(values)
        assert (error.value.code, error.value.details["setting"]) == ("config_invalid", setting)
    file = tmp_path / "settings.json"
    file.write_text("{no json")
    assert main(["train", "--settings", str(file), "--out", str(tmp_path / "out")]) == 2
    assert "no readable JSON" in capsys.readouterr().err


def test_the_class_preset_chooses_families_that_exist() -> None:
    assert set(PRESETS["class"].train.families) <= families().keys()


def test_a_recurrent_models_sizes_are_read_back_as_they_were_written() -> None:
    gru = PRESETS["gru"]
    preset = preset_of({"model": gru.sizes, "train": to_dict(gru.train)})
    assert preset.sizes == gru.sizes
    wider = preset_of({"preset": "gru", "model": {"d_model": 14}})
    assert wider.sizes == gru.sizes | {"d_model": 14}
