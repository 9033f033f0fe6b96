"""Text ↔ pieces ↔ words: a SentencePiece vocabulary shared by all languages.

Pieces never cross a word's edge, nor the edge between a Korean noun and its particle (동물 + 은),
so that an attention map points at the noun and 동물은, 동물이, 동물을 share a column's meaning.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import sentencepiece

from .config import LANGUAGES, Lang
from .errors import ModelError
from .transformer import BOS, EOS, PAD, UNK

Words = list[tuple[str, list[int]]]
Offsets = tuple[int, int]

# Whatever a server is sent, it looks at no more; a model's own limit is counted in pieces.
MAX_CHARACTERS = 20_000

_SPECIALS = {PAD: "<pad>", UNK: "<unk>", BOS: "<s>", EOS: "</s>"}
_TAGS: dict[Lang, str] = {lang: f"<2{lang}>" for lang in LANGUAGES}

# Phones and word processors type curly apostrophes, web pages hide zero-width characters in words
# (SentencePiece reads these as spaces); one character for one, so offsets stay.
_ZERO_WIDTH = "\u061c\u200b\u200c\u200e\u200f\ufeff"
_AS_TYPED_ON_A_KEYBOARD = str.maketrans("’‘ʼ“”" + _ZERO_WIDTH, "'''\"\"" + " " * len(_ZERO_WIDTH))

# A word keeps its inner apostrophes and hyphens; every other sign is a word of its own.
_WORD = re.compile(r"\w+(?:['’ʼ-]\w+)*|[^\w\s]")

# Where SentencePiece must not merge: around signs, before it|'s, behind l'|eau (not in didn't).
_ENGLISH_ENDING = r"(?:s|m|re|ve|ll|d)\b"
_EDGE = re.compile(
    r"(?<=\w)(?=[^\w\s'-])|(?<=[^\w\s'-])(?=\S)"
    rf"|(?<=\w)(?='{_ENGLISH_ENDING})|(?<=\w')(?!t\b|{_ENGLISH_ENDING})"
)
_DELIMITER = "\ue000"  # of private use: SentencePiece normalises control characters away


@dataclass(frozen=True)
class Encoding:
    """A sentence in pieces.

    Attributes:
        text: the sentence that the offsets count in, as typed.
        ids: vocabulary numbers.
        pieces: what each piece reads, "▁" where a space or the sentence's start stood before it.
        offsets: characters [start, end) of each piece, the space before it left out; None for a
            special piece such as `</s>`.
    """

    text: str
    ids: list[int]
    pieces: list[str]
    offsets: list[Offsets | None]

    def with_special(self, before: Sequence[tuple[int, str]] = (), eos: bool = False) -> Encoding:
        """The same sentence with special pieces around it."""
        after = [(EOS, _SPECIALS[EOS])] if eos else []
        return replace(
            self,
            ids=[i for i, _ in before] + self.ids + [i for i, _ in after],
            pieces=[p for _, p in before] + self.pieces + [p for _, p in after],
            offsets=[None] * len(before) + self.offsets + [None] * len(after),
        )

    def words(self) -> Words:
        """Words (eojeol in Korean) with the indices of their pieces; signs stand by themselves."""
        return [(word, indices) for word, indices, _ in self.words_with_offsets()]

    def words_with_offsets(self) -> list[tuple[str, list[int], Offsets | None]]:
        """Words, their piece indices and their characters [start, end), None for special pieces."""
        groups: list[tuple[str, list[int], Offsets | None]] = []
        words = list(_WORD.finditer(self.text))
        at = 0
        for index, offsets in enumerate(self.offsets):
            if offsets is None:
                groups.append((self.pieces[index], [index], None))
                continue
            # A piece belongs to the first word that ends behind the piece's start.
            while at < len(words) - 1 and words[at].end() <= offsets[0]:
                at += 1
            span = words[at].span() if words else (0, len(self.text))
            if groups and groups[-1][2] == span:
                groups[-1][1].append(index)
            else:
                groups.append((self.text[slice(*span)], [index], span))
        return groups

    def pieces_in(self, start: int, end: int) -> list[int]:
        """Indices of the pieces that share a character with [start, end)."""
        return [
            index
            for index, offsets in enumerate(self.offsets)
            if offsets is not None and max(start, offsets[0]) < min(end, offsets[1])
        ]

    def unknown(self) -> list[str]:
        """What stands in the text for each `<unk>`: signs that the vocabulary does not hold."""
        return [
            self.text[slice(*offsets)]
            for i, offsets in zip(self.ids, self.offsets, strict=True)
            if i == UNK and offsets is not None
        ]


class Tokenizer:
    """SentencePiece with this project's special pieces and words.

    Raises:
        ModelError: `tokenizer_damaged` if the bytes are no such vocabulary.
    """

    def __init__(self, model_proto: bytes) -> None:
        self.model_proto = model_proto
        try:
            self._sp = sentencepiece.SentencePieceProcessor(model_proto=model_proto)
        except (RuntimeError, ValueError, TypeError, OSError) as error:
            raise _damaged("it is not a SentencePiece model") from error
        for piece_id, piece in _SPECIALS.items():
            if self.vocab_size <= piece_id or self._sp.id_to_piece(piece_id) != piece:
                raise _damaged(f"{piece} is not piece {piece_id}")
        self._tags = {lang: self._sp.piece_to_id(tag) for lang, tag in _TAGS.items()}
        if UNK in self._tags.values():
            raise _damaged("a language tag is missing")

    @property
    def vocab_size(self) -> int:
        """Number of pieces, special ones included."""
        return int(self._sp.vocab_size())

    def encode(self, text: str) -> Encoding:
        """A sentence in pieces, without special ones; offsets are characters of `text`."""
        typed = text.translate(_AS_TYPED_ON_A_KEYBOARD)
        found = self._sp.encode(typed, return_type="offset_mapping")
        offsets = [_without_space(typed, *span) for span in found["offsets"]]
        return Encoding(text, found["ids"], found["pieces"], list(offsets))

    def source(self, text: str) -> Encoding:
        """What the encoder reads: the sentence and `</s>`."""
        return self.encode(text).with_special(eos=True)

    def target(self, text: str, lang: Lang) -> Encoding:
        """What the decoder reads: `<s>`, the language tag, the sentence."""
        return self.encode(text).with_special(before=self._start(lang))

    def target_from_ids(self, ids: Sequence[int], lang: Lang) -> Encoding:
        """The decoder's input for pieces that the decoder itself wrote."""
        pieces = [self._sp.id_to_piece(i) for i in ids]
        text, offsets = "", list[Offsets | None]()
        for piece_id, piece in zip(ids, pieces, strict=True):
            if self._sp.is_control(piece_id):
                offsets.append(None)
                continue
            shown = piece.replace("▁", " ") if text else piece.replace("▁", "")
            start = len(text) + (len(shown) - len(shown.lstrip()))
            text += shown
            offsets.append((start, len(text)))
        return Encoding(text, list(ids), pieces, offsets).with_special(before=self._start(lang))

    def decode(self, ids: Sequence[int]) -> str:
        """Text of pieces; special ones are left out."""
        return str(self._sp.decode(list(ids)))

    def whole_words(self) -> list[str]:
        """The pieces that a word can begin with, as they stand in a text; most are whole words."""
        pieces = map(self._sp.id_to_piece, range(self.vocab_size))
        return [piece[1:] for piece in pieces if piece.startswith("▁") and len(piece) > 1]

    @property
    def languages(self) -> tuple[Lang, ...]:
        """Languages that there is a tag for."""
        return tuple(self._tags)

    def tag(self, lang: Lang) -> int:
        """Id of `<2ko>`, `<2en>` or `<2fr>`, the decoder's second input.

        Raises:
            ModelError: `unknown_language`.
        """
        if lang not in self._tags:
            raise ModelError(
                "unknown_language",
                f"there is no language {lang!r}; choose one of {self.languages}",
                language=lang,
            )
        return self._tags[lang]

    def _start(self, lang: Lang) -> list[tuple[int, str]]:
        return [(BOS, _SPECIALS[BOS]), (self.tag(lang), _TAGS[lang])]

    @classmethod
    def train(cls, sentences: Iterable[tuple[str, Sequence[int]]], vocab_size: int) -> Tokenizer:
        """Learn a vocabulary of byte-pair merges.

        Byte-pair merges keep frequent words whole, where a unigram model trained on templated text
        shreds them into letters.

        Args:
            sentences: text and the offsets at which no piece may cross (noun | particle).
            vocab_size: at most so many pieces, special ones and single characters included.

        Raises:
            ModelError: `vocab_too_small` where the characters alone are more.
        """
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=(_with_edges(text, tuple(cuts)) for text, cuts in sentences),
                model_writer=model,
                model_type="bpe",
                vocab_size=vocab_size,
                hard_vocab_limit=False,
                character_coverage=0.99995,  # emoji and rare Hanja of a corpus are no pieces
                normalization_rule_name="nmt_nfkc",
                pretokenization_delimiter=_DELIMITER,
                split_by_unicode_script=False,
                split_digits=True,
                pad_id=PAD, unk_id=UNK, bos_id=BOS, eos_id=EOS,
                control_symbols=list(_TAGS.values()),
                num_threads=1,
                minloglevel=2,
            )  # fmt: skip
        except RuntimeError as error:
            if "required_chars" not in str(error):
                raise
            raise ModelError(
                "vocab_too_small",
                f"vocab_size is {vocab_size}, but the corpus has more characters than that: take "
                "1,000 or more",
                vocab_size=vocab_size,
            ) from error
        return cls(model.getvalue())


