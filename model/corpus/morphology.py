"""Small pure rules of word form: Korean particles and endings, French agreement, English a/an."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

Number = Literal["sg", "pl"]
Gender = Literal["m", "f"]
Style = Literal["plain", "polite", "formal", "casual"]
STYLES: tuple[Style, ...] = ("plain", "polite", "formal", "casual")

# --------------------------------------------------------------------------- Hangul syllables

_FIRST, _LAST = 0xAC00, 0xD7A3
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")


def is_hangul(char: str) -> bool:
    """Whether `char` is one composed Hangul syllable."""
    return len(char) == 1 and _FIRST <= ord(char) <= _LAST


def _split(char: str) -> tuple[int, str, str]:
    """A syllable's initial (as an index), vowel and final."""
    initial, rest = divmod(ord(char) - _FIRST, 588)
    vowel, final = divmod(rest, 28)
    return initial, _VOWELS[vowel], _FINALS[final]


def _join(initial: int, vowel: str, final: str = "") -> str:
    return chr(_FIRST + initial * 588 + _VOWELS.index(vowel) * 28 + _FINALS.index(final))


def _with_final(text: str, final: str) -> str:
    """`text` with the final of its last syllable replaced."""
    initial, vowel, _ = _split(text[-1])
    return text[:-1] + _join(initial, vowel, final)


# --------------------------------------------------------------------------- Korean particles

# After a consonant / after a vowel. 으로 is special: after ㄹ it is 로.
_PARTICLES = {
    "은": "는",
    "이": "가",
    "을": "를",
    "과": "와",
    "으로": "로",
    "이라": "라",
    "이나": "나",
    "이랑": "랑",
    "이다": "다",
    "이었다": "였다",
    "이라고": "라고",
    "이라는": "라는",
    "이라서": "라서",
    "이야": "야",
    "아": "야",
    "이에요": "예요",
    "이지만": "지만",
}
_PARTICLES |= {f"으로{tail}": f"로{tail}" for tail in ("는", "도", "부터", "만")}
_BY_FORM = {
    form: pair
    for pair in reversed(_PARTICLES.items())
    for form in (*pair, "/".join(pair), f"{pair[0]}({pair[1]})")
}
_DIGIT_FINALS = dict(
    zip("0123456789", ("ㅇ", "ㄹ", "", "ㅁ", "", "", "ㄱ", "ㄹ", "ㄹ", ""), strict=True)
)
_LETTER_FINALS = {
    "l": "ㄹ",
    "m": "ㅁ",
    "n": "ㄴ",
    "b": "ㅂ",
    "p": "ㅂ",
    "k": "ㄱ",
    "t": "ㅅ",
    "g": "ㅇ",
}


def final_sound(word: str) -> str:
    """The consonant that `word` ends in when read aloud in Korean, "" after a vowel.

    Digits are read as Sino-Korean numbers; Latin letters by how the word's end usually sounds.
    """
    for char in reversed(word):
        if is_hangul(char):
            return _split(char)[2]
        if char.isalnum():
            return _DIGIT_FINALS.get(char) or _LETTER_FINALS.get(char.lower(), "")
    return ""


def josa(noun: str, particle: str) -> str:
    """The form of `particle` that follows `noun`: ``josa("길", "으로") == "로"``.

    `particle` may be given in either form or both ("은/는"); one that never changes comes back.
    """
    if particle not in _BY_FORM:
        return particle
    after_consonant, after_vowel = _BY_FORM[particle]
    final = final_sound(noun)
    if final == "ㄹ" and after_consonant.startswith("으로"):
        return after_vowel
    return after_consonant if final else after_vowel


# --------------------------------------------------------------------------- Korean endings

