"""Milliseconds to translate a sentence of twelve words, greedily, on the CPU.

    python -m tests.bench.bench_translate [CHECKPOINT] [--text SENTENCE]

Medians of wall-clock time with 1 and 2 threads, from typed text to written text and, under it,
of the model alone as `python -m model evaluate` measures it. Run it on a machine that does
nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from model import Bundle, Lang, load, translate
from model.analysis.evaluate import TWELVE_WORDS, measure_speed
from model.tokenizer import language_of

REPEATS = 21


def milliseconds(bundle: Bundle, text: str, target: Lang) -> float:
    times = []
    for _ in range(REPEATS + 3):  # the first three warm up
        began = time.perf_counter()
        translate(bundle, text, target)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[3:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", nargs="?", default="checkpoints/jumok")
    parser.add_argument("--text", default=TWELVE_WORDS)
    options = parser.parse_args()

    bundle = load(options.checkpoint, device="cpu")
    source = language_of(options.text)
    targets = [target for origin, target in bundle.directions if origin == source]
    words = len(options.text.split())
    print(f"torch {torch.__version__}, {bundle.config}")
    print(f"{words} words: {options.text}")
    for target in targets:
        print(f"into {target}: {translate(bundle, options.text, target)}")
        for threads in (1, 2):
            torch.set_num_threads(threads)
            ms = milliseconds(bundle, options.text, target)
            print(f"  {threads} thread{'s' * (threads > 1)}: {ms:.1f} ms")
    for target, found in measure_speed(
        bundle.model, bundle.tokenizer, options.text, targets
    ).items():
        if target in targets:
            print(f"the model alone, into {target} ({found['pieces']} pieces): "
                  f"{found['milliseconds']}")  # fmt: skip


if __name__ == "__main__":
    main()
