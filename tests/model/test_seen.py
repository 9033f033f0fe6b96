"""How often words stood in training, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.analysis.seen import SeenWords, count_words, times_seen
from model.config import LANGUAGES
from model.corpus.lexicon import load_lexicon


def test_plurals_and_capitals_count_for_the_word() -> None:
    counts = count_words(["The cats saw the Cat.", "It's the cat's; concatenate!"], "en")
    assert counts["cat"] == 3
    assert counts["dog"] == 0


def test_a_word_of_two_words_counts_as_one() -> None:
    counts = count_words(["The police car passed a car.", "A bus stop, a bus."], "en")
    assert (counts["police car"], counts["car"], counts["bus stop"], counts["bus"]) == (1, 1, 1, 1)


def test_korean_nouns_count_without_their_particles() -> None:
    counts = count_words(["그 동물은 길을 건넜다.", "동물들이 동물에게 갔다."], "ko")
    assert counts["동물"] == 3
    assert counts["길"] == 1


def test_french_articles_are_no_part_of_the_word() -> None:
    counts = count_words(["L'animal et les animaux sont fatigués."], "fr")
    assert counts["animal"] == 2
    assert counts["fatigué"] == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_noun_has_a_count(lang: str) -> None:
    counts = count_words([], lang)  # type: ignore[arg-type]
    assert {getattr(noun, lang).split("/")[0] for noun in load_lexicon().nouns} <= set(counts)
    assert set(counts.values()) == {0}


def test_the_count_of_a_word_as_somebody_typed_it() -> None:
    seen = {"en": count_words(["a giraffe"], "en"), "ko": count_words(["기린이 기린을"], "ko")}
    assert times_seen(seen, "Giraffes", "en") == 1
    assert times_seen(seen, "기린은", "ko") == 2
    assert times_seen(seen, "zebroid", "en") is None
    assert times_seen(seen, "girafe", "fr") is None  # nothing was counted in French


def test_epochs_add_up_and_one_counted_again_is_replaced(tmp_path: Path) -> None:
    SeenWords(tmp_path).add_epoch(0, [("en", "a cat"), ("ko", "고양이가"), ("en", "a dog")])
    SeenWords(tmp_path).add_epoch(1, [("en", "a cat and a cat")])
    again = SeenWords(tmp_path)  # a training that goes on
    again.add_epoch(1, [("en", "a cat"), ("fr", "un chat")])
    total = again.total()
    assert (total["en"]["cat"], total["en"]["dog"], total["en"]["giraffe"]) == (2, 1, 0)
    assert total["ko"]["고양이"] == 1
    assert total["fr"]["chat"] == 1
    assert SeenWords(tmp_path / "nothing").total() == {}
