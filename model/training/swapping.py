"""Other words in place of the nouns that a pronoun may mean: whatever is looked at can be named.

An encoder that is asked to name the nouns of a lexicon and nothing else learns that the answer is
one of these: at a noun that it never had to name its best head looks all the same, and the answer
is the other noun. So in some sentences any words of the vocabulary stand there, which makes no
sense and need not: where the frame decides (*did not fit into … because it was too big*), it does
so for any words.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator

from ..analysis.coreference import find_pronouns
from ..corpus.generator import wordings_of
from ..corpus.lexicon import load_lexicon
from ..corpus.morphology import final_sound
from ..corpus.writing import Sentence, Span, relabelled
from ..tokenizer import Tokenizer

_SWAPPED = 2 / 3  # of the nouns; the others stay, and known and unknown words become rivals
_WORD = re.compile("[a-z]{4,}|[가-힣]{2,}")
_PRONOUNS = frozenset({"their", "themselves", "itself", "himself", "herself", "그거", "그이"})
# How Korean verbs, adjectives and words with a particle end. Some nouns end so, too: no matter.
_INFLECTED = re.compile(r".*[다요고서면게지는은을를에의어아해던기한할든죠까네며도만]")


class Swapper:
    """Puts words of a vocabulary into sentences; no noun of the lexicon is among them.

    So it neither brings together two nouns whose pair is held out, nor makes a rival of a noun that
    is to stand in no twin.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._words: dict[str, list[str]] = defaultdict(list)
        for word in _words(tokenizer):
            self._words[_company(word)].append(word)

    def swapped(self, sentence: Sentence, rng: random.Random) -> Sentence:
        """The sentence with other words for most of the nouns that its pronouns may mean.

        A sentence that names one of them twice stays as it is.
        """
        nouns = sorted(
            {span for r in sentence.references for span in (r.antecedent, *r.distractors)},
            key=lambda span: span.start,
        )
        if any(sentence.text.count(_text(sentence, span)) > 1 for span in nouns):
            return sentence
        text, at, moves = "", 0, list[tuple[int, int]]()
        for span in nouns:
            words = self._words[_company(_text(sentence, span))]
            if words and rng.random() < _SWAPPED:
                word = rng.choice(words)
                if word in sentence.text or word in text:
                    continue  # it would stand there twice
                text += sentence.text[at : span.start] + word
                at = span.end
                moves.append((at, len(text) - at))  # from there on, by so much

        def place(offset: int) -> int:
            return offset + next((by for start, by in reversed(moves) if offset >= start), 0)

        return relabelled(sentence, text + sentence.text[at:], place)


def _words(tokenizer: Tokenizer) -> Iterator[str]:
    """Beginnings of words, most of them whole: one piece, small letters or Hangul.

    No noun of the lexicon is among them, and no pronoun.
    """
    lexicon = load_lexicon()
    nouns = {
        word
        for noun in lexicon.nouns
        for said in wordings_of(noun)
        for word in (said.en, said.en_plural, said.ko)
    }
    others = nouns | {name.ko for name in lexicon.names} | _PRONOUNS
    for word in tokenizer.whole_words():
        usable = _WORD.fullmatch(word) and not _INFLECTED.fullmatch(word)
        if usable and word not in others and not find_pronouns(word):
            yield word


def _company(word: str) -> str:
    """What stands beside a word depends on it: *a* or *an*, 은 or 는, 으로 or 로."""
    if "가" <= word[-1:] <= "힣":
        final = final_sound(word)
        return f"Korean, {final if final in ('', 'ㄹ') else 'consonant'}"
    return "a vowel" if word[:1] in "aeiou" else "a consonant" if word[:1].islower() else "a name"


def _text(sentence: Sentence, span: Span) -> str:
    return sentence.text[span.start : span.end]
