"""One's own sets: labelled sentences from a spreadsheet, asked as the held-out ones are."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..checkpoint import Bundle
from ..corpus.particles import particle_cuts
from ..corpus.uploads import MAX_BYTES
from ..errors import ModelError
from ..tokenizer import Offsets, check_text, language_of
from .leaderboard import Labelled, Question, question

COLUMNS = ("twin", "sentence", "pronoun", "antecedent", "distractors")
MOST_ROWS = 2000


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be asked, by its number in the spreadsheet (the header is row 1)."""

    row: int
    error: ModelError


def read_set(bundle: Bundle, data: bytes | str) -> tuple[list[Question], list[BadRow]]:
    """Questions from a CSV file; bad rows are named, the others kept.

    Columns as in `template_csv`, between commas, semicolons or tabs, in UTF-8, UTF-16 or CP949
    (what Korean Excel writes). Words are written as they stand in the sentence; `it#2` is the
    second *it*. Several distractors stand between `|`. In Korean a word may have its particle.
    Rows with the same `twin` are twins; the column may be empty.

    Raises:
        ModelError: `set_unreadable` (too large a file, or no text in one of these encodings),
            `set_columns` (a column is missing: details `missing`), `set_too_large` (more than
            `MOST_ROWS`).
            A BadRow's: `row_empty_cell` (`column`), `row_not_found` (`column`, `word`),
            `row_ambiguous` (`column`, `word`, `times`), `row_overlap` (`word`), `row_third_twin`
            (`twin`), and those of `question`.
    """
    good: list[Question] = []
    bad: list[BadRow] = []
    twins: Counter[str] = Counter()
    header, *rows = _table(data)
    for number, cells in rows:
        try:
            sentence = _row(dict(zip(header[1], _as_wide(cells, header[1]), strict=True)))
            _check_twin(sentence.twin, twins)
            good.append(question(bundle.tokenizer, sentence, bundle.config.max_len))
            twins[sentence.twin] += 1
        except ModelError as error:
            bad.append(BadRow(number, error))
    return good, bad


def template_csv() -> bytes:
    """A small set to start from, English and Korean twins; its BOM tells Excel that it is UTF-8."""
    written = io.StringIO()
    csv.writer(written).writerows([COLUMNS, *_TEMPLATE])
    return written.getvalue().encode("utf-8-sig")


_ANIMAL = "The animal didn't cross the street because it was too {}."
_ANIMAL_KO = "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 {} 때문이다."
_WATER = "She poured water from the pitcher into the cup until it was {}."
_WATER_KO = "그녀는 주전자의 물을 컵에 따랐다. 그것이 {} 때까지."
_TEMPLATE = (
    ("animal", _ANIMAL.format("tired"), "it", "animal", "street"),
    ("animal", _ANIMAL.format("wide"), "it", "street", "animal"),
    ("water", _WATER.format("full"), "it", "cup", "pitcher|water"),
    ("water", _WATER.format("empty"), "it", "pitcher", "cup|water"),
    ("동물", _ANIMAL_KO.format("피곤하였기"), "그것", "동물", "길"),
    ("동물", _ANIMAL_KO.format("넓었기"), "그것", "길", "동물"),
    ("물", _WATER_KO.format("가득 찰"), "그것", "컵", "주전자|물"),
    ("물", _WATER_KO.format("텅 빌"), "그것", "주전자", "컵|물"),
)


