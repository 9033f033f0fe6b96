"""Sizes of a Transformer and of its training: frozen, validated, with named presets."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar, get_args

from .errors import ModelError

Lang = Literal["en", "ko", "fr"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)

DIRECTIONS: dict[tuple[Lang, Lang], float] = {
    ("en", "ko"): 0.34,
    ("ko", "en"): 0.32,
    ("en", "fr"): 0.24,
    ("ko", "fr"): 0.10,
}
"""From which language into which a model is trained, with each direction's share."""

# A checkpoint from a stranger must not fill the machine's memory; the paper's "base" has 65 M.
MAX_PARAMETERS = 200_000_000

_Config = TypeVar("_Config", "ModelConfig", "TrainConfig")


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of an encoder-decoder Transformer, in the paper's symbols (Vaswani et al. 2017, §3).

    Raises:
        ModelError: `config_invalid` or `config_too_large`, naming the setting.
    """

    vocab_size: int
    d_model: int = 128
    n_heads: int = 4
    d_k: int = 32
    d_v: int = 32
    d_ff: int = 512
    n_encoder_layers: int = 4
    n_decoder_layers: int = 2
    norm: Literal["post", "pre"] = "post"
    """The paper's LayerNorm(x + Sublayer(x)), or x + Sublayer(LayerNorm(x)): it learns faster."""
    dropout: float = 0.1
    max_len: int = 256
    """Longest sentence in pieces, source or target."""

    def __post_init__(self) -> None:
        _check_types(self)
        for name in ("vocab_size", "d_model", "n_heads", "d_k", "d_v", "d_ff", "max_len"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("n_encoder_layers", "n_decoder_layers"):
            _require(1 <= getattr(self, name) <= 48, name, getattr(self, name), "from 1 to 48")
        _require(self.d_model % 2 == 0, "d_model", self.d_model, "even (sine and cosine pairs)")
        _require(self.norm in ("post", "pre"), "norm", self.norm, '"post" or "pre"')
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "at least 0 and below 1")
        _require(self.max_len <= 8192, "max_len", self.max_len, "at most 8192")
        if self.n_parameters > MAX_PARAMETERS:
            raise ModelError(
                "config_too_large",
                f"this configuration asks for {self.n_parameters:,} parameters; "
                f"the limit is {MAX_PARAMETERS:,}",
                parameters=self.n_parameters,
                limit=MAX_PARAMETERS,
            )

    @property
    def n_parameters(self) -> int:
        """Number of trainable values, counted without building the model."""
        d, h = self.d_model, self.n_heads
        attention = (
            d * h * (2 * self.d_k + self.d_v) + h * self.d_v * d + h * (2 * self.d_k + self.d_v) + d
        )
        feed_forward = 2 * d * self.d_ff + self.d_ff + d
        norm = 2 * d
        encoder = self.n_encoder_layers * (attention + feed_forward + 2 * norm)
        decoder = self.n_decoder_layers * (2 * attention + feed_forward + 3 * norm)
        final_norms = 2 * norm if self.norm == "pre" else 0
        naming = d * d + d
        return self.vocab_size * d + encoder + decoder + final_norms + naming


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained; every value is written into the checkpoint's card.

    Raises:
        ModelError: `config_invalid`, naming the setting.
    """

    steps: int = 4500
    batch_tokens: int = 2048
    """Source and target pieces in one step of one process, padding counted."""
    peak_lr: float = 1.5e-3
    warmup_steps: int = 400
    label_smoothing: float = 0.1
    naming_weight: float = 1.0
    """Weight of the loss "the encoder names what each pronoun stands for"; 0 leaves it out."""
    max_grad_norm: float = 1.0
    items: int = 80_000
    """Sentences and pairs of twins that are generated for an epoch; every epoch has new ones."""
    pronoun_share: float = 0.6
    """Share of the items that are twins with a pronoun to resolve."""
    read_share: float = 0.5
    """Share of the sentences that are read from files, where files are given."""
    corpora: str = ""
    """The files' names and checksums: a training goes on with the same ones."""
    vocab_size: int = 10_000
    seed: int = 0
    snapshot_every: int = 500

    def __post_init__(self) -> None:
        _check_types(self)
        for name in (
            "steps",
            "batch_tokens",
            "warmup_steps",
            "vocab_size",
            "items",
            "snapshot_every",
        ):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        _require(self.peak_lr > 0, "peak_lr", self.peak_lr, "above 0")
        _require(self.max_grad_norm > 0, "max_grad_norm", self.max_grad_norm, "above 0")
        _require(self.naming_weight >= 0, "naming_weight", self.naming_weight, "at least 0")
        for name in ("label_smoothing", "pronoun_share"):
            _require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "from 0 to 1")
        _require(0 <= self.read_share < 1, "read_share", self.read_share, "from 0 to below 1")


def to_dict(config: ModelConfig | TrainConfig) -> dict[str, Any]:
    """The settings as plain JSON values."""
    return asdict(config)


def from_dict(cls: type[_Config], values: object) -> _Config:
    """Settings from JSON values.

    Raises:
        ModelError: `config_invalid` where a setting is unknown, missing or out of range.
    """
    if not isinstance(values, dict):
        raise ModelError(
            "config_invalid",
            "the settings must be a JSON object",
            setting="config",
            value=values,
            rule="a JSON object",
        )
    known = {field.name for field in fields(cls)}
    for name in values:
        _require(name in known, str(name), values[name], "a known setting")
    try:
        return cls(**values)
    except TypeError as error:
        raise ModelError(
            "config_invalid",
            f"settings are missing: {error}",
            setting="config",
            value="",
            rule="complete",
        ) from error


def _require(holds: bool, setting: str, value: object, rule: str) -> None:
    if not holds:
        raise ModelError(
            "config_invalid",
            f"{setting} is {value!r}, but must be {rule}",
            setting=setting,
            value=value,
            rule=rule,
        )


def _check_types(config: ModelConfig | TrainConfig) -> None:
    for field in fields(config):
        value = getattr(config, field.name)
        if field.type == "int":
            ok = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
            _require(ok, field.name, value, "a whole number of at most 64 bits")
        elif field.type == "float":
            ok = isinstance(value, int | float) and not isinstance(value, bool)
            _require(ok and abs(value) < math.inf, field.name, value, "a finite number")


@dataclass(frozen=True)
class Preset:
    """Model sizes (but for the vocabulary, which the tokenizer decides) and training settings."""

    model: dict[str, Any]
    train: TrainConfig


PRESETS: dict[str, Preset] = {
    "tiny": Preset(
        dict(d_model=64, n_heads=4, d_k=16, d_v=16, d_ff=256)
        | dict(n_encoder_layers=2, n_decoder_layers=1, norm="pre", dropout=0.0),
        TrainConfig(steps=400, warmup_steps=50, peak_lr=4e-3, items=8000, snapshot_every=100),
    ),
    "small": Preset(
        dict(d_model=128, n_heads=4, d_k=32, d_v=32, d_ff=512)
        | dict(n_encoder_layers=4, n_decoder_layers=2, norm="pre", dropout=0.05),
        TrainConfig(),
    ),
    "base": Preset(
        dict(d_model=512, n_heads=8, d_k=64, d_v=64, d_ff=2048)
        | dict(n_encoder_layers=6, n_decoder_layers=6),
        TrainConfig(
            steps=100_000, batch_tokens=25_000, warmup_steps=4000, peak_lr=7e-4, vocab_size=12_000
        ),
    ),
}
