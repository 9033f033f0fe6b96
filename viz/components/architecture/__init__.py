"""The architecture map: the encoder-decoder as the loaded model has it, every box a link.

`plan` says which boxes there are, in which order and joined by which wires; the browser lays them
out and draws the wires between them. A click comes back to Python; a new tab follows the link.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from model.analysis.block import SUBLAYERS, Module, Stack
from model.config import ModelConfig
from viz.components.agreement import heard
from viz.components.code import code

CODE = code(__file__, shared=("save",), own=("architecture",))
_component = st.components.v2.component("jumok_architecture", js=CODE.js, css=CODE.css)

Wire = tuple[str, ...]
"""`flow`, `tied`: from, to; `skip`: from, first box gone around, sum; `memory`: from, row, to."""


@dataclass(frozen=True)
class ArchitectureText:
    """Every word on the map, in the reader's language; the page fills in the name in braces."""

    title: str  # what the whole picture is, for screen readers
    encoder: str
    decoder: str
    source: str  # the sentence that goes in
    target: str  # what is written so far
    embedding: str
    position: str
    layer: str  # "Layer {layer}"
    self_attn: str
    masked_attn: str
    cross_attn: str
    ffn: str
    self_short: str  # the same four for a layer that is not opened
    cross_short: str
    ffn_short: str
    mask: str
    norm: str
    final_norm: str
    linear: str
    softmax: str
    decoding: str
    residual: str  # the legend of the three lines: the way around a sublayer
    tied: str  # one table E for both embeddings and the output
    memory: str  # what the decoder reads of the encoder


@dataclass(frozen=True)
class Box:
    """One box: where it leads and how it looks.

    Attributes:
        id: `encoder.embedding`, `decoder.1` (a layer's name), `encoder.0.ffn.norm`, …
        look: the box's kind, which decides its colour.
        here: the page shows this very box now.
    """

    id: str
    label: str
    look: str
    href: str
    elsewhere: bool = False
    here: bool = False


@dataclass(frozen=True)
class Layer:
    """One layer: every box of it when it is open, the sublayers alone when it is not."""

    id: str
    name: Box
    boxes: tuple[Box, ...]
    open: bool


@dataclass(frozen=True)
class Column:
    """One stack, from its input (first) to its output (last)."""

    title: str
    rows: tuple[Box | Layer, ...]
    here: bool


@dataclass(frozen=True)
class Plan:
    """The whole map."""

    columns: tuple[Column, Column]
    wires: tuple[Wire, ...]


@dataclass(frozen=True)
class Here:
    """Where the page stands: a stack, one of its layers, a stage (see `block.stages`)."""

    stack: Stack
    layer: int
    stage: str


def plan(
    config: ModelConfig, here: Here, text: ArchitectureText, href: Callable[[str], str]
) -> Plan:
    """Boxes and wires of a model with these settings.

    Args:
        href: the address that a box leads to, from its id; one that starts with "?" stays here.
    """
    encoder, decoder = (_Drawing(config, stack, here, text, href) for stack in SUBLAYERS)
    memory = (encoder.top, encoder.rows[-1].id)
    crossing = [
        f"{row.id}.cross_attn.out" if row.open else row.id
        for row in decoder.rows
        if isinstance(row, Layer)
    ]
    wires: list[Wire] = [
        *encoder.wires,
        *decoder.wires,
        *(("memory", *memory, cross) for cross in crossing),
        ("tied", "encoder.embedding", "decoder.embedding"),
        ("tied", "decoder.embedding", "decoder.linear"),
    ]
    return Plan((encoder.column(), decoder.column()), tuple(wires))


def architecture(
    plan: Plan,
    *,
    text: ArchitectureText,
    save: Mapping[str, str],
    answer: str,
    key: str,
    on_click: Callable[[], None],
) -> str | None:
    """Draw the map; the id of the box that was clicked just now, else None.

    Args:
        save: what the save buttons are called.
        answer: key of the container that shows what a click asks for; out of sight below the map,
            it is scrolled to.
        on_click: called before the rerun that a click starts; read it there with `clicked(key)`.
    """
    data: dict[str, Any] = {"plan": asdict(plan), "text": asdict(text), "answer": answer}
    data["save"] = dict(save)
    found = _component(key=key, data=data, on_go_change=on_click)
    box: str | None = found.go
    return box


