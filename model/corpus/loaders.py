"""Sentence pairs from a file of tab-separated lines."""

from __future__ import annotations

import gzip
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from model.errors import ModelError


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence, its translation, and where the two come from ("" if the file does not say)."""

    source: str
    target: str
    origin: str = ""


def read_pairs(path: str | Path) -> Iterator[Pair]:
    """The pairs of a file, plain or ``.gz``: each line ``source <tab> target [<tab> origin]``.

    Text is normalised to NFC; empty lines are skipped.

    Raises:
        ModelError: ``pairs_missing`` no such file; ``pairs_damaged`` no gzip or no UTF-8;
            ``pairs_line`` no tab, too many, or an empty side (names the line).
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError("pairs_missing", f"{path}: no such file", path=str(path))
    number = 0
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, start=1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip("\r\n")
                if text.strip():
                    yield _pair(text, path, number)
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ModelError(
            "pairs_damaged",
            f"{path}, near line {number}: not a readable UTF-8 text ({error})",
            path=str(path),
            line=number,
        ) from error


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def _pair(text: str, path: Path, number: int) -> Pair:
    fields = [unicodedata.normalize("NFC", field).strip() for field in text.split("\t")]
    if len(fields) not in (2, 3) or not fields[0] or not fields[1]:
        raise ModelError(
            "pairs_line",
            f"{path}, line {number}: expected source <tab> target [<tab> origin], "
            f"got {text[:80]!r}",
            path=str(path),
            line=number,
        )
    return Pair(*fields)
