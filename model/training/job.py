"""A training as its folder shows it at one moment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..config import Preset, TrainConfig, from_dict, preset_of
from ..errors import ModelError
from .control import writing
from .folder import ACTIVE, Ask, Folder, Stage, State, Status, before, folders, read_json
from .live import lines
from .request import Request

_ID = re.compile(r"[^./\\\0][^/\\\0]*")  # one folder, never one above or a hidden one
_TAIL = 16_384  # bytes of a log that tell how fast it goes
_UNREADABLE = (
    OSError,
    ModelError,
    KeyError,
    TypeError,
    ValueError,
)  # deleted while it is read, say


@dataclass(frozen=True)
class Reason:
    """Why a training failed or was interrupted: a ModelError's code, message and details.

    Codes: `disk_full`, `folder_unwritable`, `loss_not_finite`, `gpu_out_of_memory`,
    `out_of_memory`, `training_killed` (by kill -9, for want of memory or by a reboot),
    `training_terminated` (SIGTERM, after a snapshot), `training_broke` (anything else), and what
    `train` raises.
    """

    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A training as its folder shows it at this moment; ask `find` again for news.

    Attributes:
        request: None for a training that was started by hand, `python -m model train`.
        settings: sizes and training settings; None where the folder does not say them yet.
        state: queued → running → finished; stopped was measured and can be saved (unless it was
            taken out of the queue before its first step); paused, stopped, interrupted and failed
            can be resumed from their last snapshot.
        stage: of a running one: preparing (vocabulary), training, measuring (the checkpoint).
        asked: "pause" or "stop" was asked for and has not happened yet.
        ahead: how many running and queued ones on this device come first.
        step, steps, seconds: where it is; `seconds` is time spent training, without pauses.
        seconds_left: until the last step, at the pace of the last lines of progress; None if
            unknown. Measuring comes on top.
        created, since: seconds since 1970: of the job, and of its present state.
        measured: a whole checkpoint lies in the folder; `save_as` takes it.
        peak_bytes: the largest memory its process has taken so far (on the GPU, if there).
        owner: hash of the owner's token, "" for none.
    """

    id: str
    folder: Path
    request: Request | None
    settings: Preset | None
    state: State
    stage: Stage
    asked: Ask
    ahead: int
    step: int
    steps: int
    seconds: float
    seconds_left: float | None
    device: str
    created: float
    since: float
    reason: Reason | None
    measured: bool
    peak_bytes: int
    owner: str

    @property
    def active(self) -> bool:
        """Whether it is queued or running."""
        return self.state in ACTIVE


def jobs(runs: Path) -> list[Job]:
    """Every training under `runs`, the newest first; a folder that cannot be read is left out.

    Raises:
        ModelError: `folder_unwritable` if `runs` itself cannot be read; one that does not exist
            is empty.
    """
    found = []
    with writing(runs):
        try:
            for one in folders(runs):
                with suppress(*_UNREADABLE):
                    found.append(read_job(one))
        except FileNotFoundError:
            return []
    return sorted(found, key=lambda job: (job.created, job.id), reverse=True)


def find(runs: Path, id: str) -> Job | None:
    """The job with this id as it is now; None where there is none (or no more)."""
    one = Folder(runs.resolve() / id)
    if not _ID.fullmatch(id) or one.status() is None:
        return None
    with suppress(*_UNREADABLE):
        return read_job(one)
    return None


def phases(runs: Path) -> list[tuple[str, State, Stage]]:
    """Every training's state and stage, in no order: what a page draws a list of trainings by.

    Reads a status again only where its file has changed.
    """
    with writing(runs), suppress(FileNotFoundError):
        return [found for one in folders(runs) if (found := _phase(one)) is not None]
    return []


def _phase(one: Folder) -> tuple[str, State, Stage] | None:
    try:
        file = (one.live / "status.json").stat()
        status = _status_at(one.path, file.st_mtime_ns, file.st_ino)
    except OSError:
        return None
    if status is None:
        return None
    active = status.state in ACTIVE
    if active and not one.is_alive():
        return one.path.name, "interrupted", ""
    return one.path.name, status.state, status.stage


@lru_cache(maxsize=1024)
def _status_at(path: Path, changed: int, file: int) -> Status | None:
    return Folder(path).status()


# ── from its files ────────────────────────────────────────────────────────────────────────────────


def read_job(one: Folder) -> Job:
    status, state, reason = _state(one)
    saved = read_json(one.path / "job.json")
    request = _request(one, saved) if saved else None
    settings = _settings(one, status)
    active = state in ACTIVE
    return Job(
        id=one.path.name,
        folder=one.path,
        request=request,
        settings=settings,
        state=state,
        stage=status.stage if state == "running" else "",
        asked=one.asked() if active else "",
        ahead=len(before(one)) if state == "queued" else 0,
        step=status.step,
        steps=status.steps or (settings.train.steps if settings else 0),
        seconds=status.seconds,
        seconds_left=_seconds_left(one, status, settings) if state == "running" else None,
        device=status.device,
        created=float(saved["created"]) if saved else status.created,
        since=status.since,
        reason=reason,
        measured=state in ("finished", "stopped") and (one.path / "config.json").is_file(),
        peak_bytes=status.peak_bytes,
        owner=str(saved.get("owner", "")) if saved else "",
    )


def _state(one: Folder) -> tuple[Status, State, Reason | None]:
    """What a training says of itself, unless its process is gone."""
    status = one.status()
    if status is None:
        raise FileNotFoundError(one.path)
    if status.state in ACTIVE and not one.is_alive():
        status = one.status() or status  # it may have come to its end just now
        if status.state in ACTIVE and not one.is_alive():
            return (
                status,
                "interrupted",
                Reason(
                    "training_killed",
                    "its process was killed, ran out of memory or went down with the machine; it "
                    "can go on from its last snapshot",
                    {"step": status.step},
                ),
            )
    return status, status.state, Reason(**status.reason) if status.reason else None


def _request(one: Folder, saved: Mapping[str, Any]) -> Request:
    values = dict(saved["request"])
    values["pairs"] = tuple(one.path / name for name in values["pairs"])
    return Request(**values)


def _settings(one: Folder, status: Status) -> Preset | None:
    written = read_json(one.path / "settings.json")
    if written is not None:
        return preset_of(written)
    if status.sizes is None or status.settings is None:
        return None
    return Preset(status.sizes, from_dict(TrainConfig, status.settings))


def _seconds_left(one: Folder, status: Status, settings: Preset | None) -> float | None:
    """At the pace of the last lines of the log; a budget of time ends it earlier."""
    if status.stage == "measuring":
        return 0.0
    last = lines(one.path / "progress.jsonl", _TAIL)[-10:]
    found = []
    if len(last) > 1 and last[-1]["step"] > last[0]["step"]:
        pace = (last[-1]["seconds"] - last[0]["seconds"]) / (last[-1]["step"] - last[0]["step"])
        found.append(pace * (status.steps - status.step))
    if settings is not None and settings.train.minutes:
        found.append(60 * settings.train.minutes - status.seconds)
    return max(0.0, min(found)) if found else None
