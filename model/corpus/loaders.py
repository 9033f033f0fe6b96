"""Sentence pairs from tab-separated lines, labelled pronouns from JSON lines."""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from model.corpus.writing import Reference, Sentence, Span
from model.errors import ModelError

_ARTICLE = re.compile(r"(?:the|an?|my|his|her|their|our|your|its) ", re.IGNORECASE)


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
    for number, line in _lines(path):
        yield _pair(line, path, number)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that hold anything, with their numbers."""
    if not path.is_file():
        raise ModelError("pairs_missing", f"{path}: no such file", path=str(path))
    number = 0
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, start=1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip("\r\n")
                if text.strip():
                    yield number, text
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ModelError(
            "pairs_damaged",
            f"{path}, near line {number}: not a readable UTF-8 text ({error})",
            path=str(path),
            line=number,
        ) from error


def read_pronouns(path: str | Path) -> Iterator[Sentence]:
    """The sentences of a file, plain or ``.gz``, with a labelled pronoun: one JSON object a line.

    ``{"text": …, "pronoun": {"start": …, "end": …}, "candidates": [{"start", "end", "label"}, …]}``
    in characters; exactly one label is true. The article before a candidate is left out of it: a
    pronoun stands for a noun.

    Raises:
        ModelError: ``pairs_missing``, ``pairs_damaged``; ``pronouns_line`` names a line.
    """
    for number, line in _lines(Path(path)):
        try:
            yield _labelled(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                "pronouns_line",
                f"{path}, line {number}: expected a JSON object with text, pronoun and candidates, "
                f"one of them labelled true, got {line[:80]!r}",
                path=str(path),
                line=number,
            ) from error


def _labelled(item: dict[str, Any]) -> Sentence:
    text: str = item["text"]
    spans: dict[bool, list[Span]] = {True: [], False: []}
    for candidate in item["candidates"]:
        start, end = candidate["start"], candidate["end"]
        article = _ARTICLE.match(text, start, end)
        spans[candidate["label"]].append(Span(article.end() if article else start, end))
    (antecedent,) = spans[True]
    pronoun = Span(item["pronoun"]["start"], item["pronoun"]["end"])
    return Sentence(text, (Reference(pronoun, antecedent, tuple(spans[False])),), ())


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
