import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model import ModelError
from model.tokenizer import Encoding, Tokenizer, check_text, language_of
from model.transformer import BOS, EOS, PAD, UNK

# Whatever a person can type: everything but control characters and halves of surrogate pairs.
AnyText = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40)
TYPICAL = "abitTAé 나무는그것것은 .,!?'’-“”()…。😀\u0301\u1100\u1161\u200b\t"
Typical = st.text(st.sampled_from(TYPICAL), max_size=40)
Text = st.one_of(AnyText, Typical)


def check_offsets(encoding: Encoding) -> None:
    """In reading order, inside the text, and never a space at either end."""
    last = 0
    for offsets in encoding.offsets:
        assert offsets is not None
        start, end = offsets
        assert last <= start <= end <= len(encoding.text)
        part = encoding.text[start:end]
        assert part == part.strip()
        last = start


@given(Text)
@example("\u200b나\u3000 ½㍿ﬁ e\u0301")
def test_offsets_are_true(tokenizer: Tokenizer, text: str) -> None:
    encoding = tokenizer.encode(text)
    assert len(encoding.ids) == len(encoding.pieces) == len(encoding.offsets)
    check_offsets(encoding)


@given(Typical.map(lambda text: text.replace("\u200b", "").replace("…", "")))
def test_a_piece_reads_what_stands_at_its_offsets(tokenizer: Tokenizer, text: str) -> None:
    """Up to what NFKC and straight apostrophes make of it (a syllable may be cut in two)."""
    encoding = tokenizer.encode(text)
    straight = str.maketrans("’“”", '\'""')
    for piece, offsets in zip(encoding.pieces, encoding.offsets, strict=True):
        assert offsets is not None
        shown = unicodedata.normalize("NFKC", text[slice(*offsets)].translate(straight))
        assert piece.replace("▁", " ").strip() in (shown, shown.strip())


@given(Text)
def test_words_hold_every_piece_exactly_once(tokenizer: Tokenizer, text: str) -> None:
    encoding = tokenizer.source(text)
    words = encoding.words_with_offsets()
    assert [i for _, indices, _ in words for i in indices] == list(range(len(encoding.ids)))
    assert words[-1] == ("</s>", [len(encoding.ids) - 1], None)
    spans = [span for _, _, span in words[:-1]]
    assert spans == sorted(set(spans))  # reading order, and no word twice
    for word, _, span in words[:-1]:
        assert text[slice(*span)] == word
        assert word.strip()


KNOWN = "abcdefghijklmnopqrstuvwy그동물은길을건너지않았다나는학교에갔.,!?'"


@given(st.text(st.sampled_from(KNOWN + "  "), max_size=40))
def test_known_characters_come_back(tokenizer: Tokenizer, text: str) -> None:
    """But for the spaces: SentencePiece keeps one between words and none around."""
    encoding = tokenizer.encode(text)
    assert UNK not in encoding.ids
    assert tokenizer.decode(encoding.ids) == " ".join(text.split())


def test_sentences_come_back(tokenizer: Tokenizer, sentences: tuple[str, ...]) -> None:
    for sentence in sentences:
        assert tokenizer.decode(tokenizer.source(sentence).ids) == sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It didn't rain.", ["It", "didn't", "rain", "."]),
        ("It didn’t rain.", ["It", "didn’t", "rain", "."]),
        ("  well-known ,  yes!? ", ["well-known", ",", "yes", "!", "?"]),
        ("(“I am” , 'Sam')", ["(", "“", "I", "am", "”", ",", "'", "Sam", "'", ")"]),
        ("그 동물은 잤다.왜냐하면", ["그", "동물은", "잤다", ".", "왜냐하면"]),
        ("L'animal n’a pas", ["L'animal", "n’a", "pas"]),
        ("it😀was", ["it", "😀", "was"]),
    ],
)  # fmt: skip
def test_words_stand_as_typed(tokenizer: Tokenizer, text: str, words: list[str]) -> None:
    assert [word for word, _ in tokenizer.encode(text).words()] == words


@pytest.mark.parametrize("hidden", ["\u200b", "\ufeff", "\u200e", "\u200c"])
def test_zero_width_characters_are_no_words(tokenizer: Tokenizer, hidden: str) -> None:
    """Pasted text is full of them; a word that nobody sees must own no piece."""
    words = tokenizer.encode(f"{hidden}a{hidden}b {hidden} c{hidden}").words_with_offsets()
    assert [(word, span) for word, _, span in words] == [
        ("a", (1, 2)),
        ("b", (3, 4)),
        ("c", (7, 8)),
    ]


def test_hangul_in_jamo_is_the_same_sentence(tokenizer: Tokenizer) -> None:
    """macOS types and copies decomposed Hangul; offsets count in what was typed."""
    text = "나는 학교에 갔다."
    jamo = unicodedata.normalize("NFD", text)
    composed, decomposed = tokenizer.encode(text), tokenizer.encode(jamo)
    assert composed.ids == decomposed.ids
    words = decomposed.words_with_offsets()
    written = [unicodedata.normalize("NFC", word) for word, _, _ in words]
    assert written == ["나는", "학교에", "갔다", "."]
    assert all(span and jamo[slice(*span)] == word for word, _, span in words)


def test_curly_apostrophes_are_the_same_sentence(tokenizer: Tokenizer) -> None:
    curly, straight = tokenizer.encode("It didn’t."), tokenizer.encode("It didn't.")
    assert curly.ids == straight.ids
    assert curly.offsets == straight.offsets


