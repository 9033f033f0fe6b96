"""What a class has chosen to compare: up to four panels, in the session and in the link."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from viz.state import KINDS, TARGETS, Kind, Target

MOST_PANELS = 4
NAMES = "ABCD"
CHOSEN = "compare:chosen"
"""Where the session keeps what the class chose; nothing while the page chooses."""
_LARGEST = 64 * 1024  # bytes of an unpacked link: four sentences are far below


@dataclass(frozen=True)
class PanelChoice:
    """One map. None: as the page has it (model, sentence, languages), or as it chooses itself.

    Attributes:
        moment: the step of the training whose film is shown; None: the trained model.
    """

    model: str | None = None
    text: str | None = None
    to: Target | None = None
    target: str | None = None
    kind: Kind = "encoder"
    layer: int | None = None
    head: int | None = None
    moment: int | None = None

    def changed(self, **values: Any) -> Self:
        """Another sentence has another translation; another attention, or model, other heads."""
        if "text" in values or "to" in values:
            values = {"target": None} | values
        if values.keys() & {"kind", "model"}:
            values = {"layer": None, "head": None} | values
        return replace(self, **values)


@dataclass(frozen=True)
class Comparison:
    """One to four panels, and the two of them whose difference is drawn."""

    panels: tuple[PanelChoice, ...]
    pair: tuple[int, int] = (0, 1)

    def with_panel(self, at: int, panel: PanelChoice) -> Self:
        """One panel shows something else."""
        return replace(self, panels=(*self.panels[:at], panel, *self.panels[at + 1 :]))

    def added(self, panel: PanelChoice, at: int | None = None) -> Self:
        """One panel more, at the end or behind another."""
        at = len(self.panels) if at is None else at
        panels = (*self.panels[:at], panel, *self.panels[at:])[:MOST_PANELS]
        if len(self.panels) < 2:
            return type(self)(panels)
        first, second = (n + (n >= at) for n in self.pair)
        return type(self)(panels, (first, second))

    def without(self, at: int) -> Self:
        """One panel less; the difference stays between the same two where they are still there."""
        panels = self.panels[:at] + self.panels[at + 1 :]
        moved = tuple(n - (n > at) for n in self.pair)
        fits = at not in self.pair and moved[0] != moved[1]
        return replace(self, panels=panels, pair=(moved[0], moved[1]) if fits else (0, 1))


def dumps(comparison: Comparison) -> str:
    """A comparison as one short word for a link: `loads` reads it again."""
    written: list[Any] = [_said(panel) for panel in comparison.panels]
    if comparison.pair != (0, 1):
        written.append(list(comparison.pair))
    plain = json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(zlib.compress(plain, 9)).decode().rstrip("=")


def loads(word: str) -> Comparison:
    """What `dumps` wrote.

    Raises:
        ValueError: it did not.
    """
    try:
        packed = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(packed, _LARGEST)
        if not unpacker.eof:
            raise ValueError("it is cut short, or too large")
        written = json.loads(content)
    except (binascii.Error, zlib.error, RecursionError) as error:
        raise ValueError("this is no comparison") from error
    if not isinstance(written, list):
        raise ValueError("this is no list of panels")
    panels = tuple(_panel(values) for values in written if isinstance(values, dict))
    rest = [values for values in written if not isinstance(values, dict)]
    if not 1 <= len(panels) <= MOST_PANELS or len(rest) > 1:
        raise ValueError(f"a comparison has 1 to {MOST_PANELS} panels, got {len(panels)}")
    return Comparison(panels, _pair(rest[0]) if rest else (0, 1))


def _said(panel: PanelChoice) -> dict[str, Any]:
    """Only what differs from a panel that says nothing."""
    first = PanelChoice()
    values = {field.name: getattr(panel, field.name) for field in fields(PanelChoice)}
    return {name: value for name, value in values.items() if value != getattr(first, name)}


def _panel(values: Mapping[str, Any]) -> PanelChoice:
    if extra := values.keys() - {field.name for field in fields(PanelChoice)}:
        raise ValueError(f"a panel has no {sorted(extra)[0]}")
    for name in ("model", "text", "target"):
        if not isinstance(values.get(name, ""), str):
            raise ValueError(f"{name} is no text")
        values.get(name, "").encode()  # half a letter cannot be shown: UnicodeEncodeError
    for name in ("layer", "head", "moment"):
        value = values.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**9:
            raise ValueError(f"{name} is no number that counts")
    if values.get("kind", "encoder") not in KINDS or values.get("to", "ko") not in TARGETS:
        raise ValueError("there is no such attention or language")
    return PanelChoice(**values)


def _pair(value: Any) -> tuple[int, int]:
    match value:
        case [int(first), int(second)] if {first, second} <= set(range(MOST_PANELS)):
            return first, second
    raise ValueError("a difference is drawn between two panels")
