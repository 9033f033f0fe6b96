"""Curves and points of the page's charts, read as data."""

import math

import pytest

from viz.charts.lines import Line, Scale, lines
from viz.charts.quality_cost import KINDS, System, quality_over_cost

ONE = Line("<RNN>", [16, 64], [1.5, 30.0], ["1.5 ms", "30 ms"], 0)
TWO = Line("CNN", [16, 64], [2.0, 3.0], ["2 ms", "3 ms"], 3)
X = Scale("n", (16, 64), (16, 64), log=True)


def test_curves_carry_their_values_and_differ_in_more_than_colour():
    one, two = lines([ONE, TWO], X, Scale("ms")).data
    assert (list(one.x), list(one.y), list(one.customdata)) == (ONE.x, ONE.y, ONE.written)
    assert one.name == "&lt;RNN&gt;"
    assert one.line.color != two.line.color
    assert one.line.dash != two.line.dash
    assert one.marker.symbol != two.marker.symbol


def test_a_logarithmic_axis_begins_and_ends_around_its_ends():
    figure = lines([ONE], X, Scale("ms", (0, 4)))
    low, high = figure.layout.xaxis.range
    assert low < math.log10(16) < math.log10(64) < high
    assert high - low == pytest.approx(1.06 * math.log10(4))
    assert figure.layout.xaxis.ticktext == ("16", "64")
    assert figure.layout.yaxis.type == "linear"
    assert figure.layout.yaxis.range[0] < 0 < 4 < figure.layout.yaxis.range[1]


def test_a_mark_stands_at_its_place():
    figure = lines([ONE], X, Scale("ms", log=True), mark=(32, "n = d"))
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (32, 32)
    # Plotly wants an annotation's place on a logarithmic axis as its logarithm.
    assert figure.layout.annotations[0].x == pytest.approx(math.log10(32))
    assert figure.layout.annotations[0].text == "n = d"
    assert not lines([ONE], X, X).layout.shapes


def test_every_system_is_a_named_point_of_its_kind():
    systems = [
        System("A", 24.6, 2.3e19, "2.3 · 10¹⁹", "single", "top center"),
        System("B", 28.4, 3.3e18, "3.3 · 10¹⁸", "transformer", "bottom center"),
    ]
    names = dict(zip(KINDS, ("T", "S", "E"), strict=True))
    axes = {"flops": ("cost", (1e18, 1e21)), "bleu": ("BLEU", (24, 29))}
    transformer, single, ensemble = quality_over_cost(systems, **axes, kinds=names).data
    assert (transformer.text, transformer.x, transformer.y) == (("B",), (3.3e18,), (28.4,))
    assert (single.text, single.textposition) == (("A",), ("top center",))
    assert not ensemble.x
    assert len({one.marker.symbol for one in (transformer, single, ensemble)}) == 3
