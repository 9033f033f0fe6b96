"""The training loop: a progress bar, snapshots, an exact resume, a checkpoint at the end.

Lightning Fabric carries devices, precision and several GPUs or machines. It leaves the loop ours,
in reading order, and asks for little: no trainer object and no hub client, which Accelerate brings.
"""

from __future__ import annotations

import itertools
import json
import platform
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch.optim import Adam
from tqdm import tqdm

from .. import checkpoint
from ..analysis.evaluate import evaluate, watch_heads
from ..analysis.leaderboard import Question, questions
from ..config import Lang, Preset, TrainConfig, model_config, to_dict
from ..corpus.generator import generate, met_in_training
from ..corpus.lexicon import load_lexicon
from ..corpus.mixture import Mixture
from ..corpus.particles import particle_cuts
from ..errors import ModelError
from ..seq2seq import Seq2Seq
from ..tokenizer import Tokenizer
from ..transformer import PAD, Transformer
from .batches import Batch, TrainingSet, collate, examples
from .card import card
from .control import TERMINATED, Control, Verdict
from .epochs import epochs
from .film import FilmMaker
from .live import Watcher, keep_until
from .objective import Losses, Objective, learning_rate
from .seen import SeenWords
from .snapshot import Snapshot, optimizer_tensors

Precision = Literal["32-true", "bf16-mixed"]
_WATCHED_TWINS = 100  # held-out twins a language behind the progress bar's "best head"
_LOG_EVERY = 20
VOCABULARY_EXAMPLES = 30_000
_TOKENIZER_READ = 120_000
_NOUN_TURNS = 160
_CHANGEABLE = {
    *("steps", "minutes", "peak_lr"),
    *("pronoun_share", "read_share", "named_only_share", "swapped_share", "dropout"),
}
"""What may be changed on the way: where the end lies, how it learns, and what it reads."""
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
    workers: int = 0
    """Processes that write the next epochs' sentences meanwhile, for a GPU that would wait."""


def train(
    preset: Preset,
    config: TrainConfig,
    out: Path,
    *,
    mixture: Mixture | None = None,
    vocabulary: Path | None = None,
    resume: bool = False,
    hardware: Hardware | None = None,
    command: str = "",
) -> Path:
    """Train a model from scratch, or from its last snapshot, and write its checkpoint into `out`.

    While it runs, `out/live` says how far it is and what can be seen (`model.training.live`), and
    takes requests to pause or stop (`model.training.folder`): one that was stopped is measured, and
    leaves a checkpoint as one that came to its end.

    Args:
        mixture: sentences read from files, beside the generated ones.
        vocabulary: a checkpoint whose vocabulary is used; None: a new one is learned.
        command: how this training was started, for the card.
        resume: go on from the snapshot in `out`, or else from the finished checkpoint there, whose
            Adam begins anew; it must have the same settings.

    Raises:
        ModelError: `training_exists`, `training_differs`, `snapshot_damaged`, `training_running`,
            `loss_not_finite`, what `load_any` raises of the vocabulary, or what
            `model.training.control.explained` gives.
        SystemExit: SIGTERM came; what was learned lies in the snapshot.
    """
    with Control(out) as control:
        return _train(
            preset, config, out, mixture, vocabulary, resume, hardware or Hardware(), command,
            control,
        )  # fmt: skip