def _table(data: bytes | str) -> list[tuple[int, list[str]]]:
    """Rows with their numbers, the header first; empty ones are left out."""
    if len(data) > MAX_BYTES:
        raise _unreadable(f"it is larger than {MAX_BYTES / 2**20:.0f} MB")
    text = unicodedata.normalize("NFC", _decoded(data)).lstrip("\ufeff")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise _unreadable(str(error)) from error
    table = [
        (number, [cell.strip() for cell in cells])
        for number, cells in enumerate(rows, start=1)
        if any(cell.strip() for cell in cells)
    ]
    header = [name.lower() for name in table[0][1]] if table else []
    header = ["distractors" if name == "distractor" else name for name in header]
    if missing := [name for name in COLUMNS[1:] if header.count(name) != 1]:
        names = ", ".join(missing)
        raise ModelError("set_columns", f"the first row must name {names} once", missing=names)
    if len(table) > MOST_ROWS + 1:
        raise ModelError(
            "set_too_large",
            f"the set has {len(table) - 1:,} rows, the limit is {MOST_ROWS:,}",
            rows=len(table) - 1,
            limit=MOST_ROWS,
        )
    return [(table[0][0], header), *table[1:]]


def _decoded(data: bytes | str) -> str:
    if isinstance(data, str):
        return data
    utf_16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ["utf-16"] if utf_16 else ["utf-8", "cp949"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _unreadable("its characters are neither UTF-8 nor CP949")


def _unreadable(why: str) -> ModelError:
    return ModelError("set_unreadable", f"this is no CSV file: {why}", why=why)


def _as_wide(cells: list[str], header: list[str]) -> list[str]:
    """The cells under the header; those that a spreadsheet left out at the end are empty."""
    if len(cells) > len(header) and any(cells[len(header) :]):
        raise ModelError(
            "row_cells",
            f"there are {len(cells)} cells under {len(header)} columns: "
            "a sentence with a comma stands in quotation marks",
            cells=len(cells),
            columns=len(header),
        )
    return (cells + [""] * len(header))[: len(header)]


def _row(cells: Mapping[str, str]) -> Labelled:
    rivals = [word.strip() for word in cells["distractors"].split("|") if word.strip()]
    for column in COLUMNS[1:]:
        if not cells[column] or (column == "distractors" and not rivals):
            raise ModelError("row_empty_cell", f"{column} is empty", column=column)
    text = check_text(cells["sentence"])
    pronoun, antecedent = (_find(text, cells[name], name) for name in ("pronoun", "antecedent"))
    distractors = [_find(text, word, "distractors") for word in rivals]
    _check_apart(text, [pronoun, antecedent, *distractors])
    twin = cells.get("twin", "")
    return Labelled(text, language_of(text), pronoun, antecedent, tuple(distractors), twin)


def _find(text: str, word: str, column: str) -> Offsets:
    """Where a word stands; in Korean, where an eojeol begins with it, its particle left out."""
    numbered = re.fullmatch(r"(.+?)\s*#\s*([1-9]\d{0,3})", word)
    bare, which = (numbered[1], int(numbered[2])) if numbered else (word, 0)
    edge = "" if language_of(text) == "ko" else r"(?!\w)"
    pattern = rf"(?<!\w){re.escape(bare)}{edge}"
    spans = [found.span() for found in re.finditer(pattern, text)]
    spans = spans or [found.span() for found in re.finditer(pattern, text, re.IGNORECASE)]
    if not spans or which > len(spans):
        raise ModelError(
            "row_not_found",
            f"{column}: {word!r} does not stand in the sentence",
            column=column,
            word=word,
        )
    if len(spans) > 1 and not which:
        raise ModelError(
            "row_ambiguous",
            f"{column}: {word!r} stands {len(spans)} times; the second is {word}#2",
            column=column,
            word=word,
            times=len(spans),
        )
    start, end = spans[max(which, 1) - 1]
    cuts = particle_cuts(text[start:end])
    return start, start + cuts[0] if cuts else end


def _check_apart(text: str, spans: Sequence[Offsets]) -> None:
    ordered = sorted(spans)
    for (_, end), (start, last) in pairwise(ordered):
        if start < end:
            word = text[start:last]
            raise ModelError("row_overlap", f"{word!r} is named twice", word=word)


def _check_twin(twin: str, twins: Mapping[str, int]) -> None:
    if twin and twins[twin] == 2:
        raise ModelError("row_third_twin", f"there are two rows of {twin!r} already", twin=twin)
