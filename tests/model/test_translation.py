"""Scores of translations: what sacrebleu gives, for the right lines and the right language."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from model import Bundle, ModelError
from model.analysis import translation
from model.analysis.translation import score, score_file, translate_all
from model.decode import translate

SENTENCES = ["I am a student.", "The animal was tired.", "She poured water into the cup.", "I am."]


def test_batches_translate_as_each_sentence_alone(bundle: Bundle) -> None:
    alone = [translate(bundle, text, "fr") for text in SENTENCES]
    assert len(set(alone)) > 1
    assert translate_all(bundle.model, bundle.tokenizer, SENTENCES, "fr") == alone
    assert translate_all(bundle.model, bundle.tokenizer, SENTENCES[:1], "fr") == alone[:1]


def test_a_text_that_is_too_long_loses_its_end(bundle: Bundle) -> None:
    torch.manual_seed(0)
    assert len(translate_all(bundle.model, bundle.tokenizer, ["water " * 200, "I"], "en")) == 2


def test_scores_of_what_can_be_worked_out_by_hand() -> None:
    same = score(["the cat sat on the mat"] * 3, ["the cat sat on the mat"] * 3, "en")
    assert (same["chrf"]["value"], same["bleu"]["value"], same["n"]) == (100, 100, 3)
    assert same["bleu"]["interval"] == [100, 100]
    assert "tok:13a" in same["bleu"]["signature"]
    assert "nc:6|nw:0" in same["chrf"]["signature"]
    nothing = score(["xyz"], ["그는 잔다"], "ko")
    assert nothing["chrf"]["value"] == 0
    assert "tok:char" in nothing["bleu"]["signature"]
    # BLEU in characters: 3 of 4 unigrams, 2 of 3 bigrams, 1 of 2 trigrams, smoothed 1/2 of 1
    half = score(["가나다라"], ["가나다마"], "ko")["bleu"]["value"]
    assert half == pytest.approx(100 * (3 / 4 * 2 / 3 * 1 / 2 * 1 / 2) ** 0.25, abs=0.01)


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two origins of which one is large enough, and a translator that says what it read."""

    def echo(model: object, tokenizer: object, texts: Sequence[str], target: str) -> list[str]:
        return [known.get(text, "?") for text in texts]

    known = {"I sing.": "나는 노래한다.", "나는 노래한다.": "I sing."}
    monkeypatch.setattr(translation, "translate_all", echo)
    lines = ["I sing.\t나는 노래한다.\tsongs"] * 60 + ["Go.\t가라.\ttalk"] * 20
    path = tmp_path / "dev.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_file_is_scored_both_ways_and_by_large_origins(bundle: Bundle, dev: Path) -> None:
    directions = [("en", "ko"), ("en", "fr"), ("ko", "en"), ("ko", "fr")]
    found = score_file(bundle.model, bundle.tokenizer, dev, directions)  # type: ignore[arg-type]
    assert list(found) == ["en-ko", "ko-en"]
    for scored in found.values():
        assert scored["n"] == 80
        assert 0 < scored["chrf"]["value"] < 100
        assert list(scored["origins"]) == ["songs"]
        assert scored["origins"]["songs"]["n"] == 60
        assert scored["origins"]["songs"]["chrf"]["value"] == 100


def test_short_french_sentences_do_not_make_a_file_english(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "fr.tsv"
    path.write_text("Go.\tVa.\nI sing.\tMoi oui.\nHe sleeps.\tIl dort.\n", encoding="utf-8")
    found = score_file(bundle.model, bundle.tokenizer, path, [("en", "fr"), ("en", "ko")])
    assert list(found) == ["en-fr"]


def test_an_empty_file_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "empty.tsv"
    path.write_text("\n")
    with pytest.raises(ModelError) as error:
        score_file(bundle.model, bundle.tokenizer, path, [("en", "ko")])
    assert error.value.code == "pairs_empty"
