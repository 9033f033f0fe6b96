"""The strips, the hidden layer, the stream and the paths: they draw what they were given."""

import json
import math

import numpy as np
import pytest

from model.analysis.block import paths_by_length, unrolled
from viz.charts.residual import StreamText, path_lengths, stream_chart, unrolled_paths
from viz.charts.vectors import Strip, hidden_layer, strips
from viz.numbers import number


def test_strips_share_one_scale_around_zero():
    small, large = np.array([0.1, -0.2, 0.0]), np.array([1.0, 4.0, -5.0])
    cells = strips([Strip("a", small), Strip("b", large)], dimension="dim").data[0]
    assert (cells.zmin, cells.zmax) == (-5, 5)
    np.testing.assert_array_equal(cells.z[1], small)
    np.testing.assert_array_equal(cells.z[3], large)
    assert np.isnan(cells.z[0]).all()


def test_a_strips_tooltip_is_the_number_as_it_is_written_everywhere():
    values = np.array([0.00012346, -1.23456])
    cells = strips([Strip("<x>", values)], dimension="dim").data[0]
    for i, value in enumerate(values):
        assert cells.customdata[1][i] == f"&lt;x&gt;<br>dim {i + 1}: <b>{number(value)}</b>"


def test_the_followed_number_is_framed_in_every_strip():
    figure = strips([Strip("a", np.zeros(5)), Strip("b", np.zeros(5))], dimension="d", marked=3)
    assert [(s.x0 + s.x1) / 2 for s in figure.layout.shapes] == [3, 3]
    assert [(s.y0 + s.y1) / 2 for s in figure.layout.shapes] == [1, 3]
    assert figure.data[0].zmax > 0  # nothing but zeros has a scale, too


@pytest.mark.parametrize("n", [1, 63, 64, 130, 2048])
def test_the_hidden_layer_shows_every_number_and_every_zero(n):
    hidden = np.random.default_rng(n).normal(size=n).astype(np.float32)
    relu = np.maximum(hidden, 0)
    figure = hidden_layer(Strip("h", hidden), Strip("r", relu), dimension="unit", zero="silent")
    cells, ground = figure.data
    width = cells.z.shape[1]
    rows = math.ceil(n / width)
    before, after = cells.z[2 : 2 + rows], cells.z[4 + rows :]
    np.testing.assert_array_equal(before[~np.isnan(before)], hidden)
    np.testing.assert_array_equal(after[~np.isnan(after)], relu)
    assert (ground.z == 0).sum() == (relu == 0).sum()
    assert sum("(silent)" in name for row in cells.customdata for name in row) == (relu == 0).sum()


def test_the_stream_chart_draws_both_lengths():
    text = StreamText("carried", "contributed", "length")
    carried, contributed = np.array([3.0, 4.0]), np.array([1.5, 0.25])
    figure = stream_chart([(1, "Self"), (1, "FFN")], carried, contributed, text=text, here=1)
    np.testing.assert_array_equal(figure.data[0].y, carried)
    np.testing.assert_array_equal(figure.data[1].y, contributed)
    assert figure.layout.xaxis.ticktext == ("1<br>Self", "<b>1<br>FFN</b>")


def test_each_path_has_a_line_and_a_dot_for_each_sublayer_on_it():
    figure = unrolled_paths(unrolled(3), ["a", "b", "c"], through="via {sublayers}", around="past")
    lines, dots = figure.data
    assert np.isnan(np.array(lines.x, dtype=float)).sum() == 8
    assert len(dots.x) == 3 * 4  # each sublayer is on half of the eight paths
    assert lines.text[0] == "past"
    assert lines.text[-1] == "via a → b → c"


@pytest.mark.parametrize("n", [1, 8, 96])
def test_path_lengths_are_binomials_and_can_be_sent(n):
    figure = path_lengths(paths_by_length(n), length="l", paths="p")
    assert sum(figure.data[0].y) == pytest.approx(2**n)
    assert len(json.loads(figure.to_json())["data"][0]["customdata"]) == n + 1
