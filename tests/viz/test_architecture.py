"""The map is the loaded model's: its layers, its order, its lines, every box with an address."""

from dataclasses import fields

import pytest

from model import ModelConfig
from viz.components.architecture import ArchitectureText, Box, Here, Layer, plan

TEXT = ArchitectureText(
    **{f.name: f.name for f in fields(ArchitectureText)} | {"layer": "Layer {layer}"}
)


def config(**changes):
    return ModelConfig(vocab_size=100, **({"n_encoder_layers": 3, "n_decoder_layers": 5} | changes))


def draw(here=None, **changes):
    here = here or Here("encoder", 1, "self_attn.add")
    return plan(config(**changes), here, TEXT, lambda box: f"?{box}")


def boxes(drawn):
    """Every box of the map, layers' names included."""
    rows = [row for column in drawn.columns for row in column.rows]
    return [
        box for row in rows for box in ([row] if isinstance(row, Box) else [row.name, *row.boxes])
    ]


def opened(drawn):
    found = [row for column in drawn.columns for row in column.rows if isinstance(row, Layer)]
    (layer,) = (row for row in found if row.open)
    return layer


def test_there_are_as_many_layers_as_the_model_has():
    for column, n in zip(draw().columns, (3, 5), strict=True):
        layers = [row for row in column.rows if isinstance(row, Layer)]
        assert [layer.name.label for layer in layers] == [f"Layer {i + 1}" for i in range(n)]


@pytest.mark.parametrize(
    ("norm", "order"),
    [
        ("post", ["mask", "out", "add", "norm", "out", "add", "norm"]),
        ("pre", ["norm", "mask", "out", "add", "norm", "out", "add"]),
    ],
)
def test_the_open_layer_stands_in_the_models_own_order(norm, order):
    layer = opened(draw(norm=norm))
    assert layer.id == "encoder.1"
    assert [box.id.rsplit(".", 1)[-1] for box in layer.boxes] == order


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_only_a_pre_norm_model_has_final_norms(norm):
    rows = [row.id for column in draw(norm=norm).columns for row in column.rows]
    assert ("encoder.final_norm" in rows) == (norm == "pre")
    assert rows[-3:] == ["decoder.linear", "decoder.softmax", "decoder.decoding"]


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize(("stack", "layer"), [("encoder", 0), ("encoder", 2), ("decoder", 4)])
def test_every_wire_joins_two_things_that_are_there(norm, stack, layer):
    drawn = draw(Here(stack, layer, "ffn.add"), norm=norm)
    known = {box.id for box in boxes(drawn)}
    assert len(known) == len(boxes(drawn))
    for _, *ends in drawn.wires:
        assert set(ends) <= known
    flow = [wire[1:] for wire in drawn.wires if wire[0] == "flow"]
    assert len({end for _, end in flow}) == len(flow)  # one way in for each


def test_the_residual_line_starts_where_the_sublayers_input_is():
    """Pre-norm: before the LayerNorm. Post-norm: before the sublayer, and the norm comes later."""
    for norm, first in (("pre", "norm"), ("post", "out")):
        skips = [wire[1:] for wire in draw(norm=norm).wires if wire[0] == "skip"]
        assert skips[0] == ("encoder.0", f"encoder.1.self_attn.{first}", "encoder.1.self_attn.add")
        last = "add" if norm == "pre" else "norm"
        assert skips[1][0] == f"encoder.1.self_attn.{last}"
        assert skips[1][2] == "encoder.1.ffn.add"


def test_the_encoders_end_goes_into_every_decoder_layer():
    drawn = draw(Here("decoder", 2, "next"), norm="pre")
    ends = [wire[-1] for wire in drawn.wires if wire[0] == "memory"]
    expected = [f"decoder.{i}" for i in range(5)]
    expected[2] = "decoder.2.cross_attn.out"
    assert ends == expected
    assert {wire[1] for wire in drawn.wires if wire[0] == "memory"} == {"encoder.final_norm"}


@pytest.mark.parametrize(
    ("here", "lit"),
    [
        (Here("encoder", 1, "ffn.norm"), ["encoder.1.ffn.norm"]),
        (Here("decoder", 0, "cross_attn.add"), ["decoder.0.cross_attn.add"]),
        (Here("encoder", 2, "final_norm"), ["encoder.final_norm"]),
        (Here("decoder", 4, "output"), ["decoder.linear", "decoder.softmax"]),
        (Here("decoder", 4, "next"), []),
    ],
)
def test_the_box_that_the_page_shows_is_lit(here, lit):
    assert [box.id for box in boxes(draw(here, norm="pre")) if box.here] == lit


def test_every_box_has_its_address_and_says_when_it_leads_elsewhere():
    drawn = plan(
        config(),
        Here("encoder", 0, "next"),
        TEXT,
        lambda b: f"other?{b}" if "mask" in b else f"?{b}",
    )
    for box in boxes(drawn):
        assert isinstance(box, Box)
        assert box.href.endswith(f"?{box.id}")
        assert box.elsewhere == ("mask" in box.id)
