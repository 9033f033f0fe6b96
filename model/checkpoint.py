"""Checkpoints: config.json · model.safetensors · tokenizer.model · metrics.json · CARD.md.

A film of the training (`film.npz`) may lie beside them; `model.training.film` reads it.
Plain data only. Nothing in a checkpoint is ever executed, and everything is checked before use:
settings, sizes, checksums, shapes, finite numbers.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from .config import (
    LANGUAGES,
    AnyConfig,
    Lang,
    ModelConfig,
    RecurrentConfig,
    model_config,
    to_dict,
)
from .errors import ModelError
from .recurrent import Recurrent
from .seq2seq import Seq2Seq
from .tokenizer import Tokenizer
from .transformer import Transformer

FORMAT = 1
FILM = "film.npz"
_NO_ANSWER = ("metrics.json", FILM)  # files that change no answer of the model
_SMALL_FILE = 16 * 2**20  # bytes; no config, tokenizer or metrics file is larger
_SHA = "sha256"
_ROW = re.compile(r"\[\n[-+.\dEe,\s]+\]")  # a list of numbers stands on one line


@dataclass(frozen=True)
class AnyBundle:
    """A model of either kind, ready for use, in eval mode, with all that belongs to it.

    Attributes:
        name: the checkpoint's folder name.
        version: changes whenever weights, tokenizer, settings or metrics do; a key for caches.
        metrics: what `metrics.json` says was measured on held-out data.
    """

    name: str
    model: Seq2Seq[Any]
    tokenizer: Tokenizer
    config: AnyConfig
    metrics: Mapping[str, Any]
    version: str

    @property
    def directions(self) -> list[tuple[Lang, Lang]]:
        """From which language into which the model was trained, as far as `metrics.json` says."""
        measured = self.metrics.get("translation", {})
        return [
            (source, target)
            for source, target in itertools.permutations(LANGUAGES, 2)
            if f"{source}-{target}" in measured
        ]

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return self.model.embedding.weight.device


@dataclass(frozen=True)
class Bundle(AnyBundle):
    """A Transformer ready for use."""

    model: Transformer
    config: ModelConfig


def build(config: AnyConfig) -> Seq2Seq[Any]:
    """A model of this kind and these sizes, with new weights."""
    return Recurrent(config) if isinstance(config, RecurrentConfig) else Transformer(config)


def pick_device(device: str) -> torch.device:
    """The named device; "auto" is the GPU where there is one."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(device)


def load(path: str | Path, device: str = "auto") -> Bundle:
    """Read a Transformer's checkpoint, ready for use in eval mode.

    Raises:
        ModelError: `not_a_transformer`, or what `load_any` raises.
    """
    return transformer_of(load_any(path, device))


def transformer_of(bundle: AnyBundle) -> Bundle:
    """The bundle, if it is a Transformer's.

    Raises:
        ModelError: `not_a_transformer`.
    """
    if not isinstance(bundle, Bundle):
        raise ModelError(
            "not_a_transformer",
            f"{bundle.name} is a recurrent model, and this needs a Transformer: choose another",
            path=bundle.name,
        )
    return bundle


def is_transformer(path: Path) -> bool:
    """Whether a checkpoint's settings are a Transformer's; True where they cannot be read."""
    try:
        header = _json_object(path / "config.json", _read(path / "config.json", _SMALL_FILE))
    except (ModelError, OSError):
        return True
    sizes = header.get("model")
    return not (isinstance(sizes, dict) and "architecture" in sizes)


