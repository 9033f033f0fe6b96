"""The training loop: a progress bar, snapshots, an exact resume, a checkpoint at the end.

Lightning Fabric carries devices, precision and several GPUs or machines. It leaves the loop ours,
in reading order, and asks for little: no trainer object and no hub client, which Accelerate brings.
"""

from __future__ import annotations

import itertools
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch.optim import Adam
from tqdm import tqdm

from .. import checkpoint
from ..analysis.evaluate import Question, evaluate, questions, watch_heads
from ..config import ModelConfig, Preset, TrainConfig, to_dict
from ..corpus.generator import generate, met_in_training
from ..corpus.lexicon import load_lexicon
from ..corpus.mixture import Mixture
from ..corpus.particles import particle_cuts
from ..errors import ModelError
from ..tokenizer import Tokenizer
from ..transformer import Transformer
from .batches import Batch, TrainingSet, collate, examples
from .card import card
from .film import FilmMaker
from .objective import Losses, Objective, learning_rate
from .seen import SeenWords
from .snapshot import Snapshot, optimizer_tensors, restore_optimizer

Precision = Literal["32-true", "bf16-mixed"]
_WATCHED_TWINS = 100  # held-out twins a language behind the progress bar's "best head"
_LOG_EVERY = 20
_TOKENIZER_ITEMS = 30_000
_TOKENIZER_READ = 120_000
_NOUN_TURNS = 160
_LOGGED = (
    "loss_nats",
    "translation_loss_nats_per_token",
    "naming_loss_nats_per_pronoun",
    "accuracy",
    "naming_accuracy",
)  # the fields of Losses, with their units


@dataclass(frozen=True)
class Hardware:
    """Where a training runs; Fabric's own names."""

    accelerator: str = "auto"
    devices: int | Literal["auto"] = "auto"
    nodes: int = 1
    precision: Precision = "32-true"


def train(
    preset: Preset,
    config: TrainConfig,
    out: Path,
    *,
    mixture: Mixture | None = None,
    resume: bool = False,
    hardware: Hardware | None = None,
    command: str = "",
) -> Path:
    """Train a model from scratch, or from its last snapshot, and write its checkpoint into `out`.

    Args:
        mixture: sentences read from files, beside the generated ones.
        command: how this training was started, for the card.
        resume: go on from the snapshot in `out` where there is one; it must have the same settings.

    Raises:
        ModelError: `training_exists`, `training_differs` or `snapshot_damaged`.
    """
    hardware = hardware or Hardware()
    fabric = Fabric(
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        num_nodes=hardware.nodes,
        precision=hardware.precision,
    )
    fabric.launch()
    if mixture is not None:
        config = replace(config, corpora=mixture.name)
    start = _start(preset, config, mixture, out, resume)
    torch.manual_seed(config.seed)
    model = Transformer(start.model_config)
    if start.model:
        model.load_state_dict(dict(start.model))
    optimizer = Adam(model.parameters(), lr=0.0, betas=(0.9, 0.98), eps=1e-9)
    objective = Objective(model, config.label_smoothing, config.naming_weight)
    wrapped, stepper = fabric.setup(objective, optimizer)
    if start.optimizer:
        restore_optimizer(model, optimizer, start.optimizer)
    run = _Run(
        fabric, model, optimizer, start, mixture, out, wrapped, stepper, hardware.precision, command
    )
    run.go()
    if fabric.is_global_zero:
        run.finish()
    fabric.barrier()
    return out