def _train(
    preset: Preset,
    config: TrainConfig,
    out: Path,
    mixture: Mixture | None,
    vocabulary: Path | None,
    resume: bool,
    hardware: Hardware,
    command: str,
    control: Control,
) -> Path:
    fabric = Fabric(
        accelerator=checkpoint.pick_device("auto").type
        if hardware.accelerator == "auto"  # Fabric's own choice may be a Mac's GPU: never tried
        else hardware.accelerator,
        devices=hardware.devices,
        num_nodes=hardware.nodes,
        precision=hardware.precision,
    )
    fabric.launch()
    if mixture is not None:
        config = replace(config, corpora=mixture.name)
    borrowed = checkpoint.load_any(vocabulary, "cpu") if vocabulary else None
    if borrowed:
        sha = f"{zlib.crc32(borrowed.tokenizer.model_proto):08x}"
        size = borrowed.tokenizer.vocab_size
        config = replace(config, tokenizer=f"{borrowed.name}:{sha}", vocab_size=size)
    how = {"processes": fabric.world_size, "precision": hardware.precision}
    found = _found(preset, config, out, resume, how)
    at, seconds = (found.step, found.seconds) if found else (0, 0.0)
    control.begin(preset.sizes, to_dict(config), at, seconds, fabric.device)
    start = found or _new(
        preset, config, borrowed.tokenizer if borrowed else learn_vocabulary(config, mixture), how
    )
    torch.manual_seed(config.seed)
    model = checkpoint.build(start.model_config)
    groups = _groups(model, config.lower_lr_share)
    optimizer = Adam(groups, lr=0.0, betas=(0.9, 0.98), eps=1e-9, fused=True)
    objective = Objective(model, config.label_smoothing, config.naming_weight)
    wrapped, stepper = fabric.setup(objective, optimizer)
    start.restore(model, optimizer, out / "snapshot.safetensors")
    run = _Run(
        fabric, model, optimizer, start, mixture, out, wrapped, stepper, hardware, command, control
    )
    ended = run.go()
    step, seconds = run.step, run.seconds
    if ended == "terminate":
        raise SystemExit(TERMINATED)
    if ended == "pause":
        control.end("paused", step, seconds)
        return out
    if fabric.is_global_zero:
        run.finish()
    control.end("stopped" if ended == "stop" else "finished", step, seconds)
    fabric.barrier()
    return out


