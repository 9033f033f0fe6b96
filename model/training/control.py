"""The training's side of its folder: it says how far it is, does what it is asked for, and says why
it failed."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Literal, Self

import torch

from ..errors import ModelError
from .folder import ACTIVE, LOCK_VARIABLE, Folder, Stage, State, Status

Verdict = Literal["", "pause", "stop", "terminate", "time"]
"""Why to end before the last step; "" goes on, "time" is a spent budget."""

TERMINATED = 128 + signal.SIGTERM
"""What a process returns that SIGTERM ended."""

_LOOK_EVERY = 0.5  # seconds between two looks at what is asked for
_TELL_EVERY = 1.0  # seconds between two writings of the status
_RESERVE = 64 * 1024  # bytes, given back when the disk is full: there is room to say so
_RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Control:
    """Holds a training's lock and keeps its status true; to be used in a `with` block.

    SIGTERM ends the training after a snapshot where it takes steps, and at once where it does not.
    Of several processes the first one alone has a say; the others follow its verdict.

    Raises:
        ModelError: on entering, `training_running` or `folder_unwritable`; on leaving, in place of
            errors that a person can do something about, what `explained` gives.
    """

    def __init__(self, out: Path) -> None:
        self.folder = Folder(out)
        self.first = all(os.environ.get(name, "0") == "0" for name in _RANKS)
        self.stepping = False
        self._status = Status("running")
        self._terminated = False
        self._locks: list[int] = []
        self._looked = self._told = 0.0
        self._began = time.monotonic()
        self._handler: Any = None
        self._gpu = False

    def __enter__(self) -> Self:
        if self.first:
            try:
                with writing(self.folder.path):
                    self._take_hold()
            except ModelError as error:
                if self._locks:  # it is this training's folder to say so in
                    self._let_go(error, error)
                raise
        if threading.current_thread() is threading.main_thread():
            handler = self._terminate if self.first else signal.SIG_IGN
            self._handler = signal.signal(signal.SIGTERM, handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        reason = explained(error, self.folder.path)
        if self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)
        if self.first:
            self._let_go(error, reason)
        if reason is not None and reason is not error:
            raise reason from error

    def begin(
        self,
        sizes: dict[str, Any],
        settings: dict[str, Any],
        step: int,
        seconds: float,
        device: torch.device,
    ) -> None:
        """It prepares: what is trained, from which step on, and where."""
        if not self.first:
            return
        self._gpu = device.type == "cuda"
        before = self.folder.status() or self._status
        self._status = replace(
            before,
            state="running",
            since=time.time(),
            created=before.created or time.time(),
            steps=settings["steps"],
            device=device.type,
            sizes=sizes,
            settings=settings,
            reason=None,
        )
        self._write(stage="preparing", step=step, seconds=seconds)

    def stage(self, stage: Stage, step: int, seconds: float) -> None:
        """Enter another stage."""
        if not self.first:
            return
        took = time.monotonic() - self._began
        self._began = time.monotonic()
        if stage == "training" and step == 0:  # who goes on has no vocabulary to learn
            self._status = replace(self._status, preparing_seconds=took)
        self.stepping = stage == "training"
        self._write(stage=stage, step=step, seconds=seconds)
        if self._terminated and not self.stepping:
            raise SystemExit(TERMINATED)

    def verdict(self) -> Verdict:
        """Whether to end; looks at the folder every half a second."""
        if self._terminated:
            return "terminate"
        if not self.first or time.monotonic() - self._looked < _LOOK_EVERY:
            return ""
        self._looked = time.monotonic()
        return self.folder.asked()

    def tell(self, step: int, seconds: float) -> None:
        """Say how far it is; writes every second."""
        if self.first and time.monotonic() - self._told >= _TELL_EVERY:
            self._write(step=step, seconds=seconds)

    def end(self, state: State, step: int, seconds: float) -> None:
        """It is over, for now or for good."""
        if not self.first:
            return
        if self._status.stage == "measuring":
            took = time.monotonic() - self._began
            self._status = replace(self._status, measuring_seconds=took)
        self.folder.ask("")
        self._write(state=state, stage="", step=step, seconds=seconds, since=time.time())

    def _take_hold(self) -> None:
        self.folder.live.mkdir(parents=True, exist_ok=True)
        inherited = os.environ.pop(LOCK_VARIABLE, "")
        if inherited:
            self._locks = [int(lock) for lock in inherited.split()]
            for lock in self._locks:
                os.set_inheritable(lock, False)
        else:
            lock_ = self.folder.lock()
            if lock_ is None:
                raise ModelError(
                    "training_running",
                    f"a training is under way in {self.folder.path}: wait, or take another folder",
                    path=str(self.folder.path),
                )
            self._locks = [lock_]
        self.folder.name_holder(os.getpid())
        for left in self.folder.path.glob(".*.safetensors.*"):
            left.unlink(missing_ok=True)  # half of a file that a kill has left
        self._reserve.write_bytes(os.urandom(_RESERVE))

    def _let_go(self, error: BaseException | None, reason: ModelError | None) -> None:
        if error is not None:
            self._say_why(error, reason)
        for lock in self._locks:
            with suppress(OSError):
                os.close(lock)

    @property
    def _reserve(self) -> Path:
        return self.folder.live / "reserve"

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self._terminated = True
        if not self.stepping:
            raise SystemExit(TERMINATED)

    def _write(self, **changes: Any) -> None:
        self._told = time.monotonic()
        peak = max(self._status.peak_bytes, peak_bytes(self._gpu))
        self._status = replace(self._status, peak_bytes=peak, **changes)
        self.folder.write(self._status)

    def _say_why(self, error: BaseException, reason: ModelError | None) -> None:
        """Write why it ended; a folder that holds a finished training is left as it was."""
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)
        before = self.folder.status()
        if before is not None and before.state not in ACTIVE:
            return
        if reason is not None and reason.code == "training_exists":
            return
        status = before or self._status
        state: State = "failed"
        if isinstance(error, SystemExit | KeyboardInterrupt):
            state = "interrupted"
            said = ModelError(
                "training_terminated",
                f"it was told to end at step {status.step:,}; it can go on from its snapshot",
                step=status.step,
            )
        else:
            said = reason or ModelError(
                "training_broke", f"{type(error).__name__}: {error}", error=str(error)
            )
        try:
            self.folder.turn(state, stage="", reason=as_reason(said))
        except OSError as cannot:
            sys.stderr.write(f"error: the status cannot be written: {cannot}\n")


def as_reason(error: ModelError) -> dict[str, Any]:
    """An error as the status keeps it."""
    details: Mapping[str, Any] = error.details
    return {
        "code": error.code,
        "message": str(error),
        "details": {
            name: value if isinstance(value, int | float | str) else str(value)
            for name, value in details.items()
        },
    }


def explained(error: BaseException | None, out: Path) -> ModelError | None:
    """What a person can do about an error; None where nobody knows.

    `disk_full`, `folder_unwritable`, `gpu_out_of_memory`, `out_of_memory`, or the error itself
    where it is a ModelError.
    """
    if isinstance(error, ModelError):
        return error
    if isinstance(error, OSError) and error.errno in _FULL:
        return ModelError(
            "disk_full",
            f"there is no room left to write in {out}: delete old trainings or other files, then "
            "go on from the last snapshot",
            path=str(out),
        )
    if isinstance(error, OSError) and error.filename is not None:
        return ModelError(
            "folder_unwritable",
            f"{error.filename} cannot be read or written ({error.strerror}): change its "
            "permissions, or choose another folder",
            path=str(error.filename),
            why=str(error.strerror),
        )
    if isinstance(error, torch.OutOfMemoryError):
        return ModelError(
            "gpu_out_of_memory",
            "the GPU's memory is full: halve batch_tokens, choose fewer layers or a smaller "
            "d_model, or end what else runs on it",
            peak_bytes=peak_bytes(gpu=True),
        )
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "allocate memory" in str(error)
    ):
        return ModelError(
            "out_of_memory",
            "the memory is full: halve batch_tokens, choose fewer layers or a smaller d_model, or "
            "end other programs",
            peak_bytes=peak_bytes(gpu=False),
        )
    return None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say of errors of the file system what a person can do, as `explained` does."""
    try:
        yield
    except OSError as error:
        raise explained(error, path) or error from error


def peak_bytes(gpu: bool) -> int:
    """The largest memory that this process has taken so far."""
    if gpu:
        return torch.cuda.max_memory_allocated()
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