def check_text(text: str) -> str:
    """The sentence, if the model can read it.

    Raises:
        ModelError: `empty_text`, `text_too_large` or `control_characters`.
    """
    if len(text) > MAX_CHARACTERS:
        raise ModelError(
            "text_too_large",
            f"the text has {len(text):,} characters, the limit is {MAX_CHARACTERS:,}: shorten it",
            characters=len(text),
            limit=MAX_CHARACTERS,
        )
    if not text.strip():
        raise _empty()
    bad = sorted({c for c in text if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n\r"})
    if bad:
        names = ", ".join(f"U+{ord(c):04X}" for c in bad)
        raise ModelError(
            "control_characters",
            f"the text has characters that cannot be shown ({names}): delete them",
            characters=names,
        )
    return text


def check_length(encoding: Encoding, limit: int) -> Encoding:
    """The sentence, if it has a piece and no more of them than the model has positions.

    Raises:
        ModelError: `empty_text` (zero-width characters only, say) or `text_too_long`.
    """
    if all(offsets is None for offsets in encoding.offsets):
        raise _empty()
    if len(encoding.ids) > limit:
        raise ModelError(
            "text_too_long",
            f"the text has {len(encoding.ids)} pieces, the limit is {limit}: shorten it",
            pieces=len(encoding.ids),
            limit=limit,
        )
    return encoding


def language_of(text: str) -> Lang:
    """Korean where any Hangul stands, French where a French letter or short word, else English."""
    if re.search(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]", text):
        return "ko"
    if re.search(r"[àâçèéêëîïôùûœ]|\b(?:je|il|elle|le|les|la|une|des|est)\b", text.lower()):
        return "fr"
    return "en"


def _empty() -> ModelError:
    return ModelError("empty_text", "there is no text: type a sentence")


def _damaged(why: str) -> ModelError:
    return ModelError(
        "tokenizer_damaged",
        f"the tokenizer cannot be used: {why}; copy the checkpoint again",
        why=why,
    )


@lru_cache(maxsize=1)  # a vocabulary's nouns come many times in a row
def _with_edges(text: str, cuts: tuple[int, ...]) -> str:
    edges = sorted({*cuts, *(m.start() for m in _EDGE.finditer(text))} - {0, len(text)})
    starts = [0, *edges]
    return _DELIMITER.join(text[a:b] for a, b in zip(starts, [*edges, len(text)], strict=True))


def _without_space(text: str, start: int, end: int) -> Offsets:
    """A piece's characters without its space; a piece of space only is empty, at the next word."""
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    return start, max(start, end - len(part) + len(part.rstrip()))
