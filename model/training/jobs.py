"""Training jobs: each its own process, all that is known of it in files of its own folder.

A closed tab, a second one, another student's browser or a restarted server finds a job again in its
folder under `runs`; nothing is kept in this process but the hash of the teacher's key. Trainings on
one device take turns; `model.training.folder` says how.

A folder `runs/<id>` holds what `python -m model train --out runs/<id>` writes, and job.json (who
asked for what), settings.json (for the command line) and uploaded sentence pairs. A training that
was started by hand with `--out runs/…` is found, too; it is nobody's but the teacher's.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..config import Lang, Preset, TrainConfig, from_dict, to_dict
from ..errors import ModelError
from ..tokenizer import check_text
from . import folder as folder_script
from .control import writing
from .folder import Ask, Folder
from .job import Job, Reason, find, jobs, phases, read_job
from .keys import check_key, is_key_of, is_teacher, set_teacher_key
from .process import choose, fill_in, launch, write_settings
from .record import film, held_out, live, log_tail, progress
from .request import Device, Request, pick_device

__all__ = [
    "Device", "Job", "Reason", "Request", "again", "delete", "film", "find", "held_out",
    "is_teacher", "jobs", "live", "log_tail", "look_at", "may_control", "pause", "phases",
    "pick_device", "progress", "resume", "set_teacher_key", "start", "stop",
]  # fmt: skip

MOST_ACTIVE = 40
"""So many trainings run or wait at once; a class of thirty has room."""

_MAY_RESUME = ("paused", "stopped", "interrupted", "failed")


def start(runs: Path, request: Request, owner: str) -> Job:
    """Start a training, or queue it where its device is busy.

    Args:
        owner: a secret token of the browser that starts it; only its hash is kept.

    Raises:
        ModelError: what `Request.settings` raises; `no_gpu`; `empty_text` … for the sentence;
            `queue_full`; `folder_unwritable`; `disk_full`; `training_unsupported` (Windows).
    """
    if not folder_script.CAN_LOCK:
        raise ModelError(
            "training_unsupported",
            "this system cannot queue trainings: start them with `python -m model train`",
        )
    preset = request.settings()
    device = pick_device(request.device)
    check_text(request.sentence)
    with writing(runs):
        runs.mkdir(parents=True, exist_ok=True)
        if sum(job.active for job in jobs(runs)) >= MOST_ACTIVE:
            raise ModelError(
                "queue_full",
                f"{MOST_ACTIVE} trainings run or wait already: wait until one ends",
                limit=MOST_ACTIVE,
            )
        id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        new = Folder(runs.resolve() / id)
        new.path.mkdir()
        try:
            fill_in(new, request, preset, owner)
            launch(new, device)
        except BaseException:
            if not new.is_alive():
                shutil.rmtree(new.path, ignore_errors=True)
            raise
    return read_job(new)


# ── what its owner may ask for ───────────────────────────────────────────────────────────────────


def may_control(job: Job, key: str) -> bool:
    """Whether `key`, a browser's token or the teacher's key, may pause, stop or delete the job."""
    return is_key_of(job.owner, key)


def pause(job: Job, key: str) -> None:
    """Snapshot and give the device to the next one; `resume` goes on exactly there.

    Raises:
        ModelError: `not_yours`, also of everything below that takes a key.
    """
    check_key(job.owner, key)
    if job.active:
        with writing(job.folder):
            Folder(job.folder).ask("pause")


def stop(job: Job, key: str) -> None:
    """End here: snapshot, measure, write the checkpoint. One that was paused is measured, too.

    A queued one that has not begun is only taken out of the queue.
    """
    check_key(job.owner, key)
    own = Folder(job.folder)
    with writing(job.folder):
        if job.active:
            own.ask("stop")
        elif job.state != "finished" and not job.measured:
            if own.snapshot.exists():
                _go_on(job, ask="stop")
            else:
                own.turn("stopped")


def resume(job: Job, key: str, steps: int | None = None, minutes: float | None = None) -> None:
    """Go on from the last snapshot, else from the checkpoint, else from the start; queues if busy.

    Does nothing to a job that is active already, or finished and without a new end.

    Args:
        steps, minutes: another end than before; the learning rate then follows the new one.

    Raises:
        ModelError: `not_yours`; `started_by_hand` where files are read that only the command line
            names, also of `stop`.
    """
    check_key(job.owner, key)
    given = (("steps", steps), ("minutes", minutes))
    ends = {name: value for name, value in given if value is not None}
    if job.state in _MAY_RESUME or (job.state == "finished" and ends):
        with writing(job.folder):
            _go_on(job, ends)


def again(job: Job, owner: str, **changes: Any) -> Job:
    """Start the same request anew, from step 0, with something changed: `again(job, me, d_k=8)`.

    Raises:
        ModelError: as `start` and `Request.changed`; `started_by_hand` where files were read that
            only the command line names.
    """
    request = job.request
    if request is None:
        if job.settings is None or job.settings.train.corpora or job.settings.train.tokenizer:
            raise _by_hand()
        train = to_dict(job.settings.train) | {"corpora": ""}
        request = Request(preset="small", model=job.settings.sizes, train=train)
    return start(job.folder.parent, request.changed(**changes), owner)


def delete(job: Job, key: str) -> None:
    """Remove the job and all its files; a running one is killed first. Saved checkpoints stay.

    Raises:
        ModelError: `not_yours`, or `training_running` if its process cannot be ended from here.
    """
    check_key(job.owner, key)
    own = Folder(job.folder)
    with writing(job.folder):
        if own.is_alive():
            pid = own.holder()
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            until = time.monotonic() + 5
            while own.is_alive():
                if time.monotonic() > until:
                    raise ModelError(
                        "training_running",
                        "the training does not end: stop it first, then delete it",
                        path=str(job.folder),
                    )
                time.sleep(0.02)
        shutil.rmtree(job.folder, ignore_errors=True)


def look_at(job: Job, key: str, sentence: str, to: Lang) -> None:
    """Choose the sentence that `live` shows from now on.

    Raises:
        ModelError: `empty_text`, `text_too_large`, `control_characters`; a sentence that is too
            long for this model comes back as `Live.problem`.
    """
    check_key(job.owner, key)
    choose(Folder(job.folder), sentence, to)


def _go_on(job: Job, ends: Mapping[str, Any] = MappingProxyType({}), ask: Ask = "") -> None:
    """Start a job's process again, which goes on from its snapshot."""
    if job.settings is None or (job.request is None and job.settings.train.corpora):
        raise _by_hand()
    train = from_dict(TrainConfig, to_dict(job.settings.train) | dict(ends))
    own = Folder(job.folder)
    write_settings(own, Preset(job.settings.model, train))
    launch(own, job.device, ask)


def _by_hand() -> ModelError:
    return ModelError(
        "started_by_hand",
        "what this training reads is named by its command line alone: start or go on there",
    )
