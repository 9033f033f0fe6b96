"""Small models with random weights: no size equals another, so that swapped axes show."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from model import Bundle, ModelConfig
from model.attention import MultiHeadAttention
from model.config import PRESETS
from model.layers import DecoderLayer, EncoderLayer
from model.tokenizer import Tokenizer
from model.training.loop import learn_vocabulary
from model.transformer import Transformer

SENTENCES = (
    "The animal didn't cross the street because it was too tired.",
    "The animal did not cross the street because it was too wide!",
    "I am a student. I am Sam, a quick brown fox; jump over the lazy dog?",
    "She poured water from the jug into the cup until it was full (or empty).",
    "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 피곤하였기 때문이다.",
    "그녀는 주전자의 물을 컵에 따랐다. 그것이 가득 찰 때까지.",
    "나는 학교에 갔다. 어제 카페 갔었어 거기 사람 많더라",
    "Je suis étudiant. L'eau est froide, mais l'animal n'a pas traversé la rue.",
)
SIZES = dict(d_model=26, n_heads=3, d_k=5, d_v=7, d_ff=11)
LAYERS = dict(n_encoder_layers=2, n_decoder_layers=4)

MakeBundle = Callable[..., Bundle]


@pytest.fixture(scope="session")
def sentences() -> tuple[str, ...]:
    return SENTENCES


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer.train([(sentence, []) for sentence in SENTENCES * 3], vocab_size=400)


@pytest.fixture(scope="session")
def learned() -> Tokenizer:
    """A vocabulary of generated sentences, as a training learns it."""
    return learn_vocabulary(replace(PRESETS["tiny"].train, items=300))


@pytest.fixture(scope="session")
def untrained(learned: Tokenizer) -> Transformer:
    torch.manual_seed(3)
    config = ModelConfig(learned.vocab_size, n_encoder_layers=2, **SIZES | dict(d_model=14))
    return Transformer(config).eval()


@pytest.fixture(scope="session")
def make_bundle(tokenizer: Tokenizer) -> MakeBundle:
    """Bundles with random weights, biases and norms; the same arguments give the same weights."""

    def make(seed: int = 0, **changes: Any) -> Bundle:
        sizes = SIZES | LAYERS | dict(dropout=0.3, max_len=61) | changes
        config = ModelConfig(tokenizer.vocab_size, **sizes)
        model = randomised(Transformer(config), seed).eval()
        return Bundle("tests", model, tokenizer, config, {}, f"{seed}{sorted(changes.items())}")

    return make


@pytest.fixture(scope="session", params=["post", "pre"])
def bundle(request: pytest.FixtureRequest, make_bundle: MakeBundle) -> Bundle:
    return make_bundle(norm=request.param)


@pytest.fixture(scope="session")
def randomise() -> Callable[..., Any]:
    return randomised


def randomised(module: torch.nn.Module, seed: int = 0) -> Any:
    """Zero biases and unit norms would hide mistakes, and faint logits make every word alike."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.copy_(0.3 * noise + name.endswith("norm.weight"))
    return module


@pytest.fixture(scope="session")
def torch_weights() -> Callable[..., dict[str, Tensor]]:
    return layer_weights


def attention_weights(ours: MultiHeadAttention, name: str) -> dict[str, Tensor]:
    qkv = (ours.w_q, ours.w_k, ours.w_v)
    return {
        f"{name}.in_proj_weight": torch.cat([linear.weight for linear in qkv]),
        f"{name}.in_proj_bias": torch.cat([linear.bias for linear in qkv]),
        f"{name}.out_proj.weight": ours.w_o.weight,
        f"{name}.out_proj.bias": ours.w_o.bias,
    }


def layer_weights(ours: EncoderLayer | DecoderLayer) -> dict[str, Tensor]:
    """Our layer's weights under the names of torch's layers."""
    weights = attention_weights(ours.self_attn, "self_attn")
    norms = [ours.self_attn_add.norm]
    if isinstance(ours, DecoderLayer):
        weights |= attention_weights(ours.cross_attn, "multihead_attn")
        norms += [ours.cross_attn_add.norm]
    norms += [ours.ffn_add.norm]
    for n, norm in enumerate(norms, start=1):
        weights |= {f"norm{n}.weight": norm.weight, f"norm{n}.bias": norm.bias}
    for n, linear in enumerate((ours.ffn.w_1, ours.ffn.w_2), start=1):
        weights |= {f"linear{n}.weight": linear.weight, f"linear{n}.bias": linear.bias}
    return weights
