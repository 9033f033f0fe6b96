"""Where a Korean noun ends and its particle begins, in text in which nobody has marked it."""

from __future__ import annotations

import re
from functools import cache

from .generator import wordings_of
from .lexicon import as_noun, load_lexicon

_EOJEOL = re.compile(r"[가-힣]+")
_PARTICLES = re.compile(
    r"(?P<noun>.+?)(?P<plural>들)?(?P<particle>은|는|이|가|을|를|과|와|의|도|만|에|에서|에게|께"
    r"|한테|으로|로|까지|부터|이나|나|이다|다|입니다|이에요|예요|이야|야)"
)

# Pronouns, and nouns of the templates' fixed wording: no slot is filled with them.
_FIXED = frozenset(
    """그 그녀 그것 그들 우리 당신 이것 무엇 쓸모 자리 번개 부피 나이 덩치 건너편 안쪽 도움 호기심
    경험 재능 욕심 부끄러움 의심 목소리 햇볕 질투 추위 가족 날씨 싫증 행운 성함 어젯밤 작년 지난주
    월요일 화요일 수요일 목요일 금요일 토요일 일요일""".split()  # noqa: SIM905
)


def particle_cuts(text: str) -> tuple[int, ...]:
    """Offsets between noun and particle (동물|은, 동물|들|은, 민지|가, 그녀|는).

    A word that is a noun as it stands (음악가, musician) is none of 음악 (music) and 가.
    """
    cuts: list[int] = []
    for eojeol in _EOJEOL.finditer(text):
        found = _PARTICLES.fullmatch(eojeol.group())
        if found and eojeol.group() not in _nouns() and found["noun"] in _nouns():
            ends = {found.end("noun"), found.start("particle")}
            cuts += [eojeol.start() + end for end in sorted(ends)]
    return tuple(cuts)


@cache
def _nouns() -> frozenset[str]:
    lexicon = load_lexicon()
    known = (*lexicon.nouns, *map(as_noun, lexicon.names))
    return _FIXED | {wording.ko for noun in known for wording in wordings_of(noun)}
