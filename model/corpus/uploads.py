"""Sentence pairs that somebody uploads: read with suspicion, every row that is left out named.

A file is TSV or CSV, one pair a row: a sentence, its translation; a third column is ignored. It may
come from a spreadsheet in Korea (cp949, semicolons, quotes, a header) or from anywhere. Nothing is
guessed in silence: the result says which encoding, separator and languages were found.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from ..checkpoint import write_atomically
from ..config import DIRECTIONS, Lang
from ..errors import ModelError
from .loaders import Pair
from .mixture import column_language, most_words

MAX_BYTES = 5 * 2**20
MAX_ROWS = 50_000
MAX_CHARACTERS = 400
"""Of one sentence."""
ASIDE = 20
"""One pair of so many is kept aside to measure a model on …"""
LEAST_TO_SPLIT = 40
"""… where there are so many."""

Separator = Literal["tab", "comma", "semicolon"]
Fault = Literal[
    "columns", "empty", "too_long", "control", "formula", "script", "language", "same", "duplicate"
]

_SEPARATORS: dict[Separator, str] = {"tab": "\t", "comma": ",", "semicolon": ";"}
csv.field_size_limit(MAX_BYTES)  # a cell of any length is read, and its row then named too long
_LOOKED_AT = 200  # rows that decide the separator
_LONGEST_ROW = 3  # lines of a row; more of them mean a quotation mark that was never closed
_SHOWN = 80  # characters of a bad row
# A spreadsheet would execute such cells when the pairs are opened in one again.
_FORMULA = re.compile(r"[=@+]|-[\d(=+@-]|[-+]?\w+\|'")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
_HEADER_WORDS = """source target src tgt trg sentence translation en ko fr kr english korean
french eng kor fra 영어 한국어 한글 국어 프랑스어 불어 원문 번역 번역문 문장 origin 출처"""
_HEADERS = frozenset(_HEADER_WORDS.split())


@dataclass(frozen=True)
class BadRow:
    """A row that is left out.

    Attributes:
        line: where it begins in the file, from 1, as an editor counts.
        fault: columns (not 2 or 3 cells), empty (one side), too_long, control (characters that
            cannot be shown), formula, script (neither Latin nor Hangul), language (not its
            column's), same (both sides), duplicate.
        text: its beginning, safe to show.
        detail: a number that belongs to the fault: cells, characters or words, the line of the
            first one; "" else.
    """

    line: int
    fault: Fault
    text: str
    detail: str = ""


@dataclass(frozen=True)
class Upload:
    """What a file holds.

    Attributes:
        langs: the language of each column, by most of its rows.
        header: the first row, if it named the columns.
        rows: how many rows hold anything, header left out.
    """

    pairs: list[Pair]
    langs: tuple[Lang, Lang]
    encoding: str
    separator: Separator
    header: tuple[str, ...]
    rows: int
    bad: list[BadRow]

    def preview(self, n: int = 5) -> list[Pair]:
        """The first pairs, as they will be read."""
        return self.pairs[:n]

    @property
    def directions(self) -> list[tuple[Lang, Lang]]:
        """From which language into which these pairs teach."""
        return directions_of(self.langs)


def read_upload(content: bytes, *, skip_bad: bool = True) -> Upload:
    """Read an uploaded file.

    Args:
        skip_bad: leave bad rows out; False refuses the whole file for one.

    Raises:
        ModelError: `upload_too_large`, `upload_empty`, `upload_binary` (a spreadsheet, say),
            `upload_encoding` (names the line), `upload_too_many_rows`, `upload_quotes` (names the
            line), `upload_languages`, `upload_bad_row` (with `skip_bad` False) or
            `upload_mostly_bad`; each says what to do.
    """
    text, encoding = _decoded(content)
    separator = _separator(text)
    rows = list(islice(_rows(text, separator), MAX_ROWS + 2))
    header: tuple[str, ...] = ()
    if rows and _is_header(rows[0][1]):
        header = tuple(rows.pop(0)[1])
    if not rows:
        raise ModelError("upload_empty", "the file holds no sentences")
    if len(rows) > MAX_ROWS:
        raise ModelError(
            "upload_too_many_rows",
            f"the file has more than {MAX_ROWS:,} rows: upload a part of it",
            limit=MAX_ROWS,
        )
    kept, bad = _sorted_out(rows)
    langs = languages([pair for _, pair in kept])
    kept, foreign = _of_languages(kept, langs)
    bad = sorted(bad + foreign, key=lambda row: row.line)
    _check(kept, bad, langs, skip_bad)
    return Upload([pair for _, pair in kept], langs, encoding, separator, header, len(rows), bad)


def directions_of(langs: tuple[Lang, Lang]) -> list[tuple[Lang, Lang]]:
    """From which language into which pairs in these two teach."""
    return [direction for direction in (langs, langs[::-1]) if direction in DIRECTIONS]


def languages(pairs: Sequence[Pair]) -> tuple[Lang, Lang]:
    """The language of each column, by most of its rows."""
    return (
        column_language([pair.source for pair in pairs]),
        column_language([pair.target for pair in pairs]),
    )


def split(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """What a model learns from, and what it is only measured on: about one source in twenty.

    Which ones follows from the sentences alone; all translations of a sentence go together. Of few
    pairs none is kept aside.
    """
    aside = [zlib.crc32(pair.source.encode()) % ASIDE == 0 for pair in pairs]
    if len(pairs) < LEAST_TO_SPLIT or all(aside):
        return list(pairs), []
    return (
        [pair for pair, out in zip(pairs, aside, strict=True) if not out],
        [pair for pair, out in zip(pairs, aside, strict=True) if out],
    )


def written(pairs: Sequence[Pair]) -> bytes:
    """Pairs as the TSV that trainings read."""
    return "".join(f"{pair.source}\t{pair.target}\n" for pair in pairs).encode()


def keep(upload: Upload, folder: Path) -> Path:
    """Write the good pairs as the TSV that trainings read; the same pairs give the same file.

    Raises:
        OSError: if the folder cannot be written.
    """
    lines = written(upload.pairs)
    path = folder / f"{hashlib.sha256(lines).hexdigest()[:16]}.tsv"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lines)
    return path


# ── bytes → text ─────────────────────────────────────────────────────────────────────────────────


def _decoded(content: bytes) -> tuple[str, str]:
    if len(content) > MAX_BYTES:
        raise ModelError(
            "upload_too_large",
            f"the file has {len(content):,} bytes, the limit is {MAX_BYTES:,}: upload a part of it",
            bytes=len(content),
            limit=MAX_BYTES,
        )
    if not content.strip():
        raise ModelError("upload_empty", "the file is empty")
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF")):
        raise _binary()
    encoding = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ModelError(
            "upload_encoding",
            f"line {line} is not text in UTF-8, UTF-16 or cp949: save the file as UTF-8",
            line=line,
        ) from error
    if "\0" in text:
        raise _binary()
    return text, encoding


def _encoding(content: bytes) -> str:
    """By the mark at the beginning, else the first that fits."""
    if content.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    high, low = content[::2].count(b"\0"), content[1::2].count(b"\0")
    if max(high, low) > max(len(content) // 20, 4 * min(high, low)):  # Latin letters, spaces
        return "utf-16-be" if high > low else "utf-16-le"
    if _fits(content, "utf-8"):
        return "utf-8"
    # é and its like stand alone between ASCII letters, Hangul in cp949 is two high bytes mostly.
    pairs = len(re.findall(rb"[\xa1-\xfe]{2}", content))
    alone = len(re.findall(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])", content))
    if pairs >= alone and _fits(content, "cp949"):
        return "cp949"
    if alone > pairs and _fits(content, "cp1252"):
        return "cp1252"
    return "utf-8"  # and its error names the line


def _fits(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _binary() -> ModelError:
    return ModelError(
        "upload_binary",
        "this is no text file: save the table as CSV or TSV (UTF-8), and upload that",
    )


# ── text → rows ──────────────────────────────────────────────────────────────────────────────────


def _separator(text: str) -> Separator:
    """The one that most often makes two cells of a row; a tab if there is a choice."""

    def good(separator: Separator) -> int:
        rows = csv.reader(io.StringIO(text[:100_000], newline=""), delimiter=_SEPARATORS[separator])
        return sum(len(row) in (2, 3) for row, _ in zip(rows, range(_LOOKED_AT), strict=False))

    return max(_SEPARATORS, key=good)


def _rows(text: str, separator: Separator) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, with the line at which each begins."""
    # In a TSV a quotation mark is one; spreadsheets yet quote cells that hold some.
    quoting: Literal[0, 3] = csv.QUOTE_NONE if separator == "tab" else csv.QUOTE_MINIMAL
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=_SEPARATORS[separator], quoting=quoting
    )
    line = 0
    while True:
        first = line + 1
        cells = next(rows, None)
        if cells is None:
            return
        line = rows.line_num
        if line - first >= _LONGEST_ROW:
            raise _open_quote(first)
        cells = [_clean(cell, separator) for cell in cells]
        if not any(cells):
            continue
        yield first, cells


