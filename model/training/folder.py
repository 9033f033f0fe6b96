"""A training's folder as processes see it, and how they take turns on a device.

A job holds an exclusive lock (flock) on its `live/lock` from the moment it is queued until its
process is gone, however it went: a job is alive exactly as long as its lock is held. No number of a
process that could be somebody else's by now, no supervisor that could die, nothing to clean up.

A queued job is a process, too: this file, run as a script. It waits until nobody is before it,
takes the device's lock, and becomes the training (`exec`: same process, same locks). So the queue
goes on while the app is restarted or gone. It needs the standard library alone: waiting takes 10 MB
where torch would take 300.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

try:
    import fcntl
except ImportError:  # Windows: trainings run there, but are neither locked nor queued
    fcntl = None  # type: ignore[assignment]

CAN_LOCK = fcntl is not None
"""Whether trainings can wait for one another on this system."""

State = Literal["queued", "running", "paused", "stopped", "finished", "failed", "interrupted"]
ACTIVE: tuple[State, ...] = ("queued", "running")
Stage = Literal["", "preparing", "training", "measuring"]
Ask = Literal["", "pause", "stop"]

LOCK_VARIABLE = "JUMOK_TRAINING_LOCK"  # the open, locked file that a training inherits
_NICE = 10
_LOOK_EVERY = 0.3  # seconds
_PATIENCE = 2.0  # seconds; who only looks whether a lock is held, holds it for an instant


@dataclass(frozen=True)
class Status:
    """What a training last said of itself; while its lock is not held, "running" is not true.

    Attributes:
        created, since, queued: seconds since 1970 of the training, of this state, and of joining
            the queue.
        seconds: spent training, earlier sittings counted in.
        device: "cpu" or "cuda".
        sizes, settings: of ModelConfig (without vocab_size) and TrainConfig, once they are known.
        reason: {code, message, details} where it failed or was interrupted.
        peak_bytes: the largest memory it has taken (on the GPU where there is one).
        measuring_seconds, preparing_seconds: how long these stages took.
    """

    state: State
    stage: Stage = ""
    created: float = 0.0
    since: float = 0.0
    queued: float = 0.0
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    device: str = "cpu"
    sizes: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    reason: dict[str, Any] | None = None
    peak_bytes: int = 0
    preparing_seconds: float = 0.0
    measuring_seconds: float = 0.0


class Folder:
    """A training's folder: its status, what it is asked for, and whether it is alive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.live = path / "live"

    @property
    def runs(self) -> Path:
        """The folder of all trainings that wait for one another."""
        return self.path.parent

    @property
    def snapshot(self) -> Path:
        """Where a training goes on from."""
        return self.path / "snapshot.safetensors"

    def status(self) -> Status | None:
        """What was last written; None where nothing was, or nothing that can be read."""
        values = read_json(self.live / "status.json")
        if values is None or "state" not in values:
            return None
        known = {field.name for field in fields(Status)}
        return Status(**{name: value for name, value in values.items() if name in known})

    def write(self, status: Status) -> None:
        """Replace the status."""
        write_json(self.live / "status.json", asdict(status))

    def turn(self, state: State, **changes: Any) -> Status:
        """Go over into a state: the status as it is, but for this."""
        status = replace(self.status() or Status(state), state=state, since=time.time(), **changes)
        self.write(status)
        return status

    def ask(self, what: Ask) -> None:
        """Ask the training to pause or stop; "" takes that back."""
        if what:
            write_json(self.live / "ask.json", {"ask": what})
        else:
            (self.live / "ask.json").unlink(missing_ok=True)

    def asked(self) -> Ask:
        """What was asked for and has not happened yet."""
        ask = (read_json(self.live / "ask.json") or {}).get("ask", "")
        return ask if ask in ("pause", "stop") else ""

    def is_alive(self) -> bool:
        """Whether a process holds the training's lock."""
        return is_held(self.live / "lock")

    def lock(self) -> int | None:
        """Take the training's lock: an open file, to be closed or inherited; None if it is held."""
        self.live.mkdir(parents=True, exist_ok=True)
        return take(self.live / "lock", _PATIENCE)

    def name_holder(self, pid: int) -> None:
        """Say which process holds the lock; true as long as it is held."""
        (self.live / "lock").write_text(f"{pid} {started(pid)}", encoding="ascii")

    def holder(self) -> int | None:
        """The process that holds the lock; None where none does, or none that can be seen."""
        try:
            pid, start = (self.live / "lock").read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return None
        return int(pid) if self.is_alive() and start == started(int(pid)) else None


