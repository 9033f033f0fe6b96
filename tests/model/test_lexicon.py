"""The data files of the lexicon: enough of everything, nothing twice, nothing contradictory."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from model.corpus.generator import fits
from model.corpus.lexicon import DATA, FEATURES, LexiconError, as_noun, load_lexicon
from model.corpus.morphology import conjugate, is_hangul

LEXICON = load_lexicon()
SIZES = {"size_small", "size_medium", "size_big"}


def repeated(words: Iterable[str]) -> list[str]:
    return [word for word, count in Counter(words).items() if count > 1]


def test_there_is_enough_to_talk_about() -> None:
    assert len(LEXICON.nouns) >= 1060
    assert len(LEXICON.adjectives) >= 150
    assert len(LEXICON.names) >= 60


@pytest.mark.parametrize("column", ["id", "en", "ko"])
def test_no_two_nouns_share_a_word(column: str) -> None:
    assert repeated(getattr(noun, column) for noun in LEXICON.nouns) == []


def test_no_two_nouns_share_a_french_word() -> None:
    forms = [form for noun in LEXICON.nouns for form in set(noun.fr.split("/"))]
    assert repeated(forms) == ["café", "tapis"]  # the drink and the place; a carpet and a mat


def test_no_two_adjectives_share_an_id_and_no_two_names_a_spelling() -> None:
    assert repeated(adjective.id for adjective in LEXICON.adjectives) == []
    for column in ("en", "ko", "fr"):
        assert repeated(getattr(name, column) for name in LEXICON.names) == []


@pytest.mark.parametrize("file", ["nouns.tsv", "adjectives.tsv", "names.tsv"])
def test_files_are_nfc_without_stray_spaces(file: str) -> None:
    text = (DATA / file).read_text(encoding="utf-8")
    assert unicodedata.normalize("NFC", text) == text
    cells = [cell for line in text.splitlines() for cell in line.split("\t")]
    assert [cell for cell in cells if cell != " ".join(cell.split())] == []


def test_korean_words_are_hangul_so_that_particles_find_their_form() -> None:
    words = [entry.ko for entry in (*LEXICON.nouns, *LEXICON.adjectives, *LEXICON.names)]
    assert [word for word in words if not all(map(is_hangul, word.replace(" ", "")))] == []
    assert [noun.ko for noun in LEXICON.nouns if " " in noun.ko] == []
    assert [adjective.ko for adjective in LEXICON.adjectives if adjective.ko[-1] != "다"] == []


def test_countable_nouns_have_plurals_and_mass_nouns_have_none() -> None:
    for noun in LEXICON.nouns:
        plurals = (noun.en_plural, noun.fr_plural)
        assert plurals == ("", "") if "mass" in noun.features else all(plurals), noun
        assert noun.fr.count("/") == noun.fr_plural.count("/") or "mass" in noun.features, noun


def test_features_are_used_and_do_not_contradict_each_other() -> None:
    persons = map(as_noun, LEXICON.names)
    used = set().union(*(noun.features for noun in (*LEXICON.nouns, *persons)))
    assert used == FEATURES
    for noun in LEXICON.nouns:
        for pair in (SIZES, {"heavy", "light"}, {"hard", "soft"}, {"male", "female"}):
            assert len(noun.features & pair) <= 1, noun
        assert ("animate" in noun.features) == bool(noun.features & {"person", "animal"}), noun


def test_two_french_genders_are_for_persons() -> None:
    for noun in LEXICON.nouns:
        either = noun.fr_gender == "mf"
        assert not either or "person" in noun.features, noun
        assert not either or not noun.features & {"male", "female"}, noun


def test_aspirated_h_is_marked_where_french_does_not_elide() -> None:
    for noun in LEXICON.nouns:
        if "h_aspire" in noun.features:
            assert noun.fr[0] in "hy", noun
    assert "h_aspire" not in next(n.features for n in LEXICON.nouns if n.id == "hospital")


def test_opposites_are_mutual() -> None:
    by_id = {adjective.id: adjective for adjective in LEXICON.adjectives}
    for adjective in LEXICON.adjectives:
        if adjective.opposite:
            assert by_id[adjective.opposite].opposite == adjective.id


def test_every_adjective_can_be_said_of_five_nouns_but_not_of_all() -> None:
    for adjective in LEXICON.adjectives:
        described = sum(fits(noun, adjective.needs) for noun in LEXICON.nouns)
        assert 5 <= described < len(LEXICON.nouns), adjective


@pytest.mark.parametrize(
    ("noun", "can_be", "cannot_be"),
    [
        ("animal", "tired", "wide"),
        ("street", "wide", "tired"),
        ("river", "deep", "hungry"),
        ("cup", "full", "sharp"),
        ("knife", "sharp", "sleepy"),
        ("suitcase", "heavy", "angry"),
        ("nurse", "kind", "narrow"),
        ("soup", "salty", "brave"),
    ],
)
def test_what_may_be_said_follows_from_features(noun: str, can_be: str, cannot_be: str) -> None:
    thing = next(entry for entry in LEXICON.nouns if entry.id == noun)
    needs = {adjective.id: adjective.needs for adjective in LEXICON.adjectives}
    assert fits(thing, needs[can_be])
    assert not fits(thing, needs[cannot_be])


@pytest.mark.parametrize(
    ("adjective", "past", "because", "before_a_noun"),
    [
        ("tired", "피곤했다", "피곤해서", "피곤한"),
        ("hungry", "배고팠다", "배고파서", "배고픈"),
        ("thirsty", "목말랐다", "목말라서", "목마른"),
        ("wide", "넓었다", "넓어서", "넓은"),
        ("heavy", "무거웠다", "무거워서", "무거운"),
        ("long", "길었다", "길어서", "긴"),
        ("full", "가득 찼다", "가득 차서", "가득 찬"),
        ("empty", "텅 비었다", "텅 비어서", "텅 빈"),
        ("fast", "빨랐다", "빨라서", "빠른"),
        ("lazy", "게을렀다", "게을러서", "게으른"),
        ("bitter", "썼다", "써서", "쓴"),
        ("sweet", "달았다", "달아서", "단"),
        ("powerful", "힘이 셌다", "힘이 세서", "힘이 센"),
        ("rusty", "녹슬었다", "녹슬어서", "녹슨"),
        ("torn", "찢어졌다", "찢어져서", "찢어진"),
    ],
)
def test_korean_adjectives_conjugate(
    adjective: str, past: str, because: str, before_a_noun: str
) -> None:
    stem = next(entry.ko for entry in LEXICON.adjectives if entry.id == adjective)
    forms = [conjugate(stem, ending) for ending in ("었다", "어서", "은")]
    assert forms == [past, because, before_a_noun]


def test_nouns_with_asks_for_all_features() -> None:
    found = LEXICON.nouns_with("container", "holds_liquid", "pourer")
    assert "pitcher" in {noun.id for noun in found}
    assert all(noun.features >= {"container", "holds_liquid", "pourer"} for noun in found)


GOOD = {
    "nouns.tsv": "id\ten\ten_plural\tko\tfr\tfr_gender\tfr_plural\tfeatures\n"
    "cat\tcat\tcats\t고양이\tchat\tm\tchats\tanimal\n",
    "adjectives.tsv": "id\ten\tko\tfr_m\tfr_f\tneeds\topposite\n"
    "big\tbig\t크다\tgrand\tgrande\tanimal !person\t\n",
    "names.tsv": "en\tko\tfr\tgender\nSam\t샘\tSam\tm\n",
}


def read(folder: Path, **changes: str) -> None:
    for name, text in GOOD.items():
        old, new = changes.get(name.removesuffix(".tsv"), "->").split("->")
        (folder / name).write_text(text.replace(old, new) if old else text, encoding="utf-8")
    load_lexicon(folder)


def test_a_small_lexicon_loads(tmp_path: Path) -> None:
    read(tmp_path)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("nouns", "\tanimal->\tanimol", "nouns.tsv, line 2: no feature is called 'animol'"),
        ("nouns", "\tm\t->\tx\t", "nouns.tsv, line 2: 'fr_gender' is 'x'"),
        ("nouns", "고양이->", "nouns.tsv, line 2: 'ko' is empty"),
        ("nouns", "cats\t->", "nouns.tsv, line 2: 7 cells for 8 columns"),
        ("adjectives", "!person->!persn", "adjectives.tsv, line 2: no feature is called 'persn'"),
        ("names", "gender->genre", "names.tsv, line 2: there is no column 'gender'"),
    ],
)
def test_mistakes_are_named_with_file_and_line(
    tmp_path: Path, file: str, change: str, message: str
) -> None:
    with pytest.raises(LexiconError, match=message):
        read(tmp_path, **{file: change})
