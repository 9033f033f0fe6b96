"""Pieces a second of our training, of the usual loop around nn.Transformer, and of JoeyNMT.

    python -m tests.bench.bench_throughput [--preset class] [--joey PYTHON] [--device cuda]

The three train the same sizes on the same batches with the same optimiser, and take turns in one
run, block by block, so that a busy moment hits all; the ratio is that of neighbouring blocks.

- ours: the step of `model.training.loop`.
- nn.Transformer: the same model (same weights, same loss, which is checked) out of torch's layers,
  with the loss as one writes it down: logits of all positions, then `F.cross_entropy`.
- JoeyNMT (Apache-2.0, https://github.com/joeynmt/joeynmt): its own model, loss, batches and
  training steps, in the interpreter PYTHON, which has it (`pip install joeynmt` into an environment
  of its own). It learns to translate only, while the other two also learn to name.

Counted are source and target pieces without padding. On the CPU all have one thread, and the
seconds are those of its processor time: what else the machine does then hardly counts. On a GPU all
compute in half precision: bf16, and JoeyNMT fp16, as it knows no other.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

import torch
from torch.nn import functional as F

from model import ModelConfig
from model.config import PRESETS, Preset
from model.masks import padding_mask
from model.training.batches import Batch, TrainingSet, collate
from model.training.loop import learn_vocabulary
from model.training.objective import Losses, Objective
from model.transformer import PAD, Transformer

from .bench_train import Contestant, contestant, same_loss, with_the_same_weights

WORKER = Path(__file__).with_name("joey_worker.py")
VOCABULARY_ITEMS = 2000  # sentences that the vocabulary is learned from: enough for its full size


class UsualObjective(Objective):
    """Our loss as one writes it down: the logits of every position, padding ignored afterwards."""

    def forward(self, batch: Batch) -> Losses:
        memory = self.model.encode(batch.source)
        logits = self.model.decode(
            batch.target[:, :-1], memory, padding_mask(batch.source, PAD)
        ).flatten(0, 1)
        labels = batch.target[:, 1:].clone()
        labels[:, 0] = PAD
        labels = labels.flatten()
        translation = F.cross_entropy(
            logits, labels, ignore_index=PAD, label_smoothing=self.label_smoothing
        )
        real = labels != PAD
        accuracy = ((logits.argmax(dim=-1) == labels) & real).sum() / real.sum()
        naming, naming_accuracy = self._naming(memory, batch)
        total = translation + self.naming_weight * naming
        return Losses(total, translation, naming, accuracy, naming_accuracy)


class Trainer(Protocol):
    """Trains the batches from `first` to `last`, and says how many seconds that took."""

    def __call__(self, first: int, last: int) -> float: ...


@dataclass
class Column:
    """One trainer, and how many pieces a second it reached in each block."""

    name: str
    train: Trainer
    speeds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.speeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", choices=("tiny", "class", "small", "base"), default="class")
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--steps", type=int, default=8, help="batches a block")
    parser.add_argument("--batch-tokens", type=int, help="65536 on a GPU, else the preset's")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--joey", metavar="PYTHON", help="an interpreter that has JoeyNMT")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "enable_nested_tensor")
    torch.set_num_threads(1)

    preset = PRESETS[options.preset]
    device = torch.device(options.device)
    usual_tokens = 65_536 if device.type == "cuda" else preset.train.batch_tokens
    tokens = options.batch_tokens or usual_tokens
    preset = replace(preset, train=replace(preset.train, batch_tokens=tokens))
    vocabulary, read = batches(preset, options.blocks * options.steps, device)
    config = ModelConfig(vocabulary, **preset.model)
    ours, usual = contestants(config, device)
    where = torch.cuda.get_device_name() if device.type == "cuda" else "CPU, one thread"
    print(f"torch {torch.__version__}, {where}, preset {options.preset}: {config}")
    print(f"{options.blocks} blocks of {options.steps} batches of at most {tokens:,} pieces; "
          f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")  # fmt: skip
    print(f"ours and nn.Transformer: losses differ by {same_loss(ours, usual, read[0]):.1e}")

    columns = [Column(one.name, partial(seconds, one, read)) for one in (ours, usual)]
    if options.joey is None:
        measure(columns, read, options.steps)
        print("JoeyNMT is left out: name an interpreter that has it with --joey")
    else:
        with joey(options.joey, preset, config, read, options) as (parameters, train):
            own = sum(p.numel() for p in ours.objective.parameters())
            print(f"parameters: ours {own:,}, JoeyNMT {parameters:,}")
            columns.append(Column("JoeyNMT", train))
            measure(columns, read, options.steps)
    for one in columns:
        tell(one, columns[0])
    print(f"load average {os.getloadavg()[0]:.1f} at the end")


def batches(preset: Preset, n: int, device: torch.device) -> tuple[int, list[Batch]]:
    """The size of the vocabulary, and batches as a training with these settings reads them."""
    few = replace(preset.train, items=VOCABULARY_ITEMS)
    tokenizer = learn_vocabulary(few)
    config = replace(preset.train, items=max(VOCABULARY_ITEMS, n * preset.train.batch_tokens // 20))
    drawn = [collate(pairs) for pairs in islice(TrainingSet(config, tokenizer).batches(0), n)]
    return tokenizer.vocab_size, [batch.to(device) for batch in drawn]


def contestants(config: ModelConfig, device: torch.device) -> tuple[Contestant, Contestant]:
    """Our training and the usual one, with the same weights."""
    torch.manual_seed(0)
    model = Transformer(config)
    usual = contestant("nn.Transformer", with_the_same_weights(model), device)
    objective = usual.objective
    usual.objective = UsualObjective(
        objective.model, objective.label_smoothing, objective.naming_weight
    ).train()
    return contestant("ours", model, device), usual


def seconds(one: Contestant, read: list[Batch], first: int, last: int) -> float:
    """Of so many steps; a GPU works them off behind one another, as in a training."""
    on_gpu = one.device.type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    began = clock()
    for batch in read[first:last]:
        one.step(batch)
    if on_gpu:
        torch.cuda.synchronize()
    return clock() - began


def measure(columns: list[Column], read: list[Batch], steps: int) -> None:
    """Everybody trains each block, in turn; before the clock runs, the first one."""
    for one in columns:
        one.train(0, steps)
    for first in range(0, len(read) - steps + 1, steps):
        block = read[first : first + steps]
        pieces = sum(int((b.source != PAD).sum() + (b.target != PAD).sum()) for b in block)
        for one in columns:
            one.speeds.append(pieces / one.train(first, first + steps))


def tell(one: Column, ours: Column) -> None:
    """Its speed, and how much faster ours is."""
    spread = f"{min(one.speeds):,.0f}–{max(one.speeds):,.0f}"
    print(f"  {one.name:<15}{one.median:10,.0f} pieces/s ({spread})")
    if one is not ours:
        ratios = [a / b for a, b in zip(ours.speeds, one.speeds, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(
            f"{'':17}ours is {middle:.2f} times as fast (half of the blocks {low:.2f}–{high:.2f})"
        )


@contextmanager
def joey(
    python: str, preset: Preset, config: ModelConfig, read: list[Batch], options: argparse.Namespace
) -> Iterator[tuple[int, Trainer]]:
    """JoeyNMT in its own interpreter: the number of its parameters, and how to have it train."""
    settings = {
        "model": asdict(config),
        "vocab_size": config.vocab_size,
        "label_smoothing": preset.train.label_smoothing,
        "max_grad_norm": preset.train.max_grad_norm,
        "batch_tokens": preset.train.batch_tokens,
        "learning_rate": 1e-4,
        "device": options.device,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "settings.json").write_text(json.dumps(settings))
        torch.save([(b.source.cpu(), b.target.cpu()) for b in read], folder / "batches.pt")
        log = (folder / "log.txt").open("w+")
        worker = subprocess.Popen(
            [python, "-P", str(WORKER), str(folder)],
            env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1,
        )  # fmt: skip

        def answer(word: str) -> str:
            for line in worker.stdout or ():
                if line.startswith(word):
                    return line.split()[1]
            log.seek(0)
            raise SystemExit(f"JoeyNMT does not run in {python}:\n{log.read()[-2000:]}")

        def train(first: int, last: int) -> float:
            if worker.stdin:
                worker.stdin.write(f"{first} {last}\n")
            return float(answer("seconds"))

        with log, worker:
            yield int(answer("ready")), train
            if worker.stdin:
                worker.stdin.close()


if __name__ == "__main__":
    main()
