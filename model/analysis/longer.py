"""A text that grows: by itself over and over, or word by word."""

from __future__ import annotations

import numpy as np

from ..checkpoint import AnyBundle
from ..tokenizer import check_text


def repeated(text: str, times: int) -> list[str]:
    """The text once, twice, … behind itself."""
    return [" ".join([text] * n) for n in range(1, times + 1)]


def prefixes(text: str, most: int) -> list[str]:
    """The text's beginnings, at most `most`, evenly apart in words; the last is the whole text."""
    words = text.split()
    counts = sorted({round(n) for n in np.linspace(1, len(words), most)})
    return [" ".join(words[:count]) for count in counts]


def length(bundle: AnyBundle, text: str) -> int:
    """Pieces that the encoder reads, `</s>` counted.

    Raises:
        ModelError: `empty_text`, `text_too_large` or `control_characters`.
    """
    return len(bundle.tokenizer.source(check_text(text)).ids)