class _Run:
    """One training under way."""

    def __init__(
        self,
        fabric: Fabric,
        model: Transformer,
        optimizer: Adam,
        start: Snapshot,
        mixture: Mixture | None,
        out: Path,
        objective: Any,
        stepper: Any,
        precision: Precision,
        command: str,
    ) -> None:
        self.fabric, self.model, self.optimizer = fabric, model, optimizer
        self.objective, self.stepper, self.precision = objective, stepper, precision
        self.command = command
        self.config, self.model_config = start.train_config, start.model_config
        self.tokenizer, self.out = start.tokenizer, out
        self.step, self.seconds_before = start.step, start.seconds
        self.epoch, self.batch = start.epoch, start.batch
        self.began = time.monotonic()
        self.data, self.mixture = TrainingSet(self.config, self.tokenizer, mixture), mixture
        self.watched = _watched(self.tokenizer)
        self.log = _Log(out, self.step) if fabric.is_global_zero else None
        self.seen = SeenWords(self.tokenizer, out)
        self.film = FilmMaker(self.tokenizer, self.config.steps, out)

    @property
    def seconds(self) -> float:
        """Time spent training, earlier sittings counted in."""
        return self.seconds_before + time.monotonic() - self.began

    def go(self) -> None:
        """Steps until the last."""
        bar = tqdm(
            total=self.config.steps,
            initial=self.step,
            unit="step",
            disable=not self.fabric.is_global_zero,
            dynamic_ncols=True,
        )
        batches = self._batches()
        if self.step == 0:
            self._shoot()
        while self.step < self.config.steps:
            batch = next(batches)
            losses = self._one_step(batch)
            self.step += 1
            bar.update()
            if self.log:
                self.log.add(losses, batch, self.fabric.world_size)
            last = self.step == self.config.steps
            if last or self.step % self.config.snapshot_every == 0:
                self._snapshot()
            if self.log and (last or self.step % _LOG_EVERY == 0):
                bar.set_postfix(self.log.write(self.step, self.seconds, self._lr()))
            self._shoot()
        bar.close()

    def finish(self) -> None:
        """Measure the model and write the checkpoint and its card."""
        # What is measured is what people get: weights rounded as the checkpoint stores them.
        stored = {name: tensor.half().float() for name, tensor in self.model.state_dict().items()}
        self.model.load_state_dict(stored)
        self.model.eval()
        self.film.finish()
        metrics = evaluate(self.model, self.tokenizer)
        read = self.batch * self.fabric.world_size
        metrics["seen"] = self.seen.total(self.data.batches, self.epoch, read)
        metrics["training"] = self._how()
        checkpoint.save(
            self.out,
            self.model,
            self.tokenizer,
            metrics,
            card(self.out.name, self.model_config, self.config, metrics),
            half=True,
        )

    def _one_step(self, batch: Batch) -> Losses:
        # Seeded anew, dropout is the same whether or not the run was interrupted before.
        rank = self.fabric.global_rank
        torch.manual_seed((self.config.seed * 1_000_003 + self.step) * 1009 + rank)
        for group in self.optimizer.param_groups:
            group["lr"] = self._lr()
        self.objective.train()
        losses: Losses = self.objective(batch.to(self.fabric.device))
        self.fabric.backward(losses.total)
        self.fabric.clip_gradients(self.objective, self.stepper, max_norm=self.config.max_grad_norm)
        self.stepper.step()
        self.stepper.zero_grad()
        return losses

    def _lr(self) -> float:
        c = self.config
        return learning_rate(self.step, c.steps, c.peak_lr, c.warmup_steps)

    def _batches(self) -> Iterator[Batch]:
        """From the current step on; each process takes its share of every epoch's batches."""
        world = self.fabric.world_size
        while True:
            epoch = self.data.batches(self.epoch)
            epoch = epoch[: len(epoch) // world * world]
            for pairs in epoch[self.fabric.global_rank :: world][self.batch :]:
                self.batch += 1
                yield collate(pairs)
            if self.fabric.is_global_zero:
                self.seen.add_epoch(self.epoch, epoch)
            self.epoch, self.batch = self.epoch + 1, 0

    def _snapshot(self) -> None:
        if self.log:
            self.model.eval()
            self.log.heads = {
                lang: watch_heads(self.model, asked) for lang, asked in self.watched.items()
            }
            Snapshot(
                self.step,
                self.epoch,
                self.batch,
                self.seconds,
                self.model_config,
                self.config,
                self.tokenizer,
                self.model.state_dict(),
                optimizer_tensors(self.model, self.optimizer),
            ).save(self.out / "snapshot.safetensors")
        self.fabric.barrier()

    def _shoot(self) -> None:
        if self.log and self.step in self.film.steps:
            self.film.shoot(self.model, self.step, self.log.last)

    def _how(self) -> dict[str, Any]:
        met = met_in_training()
        return {
            "command": self.command,
            "settings": to_dict(self.config),
            "steps": self.step,
            "epochs": self.epoch + 1,
            "met": {"templates": sorted(met.templates), "nouns": sorted(met.nouns)},
            "origins": self.mixture.origins() if self.mixture else [],
            "seconds": round(self.seconds),
            "device": _device_name(self.fabric.device),
            "precision": self.precision,
            "processes": self.fabric.world_size,
            "torch": torch.__version__,
            "python": platform.python_version(),
        }


class _Log:
    """`progress.jsonl`: a line every few steps, averaged over them."""

    def __init__(self, out: Path, step: int) -> None:
        self._path = out / "progress.jsonl"
        kept = self._path.read_text().splitlines() if self._path.exists() else []
        kept = [line for line in kept if json.loads(line)["step"] <= step]
        self._path.write_text("".join(line + "\n" for line in kept))
        self.last: dict[str, Any] = json.loads(kept[-1]) if kept else {}
        self.heads: dict[str, dict[str, float | int]] = self.last.get("heads", {})
        self._clear()

    def add(self, losses: Losses, batch: Batch, processes: int) -> None:
        """Remember one step's losses, and the pieces that all processes read in it."""
        self._losses.append(torch.stack(losses).detach())
        self._pronouns.append(len(batch.pronoun_row))
        self._pieces += (batch.source.numel() + batch.target.numel()) * processes

    def write(self, step: int, seconds: float, lr: float) -> dict[str, str]:
        """Write a line; returns what the progress bar shows."""
        losses = torch.stack(self._losses).cpu()
        line = dict(zip(_LOGGED, losses.mean(dim=0).tolist(), strict=True))
        # Batches of plain sentences ask for no name: a mean over pronouns, not over batches.
        asked = torch.tensor(self._pronouns, dtype=losses.dtype)
        for name in ("naming_loss_nats_per_pronoun", "naming_accuracy"):
            of_batches = losses[:, _LOGGED.index(name)]
            line[name] = float((of_batches * asked).sum() / asked.sum().clamp(min=1))
        line["tokens_per_second"] = self._pieces / (time.monotonic() - self._since)
        before = {"step": step, "seconds": round(seconds, 2), "lr": lr}
        self.last = before | line | {"heads": self.heads}
        with self._path.open("a") as file:
            file.write(json.dumps(self.last) + "\n")
        self._clear()
        shown = {
            "loss": f"{line['loss_nats']:.2f}",
            "acc": f"{line['accuracy']:.0%}",
            "naming": f"{line['naming_accuracy']:.0%}",
            "tok/s": f"{line['tokens_per_second']:,.0f}",
        }
        for lang, best in self.heads.items():
            where = f"L{best['layer'] + 1}H{best['head'] + 1}"
            shown[f"best {lang}"] = f"{where} {best['argmax']:.0%}"
        return shown

    def _clear(self) -> None:
        self._losses: list[torch.Tensor] = []
        self._pronouns: list[int] = []
        self._pieces, self._since = 0, time.monotonic()


def _start(
    preset: Preset, config: TrainConfig, mixture: Mixture | None, out: Path, resume: bool
) -> Snapshot:
    """The snapshot to go on from, or step 0 with a new vocabulary."""
    path = out / "snapshot.safetensors"
    if path.exists():
        if not resume:
            raise ModelError(
                "training_exists",
                f"{out} holds a training already: go on with --resume, or choose another folder",
                path=str(out),
            )
        found = Snapshot.load(path)
        expected = ModelConfig(vocab_size=found.model_config.vocab_size, **preset.model)
        # The end may be moved: everything else decides what was learned so far.
        if replace(found.train_config, steps=config.steps) != config or (
            found.model_config != expected
        ):
            raise ModelError(
                "training_differs",
                f"the training in {out} has other settings: use the same ones, or another folder",
                path=str(out),
            )
        return replace(found, train_config=config)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = learn_vocabulary(config, mixture)
    model_config = ModelConfig(vocab_size=tokenizer.vocab_size, **preset.model)
    return Snapshot(0, 0, 0, 0.0, model_config, config, tokenizer, {}, {})


def learn_vocabulary(config: TrainConfig, mixture: Mixture | None = None) -> Tokenizer:
    """A vocabulary from a part of the training corpus, and the lexicon's nouns besides.

    Byte pairs merge what is frequent: without the extra turns, rare nouns would fall to pieces.
    """
    part = (
        example for example, _ in zip(examples(config, 0), range(_TOKENIZER_ITEMS), strict=False)
    )
    written = (
        (s.text, (*s.cuts, *particle_cuts(s.text)))
        for example in part
        for s in example.sentences.values()
    )
    nouns = (
        (form, ())
        for noun in load_lexicon().nouns
        for form in (noun.en, noun.ko, *noun.fr.split("/"))
        for _ in range(_NOUN_TURNS)
    )
    read = (
        (text, particle_cuts(text)) for text in (mixture.texts(_TOKENIZER_READ) if mixture else ())
    )
    return Tokenizer.train(itertools.chain(written, nouns, read), config.vocab_size)


def _watched(tokenizer: Tokenizer) -> dict[str, list[Question]]:
    twins = list(generate(_WATCHED_TWINS, seed=10_000, split="pairs"))
    shown = [example for item in twins for example in item.examples]
    return {lang: questions(tokenizer, shown, lang) for lang in ("en", "ko")}


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"