def _clean(cell: str, separator: Separator) -> str:
    cell = cell.strip()
    inner = cell[1:-1].replace('""', "")
    if separator == "tab" and len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inner:
        cell = cell[1:-1].replace('""', '"')
    return unicodedata.normalize("NFC", " ".join(cell.split()))


def _open_quote(line: int) -> ModelError:
    return ModelError(
        "upload_quotes",
        f'the quotation mark that opens in line {line} is not closed: write "" for a quotation '
        "mark inside a cell, or save the table as TSV",
        line=line,
    )


def _is_header(cells: Sequence[str]) -> bool:
    return len(cells) > 1 and all(cell.lower() in _HEADERS for cell in cells if cell)


# ── rows → pairs ─────────────────────────────────────────────────────────────────────────────────


def _sorted_out(rows: list[tuple[int, list[str]]]) -> tuple[list[tuple[int, Pair]], list[BadRow]]:
    kept: list[tuple[int, Pair]] = []
    bad: list[BadRow] = []
    seen: dict[Pair, int] = {}
    for line, cells in rows:
        fault, detail = _fault(cells)
        if fault is None:
            pair = Pair(cells[0], cells[1])
            if pair not in seen:
                seen[pair] = line
                kept.append((line, pair))
                continue
            fault, detail = "duplicate", str(seen[pair])
        bad.append(_bad(line, fault, " | ".join(cells), detail))
    return kept, bad


