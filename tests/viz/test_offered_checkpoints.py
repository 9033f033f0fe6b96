"""Which checkpoints the pages offer."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from model import ModelError
from model.checkpoint import save
from model.config import ModelConfig, RecurrentConfig
from model.recurrent import Recurrent
from model.tokenizer import Tokenizer
from model.transformer import Transformer
from viz import cache

SIZES: dict[str, Any] = dict(d_model=4, n_heads=1, d_k=2, d_v=2, d_ff=3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Checkpoints a, jumok and gru."""
    tokenizer = Tokenizer.train([("A cat sat on the mat, and so did a dog.", [])] * 9, 60)
    one = Transformer(ModelConfig(tokenizer.vocab_size, **SIZES))
    other = Recurrent(RecurrentConfig(tokenizer.vocab_size, d_model=4, d_hidden=4))
    for name, model in (("a", one), ("jumok", one), ("gru", other)):
        save(tmp_path / name, model, tokenizer, {}, "# A card")
    monkeypatch.setattr(cache, "CHECKPOINTS", tmp_path)
    return tmp_path


def test_recurrent_models_are_not_offered_to_pages_about_transformers(folder: Path) -> None:
    assert cache.checkpoints() == ["jumok", "a"]


def test_what_is_being_written_is_not_offered_and_no_reason_to_load_again(folder: Path) -> None:
    before = cache.bundle("a")
    (folder / "a" / ".model.safetensors.x").write_bytes(b"half of it")
    assert cache.bundle("a") is before
    (folder / "jumok").rename(folder / ".0123abcd")
    assert cache.checkpoints() == ["a"]


def test_a_checkpoint_that_is_deleted_while_it_is_looked_at_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_file = Path.is_file

    def deleted(path: Path) -> bool:
        found = is_file(path)
        shutil.rmtree(folder / "a", ignore_errors=True)
        return found

    monkeypatch.setattr(Path, "is_file", deleted)
    with pytest.raises(ModelError, match="there is no checkpoint"):
        cache.bundle("a")
