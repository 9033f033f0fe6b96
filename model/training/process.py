"""A job's files and its process: the same command line that a person would type."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..checkpoint import write_atomically
from ..config import Lang, Preset, TrainConfig, to_dict
from ..corpus import uploads
from ..corpus.loaders import Pair, read_pairs
from ..errors import ModelError
from ..tokenizer import check_text
from . import folder as folder_script
from .folder import Ask, Folder, read_json, write_json
from .keys import TEACHER_VARIABLE, hashed
from .request import Request

ROOT = Path(__file__).resolve().parent.parent.parent
_TITLE = 100  # characters


def fill_in(new: Folder, request: Request, preset: Preset, owner: str) -> None:
    """Everything that a new job's process reads.

    Raises:
        ModelError: `pairs_unused` where uploaded pairs are in none of the chosen languages; what
            `read_pairs` and `check_text` raise.
    """
    new.live.mkdir(exist_ok=True)
    names = []
    for number, file in enumerate(request.pairs, start=1):
        names.append(f"upload-{number}.tsv")
        pairs = list(read_pairs(file))
        _check_languages(pairs, preset.train)
        learned, _ = uploads.split(pairs)
        write_atomically(new.path / names[-1], uploads.written(pairs))
        write_atomically(new.path / f"pairs-{number}.tsv", uploads.written(learned))
    write_settings(new, preset)
    choose(new, request.sentence, request.to)
    values = asdict(request) | {"pairs": names, "title": request.title.strip()[:_TITLE]}
    values |= {"model": dict(request.model), "train": dict(request.train)}
    job = {"request": values, "owner": hashed(owner), "created": time.time()}
    write_json(new.path / "job.json", job)


def _check_languages(pairs: Sequence[Pair], config: TrainConfig) -> None:
    langs = uploads.languages(pairs)
    if not set(uploads.directions_of(langs)) & set(config.shares):
        raise ModelError(
            "pairs_unused",
            f"the uploaded pairs are {langs[0]} and {langs[1]}, which none of the chosen "
            "directions translates: choose one that does",
            first=langs[0],
            second=langs[1],
        )


def write_settings(one: Folder, preset: Preset) -> None:
    """Sizes and settings for the command line."""
    train = to_dict(preset.train) | {"corpora": ""}  # the command line names the files
    write_json(one.path / "settings.json", {"model": preset.sizes, "train": train})


def choose(one: Folder, sentence: str, to: Lang) -> None:
    """The sentence that is looked at from now on."""
    write_json(one.live / "sentence.json", {"text": check_text(sentence), "to": to})


def launch(one: Folder, device: str, ask: Ask = "") -> None:
    """Start the process that waits for its turn and becomes the training.

    The lock is taken here and inherited: from the first instant the job is seen to live, and of
    two who resume it at once, one does.
    """
    lock = one.lock()
    if lock is None:
        if ask:  # it came back to life in the meantime: what was asked for holds all the same
            one.ask(ask)
        return
    wait = [sys.executable, "-I", folder_script.__file__]
    saved = read_json(one.path / "job.json") or {}
    status = one.status()
    try:
        one.ask(ask)
        one.turn("queued", stage="", queued=time.time(), device=device, reason=None)
        log = (one.live / "log.txt").open("ab")
        with log:
            process = subprocess.Popen(
                [*wait, str(one.path), str(lock), *_command(one, device)],
                cwd=one.runs,
                env=environment(saved.get("request", {}).get("threads", 1)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock],
                start_new_session=True,
            )
        one.name_holder(process.pid)
        # Reaps it; a thread that waits costs nothing, and ends with this process.
        threading.Thread(target=process.wait, daemon=True).start()
    except BaseException:
        if status is not None:
            one.write(status)
        raise
    finally:
        os.close(lock)


def _command(one: Folder, device: str) -> list[str]:
    """The training as the command line starts it, in the folder of all runs."""
    id = one.path.name
    precision = "bf16-mixed" if device == "cuda" else "32-true"
    command = [sys.executable, "-P", "-m", "model", "train", "--settings", f"{id}/settings.json"]
    command += ["--out", id, "--resume", "--accelerator", device, "--devices", "1"]
    command += ["--precision", precision]
    for file in sorted(one.path.glob("pairs-*.tsv")):
        command += ["--pairs", f"{id}/{file.name}"]
    return command


def environment(threads: int) -> dict[str, str]:
    """What a process of ours runs in: so many threads, and no key."""
    own = {name: value for name, value in os.environ.items() if name != TEACHER_VARIABLE}
    paths = [str(ROOT), *filter(None, [own.get("PYTHONPATH")])]
    return own | {
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "TQDM_MININTERVAL": "30",
    }
