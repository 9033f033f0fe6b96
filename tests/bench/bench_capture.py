"""What watching costs: a capture against a plain fused pass, and against TransformerLens.

    python -m tests.bench.bench_capture

One thread, one run, medians over interleaved repeats, in CPU time, which others on the machine
disturb less than the clock. Much of what a capture costs is memory: glibc gives freed pages back
after each pass and takes them anew for the next; MALLOC_TRIM_THRESHOLD_, MALLOC_MMAP_THRESHOLD_
(both 268435456) and MALLOC_TOP_PAD_ (67108864) keep them.

TransformerLens is no requirement of this project; where it cannot be imported its rows are left
out: `pip install "transformer-lens<4"`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from model import ModelConfig, capture
from model.config import PRESETS
from model.trace import _POINTS
from model.transformer import Transformer

VOCAB, REPEATS = 8000, 100
Pass = Callable[[], object]


def full_pass(model: Transformer, length: int) -> dict[str, Pass]:
    """Encoder and decoder, `length` pieces each: plain, every point, and a Trace's points."""
    source, target = torch.randint(7, VOCAB, (2, 1, length))

    def watch(points: tuple[str, ...] | None) -> object:
        with capture(model, points) as values:
            model(source, target)
        return values

    return {
        "plain": lambda: model(source, target),
        "every point": lambda: watch(None),
        "a Trace's points": lambda: watch(_POINTS),
    }


def encoder_pass(model: Transformer, length: int) -> dict[str, Pass]:
    """The encoder alone, beside a TransformerLens encoder of the same sizes."""
    source = torch.randint(7, VOCAB, (1, length))

    def watch(points: list[str]) -> object:
        with capture(model, points) as values:
            model.encode(source)
        return values

    with capture(model, _POINTS) as seen:
        model.encode(source)
    trace_points = list(seen)
    passes: dict[str, Pass] = {
        "plain": lambda: model.encode(source),
        "every point": lambda: watch(["encoder.*"]),
        "a Trace's points": lambda: watch(trace_points),
    }
    if lens := transformer_lens(model.config):
        passes |= {
            "TransformerLens, plain": lambda: lens(source, return_type=None),
            "TransformerLens, run_with_cache": lambda: lens.run_with_cache(
                source, return_type=None
            ),
        }
    return passes


def transformer_lens(config: ModelConfig) -> Any:
    """An encoder of the same sizes: attention both ways, no output layer. None if missing."""
    try:
        from transformer_lens import HookedTransformer, HookedTransformerConfig
    except ImportError:
        return None
    return HookedTransformer(
        HookedTransformerConfig(
            n_layers=config.n_encoder_layers, d_model=config.d_model, n_ctx=config.max_len,
            n_heads=config.n_heads, d_head=config.d_k, d_mlp=config.d_ff, act_fn="relu",
            d_vocab=VOCAB, normalization_type="LN", attention_dir="bidirectional", device="cpu",
        )
    ).eval()  # fmt: skip


def medians(passes: dict[str, Pass]) -> dict[str, float]:
    """CPU seconds of one pass each; all take turns, so that a busy moment hits all alike."""
    for run in passes.values():
        seconds(run, 3)  # warms up
    times: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(REPEATS):
        for name, run in passes.items():
            times[name].append(seconds(run, 3))
    return {name: statistics.median(values) for name, values in times.items()}


def seconds(run: Pass, n: int) -> float:
    start = time.process_time()
    for _ in range(n):
        run()
    return (time.process_time() - start) / n


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Transformer(ModelConfig(VOCAB, **PRESETS["small"].model)).eval()
    print(f"torch {torch.__version__}, 1 thread, preset small: {model.config}\n")
    with torch.inference_mode():
        for title, contest in (("encoder + decoder", full_pass), ("encoder", encoder_pass)):
            for length in (32, 128):
                found = medians(contest(model, length))
                print(f"{title}, {length} pieces")
                for name, value in found.items():
                    print(f"  {name:<32}{value * 1e3:8.2f} ms{value / found['plain']:8.2f} × plain")
                if "TransformerLens, run_with_cache" in found:
                    for name in ("every point", "a Trace's points"):
                        ratio = found["TransformerLens, run_with_cache"] / found[name]
                        print(f"  {name}: {ratio:.1f} times as fast as run_with_cache")
    if transformer_lens(model.config) is None:
        print("\nTransformerLens is not installed: pip install 'transformer-lens<4'")


if __name__ == "__main__":
    main()
