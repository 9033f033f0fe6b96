"""Uploaded sentence pairs: encodings, separators, limits, and every bad row by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from model import ModelError
from model.corpus import uploads
from model.corpus.loaders import Pair, read_pairs
from model.corpus.mixture import Mixture
from model.corpus.uploads import (
    LEAST_TO_SPLIT,
    Upload,
    directions_of,
    keep,
    languages,
    read_upload,
    split,
)

PAIRS = [
    ("I am a student.", "나는 학생이다."),
    ("The cat, my friend, sleeps.", "내 친구인 고양이는 잔다."),
    ("It is raining.", "비가 온다."),
]
TSV = "".join(f"{source}\t{target}\n" for source, target in PAIRS)


def found(upload: Upload) -> list[tuple[str, str]]:
    return [(pair.source, pair.target) for pair in upload.pairs]


def faults(upload: Upload) -> list[tuple[int, str, str]]:
    return [(row.line, row.fault, row.detail) for row in upload.bad]


def code(content: bytes, **options: bool) -> ModelError:
    with pytest.raises(ModelError) as error:
        read_upload(content, **options)
    return error.value


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp949", "cp949"),
    ],
)
def test_encodings_of_korean_files(written: str, told: str) -> None:
    upload = read_upload(TSV.encode(written))
    assert found(upload) == PAIRS
    assert (upload.encoding, upload.separator, upload.langs) == (told, "tab", ("en", "ko"))
    assert upload.directions == [("en", "ko"), ("ko", "en")]
    assert upload.bad == []


def test_french_from_an_old_spreadsheet() -> None:
    text = "I am tired.;Je suis fatigué.\r\nThe water is cold.;L'eau est très froide.\r\n"
    upload = read_upload(text.encode("cp1252"))
    assert found(upload)[0] == ("I am tired.", "Je suis fatigué.")
    assert (upload.encoding, upload.separator, upload.langs) == (
        "cp1252",
        "semicolon",
        ("en", "fr"),
    )
    assert upload.directions == [("en", "fr")]


def test_letters_in_two_parts_become_one() -> None:
    upload = read_upload("I am tired.\tJe suis fatigue\u0301.\n".encode())
    assert found(upload) == [("I am tired.", "Je suis fatigué.")]


def test_csv_with_quotes_a_header_and_a_third_column() -> None:
    text = (
        'English,한국어,출처\n"He said ""yes"", and left.",그는 떠났다.,me\nIt rains.,비가 온다.,\n'
    )
    upload = read_upload(text.encode())
    assert found(upload) == [
        ('He said "yes", and left.', "그는 떠났다."),
        ("It rains.", "비가 온다."),
    ]
    assert upload.header == ("English", "한국어", "출처")
    assert (upload.separator, upload.rows) == ("comma", 2)


def test_a_tsv_of_a_spreadsheet_quotes_cells_that_hold_quotes() -> None:
    upload = read_upload('"He said ""yes""."\t그는 "예"라고 했다.\n'.encode())
    assert found(upload) == [('He said "yes".', '그는 "예"라고 했다.')]


def test_every_bad_row_is_named() -> None:
    many = "word " * 41
    rows = [
        *(f"This is sentence {n}.\t이것은 문장이다 {n}." for n in range(15)),  # lines 1 to 15
        "",
        "only one cell",
        "a\tb\tc\td",
        "No translation.\t",
        f"{many}\t길다.",
        f"{'a' * 401}\t길다.",
        "A bell \x07 rings.\t종이 울린다.",
        "Turned \u202e around.\t뒤집혔다.",
        "Private \ue000 use.\t사용.",
        "=HYPERLINK(1)\t수식.",
        "-2+3\t수식이다.",
        "これは文です。\t이것은 문장이다.",
        "같은 언어.\t이것은 문장이다.",
        "OK\tOK",
        "This is sentence 3.\t이것은 문장이다 3.",
    ]
    upload = read_upload("\n".join(rows).encode())
    assert faults(upload) == [
        (17, "columns", "1"),
        (18, "columns", "4"),
        (19, "empty", ""),
        (20, "too_long", "41"),
        (21, "too_long", "401"),
        (22, "control", ""),
        (23, "control", ""),
        (24, "control", ""),
        (25, "formula", ""),
        (26, "formula", ""),
        (27, "script", ""),
        (28, "language", ""),
        (29, "same", ""),
        (30, "duplicate", "4"),
    ]
    assert len(upload.pairs) + len(upload.bad) == upload.rows == 29
    assert upload.bad[5].text == "A bell · rings. | 종이 울린다."
    refused = code("\n".join(rows).encode(), skip_bad=False)
    assert (refused.code, refused.details["line"]) == ("upload_bad_row", 17)


def test_a_dialogue_s_dash_is_no_formula() -> None:
    assert found(read_upload("- Hello!\t- 안녕!\n".encode())) == [("- Hello!", "- 안녕!")]


@pytest.mark.parametrize("separator", ["\t", ","])
def test_a_line_of_any_length_is_a_bad_row_and_no_open_quotation_mark(separator: str) -> None:
    rows = [("Hi.", "안녕."), ("x" * 200_000, "엑스"), ("Bye.", "잘 가.")]
    upload = read_upload("".join(f"{separator.join(row)}\n" for row in rows).encode())
    assert found(upload) == [rows[0], rows[2]]
    (bad,) = upload.bad
    assert (bad.line, bad.fault, bad.detail, bad.text) == (2, "too_long", "200000", "x" * 80)


def test_whole_files_are_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code(b"").code == code(b" \n\t\n").code == "upload_empty"
    assert code(b"source\ttarget\n").code == "upload_empty"
    assert code(b"PK\x03\x04 a workbook").code == "upload_binary"
    assert code(b"a\tb\0c\n\0" * 9).code == "upload_binary"
    broken = code("한 줄\n".encode() + b"\xff\xff\x81\n")
    assert (broken.code, broken.details["line"]) == ("upload_encoding", 2)
    assert code(b"Hello.\tGood day.\nBye.\tSee you.\n").code == "upload_languages"
    assert code(b"no tab\nno tab either\n").code == "upload_mostly_bad"
    unclosed = code('Hi.,안녕.\n"Oh,오.\n'.encode() + "Bye.,잘 가.\n".encode() * 9)
    assert (unclosed.code, unclosed.details["line"]) == ("upload_quotes", 2)
    monkeypatch.setattr(uploads, "MAX_ROWS", 2)
    assert code(TSV.encode()).code == "upload_too_many_rows"
    monkeypatch.setattr(uploads, "MAX_BYTES", 20)
    assert code(TSV.encode()).code == "upload_too_large"


def test_what_is_kept_is_what_a_training_reads(tmp_path: Path) -> None:
    upload = read_upload(TSV.encode("cp949"))
    path = keep(upload, tmp_path / "new")
    assert keep(upload, tmp_path / "new") == path
    assert [(pair.source, pair.target) for pair in read_pairs(path)] == PAIRS
    mixture = Mixture([path])
    assert len(mixture) == 2 * len(PAIRS)  # each in both directions
    assert len(Mixture([path], directions=[("en", "ko")])) == len(PAIRS)


def test_some_pairs_are_kept_aside_and_all_translations_of_a_sentence_together() -> None:
    pairs = [Pair(f"I have {n} dogs.", f"나는 개가 {n}마리 {has}.") for n in range(300)
             for has in ("있다", "있어요")]  # fmt: skip
    learned, aside = split(pairs)
    assert sorted([*learned, *aside], key=pairs.index) == pairs
    assert not {pair.source for pair in learned} & {pair.source for pair in aside}
    assert 10 <= len(aside) <= 60  # 30 are expected
    assert split(pairs) == (learned, aside)
    few = pairs[: LEAST_TO_SPLIT - 1]
    assert split(few) == (few, [])


def test_which_directions_a_file_teaches() -> None:
    assert languages([Pair("It rains.", "비가 온다.")]) == ("en", "ko")
    assert directions_of(("ko", "en")) == [("ko", "en"), ("en", "ko")]
    assert directions_of(("fr", "en")) == [("en", "fr")]
    assert directions_of(("en", "en")) == []
