"""Sentences to learn from: lexicon, templates in three languages, splits, files of pairs."""

from model.corpus.generator import (
    Example,
    Item,
    Lang,
    Reference,
    Sentence,
    Span,
    generate,
)
from model.corpus.loaders import Pair, read_pairs

__all__ = [
    "Example",
    "Item",
    "Lang",
    "Pair",
    "Reference",
    "Sentence",
    "Span",
    "generate",
    "read_pairs",
]