def _fault(cells: Sequence[str]) -> tuple[Fault | None, str]:
    """What is wrong with a row by itself."""
    if len(cells) not in (2, 3):
        return "columns", str(len(cells))
    sides = cells[:2]
    if not all(sides):
        return "empty", ""
    characters, words = max(map(len, sides)), max(len(side.split()) for side in sides)
    if characters > MAX_CHARACTERS or words > most_words(""):
        return "too_long", str(characters if characters > MAX_CHARACTERS else words)
    if any(_cannot_be_shown(character) for side in sides for character in side):
        return "control", ""
    if any(map(_FORMULA.match, sides)):
        return "formula", ""
    if not all(map(_is_readable, sides)):
        return "script", ""
    return ("same", "") if sides[0] == sides[1] else (None, "")


def _of_languages(
    kept: list[tuple[int, Pair]], langs: tuple[Lang, Lang]
) -> tuple[list[tuple[int, Pair]], list[BadRow]]:
    """Rows whose sides are in their columns' languages, as far as the alphabet tells."""
    good: list[tuple[int, Pair]] = []
    foreign: list[BadRow] = []
    for line, pair in kept:
        sides = zip((pair.source, pair.target), langs, strict=True)
        if all((_HANGUL.search(side) is not None) == (lang == "ko") for side, lang in sides):
            good.append((line, pair))
        else:
            foreign.append(_bad(line, "language", f"{pair.source} | {pair.target}"))
    return good, foreign


def _check(
    kept: Sequence[object], bad: Sequence[BadRow], langs: tuple[Lang, Lang], skip_bad: bool
) -> None:
    if bad and not skip_bad:
        raise ModelError(
            "upload_bad_row",
            f"{len(bad):,} rows cannot be used, the first of them line {bad[0].line} "
            f"({bad[0].fault}): correct them, or leave bad rows out",
            bad=len(bad),
            line=bad[0].line,
            fault=bad[0].fault,
        )
    if len(kept) <= len(bad):
        raise ModelError(
            "upload_mostly_bad",
            f"{len(bad):,} of {len(kept) + len(bad):,} rows cannot be used, the first of them line "
            f"{bad[0].line} ({bad[0].fault}): each row must be a sentence and its translation",
            bad=len(bad),
            rows=len(kept) + len(bad),
            line=bad[0].line,
            fault=bad[0].fault,
        )
    if langs not in DIRECTIONS and langs[::-1] not in DIRECTIONS:
        raise ModelError(
            "upload_languages",
            f"the first column looks {langs[0]}, the second {langs[1]}: two different languages "
            "of English, Korean and French are needed",
            first=langs[0],
            second=langs[1],
        )


def _cannot_be_shown(character: str) -> bool:
    """Control and private-use characters, halves of pairs, what turns the direction of writing."""
    if character == "\ufffd" or _BIDI.match(character):
        return True
    return unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn")


def _is_readable(text: str) -> bool:
    """Most letters are Latin or Hangul (or Hanja among Hangul), and there are some."""
    letters = [character for character in text if character.isalpha()]
    korean = _HANGUL.search(text) is not None
    known = sum(
        unicodedata.name(letter, "").startswith(("LATIN", "HANGUL"))
        or (korean and unicodedata.name(letter, "").startswith("CJK"))
        for letter in letters
    )
    return bool(letters) and 2 * known > len(letters)


def _bad(line: int, fault: Fault, text: str, detail: str = "") -> BadRow:
    shown = "".join(
        "·" if _cannot_be_shown(character) else character for character in text[:_SHOWN]
    )
    return BadRow(line, fault, shown, detail)
