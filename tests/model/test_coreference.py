import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model import Bundle, ModelError, find_pronouns, name_pronoun
from model.analysis.coreference import naming_probabilities

TEXT = "The animal didn't cross the street because it was too tired."


def test_every_word_gets_a_share_in_reading_order(bundle: Bundle) -> None:
    named = name_pronoun(bundle, TEXT, span=(43, 45))
    assert TEXT[43:45] == "it"
    assert [word for word, _, _, _ in named] == [*TEXT[:-1].split(), "."]
    assert all(TEXT[start:end] == word for word, start, end, _ in named)
    assert [start for _, start, _, _ in named] == sorted(start for _, start, _, _ in named)
    assert sum(p for *_, p in named) == pytest.approx(1, abs=1e-6)
    assert all(type(p) is float and 0 <= p <= 1 for *_, p in named)


@given(st.text(st.sampled_from("it anml그것은 물.,’😀\t"), min_size=1).filter(str.strip))
def test_any_text_sums_to_one(bundle: Bundle, text: str) -> None:
    named = name_pronoun(bundle, text, span=(0, len(text)))
    assert sum(p for *_, p in named) == pytest.approx(1, abs=1e-5)
    assert all(text[start:end] == word for word, start, end, _ in named)


def test_by_hand() -> None:
    """Pieces 7 and 8, logits ln 3 and ln 1, piece 7 twice: ¾ is shared, and `</s>` gets nothing."""
    logits = torch.full((10,), 5.0)  # what does not stand in the sentence takes no part
    logits[7], logits[8] = math.log(3), 0.0
    shares = naming_probabilities(logits, torch.tensor([7, 8, 7, 3]))
    torch.testing.assert_close(shares, torch.tensor([0.375, 0.25, 0.375, 0.0]))


def test_it_is_read_from_the_encoders_output_at_the_pronoun(bundle: Bundle) -> None:
    source = bundle.tokenizer.source(TEXT)
    (at,) = source.pieces_in(43, 45)
    ids = torch.tensor([source.ids])
    with torch.inference_mode():
        hidden = bundle.model.encode(ids)[0, at]
        table = bundle.model.embedding.weight
        logits = table @ (bundle.model.naming.weight @ hidden + bundle.model.naming.bias)
        shares = naming_probabilities(logits, ids[0])
    expected = [float(shares[indices].sum()) for _, indices in source.words()[:-1]]
    named = name_pronoun(bundle, TEXT, (43, 45))
    assert [p for *_, p in named] == pytest.approx(expected, abs=1e-6)


def test_the_same_word_in_two_places_is_two_rows_with_equal_shares(bundle: Bundle) -> None:
    text = "an animal saw an animal because it was tired"
    start = text.index("it")
    rows = [row for row in name_pronoun(bundle, text, (start, start + 2)) if row[0] == "animal"]
    assert [text[start:end] for _, start, end, _ in rows] == ["animal", "animal"]
    assert rows[0][1] < rows[1][1]
    assert rows[0][3] == pytest.approx(rows[1][3], rel=1e-6)


def test_another_span_gives_another_answer(bundle: Bundle) -> None:
    first, second = (name_pronoun(bundle, TEXT, span) for span in ((43, 45), (4, 10)))
    assert [p for *_, p in first] != [p for *_, p in second]


def test_several_pieces_are_read_at_the_first(bundle: Bundle) -> None:
    assert name_pronoun(bundle, TEXT, (4, 20)) == name_pronoun(bundle, TEXT, (4, 10))


@pytest.mark.parametrize("span", [(3, 4), (60, 99), (90, 95), (-5, -1), (0, 0), (5, 5), (10, 4)])
def test_there_is_no_word(bundle: Bundle, span: tuple[int, int]) -> None:
    text = TEXT.rstrip(".")
    with pytest.raises(ModelError) as caught:
        name_pronoun(bundle, text, span)
    assert caught.value.code == "no_such_word"


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty_text"), ("a\0", "control_characters"), ("it " * 99, "text_too_long")],
)
def test_bad_texts(bundle: Bundle, text: Any, code: str) -> None:
    with pytest.raises(ModelError) as caught:
        name_pronoun(bundle, text, (0, 2))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "pronouns"),
    [
        (TEXT, ["it"]),
        ("It saw them; they fit the pit.", ["It", "them", "they"]),
        ("왜냐하면 그것은 너무 피곤하였기 때문이다.", ["그것"]),
        ("그것들이 가득 찼다. 그녀는 웃었다. 그게", ["그것들", "그녀", "그게"]),
        ("Il dort car elle est là.", ["Il", "elle"]),
        ("그 동물은 잤다.", []),
        ("", []),
    ],
)
def test_pronouns_in_reading_order(text: str, pronouns: list[str]) -> None:
    assert [text[start:end] for start, end in find_pronouns(text)] == pronouns
