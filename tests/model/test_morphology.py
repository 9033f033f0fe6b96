"""Word forms with answers that a grammar book gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.corpus.morphology import (
    a_or_an,
    conjugate,
    contract,
    elides,
    final_sound,
    french_agree,
    french_article,
    french_ending,
    french_join,
    josa,
    restyle,
    restyle_text,
)

SYLLABLE = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)


@pytest.mark.parametrize(
    ("noun", "particle", "form"),
    [
        ("동물", "은/는", "은"),
        ("고양이", "은/는", "는"),
        ("길", "을/를", "을"),
        ("거리", "을", "를"),
        ("컵", "이/가", "이"),
        ("의자", "이", "가"),
        ("책", "과", "과"),
        ("나무", "과/와", "와"),
        ("길", "으로/로", "로"),
        ("물", "으로", "로"),
        ("집", "으로", "으로"),
        ("학교", "으로", "로"),
        ("집", "에서", "에서"),
        ("Sam", "은", "은"),
        ("Anna", "은", "는"),
        ("3", "이", "이"),
        ("2", "이", "가"),
        ("7", "으로", "로"),
    ],
)
def test_josa(noun: str, particle: str, form: str) -> None:
    assert josa(noun, particle) == form


@given(SYLLABLE)
def test_josa_follows_the_final_consonant(syllable: str) -> None:
    closed = (ord(syllable) - 0xAC00) % 28 != 0
    assert bool(final_sound(syllable)) == closed
    assert josa(syllable, "을") == ("을" if closed else "를")
    rieul = (ord(syllable) - 0xAC00) % 28 == 8
    assert josa(syllable, "으로") == ("으로" if closed and not rieul else "로")


@pytest.mark.parametrize(
    ("word", "ending", "form"),
    [
        ("피곤하다", "었기", "피곤했기"),
        ("넓다", "었기", "넓었기"),
        ("가득 차다", "을", "가득 찰"),
        ("텅 비다", "을", "텅 빌"),
        ("텅 비다", "었다", "텅 비었다"),
        ("무겁다", "어서", "무거워서"),
        ("좁다", "어서", "좁아서"),
        ("크다", "었다", "컸다"),
        ("아프다", "었다", "아팠다"),
        ("빠르다", "어서", "빨라서"),
        ("따르다", "었다", "따랐다"),
        ("이르다", "었다", "이르렀다"),
        ("타이르다", "었다", "타일렀다"),
        ("깨지다", "었다", "깨졌다"),
        ("발목을 삐다", "었다", "발목을 삐었다"),
        ("걷다", "었다", "걸었다"),
        ("짓다", "었다", "지었다"),
        ("만들다", "는", "만드는"),
        ("놀다", "으세요", "노세요"),
        ("알다", "나요", "아나요"),
        ("빵을 굽다", "었다", "빵을 구웠다"),
        ("굽다", "은", "구운"),
        ("길다", "은", "긴"),
        ("빨갛다", "은", "빨간"),
        ("좋다", "은", "좋은"),
        ("배우다", "었다", "배웠다"),
        ("보다", "었다", "봤다"),
        ("돕다", "어서", "도와서"),
        ("보이다", "었다", "보였다"),
        ("학생이다", "었기", "학생이었기"),
        ("이기적이다", "어서", "이기적이어서"),
        ("의사이다", "었다", "의사였다"),
        ("손을 붙이다", "었다", "손을 붙였다"),
        ("아니다", "었다", "아니었다"),
        ("맛있다", "으면", "맛있으면"),
    ],
)
def test_conjugate(word: str, ending: str, form: str) -> None:
    assert conjugate(word, ending) == form


def test_the_written_form_of_hada_stays_open() -> None:
    assert conjugate("피곤하다", "었기", full=True) == "피곤하였기"
    assert conjugate("넓다", "었기", full=True) == "넓었기"


@pytest.mark.parametrize(
    ("plain", "polite", "formal", "casual"),
    [
        ("않았다", "않았어요", "않았습니다", "않았어"),
        ("때문이다", "때문이에요", "때문입니다", "때문이야"),
        ("의사이다", "의사예요", "의사입니다", "의사야"),
        ("없다", "없어요", "없습니다", "없어"),
        ("간다", "가요", "갑니다", "가"),
        ("건다", "걸어요", "겁니다", "걸어"),
        ("흔든다", "흔들어요", "흔듭니다", "흔들어"),
        ("먹는다", "먹어요", "먹습니다", "먹어"),
        ("않는다", "않아요", "않습니다", "않아"),
        ("크다", "커요", "큽니다", "커"),
        ("춥다", "추워요", "춥습니다", "추워"),
        ("움직이다", "움직여요", "움직입니다", "움직여"),
    ],
)
def test_restyle(plain: str, polite: str, formal: str, casual: str) -> None:
    assert restyle(plain, "plain") == plain
    assert restyle(plain, "polite") == polite
    assert restyle(plain, "formal") == formal
    assert restyle(plain, "casual") == casual


def test_restyle_text_changes_only_sentence_ends() -> None:
    assert (
        restyle_text("비가 온다고 했다. 나는 갔다.", "polite") == "비가 온다고 했어요. 나는 갔어요."
    )


@pytest.mark.parametrize(
    ("noun", "gender", "options", "article"),
    [
        ("chat", "m", {}, "le "),
        ("rue", "f", {}, "la "),
        ("animal", "m", {}, "l'"),
        ("hibou", "m", {"aspirated": True}, "le "),
        ("haie", "f", {"aspirated": True, "after": "de"}, "de la "),
        ("chat", "m", {"after": "à"}, "au "),
        ("chat", "m", {"after": "de"}, "du "),
        ("école", "f", {"after": "à"}, "à l'"),
        ("rues", "f", {"number": "pl", "after": "à"}, "aux "),
        ("rues", "f", {"number": "pl", "after": "de"}, "des "),
        ("rue", "f", {"definite": False}, "une "),
        ("animaux", "m", {"number": "pl", "definite": False}, "des "),
        ("rue", "f", {"definite": False, "after": "de"}, "d'une "),
    ],
)
def test_french_article(noun: str, gender: str, options: dict[str, object], article: str) -> None:
    assert french_article(noun, gender, **options) == article  # type: ignore[arg-type]


def test_french_elision() -> None:
    assert french_join("parce que ", "il") == "parce qu'"
    assert french_join("Je ", "ai") == "J'"
    assert french_join("Même si ", "il") == "Même s'"
    assert french_join("Même si ", "elle") == "Même si "
    assert french_join("jusqu'à ce que ", "elle") == "jusqu'à ce qu'"
    assert french_join("que ", "la") == "que "
    assert french_join("que ", "Yuna") == "que "
    assert french_join("que ", "Yves") == "qu'"
    assert elides("homme")
    assert not elides("chat")


@pytest.mark.parametrize(
    ("masculine", "feminine", "plural"),
    [("lourd", "lourde", "lourds"), ("gros", "grosse", "gros"), ("beau", "belle", "beaux")],
)
def test_french_agreement(masculine: str, feminine: str, plural: str) -> None:
    assert french_agree(masculine, feminine, "m", "sg") == masculine
    assert french_agree(masculine, feminine, "f", "sg") == feminine
    assert french_agree(masculine, feminine, "m", "pl") == plural
    assert french_agree(masculine, feminine, "f", "pl") == feminine + "s"


def test_french_plural_of_al_and_participles() -> None:
    assert french_agree("égal", "égale", "m", "pl") == "égaux"
    assert french_agree("banal", "banale", "m", "pl") == "banals"
    assert [french_ending(g, n) for n in ("sg", "pl") for g in ("m", "f")] == ["", "e", "s", "es"]


@pytest.mark.parametrize(
    ("word", "article"),
    [("apple", "an"), ("hour", "an"), ("uniform", "a"), ("umbrella", "an"), ("house", "a"),
     ("unique toy", "a"), ("onion", "an"), ("useful tool", "a")],
)  # fmt: skip
def test_a_or_an(word: str, article: str) -> None:
    assert a_or_an(word) == article


def test_contract() -> None:
    assert contract("It did not go, I could not, we cannot") == "It didn't go, I couldn't, we can't"