_REGULAR_P = {*"잡입씹뽑접좁집업꼽"}  # 굽다 is to bake (구웠다), not to be bent
_IRREGULAR_T = {*"걷듣싣긷", "깨닫"}
_IRREGULAR_S = {*"낫짓붓잇긋젓"}
_REGULAR_H = {*"좋놓넣낳쌓닿찧땋"}
_PLAIN_REU = ("따르", "치르", "들르", "다다르", "잠그", "우러르")
_REPEATED_REU = re.compile(r"푸르$|(?<!타)이르$")  # 푸르렀다, 이르렀다; 타이르다 is 타일렀다
_BRIGHT = "ㅏㅑㅗ"
_MERGED = {
    "ㅏ": "ㅏ",
    "ㅓ": "ㅓ",
    "ㅕ": "ㅕ",
    "ㅐ": "ㅐ",
    "ㅔ": "ㅔ",
    "ㅗ": "ㅘ",
    "ㅜ": "ㅝ",
    "ㅣ": "ㅕ",
}
# Verbs whose stems end as the copula's does: 움직였다, but 학생이었다.
_VERBS_IN_I = """보이 모이 쓰이 움직이 쌓이 놓이 끓이 기울이 붙이 들이 먹이 덮이 줄이 닦이 묶이
속이 숙이 죽이 녹이 높이 섞이 꺾이 깎이 볶이 낚이 엮이 벌이 늘이 썩이 삭이 절이 졸이 망설이 지껄이
속삭이 다독이 반짝이 번쩍이 깜빡이 깜박이 끄덕이 퍼덕이 헐떡이 훌쩍이 들썩이 뒤적이 뒤척이 북적이
글썽이 서성이 출렁이 일렁이 펄럭이 절뚝이 삐걱이"""
_STEMS_IN_I = tuple(_VERBS_IN_I.split())


def _is_copula(stem: str) -> bool:
    return len(stem) > 1 and stem[-1] == "이" and not stem.endswith(_STEMS_IN_I)


_NEVER_MERGED = ("비", "시", "삐", "아니")  # whole words: 비었다, 시었다, 삐었다, 아니었다


def _ends_in(stem: str, syllables: set[str]) -> bool:
    return stem[-1] in syllables or stem[-2:] in syllables


def _add_eo(stem: str, rest: str, full: bool) -> str:
    """Stem + 아/어 + `rest`, where `rest` starts with what is left of the ending's first syllable.

    `rest` is (final, tail) in one string: the final may be empty, written as a space.
    """
    final, tail = rest[0].strip(), rest[1:]
    initial, vowel, coda = _split(stem[-1])
    head = stem[:-1]
    if stem[-1] == "하":
        return head + (f"하{_join(11, 'ㅕ', final)}" if full else _join(18, "ㅐ", final)) + tail
    bright = vowel in _BRIGHT
    harmonic = "ㅏ" if bright else "ㅓ"
    if coda == "ㅂ" and not _ends_in(stem, _REGULAR_P):
        glide = "ㅘ" if stem in ("돕", "곱") else "ㅝ"
        return _with_final(stem, "") + _join(11, glide, final) + tail
    if coda == "ㄷ" and _ends_in(stem, _IRREGULAR_T):
        return _with_final(stem, "ㄹ") + _join(11, harmonic, final) + tail
    if coda == "ㅅ" and _ends_in(stem, _IRREGULAR_S):
        return _with_final(stem, "") + _join(11, harmonic, final) + tail
    if coda == "ㅎ" and not _ends_in(stem, _REGULAR_H):
        return head + _join(initial, "ㅒ" if vowel == "ㅑ" else "ㅐ", final) + tail
    if coda:
        return stem + _join(11, harmonic, final) + tail
    if _REPEATED_REU.search(stem):
        return stem + _join(5, "ㅓ", final) + tail
    if vowel == "ㅡ":
        before = head[-1:] if head and is_hangul(head[-1]) else ""
        harmonic = "ㅏ" if before and _split(before)[1] in _BRIGHT else "ㅓ"
        if stem[-1] == "르" and not stem.endswith(_PLAIN_REU):
            return _with_final(head, "ㄹ") + _join(5, harmonic, final) + tail
        return head + _join(initial, harmonic, final) + tail
    if vowel == "ㅚ" and not full:
        return head + _join(initial, "ㅙ", final) + tail
    whole = stem.split()[-1] in _NEVER_MERGED or (full and stem[-1] in "주보두")
    whole |= _is_copula(stem) and is_hangul(head[-1]) and bool(_split(head[-1])[2])
    if vowel in _MERGED and not whole:
        return head + _join(initial, _MERGED[vowel], final) + tail
    return stem + _join(11, harmonic, final) + tail


