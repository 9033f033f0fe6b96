"""The encoder's lower layers may learn more slowly than its last one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model import ModelError
from model.config import Preset, TrainConfig
from model.training.loop import Hardware, train
from model.training.snapshot import Snapshot
from model.transformer import Transformer

FEW = TrainConfig(
    steps=2,
    batch_tokens=400,
    warmup_steps=1,
    items=60,
    snapshot_every=2,
    measured_twins=4,
    families=("ways",),
    directions=("en-ko", "ko-en"),
    vocab_size=1500,
)
TWO_LAYERS = dict(d_model=16, n_heads=2, d_k=8, d_v=8, d_ff=16)


def test_with_a_share_of_0_only_the_last_layer_of_the_encoder_learns(tmp_path: Path) -> None:
    config = replace(FEW, lower_lr_share=0.0)
    preset = Preset(TWO_LAYERS | dict(n_encoder_layers=2, n_decoder_layers=1), config)
    train(preset, config, tmp_path, hardware=Hardware(accelerator="cpu", devices=1))
    learned = Snapshot.load(tmp_path / "snapshot.safetensors")
    torch.manual_seed(config.seed)
    before = Transformer(learned.model_config).state_dict()
    weight = "self_attn.w_v.weight"
    lower, last = (f"encoder.layers.{n}.{weight}" for n in (0, 1))
    assert torch.equal(learned.model[lower], before[lower])
    assert not torch.equal(learned.model[last], before[last])
    assert not torch.equal(learned.model["embedding.weight"], before["embedding.weight"])


def test_a_share_above_1_is_refused() -> None:
    with pytest.raises(ModelError, match="lower_lr_share"):
        replace(FEW, lower_lr_share=1.5)