class _Run:
    """One training under way."""

    def __init__(
        self,
        fabric: Fabric,
        model: Seq2Seq[Any],
        optimizer: Adam,
        start: Snapshot,
        mixture: Mixture | None,
        out: Path,
        objective: Any,
        stepper: Any,
        hardware: Hardware,
        command: str,
        control: Control,
    ) -> None:
        self.fabric, self.model, self.optimizer = fabric, model, optimizer
        self.objective, self.stepper = objective, stepper
        self.workers = hardware.workers
        self.command, self.control = command, control
        self.config, self.model_config = start.train_config, start.model_config
        self.tokenizer, self.out = start.tokenizer, out
        self.step, self.seconds_before = start.step, start.seconds
        self.epoch, self.batch = start.epoch, start.read // fabric.world_size
        self.changes, self.how = start.changes, start.how
        self.began, self.spent = time.monotonic(), 0.0
        self.data, self.mixture = TrainingSet(self.config, self.tokenizer, mixture), mixture
        directions = tuple(self.config.shares)
        self.watched = _watched(self.tokenizer, self.config)
        self.log = _Log(out, self.step) if fabric.is_global_zero else None
        # A recurrent model has no head in its encoder, at which film and watcher look.
        self.heads = model if isinstance(model, Transformer) else None
        self.watcher = (
            Watcher(self.tokenizer, self.config, self.watched, out, self.step)
            if self.log and self.heads
            else None
        )
        self.seen = SeenWords(self.tokenizer, out)
        self.film = FilmMaker(self.tokenizer, self.config.steps, out, directions=directions)
        if self.log:
            self.film.keep_until(self.step)

    @property
    def seconds(self) -> float:
        """Time spent training, earlier sittings counted in."""
        return self.seconds_before + time.monotonic() - self.began

    @property
    def read(self) -> int:
        """How many batches of the epoch all processes together have read."""
        return self.batch * self.fabric.world_size

    def go(self) -> Verdict:
        """Steps until the last, or until it is asked to end; says which."""
        self.began = time.monotonic()
        self.control.stage("training", self.step, self.seconds)
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
        ended: Verdict = self._verdict()
        if ended and self.step == 0:
            self._snapshot()
        while self.step < self.config.steps and not ended:
            batch = next(batches)
            losses = self._one_step(batch)
            self.step += 1
            bar.update()
            if self.log:
                self.log.add(losses, batch, self.fabric.world_size)
            ended = self._verdict()
            last = self.step == self.config.steps or bool(ended)
            if last or self.step % self.config.snapshot_every == 0:
                self._snapshot()
            if self.log and (last or self.step % _LOG_EVERY == 0):
                bar.set_postfix(self.log.write(self.step, self.seconds, self._lr()))
            self._shoot()
            if self.watcher and self.heads:
                self.watcher.look(self.heads, self.step, self.seconds, last)
            self.control.tell(self.step, self.seconds)
        bar.close()
        at_the_end = self.step == self.config.steps and ended != "terminate"
        return "" if at_the_end else ended

    def finish(self) -> None:
        """Measure the model and write the checkpoint and its card."""
        self.control.stage("measuring", self.step, self.seconds)
        # What is measured is what people get: weights rounded as the checkpoint stores them.
        stored = {name: tensor.half().float() for name, tensor in self.model.state_dict().items()}
        self.model.load_state_dict(stored)
        self.model.eval()
        self._shoot(last=True)
        metrics = evaluate(
            self.model,
            self.tokenizer,
            items=self.config.measured_twins,
            directions=tuple(self.config.shares),
            met=met_in_training(self.config.families),
        )
        metrics["seen"] = self.seen.total(self.data.batches, self.epoch, self.read)
        metrics["training"] = self._how()
        self.film.finish()  # one after the other: the checkpoint's header seals the film
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
            group["lr"] = group["share"] * self._lr()
        self.objective.train()
        losses: Losses = self.objective(batch.to(self.fabric.device))
        self.fabric.backward(losses.total)
        self._clip()
        self.stepper.step()
        self.stepper.zero_grad()
        return losses

    def _clip(self) -> None:
        try:
            self.fabric.clip_gradients(
                self.objective, self.stepper, max_norm=self.config.max_grad_norm
            )
        except RuntimeError as error:
            if "non-finite" not in str(error):
                raise
            raise self._not_finite() from error

    def _not_finite(self) -> ModelError:
        return ModelError(
            "loss_not_finite",
            f"in step {self.step + 1:,} numbers grew beyond all bounds, at a learning rate of "
            f"{self._lr():.2g}: start again with a lower peak_lr (a tenth, say), or a longer "
            "warm-up",
            step=self.step + 1,
            learning_rate=self._lr(),
        )

    def _verdict(self) -> Verdict:
        """Whether to end here: asked to, or out of time; all processes come to the same."""
        if self.fabric.world_size > 1 and self.step % _LOG_EVERY:
            return ""  # they agree now and then only: talking takes time
        verdict, spent = self.control.verdict(), 0.0
        if self.config.minutes and self.step:  # one step at least
            spent = self.seconds / (60 * self.config.minutes)
            verdict = verdict or ("time" if spent >= 1 else "")
        if self.fabric.world_size > 1:
            verdict, spent = self.fabric.broadcast((verdict, spent))
        self.spent = spent
        return verdict

    def _lr(self) -> float:
        c = self.config
        return learning_rate(self.step, c.steps, c.peak_lr, c.warmup_steps, self.spent)

    def _batches(self) -> Iterator[Batch]:
        """From the current step on; each process takes its share of every epoch's batches."""
        rank, world = self.fabric.global_rank, self.fabric.world_size
        for epoch in epochs(self.data, self.seen, self.epoch, world, self.workers):
            for pairs in epoch.batches[rank::world][self.batch :]:
                self.batch += 1
                yield collate(pairs)
            if self.fabric.is_global_zero:
                self.seen.keep(epoch.number, epoch.seen)
            self.epoch, self.batch = epoch.number + 1, 0

    def _snapshot(self) -> None:
        if not all(parameter.isfinite().all() for parameter in self.model.parameters()):
            raise self._not_finite()  # the last good snapshot stays
        if self.log:
            self.model.eval()
            if self.heads:
                self.log.heads = {
                    lang: watch_heads(self.heads, asked) for lang, asked in self.watched.items()
                }
            Snapshot(
                self.step,
                self.epoch,
                self.read,
                self.seconds,
                self.model_config,
                self.config,
                self.tokenizer,
                self.model.state_dict(),
                optimizer_tensors(self.model, self.optimizer),
                self.changes,
                self.how,
            ).save(self.out / "snapshot.safetensors")
        self.fabric.barrier()

    def _shoot(self, last: bool = False) -> None:
        if self.log and self.heads and (last or self.step in self.film.steps):
            self.film.shoot(self.heads, self.step, self.log.last)

    def _how(self) -> dict[str, Any]:
        met = met_in_training(self.config.families)
        return {
            "command": self.command,
            "settings": to_dict(self.config),
            "steps": self.step,
            "changes": list(self.changes),
            "epochs": self.epoch + bool(self.batch),  # one that nothing was read of does not count
            "met": {"templates": sorted(met.templates), "nouns": sorted(met.nouns)},
            "origins": self.mixture.origins() if self.mixture else [],
            "seconds": round(self.seconds),
            "device": _device_name(self.fabric.device),
            **self.how,
            "torch": torch.__version__,
            "python": platform.python_version(),
        }


