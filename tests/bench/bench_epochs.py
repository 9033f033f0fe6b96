"""Pieces a second that are written for a training, by itself and by other processes meanwhile.

    python -m tests.bench.bench_epochs [--workers 0 1 2] [--epochs 6] [--items 4000]

Reading them takes no time here, as with an endlessly fast GPU: what is measured is how fast one
could learn at most. The first epochs, in which the processes start and find out which noun fits
which template, are not counted.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

from model import load
from model.config import PRESETS
from model.training.batches import TrainingSet, collate
from model.training.epochs import Epoch, epochs
from model.training.seen import SeenWords

ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--items", type=int, default=4000)
    options = parser.parse_args()
    tokenizer = load(ROOT / "checkpoints" / "jumok", device="cpu").tokenizer
    data = TrainingSet(replace(PRESETS["large"].train, items=options.items), tokenizer)
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for workers in options.workers:
            written = epochs(data, SeenWords(tokenizer, Path(folder)), 0, 1, workers)
            for epoch in islice(written, 1 + 2 * workers):
                read(epoch)
            since = time.perf_counter()
            pieces = sum(read(epoch) for epoch in islice(written, options.epochs))
            speed = pieces / (time.perf_counter() - since)
            print(f"{workers} workers: {speed:,.0f} pieces/s")


def read(epoch: Epoch) -> int:
    """Its batches as tensors, as a training makes them; how many pieces they hold."""
    batches = [collate(pairs) for pairs in epoch.batches]
    return sum(batch.source.numel() + batch.target.numel() for batch in batches)


if __name__ == "__main__":
    main()
