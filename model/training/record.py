"""What a training has written so far: its log, its looks at held-out sentences, its film."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ..checkpoint import FILM
from .film import Film, shot
from .folder import Folder, read_end
from .job import Job
from .live import HeldOut, Live, lines

_TAIL = 16_384  # bytes of what the process printed


def progress(job: Job, since: int = -1) -> list[dict[str, Any]]:
    """Lines of progress.jsonl with a step above `since`: step, seconds, lr, loss_nats, accuracy,
    naming_accuracy, tokens_per_second … of training batches. A line every 20 steps."""
    return [line for line in lines(job.folder / "progress.jsonl") if line["step"] > since]


def held_out(job: Job, since: int = -1) -> list[HeldOut]:
    """What held-out sentences gave every few seconds: loss, accuracy, every head's score."""
    known = {f.name for f in fields(HeldOut)}
    return [
        HeldOut(**line)
        for line in lines(Folder(job.folder).live / "held_out.jsonl")
        if line["step"] > since and line.keys() == known
    ]


def live(job: Job) -> Live | None:
    """The newest look at the chosen sentence; None where there has been none."""
    return Live.load(Folder(job.folder).live / "now.npz")


def film(job: Job) -> Film | None:
    """The film as far as it has been shot; None before the first moment."""
    whole = job.folder / FILM
    if job.measured and whole.is_file():
        return Film.load(whole)
    return shot(job.folder)


def log_tail(job: Job, count: int = 20) -> str:
    """The last lines of what the process printed, for the curious and for reports."""
    text = read_end(Folder(job.folder).live / "log.txt", _TAIL)
    printed = [line.rpartition("\r")[2] for line in text.splitlines()]
    return "\n".join(printed[-count:])
