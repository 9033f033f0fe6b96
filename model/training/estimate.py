"""How long a training will take and how much memory, told before it starts.

From the last training of the same size on this machine where there is one; else from a calibration:
a process of its own takes a few real steps at this size, on real sentences.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from torch.optim import Adam

from ..analysis.evaluate import evaluate
from ..checkpoint import build
from ..config import AnyConfig, Preset, TrainConfig, model_config, to_dict
from ..corpus.generator import met_in_training
from ..errors import ModelError
from ..transformer import Transformer
from .batches import TrainingSet, collate
from .control import peak_bytes, writing
from .film import FilmMaker, moments
from .folder import folders, read_json, write_json
from .live import lines
from .loop import VOCABULARY_EXAMPLES, learn_vocabulary
from .objective import Objective
from .process import ROOT, environment
from .request import Request, pick_device

_ITEMS = 200  # generated for a calibration
_STEPS = 12
_PATIENCE = 6.0  # seconds of steps
_TWINS = 4
_WATCHING = 1.05  # the twentieth of the time that looking at the model takes
_TIMEOUT = 300.0
# An untrained model never ends its sentences; a trained one writes about half as long.
_TRAINED_WRITES = 0.5
_BOOK = ".calibrations"


@dataclass(frozen=True)
class Pace:
    """What a training of one size takes on one machine.

    Attributes:
        film_seconds: of one moment of the film.
        memory_bytes: what the process takes, on the GPU where there is one.
    """

    preparing_seconds: float
    seconds_per_step: float
    tokens_per_second: float
    film_seconds: float
    measuring_seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class Estimate:
    """How long a training will take, before it starts; a queue comes on top.

    Attributes:
        seconds: preparing + steps (or the budget of time, if that is shorter) + measuring.
        steps: how many of them there will be time for.
        source: "run" (the last training of this size on this machine) or "calibration" (a few real
            steps at this size).
        parameters: of the model, if its vocabulary becomes as large as it may.
    """

    seconds: float
    preparing_seconds: float
    training_seconds: float
    measuring_seconds: float
    seconds_per_step: float
    tokens_per_second: float
    steps: int
    memory_bytes: int
    parameters: int
    device: str
    source: Literal["run", "calibration"]


def estimate(runs: Path, request: Request) -> Estimate:
    """How long this will take on this machine; ten seconds or more where it must be calibrated.

    A calibration is kept, and serves every training that differs in its length alone.

    Raises:
        ModelError: what `Request.settings` raises; `no_gpu`; `calibration_failed`; what
            `model.training.control.explained` gives (`out_of_memory`, `gpu_out_of_memory` …).
    """
    preset, device = request.settings(), pick_device(request.device)
    pace, source = _from_run(runs, preset, device, request.threads), "run"
    if pace is None:
        pace, source = _calibrated(runs, preset, device, request.threads), "calibration"
    config = preset.train
    film = len(moments(config.steps)) * pace.film_seconds
    training = config.steps * pace.seconds_per_step + film
    if config.minutes and 60 * config.minutes < training:
        training = 60 * config.minutes
    return Estimate(
        seconds=pace.preparing_seconds + training + pace.measuring_seconds,
        preparing_seconds=pace.preparing_seconds,
        training_seconds=training,
        measuring_seconds=pace.measuring_seconds,
        seconds_per_step=pace.seconds_per_step,
        tokens_per_second=pace.tokens_per_second,
        steps=max(1, min(config.steps, round((training - film) / pace.seconds_per_step))),
        memory_bytes=pace.memory_bytes,
        parameters=_sizes(preset).n_parameters,
        device=device,
        source=source,  # type: ignore[arg-type]
    )


def calibrate(preset: Preset, device: torch.device) -> Pace:
    """Take a few real steps at this size; fills memory as the training would."""
    config = preset.train
    few = replace(config, items=min(_ITEMS, config.items))
    began = time.perf_counter()
    tokenizer = learn_vocabulary(few)
    vocabulary = time.perf_counter() - began
    began = time.perf_counter()
    batches = TrainingSet(few, tokenizer).batches(0)
    item = (time.perf_counter() - began) / few.items
    steps_per_item = len(batches) / few.items
    # The vocabulary is learned from so many examples more, and the first epoch is generated.
    more = min(VOCABULARY_EXAMPLES, config.items) - few.items
    preparing = vocabulary + item * (max(0, more) + config.items)

    model = build(_sizes(preset)).to(device)
    objective = Objective(model, config.label_smoothing, config.naming_weight)
    optimizer = Adam(model.parameters(), lr=1e-6, fused=True)
    times: list[float] = []
    pieces: list[int] = []
    for pairs in islice(batches * _STEPS, _STEPS):
        began = time.perf_counter()
        batch = collate(pairs)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            losses = objective(batch.to(device))
        losses.total.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.total.item()  # waits for the GPU
        times.append(time.perf_counter() - began)
        pieces.append(batch.source.numel() + batch.target.numel())
        if len(times) > 3 and sum(times) > _PATIENCE:
            break
    step = statistics.median(times[1:] or times)
    per_step = (step + item / steps_per_item) * _WATCHING

    directions = tuple(config.shares)
    film = 0.0
    if isinstance(model, Transformer):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            FilmMaker(tokenizer, 1, Path(folder), directions=directions).shoot(model, 0, {})
            film = (time.perf_counter() - began) * _TRAINED_WRITES
    model.eval()
    began = time.perf_counter()
    met = met_in_training(config.families)
    evaluate(model, tokenizer, items=_TWINS, directions=directions, met=met)
    twin = (time.perf_counter() - began) * _TRAINED_WRITES / _TWINS
    return Pace(
        preparing,
        per_step,
        statistics.median(pieces) / per_step,
        film,
        twin * min(config.measured_twins, 300),  # translating stops at 500 sentences
        peak_bytes(device.type == "cuda"),
    )


def _sizes(preset: Preset) -> AnyConfig:
    return model_config({"vocab_size": preset.train.vocab_size} | preset.model)


def _same(preset: Preset, device: str, threads: int) -> dict[str, Any]:
    """Everything that the pace depends on."""
    train = to_dict(preset.train)
    names = (
        *("batch_tokens", "items", "vocab_size", "snapshot_every", "measured_twins"),
        *("pronoun_share", "joined_share", "named_only_share", "swapped_share"),
    )
    sizes = to_dict(_sizes(preset)) | {"vocab_size": 0}
    same = {name: train[name] for name in names} | {
        "families": sorted(preset.train.families),
        "directions": sorted(preset.train.directions),
    }
    return sizes | same | {"device": device, "threads": threads}


def _from_run(runs: Path, preset: Preset, device: str, threads: int) -> Pace | None:
    """The pace of the newest finished training of this size."""
    wanted, found = _same(preset, device, threads), list[tuple[float, Pace]]()
    for folder in folders(runs) if runs.is_dir() else ():
        status, job = folder.status(), read_json(folder.path / "job.json")
        if status is None or status.state != "finished" or not status.sizes or not status.settings:
            continue
        used = (job or {}).get("request", {}).get("threads", 0)
        try:
            theirs = Preset(status.sizes, TrainConfig(**status.settings))
            same = not theirs.train.corpora and _same(theirs, status.device, used) == wanted
        except (ModelError, TypeError):  # settings of another version
            continue
        log = lines(folder.path / "progress.jsonl")
        if same and len(log) > 1 and log[-1]["step"] > log[0]["step"]:
            steps = log[-1]["step"] - log[0]["step"]
            pace = Pace(
                status.preparing_seconds,
                (log[-1]["seconds"] - log[0]["seconds"]) / steps,
                statistics.median(line["tokens_per_second"] for line in log),
                0.0,  # the film is in the steps' time
                status.measuring_seconds,
                status.peak_bytes,
            )
            found.append((status.since, pace))
    return max(found, key=lambda one: one[0])[1] if found else None


def _calibrated(runs: Path, preset: Preset, device: str, threads: int) -> Pace:
    same = json.dumps(_same(preset, device, threads), sort_keys=True)
    key = hashlib.sha256(same.encode()).hexdigest()[:16]
    with writing(runs):
        (runs / _BOOK).mkdir(parents=True, exist_ok=True)
        known = read_json(runs / _BOOK / f"{key}.json")
        if known is not None:
            return Pace(**known)
        pace = _in_a_process(preset, device, threads)
        write_json(runs / _BOOK / f"{key}.json", asdict(pace))
    return pace


def _in_a_process(preset: Preset, device: str, threads: int) -> Pace:
    """A process of its own: its memory is its own, and the app stays quick."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.json"
        write_json(settings, {"model": preset.sizes, "train": to_dict(preset.train)})
        command = [sys.executable, "-P", "-m", "model", "estimate", "--settings", str(settings)]
        try:
            done = subprocess.run(
                ["nice", *command, "--accelerator", device] if os.name == "posix" else command,
                env=environment(threads),
                cwd=ROOT,
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _failed(str(error)) from error
    lines_ = done.stdout.decode(errors="replace").splitlines()
    try:
        values = json.loads(lines_[-1])
    except (IndexError, ValueError) as error:
        raise _failed(done.stderr.decode(errors="replace")[-300:]) from error
    if "code" in values:
        raise ModelError.told(values["code"], values["message"], values["details"])
    return Pace(**values)


def _failed(why: str) -> ModelError:
    return ModelError(
        "calibration_failed",
        f"how long it will take could not be measured ({why.strip()}): start it and see, or choose "
        "smaller sizes",
        why=why.strip(),
    )
