"""Two processes learn as one does: their loss curves side by side, and the largest difference.

    python -m tests.bench.two_processes [--steps 200]

- two: `python -m model train --devices 2`; each process reads every other batch.
- one, same batches: this process takes both batches of each step one after the other, and the mean
  of both gradients. Two processes must do the same, but for rounding.
- one, twice the batch: `python -m model train --devices 1` with batches of twice the size. Other
  sentences come together in them then: a curve of the same course, not of the same numbers.

Told is the loss in nats, averaged over 20 steps as in progress.jsonl: of two processes the first
one's, hence of the first batch of each two. Returns 1 if the first two columns differ by more than
the tolerance.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import count, islice
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import nn
from torch.optim import Adam

from model import ModelConfig
from model.config import Preset, preset_of
from model.training.batches import TrainingSet, collate
from model.training.loop import learn_vocabulary
from model.training.objective import Objective, learning_rate
from model.transformer import Transformer
from tests.e2e.conftest import ROOT

TOLERANCE = 1e-2  # nats; rounding differs, and a training magnifies it from step to step
LOGGED_EVERY = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings: dict[str, Any] = {
        "preset": "tiny",
        "train": {"steps": options.steps, "batch_tokens": 1000, "items": 2000, "vocab_size": 2000,
                  "families": ["ways"], "directions": ["en-ko"], "measured_twins": 5},
    }  # fmt: skip
    double = settings | {"train": settings["train"] | {"batch_tokens": 2000}}
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    curves = {
        "two": command_line(settings, devices=2),
        "one, same batches": one_process(preset_of(settings)),
        "one, twice the batch": command_line(double, devices=1),
    }
    print(f"{'step':>6}" + "".join(f"{name:>23}" for name in curves))
    for at, losses in enumerate(zip(*curves.values(), strict=True), start=1):
        print(f"{at * LOGGED_EVERY:>6}" + "".join(f"{loss:>23.5f}" for loss in losses))
    two, one, twice = curves.values()
    largest, other = difference(two, one), difference(two, twice)
    print(f"largest difference: {largest:.1e} nats with the same batches, {other:.2f} with others")
    return int(largest > TOLERANCE)


def command_line(settings: dict[str, Any], devices: int) -> list[float]:
    """The losses in the progress of a training that the command line started."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "settings.json").write_text(json.dumps(settings))
        command = [
            sys.executable,
            "-m",
            "model",
            "train",
            "--settings",
            str(folder / "settings.json"),
        ]
        command += ["--out", str(folder / "run"), "--accelerator", "cpu", "--devices", str(devices)]
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
        print(f"--devices {devices}: {time.monotonic() - began:.0f} s", flush=True)
        lines = (folder / "run" / "progress.jsonl").read_text().splitlines()
        return [json.loads(line)["loss_nats"] for line in lines]


def one_process(preset: Preset) -> list[float]:
    """The same training step by step, both processes' batches in one."""
    config = preset.train
    tokenizer = learn_vocabulary(config)
    torch.manual_seed(config.seed)
    model = Transformer(ModelConfig(tokenizer.vocab_size, **preset.model))
    objective = Objective(model, config.label_smoothing, config.naming_weight).train()
    adam = Adam(model.parameters(), betas=(0.9, 0.98), eps=1e-9, fused=True)
    data = TrainingSet(config, tokenizer)
    epochs = (data.batches(epoch) for epoch in count())
    read = (both for epoch in epochs for both in zip(epoch[::2], epoch[1::2], strict=False))
    losses = []
    for step, both in enumerate(islice(read, config.steps)):
        adam.param_groups[0]["lr"] = learning_rate(
            step, config.steps, config.peak_lr, config.warmup_steps
        )
        totals = [objective(collate(pairs)).total for pairs in both]
        adam.zero_grad()
        torch.stack(totals).mean().backward()
        nn.utils.clip_grad_norm_(objective.parameters(), config.max_grad_norm)
        adam.step()
        losses.append(totals[0].item())
    return [fmean(losses[at : at + LOGGED_EVERY]) for at in range(0, len(losses), LOGGED_EVERY)]


def difference(one: list[float], other: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


if __name__ == "__main__":
    sys.exit(main())