def load_any(path: str | Path, device: str = "auto") -> AnyBundle:
    """Read a checkpoint of either kind, ready for use in eval mode; a Transformer's is a `Bundle`.

    Raises:
        ModelError: `checkpoint_missing`, `checkpoint_damaged`, `config_invalid`,
            `config_too_large` or `tokenizer_damaged`.
    """
    path = Path(path)
    if not path.is_dir():
        raise ModelError(
            "checkpoint_missing", f"there is no checkpoint folder {path}", path=str(path)
        )
    header = _json_object(path / "config.json", _read(path / "config.json", _SMALL_FILE))
    if header.get("format") != FORMAT:
        raise _damaged(path / "config.json", f"its format is not {FORMAT}")
    config = model_config(header.get("model"))
    checksums = header.get(_SHA)
    if not isinstance(checksums, dict):
        raise _damaged(path / "config.json", "it has no checksums")
    if checksums.get("settings") != _settings_sha(config):
        raise _damaged(path / "config.json", "the settings' checksum differs")
    tokenizer = Tokenizer(_read_checked(path / "tokenizer.model", checksums, _SMALL_FILE))
    if tokenizer.vocab_size != config.vocab_size:
        raise _damaged(
            path / "tokenizer.model",
            f"it has {tokenizer.vocab_size} pieces, the settings say {config.vocab_size}",
        )
    weights = path / "model.safetensors"
    model = _build(
        config, _read_checked(weights, checksums, 4 * config.n_parameters + 2**20), weights
    )
    metrics = path / "metrics.json"
    measured = _json_object(metrics, _read_checked(metrics, checksums, _SMALL_FILE))
    _check_metrics(metrics, measured, config)
    computes = {name: sha for name, sha in checksums.items() if name not in _NO_ANSWER}
    version = _sha(json.dumps(computes, sort_keys=True).encode())[:16]
    return bundled(
        path.resolve().name,
        model.to(pick_device(device)).eval(),
        tokenizer,
        measured,
        version,
    )


def bundled(
    name: str,
    model: Seq2Seq[Any],
    tokenizer: Tokenizer,
    metrics: Mapping[str, Any],
    version: str,
) -> AnyBundle:
    """The model with what belongs to it; a Transformer's is a `Bundle`."""
    if isinstance(model, Transformer):
        return Bundle(name, model, tokenizer, model.config, metrics, version)
    return AnyBundle(name, model, tokenizer, model.config, metrics, version)


def save(
    path: str | Path,
    model: Seq2Seq[Any],
    tokenizer: Tokenizer,
    metrics: Mapping[str, Any],
    card: str,
    *,
    half: bool = False,
) -> None:
    """Write a checkpoint whole: it appears under `path` complete or not at all.

    A film that lies there already belongs to it from now on.

    Args:
        half: store the weights as float16, in half the size.
    """
    path = Path(path)
    dtype = torch.float16 if half else torch.float32
    tensors = {k: v.detach().to("cpu", dtype).contiguous() for k, v in model.state_dict().items()}
    weights = save_tensors(tensors)
    measured = _json(metrics)
    checksums = {
        "settings": _settings_sha(model.config),
        "model.safetensors": _sha(weights),
        "tokenizer.model": _sha(tokenizer.model_proto),
        "metrics.json": _sha(measured),
    }
    if (path / FILM).is_file():
        checksums[FILM] = _sha((path / FILM).read_bytes())
    header = {"format": FORMAT, "model": to_dict(model.config), _SHA: checksums}
    path.mkdir(parents=True, exist_ok=True)
    write_atomically(path / "model.safetensors", weights)
    write_atomically(path / "tokenizer.model", tokenizer.model_proto)
    write_atomically(path / "metrics.json", measured)
    write_atomically(path / "CARD.md", card.encode())
    # Last: until the header names these very files, a reader sees the old checkpoint or an error.
    write_atomically(path / "config.json", _json(header))


def save_metrics(path: str | Path, metrics: Mapping[str, Any], card: str) -> None:
    """Write a checkpoint's metrics and card anew, after more was measured.

    Raises:
        ModelError: `checkpoint_missing` or `checkpoint_damaged`.
    """
    path = Path(path)
    header = _json_object(path / "config.json", _read(path / "config.json", _SMALL_FILE))
    measured = _json(metrics)
    header[_SHA]["metrics.json"] = _sha(measured)
    write_atomically(path / "metrics.json", measured)
    write_atomically(path / "CARD.md", card.encode())
    write_atomically(path / "config.json", _json(header))


