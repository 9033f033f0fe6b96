"""Sizes of a model and of its training: frozen, validated, with named presets."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, TypeVar, get_args

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

Scoring = Literal["none", "bahdanau", "dot", "general", "concat"]
"""How a recurrent decoder scores the words that were read; "none" gives it one vector of them."""
SCORINGS: tuple[Scoring, ...] = get_args(Scoring)

_Config = TypeVar("_Config", "ModelConfig", "RecurrentConfig", "TrainConfig")


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of an encoder-decoder Transformer, in the paper's symbols (Vaswani et al. 2017, §3).

    Raises:
        ModelError: `config_invalid` or `config_too_large`, naming the setting.
    """

    architecture: ClassVar[str] = "transformer"

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
        _check_size(self.n_parameters)

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
class RecurrentConfig:
    """Sizes of a GRU encoder-decoder with one layer on each side, `model.recurrent`.

    Raises:
        ModelError: `config_invalid` or `config_too_large`, naming the setting.
    """

    vocab_size: int
    attention: Scoring = "bahdanau"
    d_model: int = 96
    """Size of the embedding."""
    d_hidden: int = 192
    """n, the size of the decoder's state s_i and of an annotation h_j, half of it from each of the
    encoder's two directions."""
    dropout: float = 0.0
    max_len: int = 256
    """Longest sentence in pieces, source or target."""
    architecture: Literal["recurrent"] = "recurrent"
    """What tells these settings from a Transformer's."""

    def __post_init__(self) -> None:
        _check_types(self)
        for name in ("vocab_size", "d_model", "d_hidden", "max_len"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        known = ", ".join(f'"{scoring}"' for scoring in SCORINGS)
        _require(self.attention in SCORINGS, "attention", self.attention, f"one of {known}")
        _require(self.d_hidden % 2 == 0, "d_hidden", self.d_hidden, "even (two directions)")
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "at least 0 and below 1")
        _require(self.max_len <= 8192, "max_len", self.max_len, "at most 8192")
        _require(self.architecture == "recurrent", "architecture", self.architecture, '"recurrent"')
        _check_size(self.n_parameters)

    @property
    def n_parameters(self) -> int:
        """Number of trainable values, counted without building the model."""
        d, n = self.d_model, self.d_hidden
        early = self.attention in ("none", "bahdanau")  # the context goes into the GRU
        additive = 2 * n * n + n
        scores = {"none": 0, "dot": 0, "general": n * n}.get(self.attention, additive)
        encoder = 2 * _gru(d, n // 2)
        start = n * n + n
        decoder = _gru(d + n, n) if early else _gru(d, n) + 2 * n * n
        out = (2 * n if early else n) * d + d
        naming = n * d + d
        return self.vocab_size * d + encoder + start + decoder + scores + out + naming


def _gru(d_input: int, d_hidden: int) -> int:
    """Three gates, each with a matrix for the input, one for the state, and a bias for both."""
    return 3 * d_hidden * (d_input + d_hidden + 2)


AnyConfig = ModelConfig | RecurrentConfig
"""The settings of a model of either kind."""


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained; every value is written into the checkpoint's card.

    Raises:
        ModelError: `config_invalid`, naming the setting.
    """

    steps: int = 4500
    minutes: float = 0.0
    """A budget of time besides the steps: whichever is spent first ends it; 0 for none."""
    batch_tokens: int = 2048
    """Source and target pieces in one step of one process, padding counted."""
    peak_lr: float = 1.5e-3
    warmup_steps: int = 400
    lower_lr_share: float = 1.0
    """The learning rate of the encoder's layers below its last one, as a share of all others'.

    Where all learn alike, a lower layer may fetch the antecedent to the predicate ("tired") and the
    pronoun copies it from there; where lower ones are slow, the pronoun itself looks at it."""
    label_smoothing: float = 0.1
    naming_weight: float = 1.0
    """Weight of the loss "the encoder names what each pronoun stands for"; 0 leaves it out."""
    max_grad_norm: float = 1.0
    items: int = 80_000
    """Sentences and pairs of twins that are generated for an epoch; every epoch has new ones."""
    pronoun_share: float = 0.6
    """Share of the items that are twins with a pronoun to resolve."""
    read_share: float = 0.5
    """Share of the sentences that are read from files, where files are given; 1: no others."""
    alone_epochs: int = 0
    """Epochs of generated sentences alone before files are read: heads learn to resolve first."""
    families: tuple[str, ...] = ()
    """Families of templates that sentences are generated from; none named means all."""
    joined_share: float = 0.0
    """Share of the generated pairs that are two or three sentences in a row, in source and target
    alike: for models that are asked how they stand longer texts."""
    named_only_share: float = 0.0
    """Share of the generated sentences with a pronoun that are not to be translated as well: naming
    alone spares the decoder's part of the work, the larger one. Directions come alike for these."""
    swapped_share: float = 0.0
    """Of the sentences that are to be named alone and whose frame decides, the share in which any
    words of the vocabulary stand for the nouns: what a head looks at can then be named, whatever
    it is."""
    directions: tuple[str, ...] = ()
    """As in "en-ko", of `DIRECTIONS`; none named means all."""
    corpora: str = ""
    """The files' names and checksums: a training goes on with the same ones."""
    tokenizer: str = ""
    """Name and checksum of another checkpoint's vocabulary, where that one is used."""
    vocab_size: int = 10_000
    seed: int = 0
    snapshot_every: int = 500
    measured_twins: int = 1000
    """Twins of each held-out kind that the finished model is measured on."""

    def __post_init__(self) -> None:
        _check_types(self)
        for name in ("families", "directions"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON knows only lists
        for name in self.directions:
            known = [f"{source}-{target}" for source, target in DIRECTIONS]
            _require(name in known, "directions", name, f"one of {', '.join(known)}")
        for name in (
            "steps",
            "batch_tokens",
            "warmup_steps",
            "vocab_size",
            "items",
            "snapshot_every",
        ):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        # Heads are chosen on one half and reported on the other.
        _require(self.measured_twins >= 2, "measured_twins", self.measured_twins, "at least 2")
        _require(self.peak_lr > 0, "peak_lr", self.peak_lr, "above 0")
        _require(self.max_grad_norm > 0, "max_grad_norm", self.max_grad_norm, "above 0")
        _require(self.naming_weight >= 0, "naming_weight", self.naming_weight, "at least 0")
        for name in (
            "lower_lr_share",
            "label_smoothing",
            "pronoun_share",
            "read_share",
            "joined_share",
            "named_only_share",
            "swapped_share",
        ):
            _require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "from 0 to 1")
        _require(self.minutes >= 0, "minutes", self.minutes, "at least 0")
        _require(self.alone_epochs >= 0, "alone_epochs", self.alone_epochs, "at least 0")

    @property
    def shares(self) -> dict[tuple[Lang, Lang], float]:
        """The chosen directions with their shares, as in `DIRECTIONS`."""
        return {
            (source, target): share
            for (source, target), share in DIRECTIONS.items()
            if not self.directions or f"{source}-{target}" in self.directions
        }


def to_dict(config: AnyConfig | TrainConfig) -> dict[str, Any]:
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


def model_config(values: object) -> AnyConfig:
    """A model's settings from JSON values; those that name no architecture are a Transformer's.

    Raises:
        ModelError: `config_invalid` or `config_too_large`.
    """
    if isinstance(values, dict) and "architecture" in values:
        return from_dict(RecurrentConfig, values)
    return from_dict(ModelConfig, values)


def _require(holds: bool, setting: str, value: object, rule: str) -> None:
    if not holds:
        raise ModelError(
            "config_invalid",
            f"{setting} is {value!r}, but must be {rule}",
            setting=setting,
            value=value,
            rule=rule,
        )


def _check_size(parameters: int) -> None:
    if parameters > MAX_PARAMETERS:
        raise ModelError(
            "config_too_large",
            f"this configuration asks for {parameters:,} parameters; "
            f"the limit is {MAX_PARAMETERS:,}",
            parameters=parameters,
            limit=MAX_PARAMETERS,
        )


def _check_types(config: AnyConfig | TrainConfig) -> None:
    for field in fields(config):
        value = getattr(config, field.name)
        if field.type == "int":
            ok = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
            _require(ok, field.name, value, "a whole number of at most 64 bits")
        elif field.type == "float":
            ok = isinstance(value, int | float) and not isinstance(value, bool)
            _require(ok and abs(value) < math.inf, field.name, value, "a finite number")
        elif field.type == "str":
            _require(isinstance(value, str), field.name, value, "text")
        elif field.type == "tuple[str, ...]":
            ok = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
            _require(ok, field.name, value, "a list of names")


@dataclass(frozen=True)
class Preset:
    """Model sizes (but for the vocabulary, which the tokenizer decides) and training settings."""

    model: dict[str, Any]
    train: TrainConfig

    @property
    def sizes(self) -> dict[str, Any]:
        """All of the model's sizes but the vocabulary's, those by default, too.

        Raises:
            ModelError: `config_invalid` or `config_too_large`.
        """
        values = {"vocab_size": self.train.vocab_size} | self.model
        sizes = to_dict(model_config(values))
        _require(sizes["vocab_size"] == self.train.vocab_size, "vocab_size", sizes["vocab_size"],
                 "set in train: the vocabulary decides it")  # fmt: skip
        del sizes["vocab_size"]
        return sizes


# The models from before the Transformer, and one beside them: the same data, the same steps, and
# about the same number of parameters, so that what differs is what they are made of.
_COMPARED = TrainConfig(
    steps=2500,
    warmup_steps=150,
    peak_lr=3e-3,
    items=8000,
    pronoun_share=0.3,
    joined_share=0.4,
    directions=("en-ko", "ko-en"),
    vocab_size=12_000,
    snapshot_every=250,
    measured_twins=200,
)


def _recurrent(attention: Scoring) -> Preset:
    return Preset(dict(architecture="recurrent", attention=attention), _COMPARED)


PRESETS: dict[str, Preset] = {
    "tiny": Preset(
        dict(d_model=64, n_heads=4, d_k=16, d_v=16, d_ff=256)
        | dict(n_encoder_layers=2, n_decoder_layers=1, norm="pre", dropout=0.0),
        TrainConfig(
            steps=400,
            warmup_steps=50,
            peak_lr=4e-3,
            items=8000,
            snapshot_every=100,
            measured_twins=200,
        ),
    ),
    "class": Preset(
        dict(d_model=128, n_heads=4, d_k=32, d_v=32, d_ff=256)
        | dict(n_encoder_layers=2, n_decoder_layers=1, norm="pre", dropout=0.0),
        TrainConfig(
            steps=1500,
            warmup_steps=80,
            peak_lr=3e-3,
            lower_lr_share=0.1,
            items=8000,
            pronoun_share=0.9,
            families=("ways", "containers"),
            directions=("en-ko", "ko-en"),
            vocab_size=4000,
            snapshot_every=100,
            measured_twins=200,
        ),
    ),
    "small": Preset(
        dict(d_model=128, n_heads=4, d_k=32, d_v=32, d_ff=512)
        | dict(n_encoder_layers=4, n_decoder_layers=2, norm="pre", dropout=0.05),
        TrainConfig(),
    ),
    "medium": Preset(
        dict(d_model=256, n_heads=4, d_k=32, d_v=32, d_ff=1024, max_len=512)
        | dict(n_encoder_layers=4, n_decoder_layers=2, norm="pre", dropout=0.0),
        TrainConfig(
            steps=68_640,
            peak_lr=1e-3,
            items=40_000,
            pronoun_share=0.75,
            named_only_share=0.5,
            swapped_share=0.6,
            alone_epochs=6,
            vocab_size=12_000,
            snapshot_every=250,
        ),
    ),
    # For a GPU: larger batches, and as many sentences as a CPU would take days for. Chosen from
    # what `medium` taught; nobody has trained it to its end so far.
    "large": Preset(
        dict(d_model=256, n_heads=8, d_k=32, d_v=32, d_ff=1024, max_len=512)
        | dict(n_encoder_layers=6, n_decoder_layers=3, norm="pre", dropout=0.1),
        TrainConfig(
            steps=40_000,
            batch_tokens=32_768,
            peak_lr=1.5e-3,
            warmup_steps=1000,
            items=40_000,
            named_only_share=0.4,
            swapped_share=0.5,
            alone_epochs=20,
            vocab_size=12_000,
            snapshot_every=500,
        ),
    ),
    "gru": _recurrent("none"),
    "bahdanau": _recurrent("bahdanau"),
    "luong": _recurrent("general"),
    "rival": Preset(
        dict(d_model=96, n_heads=4, d_k=24, d_v=24, d_ff=256)
        | dict(n_encoder_layers=3, n_decoder_layers=2, norm="pre", dropout=0.0),
        _COMPARED,
    ),
    "base": Preset(
        dict(d_model=512, n_heads=8, d_k=64, d_v=64, d_ff=2048)
        | dict(n_encoder_layers=6, n_decoder_layers=6),
        TrainConfig(
            steps=100_000, batch_tokens=25_000, warmup_steps=4000, peak_lr=7e-4, vocab_size=12_000
        ),
    ),
}


def preset_of(values: object) -> Preset:
    """A preset with changes, from JSON: {"preset": name, "model": {…}, "train": {…}}.

    Raises:
        ModelError: `unknown_preset`, `config_invalid` or `config_too_large`.
    """
    known = {"preset": "small", "model": {}, "train": {}}
    if not isinstance(values, dict) or not values.keys() <= known.keys():
        raise ModelError(
            "config_invalid",
            f"the settings must be a JSON object with {', '.join(known)}",
            setting="settings",
            value=str(values)[:80],
            rule=f"an object with {', '.join(known)}",
        )
    name, sizes, settings = (values.get(key, default) for key, default in known.items())
    if not isinstance(name, str) or name not in PRESETS:
        raise ModelError(
            "unknown_preset",
            f"there is no preset {name!r}; choose from {', '.join(PRESETS)}",
            preset=str(name),
        )
    for part in (sizes, settings):
        _require(isinstance(part, dict), "settings", part, "a JSON object")
    preset = PRESETS[name]
    train = from_dict(TrainConfig, to_dict(preset.train) | settings)
    # A model of another kind has none of the preset's sizes.
    of_another_kind = "architecture" in sizes.keys() - preset.model.keys()
    model = sizes if of_another_kind else preset.model | sizes
    return Preset(Preset(model, train).sizes, train)
