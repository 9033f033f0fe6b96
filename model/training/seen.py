"""The words that a training reads and writes, counted epoch by epoch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..analysis.seen import count_words
from ..checkpoint import write_atomically
from ..config import Lang
from ..tokenizer import Tokenizer, language_of
from .batches import Pair

Batches = Sequence[Sequence[Pair]]
Counts = dict[Lang, dict[str, int]]


class SeenWords:
    """How often the lexicon's words stood in a training, on both sides of its pairs.

    An epoch that has ended has a small file of its own, so that a training which goes on after a
    kill need not count it again.
    """

    def __init__(self, tokenizer: Tokenizer, out: Path) -> None:
        self._tokenizer, self._folder = tokenizer, out / "seen"

    def keep(self, epoch: int, counts: Counts) -> None:
        """Keep the counts of a whole epoch."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._file(epoch), json.dumps(counts).encode())

    def begin_with(self, counts: Counts, epochs: int) -> None:
        """Take over what was counted in all epochs before; the first one stands for all."""
        for epoch in range(epochs):
            self.keep(epoch, {} if epoch else counts)

    def total(self, batches: Callable[[int], Batches], epoch: int, n_batches: int) -> Counts:
        """The counts of all epochs before `epoch`, and of the first batches of that one.

        Args:
            batches: an epoch's batches, asked for where they have not been counted yet.
        """
        total: dict[Lang, Counter[str]] = {}
        for earlier in range(epoch):
            if not self._file(earlier).is_file():
                self.keep(earlier, self.count(batches(earlier)))
            _add(total, json.loads(self._file(earlier).read_text(encoding="utf-8")))
        _add(total, self.count(batches(epoch)[:n_batches]))
        return {lang: dict(sorted(counts.items())) for lang, counts in sorted(total.items())}

    def count(self, batches: Batches) -> Counts:
        """How often each of the lexicon's words stands in these batches, by language."""
        texts: dict[Lang, list[str]] = {}
        for lang, text in self._texts(batches):
            texts.setdefault(lang, []).append(text)
        return {lang: count_words(found, lang) for lang, found in texts.items()}

    def _texts(self, batches: Batches) -> Iterator[tuple[Lang, str]]:
        """Sources, and targets where there is one, with their languages."""
        tags = {self._tokenizer.tag(lang): lang for lang in self._tokenizer.languages}
        for pairs in batches:
            for pair in pairs:
                source = self._tokenizer.decode(pair.source.ids)
                yield language_of(source), source
                if len(pair.target) > 2:
                    yield tags[pair.target[1]], self._tokenizer.decode(pair.target)

    def _file(self, epoch: int) -> Path:
        return self._folder / f"{epoch:06d}.json"


def _add(total: dict[Lang, Counter[str]], counts: Counts) -> None:
    for lang, words in counts.items():
        total.setdefault(lang, Counter()).update(words)
