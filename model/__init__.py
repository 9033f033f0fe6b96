"""The Transformer of Jumok, everything about it but the screen.

from model import load, trace, translate, name_pronoun
bundle = load("checkpoints/jumok")
t = trace(bundle, "The animal didn't cross the street because it was too tired.")
t.attention("encoder")   # float32 [layer, head, query, key]
"""

from .analysis.coreference import find_pronouns, name_pronoun
from .capture import capture, intervene
from .checkpoint import AnyBundle, Bundle, load, load_any
from .config import LANGUAGES, Lang, ModelConfig, RecurrentConfig, TrainConfig
from .decode import translate
from .errors import ModelError
from .trace import KINDS, AttentionSteps, Kind, Trace, trace

__all__ = [
    "KINDS",
    "LANGUAGES",
    "AnyBundle",
    "AttentionSteps",
    "Bundle",
    "Kind",
    "Lang",
    "ModelConfig",
    "ModelError",
    "RecurrentConfig",
    "Trace",
    "TrainConfig",
    "capture",
    "find_pronouns",
    "intervene",
    "load",
    "load_any",
    "name_pronoun",
    "trace",
    "translate",
]