def folders(runs: Path) -> Iterator[Folder]:
    """Every folder with a training in it, in no order."""
    for path in runs.iterdir():
        if (path / "live" / "status.json").is_file():
            yield Folder(path)


def before(folder: Folder) -> list[Folder]:
    """The living trainings that a queued one waits for: on its device, running or queued before."""
    mine = folder.status() or Status("queued")
    found = []
    for other in folders(folder.runs):
        status = other.status()
        if (
            status is not None
            and other.path.name != folder.path.name
            and status.device == mine.device
            and (
                status.state == "running"
                or (
                    status.state == "queued"
                    and (status.queued, other.path.name) < (mine.queued, folder.path.name)
                )
            )
            and other.is_alive()
        ):
            found.append(other)
    return found


# ── files and locks ──────────────────────────────────────────────────────────────────────────────


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object; None where there is none that can be read."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def read_end(path: Path, size: int) -> str:
    """The last bytes of a text file; "" where there is none that can be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - size))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Replace a small file; a reader never meets half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(values, file, ensure_ascii=False)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def started(pid: int) -> str:
    """When a process started, in ticks since the boot: a number that is used again is told apart.

    "?" where the system does not say (macOS), "" where there is no such process.
    """
    if not Path("/proc/self/stat").exists():
        return "?"
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def take(path: Path, patience: float = 0.0) -> int | None:
    """Lock a file; None if another process still holds it after so many seconds."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    until = time.monotonic() + patience
    while fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(handle)
                return None
            time.sleep(0.02)
    return handle


def is_held(path: Path) -> bool:
    """Whether a process holds a lock that `take` took."""
    if fcntl is None:
        return False
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


# ── the script: wait, then become the training ───────────────────────────────────────────────────


def wait(folder: Folder, lock: int, command: list[str]) -> None:
    """Wait for the device, then run `command` in this process; returns if it was called off."""
    status = folder.status()
    device = f".{status.device if status else 'cpu'}.lock"
    while True:
        ask = folder.asked()
        if ask == "pause" or (ask == "stop" and not folder.snapshot.exists()):
            folder.turn("paused" if ask == "pause" else "stopped")
            folder.ask("")
            return
        turn = None if before(folder) else take(folder.runs / device)
        if turn is not None:
            break
        time.sleep(_LOOK_EVERY)
    folder.turn("running", stage="preparing")
    os.set_inheritable(turn, True)
    os.environ[LOCK_VARIABLE] = f"{lock} {turn}"
    os.execv(command[0], command)


def step_back() -> None:
    """Leave the processor to others where they want it.

    Linux shares a processor among sessions first, and a training is one of its own: there, niceness
    counts within the session alone, and the session has a niceness besides. Of users who are not
    root, it takes one change in a tenth of a second, from all of them together.
    """
    os.nice(max(0, _NICE - os.nice(0)))
    for _ in range(20):
        try:
            Path("/proc/self/autogroup").write_text(str(_NICE))
            return
        except BlockingIOError:
            time.sleep(0.11)
        except OSError:
            return


if __name__ == "__main__":
    path, lock, *command = sys.argv[1:]
    step_back()
    wait(Folder(Path(path)), int(lock), command)