class _Log:
    """`progress.jsonl`: a line every few steps, averaged over them."""

    def __init__(self, out: Path, step: int) -> None:
        self._path = out / "progress.jsonl"
        kept = keep_until(self._path, step)
        self.last: dict[str, Any] = kept[-1] if kept else {}
        self.heads: dict[str, dict[str, float | int]] = self.last.get("heads", {})
        self._clear()

    def add(self, losses: Losses, batch: Batch, processes: int) -> None:
        """Remember one step's losses, and the pieces that all processes read in it."""
        self._losses.append(torch.stack(losses).detach())
        labels = int((batch.target[:, 2:] != PAD).sum())  # behind <s> and the language tag
        self._asked.append((labels, len(batch.pronoun_row)))
        self._pieces += (batch.source.numel() + batch.target.numel()) * processes

    def write(self, step: int, seconds: float, lr: float) -> dict[str, str]:
        """Write a line; returns what the progress bar shows."""
        losses = torch.stack(self._losses).cpu()
        line = dict(zip(_LOGGED, losses.mean(dim=0).tolist(), strict=True))
        # Some batches ask for no translation, some for no name: means over pieces and pronouns.
        labels, pronouns = torch.tensor(self._asked, dtype=losses.dtype).T
        for name, asked in (
            *(("translation_loss_nats_per_token", labels), ("accuracy", labels)),
            *(("naming_loss_nats_per_pronoun", pronouns), ("naming_accuracy", pronouns)),
        ):
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
        self._asked: list[tuple[int, int]] = []
        self._pieces, self._since = 0, time.monotonic()


def _found(
    preset: Preset, config: TrainConfig, out: Path, resume: bool, how: Mapping[str, Any]
) -> Snapshot | None:
    """The snapshot to go on from; where there is none, the checkpoint that was made of one."""
    path = out / "snapshot.safetensors"
    finished = (out / "config.json").is_file()
    if not resume and (path.exists() or finished):
        raise ModelError(
            "training_exists",
            f"{out} holds a training already: go on with --resume, or choose another folder",
            path=str(out),
        )
    if path.exists():
        return _changed(Snapshot.load(path), preset, config, out, how)
    if finished:
        bundle = checkpoint.load_any(out, "cpu")
        found = _changed(Snapshot.of(bundle), preset, config, out, how)
        FilmMaker(found.tokenizer, config.steps, out).begin_with_last()
        SeenWords(found.tokenizer, out).begin_with(bundle.metrics.get("seen", {}), found.epoch)
        return found
    return None