def _add_eu(stem: str, ending: str) -> str:
    """Stem + an ending that starts with 으 after consonants (은, 을, 으면, 으니까, 읍니다)."""
    coda = _split(stem[-1])[2]
    if coda == "ㅂ" and not _ends_in(stem, _REGULAR_P):
        stem, coda = _with_final(stem, "") + "우", ""
    elif coda == "ㄷ" and _ends_in(stem, _IRREGULAR_T):
        return _with_final(stem, "ㄹ") + ending
    elif coda == "ㅅ" and _ends_in(stem, _IRREGULAR_S):
        return _with_final(stem, "") + ending
    elif coda == "ㅎ" and not _ends_in(stem, _REGULAR_H):
        stem, coda = _with_final(stem, ""), ""
    if coda not in ("", "ㄹ"):
        return stem + ending
    final = _split(ending[0])[2]
    if final:
        return _with_final(stem, final) + ending[1:]
    if coda == "ㄹ" and ending[1] in "니시세오":
        stem = _with_final(stem, "")
    return stem + ending[1:]


@cache
def conjugate(word: str, ending: str, *, full: bool = False) -> str:
    """A Korean verb or adjective in dictionary form with `ending`: ``conjugate("무겁다", "어서")``.

    The ending is written as after 먹-: 었다, 어서, 으면, 을, 은, 는, 으니까, 고, 지, 습니다.
    `full` leaves 하였 and 되었 as they are in writing (하였기) where speech says 했 and 됐.
    """
    stem = word.removesuffix("다")
    initial, vowel, final = _split(ending[0])
    if initial == 11 and vowel == "ㅓ" and final in ("", "ㅆ"):
        return _add_eo(stem, (final or " ") + ending[1:], full)
    if initial == 11 and vowel == "ㅡ":
        return _add_eu(stem, ending)
    coda = _split(stem[-1])[2]
    if ending.startswith("습니"):
        if coda not in ("", "ㄹ"):
            return stem + ending
        return _with_final(stem, "ㅂ") + ending[1:]
    if coda == "ㄹ" and ending[0] in "는나네니":
        return _with_final(stem, "") + ending
    return stem + ending


# Verbs that lose their ㄹ before -ㄴ다; of two that then look alike (산다, 난다), the other stands.
_LOST_RIEUL = ("거", "노", "도", "무", "미", "버", "부", "아", "어", "여", "우", "조", "파", "푸")


def restyle(word: str, style: Style) -> str:
    """A sentence-final word in -다 in another style: ``restyle("갔다", "polite") == "갔어요"``.

    Understands the past, 있다/없다/겠다, the copula 이다, -ㄴ다/-는다, adjectives in the present.
    """
    if style == "plain" or not word.endswith("다"):
        return word
    stem = word[:-1]
    ending = {"polite": "어요", "formal": "습니다", "casual": "어"}[style]
    final = _split(stem[-1])[2]
    if final == "ㅆ" or stem.endswith("없"):
        return stem + ending
    if _is_copula(stem):
        noun = stem[:-1]
        if style == "formal":
            return noun + "입니다"
        return noun + josa(noun, "이에요" if style == "polite" else "이야")
    if stem.endswith("는") and len(stem) > 1 and _split(stem[-2])[2]:
        stem = stem[:-1]
    elif final == "ㄴ":
        stem = _with_final(stem, "")
        if stem in _LOST_RIEUL or stem.endswith("드"):
            stem = _with_final(stem, "ㄹ")
    return conjugate(stem + "다", ending)


_FINAL_WORD = re.compile(r"[가-힣]+다(?=[.!?])")


def restyle_text(text: str, style: Style) -> str:
    """`text` with every word in -다 before a full stop put into `style`."""
    return _FINAL_WORD.sub(lambda match: restyle(match.group(), style), text)


# --------------------------------------------------------------------------- French

_ELIDED = {"le", "la", "de", "que", "ne", "se", "je", "me", "te", "lorsque", "puisque", "quoique"}