def is_sealed(path: Path, content: bytes) -> bool:
    """Whether a checkpoint's file is the one it was saved with; True where no header names it."""
    header = path.parent / "config.json"
    if not header.is_file():
        return True
    checksums = _json_object(header, _read(header, _SMALL_FILE)).get(_SHA, {})
    return checksums.get(path.name, _sha(content)) == _sha(content)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a kill, never meets half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _build(config: AnyConfig, weights: bytes, path: Path) -> Seq2Seq[Any]:
    try:
        tensors = load_tensors(weights)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "it is not a safetensors file") from error
    # Before any memory is taken: settings may not ask for much more than the file fills.
    stored = sum(tensor.numel() for tensor in tensors.values())
    if config.n_parameters > 2 * stored + 1_000_000:
        raise _damaged(
            path, f"it holds {stored:,} numbers, the settings say {config.n_parameters:,}"
        )
    model = build(config)
    expected = model.state_dict()
    if missing := sorted(expected.keys() - tensors.keys()):
        raise _damaged(path, f"{missing[0]} is missing")
    if extra := sorted(tensors.keys() - expected.keys()):
        raise _damaged(path, f"{extra[0]} does not belong there")
    for name, tensor in tensors.items():
        _check_tensor(path, name, tensor, expected[name])
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return model


def _check_tensor(path: Path, name: str, tensor: Tensor, expected: Tensor) -> None:
    if tensor.shape != expected.shape:
        got, want = tuple(tensor.shape), tuple(expected.shape)
        raise _damaged(path, f"{name} has shape {got}, the settings say {want}")
    if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise _damaged(path, f"{name} holds {tensor.dtype}, not numbers of 16 or 32 bits")
    if not tensor.isfinite().all():
        raise _damaged(path, f"{name} holds numbers that are not finite")


def _read(path: Path, limit: int) -> bytes:
    if not path.is_file():
        raise ModelError("checkpoint_missing", f"there is no file {path}", path=str(path))
    if path.stat().st_size > limit:
        raise _damaged(path, f"it is larger than {limit:,} bytes")
    return path.read_bytes()


def _read_checked(path: Path, checksums: Mapping[str, Any], limit: int) -> bytes:
    content = _read(path, limit)
    if _sha(content) != checksums.get(path.name):
        raise _damaged(path, "its checksum differs from config.json: it is cut short or changed")
    return content


def _json_object(path: Path, content: bytes) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:  # ValueError: a number of 5,000 digits, too
        raise _damaged(path, "it is not JSON") from error
    if not isinstance(values, dict):
        raise _damaged(path, "it is not a JSON object")
    return values


# What pages look into without asking, where it is there at all: objects in objects.
_PRONOUNS: dict[str, Any] = {"naming": {}, "baselines": {}, "heads": {"best": {}, "all": {}}}
_METRICS: dict[str, Any] = _PRONOUNS | {
    "measured_on": {},
    "unseen_templates": _PRONOUNS,
    "unseen_nouns": _PRONOUNS,
    "translation": {},
    "pieces_per_word": {},
    "scores": {"generated": {}, "dev": {}},
    "seen": {},
    "training": {"settings": {}, "met": {}},
    "speed": {},
}


def _check_metrics(path: Path, metrics: Mapping[str, Any], config: AnyConfig) -> None:
    _check_objects(path, metrics, _METRICS)
    layers = getattr(config, "n_encoder_layers", 0), getattr(config, "n_heads", 0)
    for best in metrics.get("heads", {}).get("best", {}).values():
        at = (best.get("layer"), best.get("head")) if isinstance(best, dict) else (None, None)
        for number, count in zip(at, layers, strict=True):
            if not isinstance(number, int) or not 0 <= number < count:
                raise _damaged(path, f"the best head {best} is none of this model's")


def _check_objects(path: Path, values: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for name in values.keys() & expected.keys():
        if not isinstance(values[name], dict):
            raise _damaged(path, f"{name} is no JSON object")
        _check_objects(path, values[name], expected[name])


def _json(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, indent=1)
    return (_ROW.sub(lambda row: " ".join(row[0].split()), text) + "\n").encode()


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _settings_sha(config: AnyConfig) -> str:
    return _sha(json.dumps(to_dict(config), sort_keys=True).encode())


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(
        "checkpoint_damaged",
        f"{path} cannot be used: {why}; copy the checkpoint again",
        path=str(path),
        why=why,
    )