def _changed(
    found: Snapshot, preset: Preset, config: TrainConfig, out: Path, how: Mapping[str, Any]
) -> Snapshot:
    """The snapshot with the settings that are wanted now, if they may differ from its own."""
    expected = model_config({"vocab_size": found.model_config.vocab_size} | preset.model)
    before, after = (
        to_dict(train) | {"dropout": model.dropout}
        for train, model in ((found.train_config, found.model_config), (config, expected))
    )
    changed = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    alike = replace(found.model_config, dropout=expected.dropout) == expected
    if not (changed.keys() <= _CHANGEABLE and alike):
        raise ModelError(
            "training_differs",
            f"the training in {out} has other settings: use the same ones, or another folder",
            path=str(out),
        )
    changed |= {name: [old, how[name]] for name, old in found.how.items() if old != how[name]}
    rates = [_rate(config, found.step, found.seconds) for config in (found.train_config, config)]
    if rates[0] != rates[1]:
        changed["lr"] = rates  # what the peak, the end and the cosine come to
    change = ({"step": found.step} | changed,) if changed else ()
    changes = found.changes + change
    return replace(found, model_config=expected, train_config=config, changes=changes, how=how)


def _rate(config: TrainConfig, step: int, seconds: float) -> float:
    """The learning rate at this step, three digits of it."""
    spent = seconds / (60 * config.minutes) if config.minutes else 0.0
    rate = learning_rate(step, config.steps, config.peak_lr, config.warmup_steps, min(spent, 1.0))
    return float(f"{rate:.3g}")


def _new(
    preset: Preset, config: TrainConfig, tokenizer: Tokenizer, how: Mapping[str, Any]
) -> Snapshot:
    """Step 0."""
    sizes = model_config({"vocab_size": tokenizer.vocab_size} | preset.model)
    return Snapshot(0, 0, 0, 0.0, sizes, config, tokenizer, {}, {}, how=how)


def _groups(model: Seq2Seq[Any], lower_share: float) -> list[dict[str, Any]]:
    """All parameters, in groups by their share of the learning rate: `lower_lr_share`."""
    encoder = model.encoder if isinstance(model, Transformer) else None
    lower = [p for layer in encoder.layers[:-1] for p in layer.parameters()] if encoder else []
    apart = set(map(id, lower))
    others = [p for p in model.parameters() if id(p) not in apart]
    return [{"params": others, "share": 1.0}, {"params": lower, "share": lower_share}]


def learn_vocabulary(config: TrainConfig, mixture: Mixture | None = None) -> Tokenizer:
    """A vocabulary from a part of the training corpus, and the lexicon's nouns besides.

    Byte pairs merge what is frequent: without the extra turns, rare nouns would fall to pieces.
    Languages in which no direction leads or begins are left out.
    """
    langs = {lang for direction in config.shares for lang in direction}
    part = (
        example for example, _ in zip(examples(config, 0), range(VOCABULARY_EXAMPLES), strict=False)
    )
    written = (
        (s.text, (*s.cuts, *particle_cuts(s.text)))
        for example in part
        for lang, s in example.sentences.items()
        if lang in langs
    )
    nouns = (
        (form, ())
        for noun in load_lexicon().nouns
        for lang, forms in (("en", [noun.en]), ("ko", [noun.ko]), ("fr", noun.fr.split("/")))
        if lang in langs
        for form in forms
        for _ in range(_NOUN_TURNS)
    )
    read = (
        (text, particle_cuts(text)) for text in (mixture.texts(_TOKENIZER_READ) if mixture else ())
    )
    return Tokenizer.train(itertools.chain(written, nouns, read), config.vocab_size)


def _watched(tokenizer: Tokenizer, config: TrainConfig) -> dict[Lang, list[Question]]:
    twins = list(generate(_WATCHED_TWINS, seed=10_000, split="pairs", families=config.families))
    shown = [example for item in twins for example in item.examples]
    sources = dict.fromkeys(source for source, _ in config.shares)
    return {lang: questions(tokenizer, shown, lang) for lang in sources}


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"
