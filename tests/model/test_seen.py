"""How often words stood in training, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.analysis.seen import count_words, times_seen
from model.config import LANGUAGES, Lang
from model.corpus.lexicon import load_lexicon
from model.tokenizer import Tokenizer
from model.training.batches import Encoded, Pair
from model.training.seen import SeenWords
from model.transformer import EOS


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


def pair(tokenizer: Tokenizer, source: str, target: str, lang: Lang) -> Pair:
    ids = tuple(tokenizer.source(source).ids)
    return Pair(Encoded(ids, ()), (*tokenizer.target(target, lang).ids, EOS))


def test_epochs_add_up_and_the_last_counts_as_far_as_it_came(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """A training of two epochs and a batch, killed once in its second epoch."""
    student = pair(tokenizer, "I am a student.", "Je suis étudiant.", "fr")
    animal = pair(tokenizer, "그 동물은 길을 건너지 않았다.", "The animal was tired.", "en")
    unknown = Pair(student.source, student.target[:2])  # no translation is known
    epochs = [[[student, animal], [unknown]], [[animal]], [[student], [animal]]]
    made: list[int] = []

    def batches(epoch: int) -> list[list[Pair]]:
        made.append(epoch)
        return epochs[epoch]

    seen = SeenWords(tokenizer, tmp_path)
    seen.keep(1, seen.count(epochs[0]))  # replaced below
    seen.keep(1, seen.count(epochs[1]))
    total = seen.total(batches, epoch=2, n_batches=1)
    assert made == [0, 2]  # what was not counted yet
    assert total["en"]["student"] == 3
    assert total["en"]["animal"] == 2
    assert total["en"]["giraffe"] == 0
    assert (total["ko"]["동물"], total["ko"]["길"]) == (2, 2)
    assert total["fr"]["étudiant"] == 2
    # The end was moved: the epoch goes on, and what it had counted counts once.
    assert seen.total(batches, epoch=2, n_batches=2)["ko"]["동물"] == 3
    assert made == [0, 2, 2]
