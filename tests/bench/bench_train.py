"""A training step of ours next to the same model built from torch.nn.Transformer.

    python -m tests.bench.bench_train [--preset small] [--steps 20] [--batch-tokens 2048]

Same sizes, same weights, same batches, same objective, same optimiser; the two take turns in one
run, so that a busy moment hits both. First it is checked that both compute the same loss. Where
there is a GPU it is used, in bf16, and the share of the card's matrix peak is told, too: FLOPs are
those of the matrix products of our step, forward and backward, as torch counts them.

Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.flop_counter import FlopCounterMode

from model import ModelConfig, load
from model.capture import Probe
from model.config import PRESETS
from model.positions import sinusoid
from model.seq2seq import Seq2Seq
from model.training.batches import Batch, TrainingSet, collate
from model.training.objective import Objective
from model.transformer import PAD, Transformer

# Dense bf16 FLOP/s of the data sheets, without sparsity.
PEAKS = {"H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12, "L4": 121e12}


class TorchTransformer(Seq2Seq[Any]):
    """The same encoder-decoder out of nn.Transformer, as its tutorials build it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.n_heads * config.d_k != config.d_model or config.d_k != config.d_v:
            raise SystemExit("nn.Transformer knows heads of size d_model / n_heads only")
        self.embedding = nn.Embedding(config.vocab_size, config.d_model, padding_idx=PAD)
        self.scale, self.dropout = config.d_model**0.5, nn.Dropout(config.dropout)
        self.register_buffer("positions", sinusoid(config.max_len, config.d_model))
        self.transformer = nn.Transformer(
            config.d_model, config.n_heads, config.n_encoder_layers, config.n_decoder_layers,
            config.d_ff, config.dropout, batch_first=True, norm_first=config.norm == "pre",
        )  # fmt: skip
        if config.norm == "post":  # nn.Transformer always ends in one more norm; the paper does not
            self.transformer.encoder.norm = self.transformer.decoder.norm = None
        self.naming, self.logits = nn.Linear(config.d_model, config.d_model), Probe()

    def encode(self, source: Tensor) -> Tensor:
        padding = source == PAD
        return self.transformer.encoder(self._input(source), src_key_padding_mask=padding)

    def states(
        self, target: Tensor, memory: Tensor, memory_mask: Tensor, cache: Any = None
    ) -> Tensor:
        length = target.size(1)
        ahead = torch.ones(length, length, dtype=torch.bool, device=target.device).triu(1)
        x: Tensor = self.transformer.decoder(
            self._input(target),
            memory,
            tgt_mask=ahead,
            tgt_key_padding_mask=target == PAD,
            memory_key_padding_mask=~memory_mask[:, 0, 0],
            tgt_is_causal=True,
        )
        return x

    def _input(self, ids: Tensor) -> Tensor:
        positions = self.positions[: ids.size(1)]
        return self.dropout(self.embedding(ids) * self.scale + positions)


def with_the_same_weights(ours: Transformer) -> TorchTransformer:
    theirs = TorchTransformer(ours.config)
    theirs.embedding.load_state_dict(ours.embedding.state_dict())
    theirs.naming.load_state_dict(ours.naming.state_dict())
    for stack in ("encoder", "decoder"):
        our_stack, their_stack = getattr(ours, stack), getattr(theirs.transformer, stack)
        if their_stack.norm is not None:
            their_stack.norm.load_state_dict(our_stack.norm.state_dict())
        for our_layer, their_layer in zip(our_stack.layers, their_stack.layers, strict=True):
            their_layer.load_state_dict(_layer_weights(our_layer))
    return theirs


def _layer_weights(layer: nn.Module) -> dict[str, Tensor]:
    """Our layer's weights under the names of torch's layers."""
    attentions = {"self_attn": "self_attn", "cross_attn": "multihead_attn"}
    weights: dict[str, Tensor] = {}
    norms = []
    for ours, theirs in attentions.items():
        if hasattr(layer, ours):
            attention = getattr(layer, ours)
            qkv = (attention.w_q, attention.w_k, attention.w_v)
            weights[f"{theirs}.in_proj_weight"] = torch.cat([w.weight for w in qkv])
            weights[f"{theirs}.in_proj_bias"] = torch.cat([w.bias for w in qkv])
            weights[f"{theirs}.out_proj.weight"] = attention.w_o.weight
            weights[f"{theirs}.out_proj.bias"] = attention.w_o.bias
            norms.append(getattr(layer, f"{ours}_add").norm)
    for n, norm in enumerate([*norms, layer.ffn_add.norm], start=1):
        weights |= {f"norm{n}.weight": norm.weight, f"norm{n}.bias": norm.bias}
    for n, linear in enumerate((layer.ffn.w_1, layer.ffn.w_2), start=1):
        weights |= {f"linear{n}.weight": linear.weight, f"linear{n}.bias": linear.bias}
    return weights


