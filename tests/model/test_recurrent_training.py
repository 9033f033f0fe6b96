"""Recurrent models through the training loop and the checkpoint, as Transformers go."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from model import AnyBundle, Bundle, ModelError, RecurrentConfig, load, load_any
from model.__main__ import main
from model.checkpoint import bundled, is_transformer, save
from model.config import MAX_PARAMETERS, PRESETS, Preset, TrainConfig, model_config, to_dict
from model.recurrent import Recurrent
from model.tokenizer import Tokenizer
from model.training.batches import Batch, TrainingSet, examples
from model.training.loop import Hardware, train
from model.training.objective import Objective
from tests.model.test_checkpoint import seal

CPU = Hardware(accelerator="cpu", devices=1)
SMALL = dict(vocab_size=31, d_model=6, d_hidden=10)
TINY = Preset(
    dict(architecture="recurrent", attention="bahdanau", d_model=8, d_hidden=12, dropout=0.1),
    TrainConfig(
        steps=6, batch_tokens=400, warmup_steps=2, items=60, snapshot_every=3, joined_share=0.5,
        directions=("en-ko", "ko-en"), measured_twins=6,
    ),
)  # fmt: skip


# ── settings ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("architecture", "mamba"),
        ("architecture", None),
        ("attention", "self"),
        ("attention", ["dot"]),
        ("d_hidden", 11),
        ("d_hidden", 0),
        ("d_hidden", 12.0),
        ("d_model", -6),
        ("vocab_size", True),
        ("dropout", 1.0),
        ("dropout", float("nan")),
        ("max_len", 8193),
        ("n_heads", 4),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(setting: str, value: Any) -> None:
    with pytest.raises(ModelError) as error:
        model_config({"architecture": "recurrent"} | SMALL | {setting: value})
    assert error.value.code == "config_invalid"
    assert error.value.details["setting"] == setting


def test_a_model_too_large_is_refused_before_it_is_built() -> None:
    with pytest.raises(ModelError) as error:
        RecurrentConfig(**(SMALL | {"d_hidden": 10**6}))
    assert error.value.code == "config_too_large"
    assert error.value.details["limit"] == MAX_PARAMETERS


def test_settings_come_back_from_json() -> None:
    config = RecurrentConfig(**SMALL, attention="concat")
    assert model_config(json.loads(json.dumps(to_dict(config)))) == config


def test_the_models_that_are_compared_have_the_same_data_and_budget_and_fit_into_4_mb() -> None:
    compared = [PRESETS[name] for name in ("gru", "bahdanau", "luong", "rival")]
    assert len({str(to_dict(preset.train)) for preset in compared}) == 1
    sizes = [
        model_config({"vocab_size": preset.train.vocab_size} | preset.model).n_parameters
        for preset in compared
    ]
    assert max(sizes) < 1.06 * min(sizes)
    # float16, and about half a megabyte for the vocabulary, the metrics and the card
    assert 2 * max(sizes) + 550_000 < 4_000_000


# ── the checkpoint ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def saved(tokenizer: Tokenizer, tmp_path: Path) -> Path:
    model = Recurrent(RecurrentConfig(tokenizer.vocab_size, "general", d_model=6, d_hidden=10))
    save(tmp_path / "gru", model, tokenizer, {"이름": 1}, "# A card")
    return tmp_path / "gru"


def test_a_checkpoint_comes_back_to_the_last_bit(tokenizer: Tokenizer, tmp_path: Path) -> None:
    model = Recurrent(RecurrentConfig(tokenizer.vocab_size, "dot", d_model=6, d_hidden=10))
    save(tmp_path / "x", model, tokenizer, {"이름": 1}, "# A card")
    back = load_any(tmp_path / "x", device="cpu")
    assert type(back) is AnyBundle
    assert (back.config, back.metrics, back.model.training) == (model.config, {"이름": 1}, False)
    for name, value in back.model.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


def test_a_page_that_needs_a_transformer_is_told(saved: Path) -> None:
    with pytest.raises(ModelError) as error:
        load(saved)
    assert error.value.code == "not_a_transformer"


def test_recurrent_checkpoints_are_told_apart_from_transformers(
    saved: Path, make_bundle: Any, tmp_path: Path
) -> None:
    one: Bundle = make_bundle()
    save(tmp_path / "one", one.model, one.tokenizer, {}, "# A card")
    assert is_transformer(tmp_path / "one")
    assert not is_transformer(saved)
    (saved / "config.json").write_text("{")
    assert is_transformer(saved)  # it is shown, and says what is wrong with it


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"architecture": "mamba"}, "config_invalid"),
        ({"attention": "bahdanau"}, "checkpoint_damaged"),
        ({"d_hidden": 12}, "checkpoint_damaged"),
        ({"d_hidden": 2**62}, "config_too_large"),
        ({"d_hidden": 4000}, "checkpoint_damaged"),
        ({"d_hidden": 9}, "config_invalid"),
    ],
)
def test_settings_of_another_model_are_refused(saved: Path, change: Any, code: str) -> None:
    header = json.loads((saved / "config.json").read_text())
    header["model"] |= change
    (saved / "config.json").write_text(json.dumps(header))
    seal(saved)
    with pytest.raises(ModelError) as error:
        load_any(saved)
    assert error.value.code == code


def test_weights_that_are_missing_or_not_finite_are_refused(saved: Path) -> None:
    file = saved / "model.safetensors"
    whole = load_tensors(file.read_bytes())
    name = "decoder.layers.0.cross_attn.w_k.weight"
    without = {key: value for key, value in whole.items() if key != name}
    for tensors in (without, whole | {name: whole[name] * float("nan")}):
        file.write_bytes(save_tensors(tensors))
        seal(saved)
        with pytest.raises(ModelError, match=name) as error:
            load_any(saved)
        assert error.value.code == "checkpoint_damaged"


# ── training ─────────────────────────────────────────────────────────────────────────────────────


def test_joined_sentences_stand_in_batches_with_their_pronouns(tokenizer: Tokenizer) -> None:
    config = replace(TINY.train, joined_share=1.0, pronoun_share=1.0)
    pairs = [pair for batch in TrainingSet(config, tokenizer).batches(0) for pair in batch]
    drawn = len(list(examples(config, 0)))
    assert drawn / 3 <= len(pairs) <= drawn / 2 + 1
    assert sum(len(pair.source.namings) for pair in pairs) >= drawn
    for pair in pairs:
        for naming in pair.source.namings:
            assert set(naming.antecedent) <= set(pair.source.ids)


def test_a_killed_training_goes_on_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(TINY, TINY.train, tmp_path / "whole", hardware=CPU)

    class KilledError(Exception):
        pass

    forward, calls = Objective.forward, iter(range(1, 100))

    def killed_in_the_fifth_step(self: Objective, batch: Batch) -> object:
        if next(calls) == 5:
            raise KilledError
        return forward(self, batch)

    monkeypatch.setattr(Objective, "forward", killed_in_the_fifth_step)
    with pytest.raises(KilledError):
        train(TINY, TINY.train, tmp_path / "killed", hardware=CPU)
    monkeypatch.setattr(Objective, "forward", forward)
    resumed = train(TINY, TINY.train, tmp_path / "killed", resume=True, hardware=CPU)
    one, two = load_any(whole), load_any(resumed)
    assert one.version == two.version  # weights, tokenizer and settings, bit for bit
    assert isinstance(two.model, Recurrent)
    assert "naming" in two.metrics
    assert "heads" not in two.metrics
    assert two.directions == [("en", "ko"), ("ko", "en")]
    card = (resumed / "CARD.md").read_text()
    assert "additive attention before each step (Bahdanau et al. 2015)" in card
    assert "50% are two or three sentences in a row" in card
    assert not (resumed / "film.npz").exists()


def test_the_vocabulary_of_another_checkpoint_is_used_and_named(
    saved: Path, tokenizer: Tokenizer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.json"
    changes = {"items": 40, "measured_twins": 2, "warmup_steps": 1, "batch_tokens": 300}
    settings.write_text(json.dumps({"model": {"d_model": 4, "d_hidden": 4}, "train": changes}))
    said = ["--preset", "gru", "--settings", str(settings), "--tokenizer", str(saved)]
    assert main(["train", *said, "--steps", "1", "--out", str(tmp_path / "out")]) == 0
    bundle = load_any(tmp_path / "out")
    assert bundle.tokenizer.model_proto == tokenizer.model_proto
    assert bundle.metrics["training"]["settings"]["tokenizer"].startswith("gru:")
    assert "those of `gru`" in (tmp_path / "out" / "CARD.md").read_text()
    assert main(["translate", "A cat.", "--checkpoint", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    assert main(["train", *said, "--tokenizer", "nowhere", "--out", str(tmp_path / "b")]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_a_bundle_of_a_model_in_training_is_of_its_kind(tokenizer: Tokenizer) -> None:
    model = Recurrent(RecurrentConfig(tokenizer.vocab_size, d_model=4, d_hidden=4))
    assert not isinstance(bundled("x", model, tokenizer, {}, ""), Bundle)
