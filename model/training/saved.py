"""Keeping what was trained: into `checkpoints/`, out as a ZIP, in from one, and away again."""

from __future__ import annotations

import io
import re
import secrets
import shutil
import zipfile
from pathlib import Path

from ..checkpoint import FILM, load
from ..errors import ModelError
from .control import writing
from .folder import read_json, write_json
from .job import Job
from .keys import check_key, hashed, is_key_of, not_yours

FILES = ("config.json", "model.safetensors", "tokenizer.model", "metrics.json", "CARD.md", FILM)
"""What a checkpoint consists of; the last may be missing."""
LARGEST = 2**30
"""Bytes of an unpacked checkpoint that is taken in."""

_NAME = re.compile(r"\w(?:[\w .-]{0,58}[\w-])?")
_BOOK = ".saved"  # in the folder of all runs: who saved which checkpoint


def save_as(job: Job, name: str, key: str, checkpoints: Path) -> Path:
    """Copy the measured model to `checkpoints/<name>`, where every page finds it.

    It is loaded and checked first, and appears whole or not at all.

    Raises:
        ModelError: `not_yours`, `not_measured`, `name_invalid`, `name_taken`, what `model.load`
            raises, `folder_unwritable`, `disk_full`.
    """
    check_key(job.owner, key)
    if not job.measured:
        raise ModelError(
            "not_measured", "only a training that was stopped or has ended can be saved: stop it"
        )
    contents = {file: job.folder / file for file in FILES if (job.folder / file).is_file()}
    path = _keep({file: path.read_bytes() for file, path in contents.items()}, name, checkpoints)
    _book(job.folder.parent, name, job.owner)
    return path


def packed(checkpoint: Path) -> bytes:
    """A checkpoint as a ZIP to download: its known files and no others.

    Raises:
        ModelError: `checkpoint_missing`.
    """
    file = io.BytesIO()
    with writing(checkpoint), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        if not (checkpoint / FILES[0]).is_file():
            raise _missing(checkpoint)
        for name in FILES:
            if (checkpoint / name).is_file():
                archive.writestr(f"{checkpoint.name}/{name}", (checkpoint / name).read_bytes())
    return file.getvalue()


def take_in(content: bytes, name: str, owner: str, runs: Path, checkpoints: Path) -> Path:
    """Unpack a ZIP as `packed` makes them to `checkpoints/<name>`.

    Its safetensors and JSON files are read and checked; nothing in it is ever executed.

    Raises:
        ModelError: `archive_damaged`, `archive_too_large`, `name_invalid`, `name_taken`, or what
            `model.load` raises.
    """
    path = _keep(_unpacked(content), name, checkpoints)
    _book(runs, name, hashed(owner))
    return path


def may_delete(runs: Path, name: str, key: str) -> bool:
    """Whether `key` saved the checkpoint `name`; of saved ones the teacher may delete any."""
    found = read_json(runs / _BOOK / f"{name}.json")
    return found is not None and is_key_of(str(found.get("owner", "")), key)


def delete_saved(runs: Path, name: str, key: str, checkpoints: Path) -> None:
    """Delete a checkpoint that `save_as` or `take_in` wrote.

    Raises:
        ModelError: `checkpoint_missing`, or `not_yours` (the bundled ones are nobody's).
    """
    _check_name(name)
    if not (checkpoints / name).is_dir():
        raise _missing(checkpoints / name)
    if not may_delete(runs, name, key):
        raise not_yours()
    with writing(checkpoints):
        gone = checkpoints / f".{secrets.token_hex(4)}"
        (checkpoints / name).rename(gone)  # at once: nobody meets half a checkpoint
        shutil.rmtree(gone, ignore_errors=True)
        (runs / _BOOK / f"{name}.json").unlink(missing_ok=True)


def _keep(contents: dict[str, bytes], name: str, checkpoints: Path) -> Path:
    """Write, check and only then name a checkpoint."""
    _check_name(name)
    path = checkpoints / name
    if path.exists():
        raise _taken(name)
    with writing(checkpoints):
        checkpoints.mkdir(parents=True, exist_ok=True)
        new = checkpoints / f".{secrets.token_hex(4)}"
        new.mkdir()
        try:
            for file, content in contents.items():
                (new / file).write_bytes(_titled(content, name) if file == "CARD.md" else content)
            load(new, device="cpu")
            try:
                new.rename(path)
            except OSError as error:
                if path.exists():
                    raise _taken(name) from error
                raise
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
    return path


def _unpacked(content: bytes) -> dict[str, bytes]:
    """The known files of an archive, each once, wherever in it they lie."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {Path(m.filename).name: m for m in archive.infolist() if not m.is_dir()}
            known = {name: members[name] for name in FILES if name in members}
            if sum(member.file_size for member in known.values()) > LARGEST:
                raise ModelError(
                    "archive_too_large",
                    f"the archive unpacks to more than {LARGEST:,} bytes",
                    limit=LARGEST,
                )
            # read() stops at the size that the archive names, and checks it
            return {name: archive.read(member) for name, member in known.items()}
    except ModelError:
        raise
    except Exception as error:  # zipfile and zlib raise many kinds
        raise ModelError(
            "archive_damaged",
            f"this is no ZIP of a checkpoint ({error}): download it again",
            why=str(error),
        ) from error


def _titled(card: bytes, name: str) -> bytes:
    first, _, rest = card.partition(b"\n")
    return b"# " + name.encode() + b"\n" + rest if first.startswith(b"# ") else card


def _book(runs: Path, name: str, owner: str) -> None:
    with writing(runs):
        (runs / _BOOK).mkdir(parents=True, exist_ok=True)
        write_json(runs / _BOOK / f"{name}.json", {"owner": owner})


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ModelError(
            "name_invalid",
            "a name has at most 60 letters, digits, spaces, dots, - and _, and begins with a "
            "letter or digit",
            name=name[:80],
        )


def _taken(name: str) -> ModelError:
    return ModelError(
        "name_taken", f"there is a checkpoint {name} already: choose another name", name=name
    )


def _missing(path: Path) -> ModelError:
    return ModelError("checkpoint_missing", f"there is no checkpoint {path.name}", path=path.name)