def test_unknown_signs_are_told_as_typed(tokenizer: Tokenizer) -> None:
    encoding = tokenizer.encode("I am 😀 Ω≈ student")
    assert encoding.unknown() == ["😀", "Ω≈"]
    assert [encoding.ids.count(UNK), tokenizer.encode("I am").unknown()] == [2, []]


def test_special_pieces_stand_where_the_model_expects_them(tokenizer: Tokenizer) -> None:
    source, target = tokenizer.source("I am"), tokenizer.target("나는", "fr")
    assert (source.ids[-1], source.pieces[-1], source.offsets[-1]) == (EOS, "</s>", None)
    assert target.ids[:2] == [BOS, tokenizer.tag("fr")]
    assert target.pieces[:2] == ["<s>", "<2fr>"]
    assert EOS not in target.ids
    assert len({PAD, UNK, BOS, EOS, *(tokenizer.tag(lang) for lang in tokenizer.languages)}) == 7


@given(st.text(st.sampled_from("<>/s2koenfrpadu nk"), max_size=30))
@example("<s> </s> <pad> <unk> <2ko> <2en>")
def test_no_text_can_write_a_special_piece(tokenizer: Tokenizer, text: str) -> None:
    ids = set(tokenizer.encode(text).ids)
    assert not ids & {PAD, BOS, EOS, *(tokenizer.tag(lang) for lang in tokenizer.languages)}


@given(st.data())
def test_what_the_decoder_wrote_reads_like_its_text(
    tokenizer: Tokenizer, data: st.DataObject
) -> None:
    ids = data.draw(st.lists(st.integers(EOS + 1, tokenizer.vocab_size - 1), max_size=12))
    encoding = tokenizer.target_from_ids(ids, "ko")
    assert encoding.ids == [BOS, tokenizer.tag("ko"), *ids]
    assert encoding.text.split() == tokenizer.decode(ids).split()
    for piece, offsets in list(zip(encoding.pieces, encoding.offsets, strict=True))[2:]:
        if offsets is not None:
            assert encoding.text[slice(*offsets)] == piece.replace("▁", "")
    indices = [i for _, indices in encoding.words() for i in indices]
    assert indices == list(range(len(ids) + 2))


def test_pieces_under_a_span(tokenizer: Tokenizer) -> None:
    text = "The animal was tired."
    encoding = tokenizer.source(text)
    start = text.index("animal")
    assert encoding.pieces_in(start, start + 6) == [1]
    assert encoding.pieces_in(start + 2, start + 3) == [1]
    assert encoding.pieces_in(3, 4) == []  # the space
    assert encoding.pieces_in(0, len(text)) == list(range(len(encoding.ids) - 1))
    assert encoding.pieces_in(90, 99) == []


def test_no_piece_crosses_a_cut() -> None:
    """A noun and its particle, learned apart, stay apart in any sentence."""
    tokenizer = Tokenizer.train([("동물은 동물이 동물을", [2, 6, 10])] * 9, vocab_size=60)
    for form in ("동물은", "동물이", "동물을"):
        assert tokenizer.encode(form).pieces == ["▁동물", form[-1]]


def test_training_cuts_at_signs_and_clitics_but_not_in_didnt() -> None:
    sentence = "It's here, he didn't, l'eau (dit-il)."
    tokenizer = Tokenizer.train([(sentence, [])] * 20, vocab_size=200)
    expected = "▁It 's ▁here , ▁he ▁didn't , ▁l' eau ▁( dit-il ) ."
    assert tokenizer.encode(sentence).pieces == expected.split()


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("The animal slept.", "en"),
        ("그 animal", "ko"),
        (unicodedata.normalize("NFD", "나"), "ko"),
        ("Je suis content", "fr"),
        ("ÉTUDIANT", "fr"),
        ("😀", "en"),
    ],
)
def test_language_of(text: str, lang: str) -> None:
    assert language_of(text) == lang


@given(Text)
def test_check_text_lets_through_what_can_be_typed(text: str) -> None:
    if text.strip():
        assert check_text(text) is text
    else:
        with pytest.raises(ModelError) as caught:
            check_text(text)
        assert caught.value.code == "empty_text"


@pytest.mark.parametrize("bad", ["\x00", "\x1b", "\x7f", "\x85", "\ud800"])
def test_control_characters_are_named(bad: str) -> None:
    with pytest.raises(ModelError) as caught:
        check_text(f"a{bad}b")
    assert caught.value.code == "control_characters"
    assert caught.value.details["characters"] == f"U+{ord(bad):04X}"
    str(caught.value).encode()  # the message itself can be shown


@pytest.mark.parametrize("content", [b"", b"\x00" * 9, b"no model", b"\x80\x04N."])
def test_no_tokenizer(content: bytes) -> None:
    with pytest.raises(ModelError) as caught:
        Tokenizer(content)
    assert caught.value.code == "tokenizer_damaged"


def test_a_foreign_vocabulary_is_refused(tmp_path: Any) -> None:
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["some text"] * 5), model_writer=model, vocab_size=20,
        model_type="bpe", hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    with pytest.raises(ModelError) as caught:
        Tokenizer(model.getvalue())
    assert caught.value.code == "tokenizer_damaged"
    assert "<pad> is not piece 0" in str(caught.value)
