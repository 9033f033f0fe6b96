"""Marks travel to the twin, and cuts and marks into links and back."""

import html
import re

import pytest

from model.analysis.causes import CutEdge, PasteTwin, RemoveHeads
from model.analysis.leaderboard import Labelled
from model.analysis.twins import Marked
from viz.lab import cuts
from viz.lab.pair import _read_marks, _written_marks, carried, marked_html, marked_of


def mark(text: str, pronoun: str, *nouns: str) -> Marked:
    def at(word: str) -> tuple[int, int]:
        start = text.rindex(word)
        return start, start + len(word)

    return Marked(text, at(pronoun), tuple(map(at, nouns)))


def words(marked: Marked) -> list[str]:
    return [marked.text[slice(*span)] for span in (marked.pronoun, *marked.candidates)]


ANIMAL = mark("The animal didn't cross the street; it was tired.", "it", "animal", "street")


@pytest.mark.parametrize(
    "twin",
    [
        "The animal didn't cross the street; it was wide.",
        "The very old animal didn't cross the street; it was tired.",
        "The animal didn't cross the long and icy street; it was far too wide.",
        "An animal did not cross the street; it was wide.",
    ],
)
def test_marks_move_with_the_words_before_them(twin):
    assert words(carried(ANIMAL, twin)) == ["it", "animal", "street"]


def test_a_marked_word_that_was_replaced_is_marked_in_its_new_form():
    twin = carried(ANIMAL, "The animals didn't cross the street; they was tired.")
    assert words(twin) == ["they", "animals", "street"]


def test_a_korean_noun_keeps_its_mark_when_its_particle_changes():
    a = mark("그 동물은 길을 건너지 않았다. 그것은 피곤했다.", "그것", "동물", "길")
    twin = carried(a, "그 동물이 길을 건너지 않았다. 그것은 넓었다.")
    assert words(twin) == ["그것", "동물", "길"]


def test_a_marked_word_that_is_gone_is_missed():
    assert carried(ANIMAL, "The animal didn't cross; it was tired.") is None


def test_a_labelled_pair_is_marked_in_reading_order():
    text, twin = ANIMAL.text, ANIMAL.text.replace("tired", "wide")
    animal, street = ANIMAL.candidates
    first = Labelled(text, "en", ANIMAL.pronoun, street, ((0, 3), animal))
    second = Labelled(twin, "en", ANIMAL.pronoun, animal, (street,))
    assert marked_of(first, second) == ANIMAL


def test_marked_html_is_the_text_and_nothing_of_it_becomes_markup():
    text = "<b>animal</b> & it"
    shown = marked_html(text, [((3, 9), "lab-first", "①"), ((16, 18), "lab-pronoun", "")])
    assert html.unescape(re.sub(r"<sub>.*?</sub>|</?span[^>]*>", "", shown)) == text
    assert '<span class="lab-first">animal<sub>①</sub></span>' in shown


def test_marks_that_overlap_are_shown_once():
    shown = marked_html("a dog ran", [((2, 5), "lab-first", "①"), ((2, 5), "lab-other", "")])
    assert shown.count("<span") == 1
    assert "lab-first" in shown


@pytest.mark.parametrize("kind", cuts.KINDS)
@pytest.mark.parametrize("heads", [None, (), ((0, 3),), ((0, 0), (11, 15))])
def test_a_cut_survives_the_link(kind, heads):
    assert cuts.read(cuts.written(kind, heads)) == (kind, heads)


@pytest.mark.parametrize("line", ["", "heads", "heads,1", "tails,1.1", "edge,1.1+", "edge,1.1,2.2"])
def test_a_line_that_is_no_cut_is_refused(line):
    with pytest.raises(ValueError, match="no cut"):
        cuts.read(line)


def test_what_is_cut():
    assert cuts.cuts("heads,3.4") == (RemoveHeads(((2, 3),)),)
    assert cuts.cuts("edge,all") == (CutEdge(None),)
    assert cuts.cuts("row,1.1+2.2") == (PasteTwin(((0, 0), (1, 1))),)
    assert cuts.cuts("heads,") == ()


def test_marks_survive_the_link_and_nonsense_does_not():
    text = "The animal didn't cross the street because it was too tired."
    marks = ((43, 45), (4, 10), (28, 34))
    assert _read_marks(_written_marks(marks), text) == marks
    for written in ("", "1-2.3-4", "1-2.3-4.9-5", "1-2.3-4.5-99", "a-b.c-d.e-f"):
        assert _read_marks(written, text) is None
    assert _read_marks("43-45.4-10.27-34", text) is None  # begins with a space
