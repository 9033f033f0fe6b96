"""Own sets: what a teacher's spreadsheet may hold, and what each bad row is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import Bundle, ModelError
from model.analysis.leaderboard import Question, twins_of
from model.analysis.own_sets import COLUMNS, MOST_ROWS, read_set, template_csv
from model.corpus.uploads import MAX_BYTES

HEADER = ",".join(COLUMNS)
ANIMAL = "The animal did not cross the street because it was tired."


def rows(*lines: str) -> str:
    return "\n".join([HEADER, *lines])


def words(asked: Question) -> list[str]:
    sentence = asked.sentence
    spans = (sentence.pronoun, sentence.antecedent, *sentence.distractors)
    return [sentence.text[slice(*span)] for span in spans]


def test_the_template_is_a_set(bundle: Bundle) -> None:
    good, bad = read_set(bundle, template_csv())
    assert not bad
    assert [words(q) for q in good[:3]] == [
        ["it", "animal", "street"],
        ["it", "street", "animal"],
        ["it", "cup", "pitcher", "water"],
    ]
    assert [q.sentence.lang for q in good] == ["en"] * 4 + ["ko"] * 4
    assert twins_of(good).tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert template_csv().startswith(b"\xef\xbb\xbf")


def test_bad_rows_are_named_and_the_others_kept(bundle: Bundle) -> None:
    lines = {
        2: f"a,{ANIMAL},it,animal,street",
        3: f"a,{ANIMAL},it,animal,",
        5: f"b,{ANIMAL},it,horse,street",  # row 4 is empty
        6: "b,The animal saw the animal near the street. Then it ran.,it,animal,street",
        7: f"b,{ANIMAL},it,the animal,animal",
        8: f"b,{ANIMAL},it#2,animal,street",
        9: "b,The animal, tired, did not cross the street.,it,animal,street",
        10: f"a,{ANIMAL},it,street,animal",
        11: f"a,{ANIMAL},it,street,animal",
        12: "c," + "very " * 70 + "animal street it,it,animal,street",
        13: "c,an animal \x07 it street,it,animal,street",
        14: f",{ANIMAL},it,animal,street",
        15: f"d,{ANIMAL},it,animal, | ",
    }
    text = rows(*(lines.get(n, "") for n in range(2, 16)))
    good, bad = read_set(bundle, text)
    assert {row.row: row.error.code for row in bad} == {
        3: "row_empty_cell",
        5: "row_not_found",
        6: "row_ambiguous",
        7: "row_overlap",
        8: "row_not_found",
        9: "row_cells",
        11: "row_third_twin",
        12: "text_too_long",
        13: "control_characters",
        15: "row_empty_cell",
    }
    assert [q.sentence.twin for q in good] == ["a", "a", ""]
    details = {row.row: row.error.details for row in bad}
    assert details[3] == {"column": "distractors"}
    assert details[6] == {"column": "antecedent", "word": "animal", "times": 2}


def test_the_second_of_two_is_asked_for_by_number(bundle: Bundle) -> None:
    row = ",The cat saw the dog. It ran because it slept.,it#1,cat,dog"
    (asked,), bad = read_set(bundle, rows(row))
    assert not bad
    assert asked.sentence.pronoun == (36, 38)  # as it is written; It is another word
    (asked,), _ = read_set(bundle, rows(",The cat saw a cat because it ran.,it,cat#2,cat#1"))
    assert (asked.sentence.antecedent, asked.sentence.distractors) == ((14, 17), ((4, 7),))


def test_capitals_are_overlooked_where_nothing_else_fits(bundle: Bundle) -> None:
    (asked,), _ = read_set(bundle, rows(",A cat saw a dog. It ran.,it,Cat,dog"))
    assert words(asked) == ["It", "cat", "dog"]


@pytest.mark.parametrize("written", ["동물", "동물은"])
def test_korean_words_may_have_their_particles(bundle: Bundle, written: str) -> None:
    text = "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 피곤하였기 때문이다."
    (asked,), bad = read_set(bundle, rows(f",{text},그것은,{written},길"))
    assert not bad
    assert words(asked) == ["그것", "동물", "길"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_what_spreadsheets_write(bundle: Bundle, separator: str, encoding: str) -> None:
    lines = ["sentence,PRONOUN,antecedent, distractor".replace(",", separator)]
    lines += [f"그 동물은 길을 건넜다. 그것은 컸다.{separator}그것{separator}동물{separator}길"]
    good, bad = read_set(bundle, "\r\n".join(lines).encode(encoding))
    assert not bad
    assert [words(q) for q in good] == [["그것", "동물", "길"]]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xff\xff", "set_unreadable"),
        (b"", "set_columns"),
        (b"sentence,pronoun\nIt ran.,it", "set_columns"),
        (f"{HEADER},pronoun\n".encode(), "set_columns"),
        ("\n".join([HEADER, *[",x,x,x,x"] * (MOST_ROWS + 1)]), "set_too_large"),
        (rows("x" * MAX_BYTES), "set_unreadable"),
    ],
)
def test_files_that_are_no_set(bundle: Bundle, data: bytes | str, code: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_set(bundle, data)
    assert caught.value.code == code


def test_a_cell_of_any_length_is_a_bad_row_like_others(bundle: Bundle) -> None:
    good, bad = read_set(bundle, rows(f"a,{'x' * 200_000},it,dog,cat"))
    assert not good
    assert [(row.row, row.error.code) for row in bad] == [(2, "text_too_large")]


@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: rows(text).encode()))
def test_no_file_breaks_it(bundle: Bundle, data: bytes) -> None:
    try:
        good, bad = read_set(bundle, data)
    except ModelError:
        return
    assert all(row.row > 1 and str(row.error) for row in bad)
    assert all(q.pronouns and q.antecedent for q in good)