@dataclass
class Contestant:
    """A model with its objective and optimiser."""

    name: str
    objective: Objective
    optimizer: Adam
    device: torch.device
    bf16: bool

    @property
    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def step(self, batch: Batch) -> None:
        with self.autocast:
            losses = self.objective(batch)
        losses.total.backward()
        nn.utils.clip_grad_norm_(self.objective.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def seconds(self, batch: Batch) -> float:
        self._wait()
        began = time.perf_counter()
        self.step(batch)
        self._wait()
        return time.perf_counter() - began

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def contestant(name: str, model: nn.Module, device: torch.device) -> Contestant:
    config = PRESETS["small"].train
    objective = Objective(model, config.label_smoothing, config.naming_weight).to(device).train()  # type: ignore[arg-type]
    adam = Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9, fused=True)
    return Contestant(name, objective, adam, device, bf16=device.type == "cuda")


def batches(n: int, tokens: int, device: torch.device) -> list[Batch]:
    """Batches as a training of the bundled vocabulary reads them."""
    tokenizer = load("checkpoints/jumok", device="cpu").tokenizer
    config = replace(PRESETS["small"].train, items=n * tokens // 25, batch_tokens=tokens)
    drawn = TrainingSet(config, tokenizer).batches(0)
    return [collate(pairs).to(device) for pairs in islice(drawn, n)]


def same_loss(ours: Contestant, theirs: Contestant, batch: Batch) -> float:
    """Difference of both losses, without dropout."""
    losses = []
    for one in (ours, theirs):
        one.objective.eval()
        with torch.no_grad():
            losses.append(float(one.objective(batch).total))
        one.objective.train()
    return abs(losses[0] - losses[1])


def flops(one: Contestant, batch: Batch) -> int:
    """Of the matrix products in one step."""
    with FlopCounterMode(display=False) as counter:
        one.step(batch)
    return counter.get_total_flops()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-tokens", type=int)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "enable_nested_tensor")

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokens = options.batch_tokens or (65_536 if device.type == "cuda" else 2048)
    read = batches(options.steps, tokens, device)
    vocabulary = load("checkpoints/jumok", device="cpu").config.vocab_size
    torch.manual_seed(0)
    model = Transformer(ModelConfig(vocabulary, **PRESETS[options.preset].model))
    ours = contestant("ours", model, device)
    theirs = contestant("nn.Transformer", with_the_same_weights(model), device)
    where = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU, {torch.get_num_threads()} threads"
    )
    print(f"torch {torch.__version__}, {where}, preset {options.preset}: {model.config}")
    print(f"{len(read)} batches of at most {tokens:,} pieces; losses differ by "
          f"{same_loss(ours, theirs, read[0]):.1e}")  # fmt: skip

    times: dict[str, list[float]] = {"ours": [], "nn.Transformer": []}
    for one in (ours, theirs):
        for batch in read[:3]:
            one.step(batch)  # warms up
    for batch in read:
        for one in (ours, theirs):
            times[one.name].append(one.seconds(batch))
    pieces = sum(batch.source.numel() + batch.target.numel() for batch in read)
    real = sum(int((b.source != PAD).sum() + (b.target != PAD).sum()) for b in read)
    for name, seconds in times.items():
        total = sum(seconds)
        print(f"  {name:<16}{pieces / total:12,.0f} pieces/s ({real / total:,.0f} without padding)")
    ratios = [b / a for a, b in zip(times["ours"], times["nn.Transformer"], strict=True)]
    total_ratio = sum(times["nn.Transformer"]) / sum(times["ours"])
    print(f"  ours is {total_ratio:.2f} times as fast (median of batches "
          f"{statistics.median(ratios):.2f})")  # fmt: skip
    if device.type == "cuda":
        _tell_share(flops(ours, read[0]), times["ours"][0], where)


def _tell_share(work: int, seconds: float, card: str) -> None:
    reached = work / seconds
    peak = next((peak for name, peak in PEAKS.items() if name in card), None)
    share = f", {reached / peak:.1%} of its bf16 peak" if peak else " (its peak is not known here)"
    print(f"  {work / 1e9:,.0f} GFLOP a step, {reached / 1e12:.1f} TFLOP/s{share}")


if __name__ == "__main__":
    main()
