"""The bundled checkpoint: what the class sees first must be true of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model import Bundle, Lang, load, name_pronoun, trace, translate
from model.analysis.leaderboard import ask, met_by, questions
from model.corpus.generator import generate
from model.trace import KINDS

CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "jumok"

ANIMAL = "The animal didn't cross the street because it was too {}."
ANIMAL_KO = "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 {} 때문이다."
ANIMAL_FR = "L'animal n'a pas traversé la rue parce qu'{} était trop {}."
KETTLE = "She poured water from the pitcher into the cup until it was {}."
KETTLE_KO = "그녀는 주전자의 물을 컵에 따랐다. 그것이 {} 때까지."
TWINS = [
    (ANIMAL.format("tired"), "it was", "animal"),
    (ANIMAL.format("wide"), "it was", "street"),
    (ANIMAL_KO.format("피곤하였기"), "그것", "동물"),
    (ANIMAL_KO.format("넓었기"), "그것", "길"),
    (KETTLE_KO.format("가득 찰"), "그것", "컵"),
    (KETTLE_KO.format("텅 빌"), "그것", "주전자"),
]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load(CHECKPOINT, device="cpu")


def test_it_is_small_enough_to_come_with_the_program() -> None:
    size = sum(path.stat().st_size for path in CHECKPOINT.iterdir())
    assert size <= 30 * 2**20


@pytest.mark.parametrize(("text", "pronoun", "antecedent"), TWINS)
def test_the_encoder_names_the_antecedent(
    bundle: Bundle, text: str, pronoun: str, antecedent: str
) -> None:
    start = text.index(pronoun)
    named = name_pronoun(bundle, text, (start, start + 2))
    word, first, last, share = max(named, key=lambda candidate: candidate[3])
    assert antecedent in word == text[first:last]
    assert share > 0.5


@pytest.mark.parametrize(("text", "pronoun", "antecedent"), TWINS)
def test_the_best_head_looks_at_the_antecedent(
    bundle: Bundle, text: str, pronoun: str, antecedent: str
) -> None:
    made = trace(bundle, text)
    best = bundle.metrics["heads"]["best"][made.source_lang]
    row = _piece(made.source_tokens, pronoun.split()[0])
    weights = made.attention("encoder")[best["layer"], best["head"], row]
    assert made.source_tokens[int(weights.argmax())].strip("▁") == antecedent


# Korean says the same in several styles; each is right.
I_KO, AM_KO = ("나는", "저는", "난", "전"), ("이다", "이에요", "입니다", "이야")
CAFE = "어제 카페 갔었어 거기 사람 많더라"
TRANSLATIONS: list[tuple[str, Lang, set[str]]] = [
    ("I am a student.", "fr", {"Je suis étudiant.", "Je suis étudiante."}),
    (
        "I am a student.",
        "ko",
        {f"{i} 학생{am}." for i in I_KO for am in AM_KO},
    ),
    (
        "I am Sam.",
        "ko",
        {f"{i} 샘{am}." for i in I_KO for am in AM_KO},
    ),
    ("나는 학교에 갔다.", "en", {"I went to school.", "I went to the school."}),
    (
        CAFE,
        "en",
        {
            f"I went to the cafe yesterday{sign} were many people there."
            for sign in (", there", "; there", ". There")
        },
    ),
    (ANIMAL.format("tired"), "fr", {ANIMAL_FR.format("il", "fatigué")}),
    (ANIMAL.format("wide"), "fr", {ANIMAL_FR.format("elle", "large")}),
    (ANIMAL_KO.format("피곤하였기"), "en", {ANIMAL.format("tired")}),
    (ANIMAL_KO.format("넓었기"), "en", {ANIMAL.format("wide")}),
    (KETTLE_KO.format("가득 찰"), "en", {KETTLE.format("full")}),
    (KETTLE_KO.format("텅 빌"), "en", {KETTLE.format("empty")}),
    # What a class types first.
    ("The cat sat on the mat.", "ko", {f"고양이{p} 매트 위에 앉았다." for p in "가는"}),
    ("The cat sat on the mat.", "fr", {"Le chat s'est assis sur le tapis."}),
]


@pytest.mark.parametrize(("text", "to", "wanted"), TRANSLATIONS)
def test_showcase_sentences_are_translated(
    bundle: Bundle, text: str, to: Lang, wanted: set[str]
) -> None:
    assert translate(bundle, text, to) in wanted


def test_metrics_reach_what_the_card_claims(bundle: Bundle) -> None:
    for lang in ("en", "ko"):
        best = bundle.metrics["heads"]["best"][lang]
        assert best["argmax"]["value"] >= 0.98
        assert best["flip"]["value"] >= 0.97
        assert bundle.metrics["naming"][lang]["value"] >= 0.99
        # Whole templates that training never met: far above the half that guessing gets.
        assert bundle.metrics["unseen_templates"]["naming"][lang]["interval"][0] > 0.54
        # A noun that was never a rival is looked at all the same (and named less often).
        unseen = bundle.metrics["unseen_nouns"]["heads"]["all"][lang]["argmax"]
        assert unseen[best["layer"]][best["head"]] > 0.95


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_metrics_are_those_of_this_checkpoint(bundle: Bundle, lang: str) -> None:
    """Measured again on other twins than metrics.json, within sampling error."""
    items = generate(150, seed=31, split="pairs", met=met_by(bundle.metrics))
    asked = questions(bundle.tokenizer, [e for item in items for e in item.examples], lang)  # type: ignore[arg-type]
    answers = ask(bundle.model, asked)
    claimed = bundle.metrics
    best = claimed["heads"]["best"][lang]
    argmax = answers.argmax[:, best["layer"], best["head"]].mean()
    assert argmax == pytest.approx(best["argmax"]["value"], abs=0.07)
    assert answers.named.mean() == pytest.approx(claimed["naming"][lang]["value"], abs=0.05)


def test_every_step_of_every_head_follows_from_the_one_before(bundle: Bundle) -> None:
    made = trace(bundle, ANIMAL.format("tired"), target_lang="fr")
    for kind in KINDS:
        attention = made.attention(kind)
        np.testing.assert_allclose(attention.sum(axis=-1), 1, atol=1e-5)
        for layer, head in np.ndindex(attention.shape[:2]):
            assert made.steps(kind, layer, head).largest_difference < 1e-5


def _piece(tokens: list[str], word: str) -> int:
    return next(n for n, token in enumerate(tokens) if token.strip("▁") == word)