def clicked(key: str) -> str | None:
    """The box that was clicked just now; for use in `on_click`."""
    box: str | None = heard(key, "go")
    return box


class _Drawing:
    """One stack, drawn from its input upwards."""

    def __init__(
        self,
        config: ModelConfig,
        stack: Stack,
        here: Here,
        text: ArchitectureText,
        href: Callable[[str], str],
    ) -> None:
        self.config, self.stack, self.here, self.text, self.href = config, stack, here, text, href
        self.rows: list[Box | Layer] = []
        self.wires: list[Wire] = []
        self.top = ""
        sentence = text.source if stack == "encoder" else text.target
        self._rise(self._box("tokens", sentence, "tokens"))
        self._rise(self._box("embedding", text.embedding, "embedding"))
        self._rise(self._box("position", text.position, "position"))
        encoder = stack == "encoder"
        for layer in range(config.n_encoder_layers if encoder else config.n_decoder_layers):
            self._layer(layer)
        if config.norm == "pre":
            self._rise(self._box("final_norm", text.final_norm, "norm", stage="final_norm"))
        if not encoder:
            self._rise(self._box("linear", text.linear, "linear", stage="output"))
            self._rise(self._box("softmax", text.softmax, "softmax", stage="output"))
            self._rise(self._box("decoding", text.decoding, "tokens"))

    def column(self) -> Column:
        title = self.text.encoder if self.stack == "encoder" else self.text.decoder
        return Column(title, tuple(self.rows), self.stack == self.here.stack)

    def _box(self, path: str, label: str, look: str, stage: str | None = None) -> Box:
        name = f"{self.stack}.{path}"
        href = self.href(name)
        here = self.stack == self.here.stack and stage == self.here.stage
        return Box(name, label, look, href, elsewhere=not href.startswith("?"), here=here)

    def _rise(self, row: Box | Layer) -> None:
        """Put a row on top, with a wire from what was on top before."""
        if self.top:
            self.wires.append(("flow", self.top, row.id))
        self.rows.append(row)
        self.top = row.id

    def _layer(self, layer: int) -> None:
        is_open = (self.stack, layer) == (self.here.stack, self.here.layer)
        name = self._box(str(layer), self.text.layer.format(layer=layer + 1), "name")
        if not is_open:
            self._rise(Layer(name.id, name, tuple(self._closed(layer)), open=False))
            return
        boxes: list[Box] = []
        for module in SUBLAYERS[self.stack]:
            boxes += self._sublayer(layer, module)
        self.rows.append(Layer(name.id, name, tuple(boxes), open=True))

    def _closed(self, layer: int) -> list[Box]:
        short: dict[Module, str] = {
            "self_attn": self.text.self_short,
            "cross_attn": self.text.cross_short,
            "ffn": self.text.ffn_short,
        }
        return [
            self._box(f"{layer}.{module}.out", short[module], _look(module))
            for module in SUBLAYERS[self.stack]
        ]

    def _sublayer(self, layer: int, module: Module) -> list[Box]:
        """Norm, sublayer and sum in the model's order, with the line that goes around."""
        path, text, before = f"{layer}.{module}", self.text, self.top
        label: dict[Module, str] = {
            "self_attn": text.self_attn if self.stack == "encoder" else text.masked_attn,
            "cross_attn": text.cross_attn,
            "ffn": text.ffn,
        }
        norm = self._box(f"{path}.norm", text.norm, "norm", stage=f"{module}.norm")
        out = self._box(f"{path}.out", label[module], _look(module), stage=f"{module}.out")
        add = self._box(f"{path}.add", "+", "add", stage=f"{module}.add")
        order = [norm, out, add] if self.config.norm == "pre" else [out, add, norm]
        for box in order:
            self.wires.append(("flow", self.top, box.id))
            self.top = box.id
        self.wires.append(("skip", before, order[0].id, add.id))
        if module == "self_attn":
            order.insert(order.index(out), self._box(f"{path}.mask", text.mask, "mask"))
        return order


def _look(module: Module) -> str:
    return "ffn" if module == "ffn" else "attention"