_VOWELS_FR = "aeiouâàäéèêëîïôöùûüœæ"
_ELIDES_BEFORE = re.compile(f"[h{_VOWELS_FR}]|y(?![{_VOWELS_FR}])")


@cache
def elides(word: str) -> bool:
    """Whether l', d' and qu' stand before `word`: it begins with a vowel or an h taken as mute.

    Before a vowel y is a consonant (de Yuna, le yaourt). An aspirated h cannot be seen; the
    lexicon knows it (``h_aspire``).
    """
    return bool(_ELIDES_BEFORE.match(word.lower()))


_LAST_WORD = re.compile(r"(?:^|[\s'«(-])(\w+) $")


def french_join(left: str, right: str) -> str:
    """`left` as it stands before `right`: ``french_join("parce que ", "il") == "parce qu'"``."""
    if left[-1:] != " " or not elides(right):
        return left
    match = _LAST_WORD.search(left)
    word = match.group(1).lower() if match else ""
    if word in _ELIDED or (word == "si" and right in ("il", "ils")):
        return left[:-2] + "'"
    return left


def french_article(
    noun: str,
    gender: Gender,
    number: Number = "sg",
    *,
    definite: bool = True,
    after: str = "",
    aspirated: bool = False,
) -> str:
    """The article before `noun` with its space or apostrophe, joined with `after` ("à" or "de").

    ``french_article("chat", "m", after="à") == "au "``, ``french_article("eau", "f") == "l'"``;
    `aspirated` says that the noun's h keeps the article whole (le hibou).
    """
    if not definite:
        article = {"sg": "un " if gender == "m" else "une ", "pl": "des "}[number]
        if after == "de":
            return "d'" + article if number == "sg" else "de "
        return f"{after} {article}" if after else article
    if number == "pl":
        return {"": "les ", "à": "aux ", "de": "des "}[after]
    if elides(noun) and not aspirated:
        return f"{after} l'" if after else "l'"
    if gender == "m":
        return {"": "le ", "à": "au ", "de": "du "}[after]
    return f"{after} la " if after else "la "


_AL_TAKES_S = ("banal", "fatal", "final", "naval", "natal", "glacial", "bancal")


def french_agree(masculine: str, feminine: str, gender: Gender, number: Number) -> str:
    """An adjective's form: ``french_agree("lourd", "lourde", "f", "pl") == "lourdes"``."""
    if number == "sg":
        return masculine if gender == "m" else feminine
    if gender == "f":
        return feminine + "s"
    if masculine.endswith(("s", "x")):
        return masculine
    if masculine.endswith("eau"):
        return masculine + "x"
    if masculine.endswith("al") and masculine not in _AL_TAKES_S:
        return masculine[:-2] + "aux"
    return masculine + "s"


def french_ending(gender: Gender, number: Number) -> str:
    """What a participle in -é, -i or -u takes: "", "e", "s" or "es"."""
    return ("e" if gender == "f" else "") + ("s" if number == "pl" else "")


# --------------------------------------------------------------------------- English

_A_DESPITE_VOWEL = ("uni", "use", "euro", "one", "ewe", "ukulele", "utensil", "ufo", "uten")
_UN_WORDS = ("unin", "unim", "unid")
_AN_DESPITE_H = ("hour", "honest", "honor", "honour", "heir")


def a_or_an(word: str) -> str:
    """``a`` or ``an`` by the sound that `word` begins with: an hour, a uniform."""
    lower = word.lower()
    if lower.startswith(_AN_DESPITE_H):
        return "an"
    if lower.startswith(_A_DESPITE_VOWEL) and not lower.startswith(_UN_WORDS):
        return "a"
    return "an" if lower[:1] in tuple("aeiou") else "a"


_CONTRACTIONS = re.compile(
    r"\b(did|could|was|were|would|does|do|is|are|has|had|have|should) not\b|\bcannot\b",
    re.IGNORECASE,
)


def contract(text: str) -> str:
    """``did not`` → ``didn't``, ``cannot`` → ``can't``, as people type them."""
    return _CONTRACTIONS.sub(
        lambda match: f"{match.group(1)}n't" if match.group(1) else match.group()[:2] + "n't", text
    )
