from typing import Any

import pytest

from model import ModelConfig, ModelError, TrainConfig
from model.config import MAX_PARAMETERS, PRESETS, from_dict, model_config, to_dict
from model.transformer import Transformer

SMALL = dict(vocab_size=31, d_model=14, n_heads=3, d_k=5, d_v=7, d_ff=11)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"norm": "pre"},
        {"n_encoder_layers": 1, "n_decoder_layers": 3},
        {"n_heads": 1, "d_k": 1, "d_v": 1, "d_ff": 1, "d_model": 2, "vocab_size": 1},
        {"d_k": 13, "d_v": 2, "max_len": 7},
    ],
)
def test_n_parameters_counts_what_the_model_has(changes: dict[str, Any]) -> None:
    config = ModelConfig(**(SMALL | changes))
    assert config.n_parameters == sum(p.numel() for p in Transformer(config).parameters())


def test_the_base_preset_is_the_papers() -> None:
    base = ModelConfig(vocab_size=12_000, **PRESETS["base"].model)
    assert (base.d_model, base.n_heads, base.d_ff) == (512, 8, 2048)
    assert (base.d_k, base.d_v, base.n_encoder_layers, base.n_decoder_layers) == (64, 64, 6, 6)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS.keys())
def test_presets_are_valid(preset: Any) -> None:
    model_config({"vocab_size": preset.train.vocab_size} | preset.model)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("d_model", -14),
        ("d_model", 0),
        ("d_model", 15),
        ("d_model", 14.0),
        ("d_model", "14"),
        ("d_model", True),
        ("d_model", None),
        ("d_model", [14]),
        pytest.param("d_model", 10**4000, id="d_model-of-4000-digits"),
        ("n_heads", 0),
        ("d_k", -1),
        ("d_v", 0),
        ("d_ff", 0),
        ("vocab_size", 0),
        ("n_encoder_layers", 0),
        ("n_encoder_layers", 49),
        ("n_decoder_layers", 49),
        ("max_len", 0),
        ("max_len", 8193),
        ("dropout", -0.1),
        ("dropout", 1.0),
        ("dropout", float("nan")),
        ("dropout", float("inf")),
        pytest.param("dropout", 10**400, id="dropout-of-400-digits"),
        ("dropout", "0.1"),
        ("dropout", False),
        ("norm", "middle"),
        ("norm", 1),
        ("norm", ["post"]),
        ("norm", {}),
        ("colour", "red"),
    ],
)
def test_a_bad_setting_is_named(setting: str, value: object) -> None:
    with pytest.raises(ModelError) as caught:
        from_dict(ModelConfig, SMALL | {setting: value})
    assert caught.value.code == "config_invalid"
    assert caught.value.details["setting"] == setting


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("steps", 0),
        ("steps", 1.5),
        ("batch_tokens", 0),
        ("peak_lr", 0),
        ("max_grad_norm", -1),
        ("naming_weight", -0.1),
        ("label_smoothing", 1.1),
        ("pronoun_share", -0.1),
        ("seed", "0"),
        ("tokenizer", 5),
    ],
)
def test_a_bad_training_setting_is_named(setting: str, value: object) -> None:
    with pytest.raises(ModelError) as caught:
        from_dict(TrainConfig, {setting: value})
    assert caught.value.code == "config_invalid"
    assert caught.value.details["setting"] == setting


@pytest.mark.parametrize(
    "changes",
    [{"vocab_size": 10**9}, {"d_ff": 10**9}, {"d_model": 10**5}, {"n_heads": 10**12}],
    ids=["vocab_size", "d_ff", "d_model", "n_heads"],
)
def test_too_large_a_model_is_refused_before_it_is_built(changes: dict[str, int]) -> None:
    with pytest.raises(ModelError) as caught:
        from_dict(ModelConfig, SMALL | changes)
    assert caught.value.code == "config_too_large"
    assert caught.value.details["limit"] == MAX_PARAMETERS


@pytest.mark.parametrize("values", [{}, {"d_model": 14}, None, [], "d_model", 3])
def test_settings_that_are_missing_or_no_object(values: object) -> None:
    with pytest.raises(ModelError) as caught:
        from_dict(ModelConfig, values)
    assert caught.value.code == "config_invalid"


def test_settings_go_to_json_and_back() -> None:
    model, train = ModelConfig(**SMALL, norm="pre", dropout=0), TrainConfig(seed=7)
    assert from_dict(ModelConfig, to_dict(model)) == model
    assert from_dict(TrainConfig, to_dict(train)) == train


def test_every_config_error_has_the_same_details() -> None:
    """A screen formats its own sentence from them, whichever check failed."""
    for values in (None, {}, {"vocab_size": 31, "d_model": 0}, {"colour": 1}):
        with pytest.raises(ModelError) as caught:
            from_dict(ModelConfig, values)
        assert {"setting", "value", "rule"} <= caught.value.details.keys()
