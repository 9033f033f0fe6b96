"""The map of heads and the columns of bars: what is drawn is what was given."""

import itertools

import numpy as np
import pytest

from viz import theme
from viz.charts.head_map import HeadCell, head_map
from viz.charts.side_by_side import Column, side_by_side, stacked


def cells(n_layers: int, n_heads: int) -> list[HeadCell]:
    return [
        HeadCell(layer, head, (layer + head) / 30, f"{layer}<{head}", f"L{layer} </s> H{head}")
        for layer in range(n_layers)
        for head in range(n_heads)
    ]


@pytest.mark.parametrize("shape", [(1, 1), (4, 3), (12, 16)])
def test_every_head_has_its_cell(shape):
    figure = head_map(cells(*shape), layer="Layer", head="Head", limit=2, chosen=(0, 0))
    ink, points = figure.data
    assert ink.z.shape == shape
    assert (ink.zmin, ink.zmax) == (0, 2)
    layer, head = shape[0] - 1, shape[1] - 1
    assert ink.z[layer, head] == pytest.approx((layer + head) / 30)
    assert figure.layout.annotations[-1].text == f"{layer}&lt;{head}"
    assert (points.x[-1], points.y[-1]) == (head, layer)
    assert points.hovertext[-1] == f"L{layer} &lt;/s&gt; H{head}"
    assert figure.layout.xaxis.ticktext[-1] == str(shape[1])
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "layer 1 on top"


def test_what_was_not_measured_has_no_colour():
    figure = head_map([HeadCell(0, 0, np.nan, "—", "")], layer="", head="", limit=1)
    assert figure.data[0].z[0, 0] == 0
    assert figure.layout.annotations[0].text == "—"


COLUMNS = [
    Column("Weight", np.array([0.1, 0.9]), ["0.1", "0.9"]),
    Column("Cut", np.array([-4.0, 2.0]), ["−4", "2"], signed=True),
    Column("Nothing", np.array([0.0, 0.0]), ["0", "0"], signed=True),
]


def test_stacked_each_measure_has_its_keys_and_its_name_above():
    figure = stacked(["a", "</s>"], COLUMNS)
    assert figure.layout.height == 3 * side_by_side(["a", "</s>"], COLUMNS).layout.height
    assert [(bar.xaxis, bar.yaxis) for bar in figure.data] == [
        ("x", "y"),
        ("x2", "y2"),
        ("x3", "y3"),
    ]
    rows = [figure.layout[f"yaxis{n}"] for n in ("", 2, 3)]
    assert all(axis.ticktext == ("a", "&lt;/s&gt;") for axis in rows)
    assert all(above.domain[0] > below.domain[1] for above, below in itertools.pairwise(rows))
    assert [note.y for note in figure.layout.annotations] == [axis.domain[1] for axis in rows]
    assert rows[-1].domain[0] >= 0


def test_each_column_has_its_own_scale():
    figure = side_by_side(["a", "</s>"], COLUMNS)
    weight, cut, nothing = figure.data
    assert list(weight.x) == [0.1, 0.9]
    assert list(weight.marker.color) == [theme.NEUTRAL, theme.ACCENT]
    assert cut.marker.color[0] == theme.SIGNED[0][1]
    assert list(nothing.marker.color) == [theme.NEUTRAL] * 2
    assert figure.layout.yaxis.ticktext == ("a", "&lt;/s&gt;")
    assert figure.layout.xaxis.range[0] == 0
    assert figure.layout.xaxis2.range[0] == -figure.layout.xaxis2.range[1] < -4
    assert {bar.yaxis for bar in figure.data} == {"y"}
    domains = [figure.layout[f"xaxis{n}"].domain for n in ("", 2, 3)]
    assert all(a[1] < b[0] for a, b in itertools.pairwise(domains))
    assert [note.text for note in figure.layout.annotations] == [
        "<b>Weight</b>", "<b>Cut</b>", "<b>Nothing</b>",
    ]  # fmt: skip
