"""Noun and particle in unmarked text."""

from __future__ import annotations

import pytest

from model.corpus.particles import particle_cuts


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("길을 건너지 않았다.", "길|을 건너지 않았다."),
        ("동물들은 학교에 갔다.", "동물|들|은 학교|에 갔다."),
        ("음악가가 왔다. 음악가", "음악가|가 왔다. 음악가"),
        ("버스에서 내렸다", "버스|에서 내렸다"),
        ("빨리 달렸다.", "빨리 달렸다."),
        ("그녀는 나이가 많다", "그녀|는 나이|가 많다"),
        ("I saw 개를!", "I saw 개|를!"),
        ("", ""),
    ],
)
def test_cuts(text: str, wanted: str) -> None:
    marked, last = "", 0
    for cut in particle_cuts(text):
        marked, last = marked + text[last:cut] + "|", cut
    assert marked + text[last:] == wanted
