"""A training step on this CPU in bfloat16 next to the same step in float32.

    python -m tests.bench.bench_precision [--preset medium] [--steps 20]

One thread, the same model and batches; the two take turns in one run. Every batch comes once before
it is timed: bf16 kernels are compiled for each new shape, which a long training meets again and
again. Faster is bf16 on processors with `amx_bf16`; where it is emulated, several times slower.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace

import torch

from model.config import PRESETS, ModelConfig
from model.transformer import Transformer

from .bench_train import batches, contestant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--preset", default="medium", choices=PRESETS)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)

    cpu, preset = torch.device("cpu"), PRESETS[options.preset]
    drawn = batches(options.steps, preset.train.batch_tokens, cpu)
    model = Transformer(ModelConfig(vocab_size=preset.train.vocab_size, **preset.model))
    full = contestant("float32", model, cpu)
    mixed = replace(full, name="bf16-mixed", bf16=True)
    for batch in drawn:
        mixed.step(batch)
    seconds = [(full.seconds(batch), mixed.seconds(batch)) for batch in drawn]
    for one, times in zip((full, mixed), zip(*seconds, strict=True), strict=True):
        print(f"{one.name}: {statistics.median(times):.3f} s a step")
    ratio = statistics.median(one / other for one, other in seconds)
    print(f"bf16-mixed is {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
