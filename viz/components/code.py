"""A component's code: what components share, then its own files, joined to one script and one
style sheet. Streamlit sends both inside each message, so a component asks for what it uses only.

    CODE = code(__file__, shared=("view", "canvas", "save"), own=("numbers", "head_view"))
    _component = st.components.v2.component("jumok_head_view", js=CODE.js, css=CODE.css)

`view` is what every component is built on, `canvas` what those that draw on one need, `stepping`
what those need whose steps a presenter walks through, `save` the buttons that save a picture. The
files form one module: a name is given once, and a class stands behind the one that it extends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Code:
    """A component's script, whose default export draws it, and its style sheet."""

    js: str
    css: str


def code(package: str, *, shared: Sequence[str], own: Sequence[str]) -> Code:
    """Join the files of one component.

    Args:
        package: the component's `__file__`; its own files lie beside it.
        shared: names of files beside this one, in the order in which they build on each other.
        own: names of its scripts, in order; a style sheet has the name of one of them.
    """
    stems = [_HERE / name for name in shared] + [Path(package).parent / name for name in own]
    scripts = (stem.with_suffix(".js") for stem in stems)
    styles = (path for stem in stems if (path := stem.with_suffix(".css")).is_file())
    return Code(js=_joined(scripts), css=_joined(styles))


def _joined(paths: Iterable[Path]) -> str:
    return "\n".join(lean(path.read_text(encoding="utf-8")) for path in paths)


def lean(source: str) -> str:
    """Without indentation and whole-line comments, a sixth of what is sent; line by line, so a
    script must have no literal that goes on over several lines."""
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not re.match(r"//|/\*.*\*/$", line))
