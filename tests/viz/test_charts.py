"""Charts are read as data: what they would draw is what they were given."""

import numpy as np
import pytest

from viz import theme
from viz.charts.bars import bar_list
from viz.charts.cells import Axis, weight_map
from viz.charts.heatmap import MOST_TICKS, HeatmapText, heatmap
from viz.charts.side_by_side import Column, side_by_side

TEXT = HeatmapText("Query", "Key", "Weight", "masked", "row's largest")
WEIGHTS = np.array([[0.9, 0.1, 0.0], [0.25, 0.5, 0.25]])


def draw(**changes):
    given = {"weights": WEIGHTS, "query_labels": ["a", "b"], "key_labels": ["x", "y", "x"]}
    return heatmap(*(given | changes).values(), text=TEXT)


def test_rows_are_queries_from_top_to_bottom_and_columns_are_keys():
    figure = draw()
    np.testing.assert_allclose(figure.data[0].z, WEIGHTS)
    assert figure.layout.yaxis.ticktext == ("a", "b")
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert figure.layout.xaxis.ticktext == ("x", "y", "x")


def test_the_scale_is_fixed_so_that_a_flat_head_looks_flat():
    flat = draw(weights=np.full((2, 3), 1 / 3)).data[0]
    assert (flat.zmin, flat.zmax) == (0, 1)


def test_tooltips_name_query_key_and_weight():
    cells = draw().data[0]
    assert list(cells.customdata[1][2]) == ["b", "x"]
    for word in ("Query", "Key", "Weight", "%{z"):
        assert word in cells.hovertemplate


def test_labels_are_shown_as_typed():
    figure = draw(key_labels=["</s>", "<b>x</b>", "a&b"])
    assert figure.layout.xaxis.ticktext == ("&lt;/s&gt;", "&lt;b&gt;x&lt;/b&gt;", "a&amp;b")
    assert "<" not in "".join(figure.data[0].customdata.ravel())


def test_masked_cells_are_hatched_and_zeros_are_not():
    mask = np.array([[True, True, False], [True, True, True]])
    figure = heatmap(WEIGHTS, ["a", "b"], ["x", "y", "z"], text=TEXT, mask=mask)
    _, ground, strokes = figure.data
    np.testing.assert_array_equal(np.isnan(ground.z), mask)
    assert "masked" in ground.hovertemplate
    assert len(strokes.x) == 3 * (~mask).sum()
    assert np.nanmean(strokes.x) == pytest.approx(2)
    assert np.nanmean(strokes.y) == pytest.approx(0)
    assert len(draw().data) == 1


def test_a_mask_that_hides_nothing_draws_nothing():
    everything = np.ones((2, 3), dtype=bool)
    assert len(heatmap(WEIGHTS, ["a", "b"], list("xyz"), text=TEXT, mask=everything).data) == 1


def test_the_pinned_row_is_framed():
    figure = heatmap(WEIGHTS, ["a", "b"], list("xyz"), text=TEXT, pinned=1)
    (frame,) = figure.layout.shapes
    assert (frame.y0, frame.y1, frame.x0, frame.x1) == (0.5, 1.5, -0.5, 2.5)


def test_a_long_sentence_keeps_its_labels_apart():
    labels = [f"word{i}" for i in range(256)]
    figure = draw(weights=np.eye(256), query_labels=labels, key_labels=labels)
    assert len(figure.layout.xaxis.ticktext) <= 40
    assert figure.layout.height < 1000


def test_several_rows_and_one_cell_are_framed():
    assert not draw().layout.shapes
    figure = heatmap(WEIGHTS, ["a", "b"], list("xyz"), text=TEXT, pinned=[0, 1], cell=(1, 2))
    first, second, cell = figure.layout.shapes
    assert (first.y0, second.y0) == (-0.5, 0.5)
    assert (cell.x0, cell.x1, cell.y0, cell.y1) == (1.5, 2.5, 0.5, 1.5)


def test_a_scale_of_each_row_says_so_and_the_tooltip_keeps_the_weight():
    weights = np.array([[0.2, 0.1, 0.0], [0.0, 0.0, 0.0]])
    cells = heatmap(weights, ["a", "b"], list("xyz"), text=TEXT, scale="row").data[0]
    np.testing.assert_allclose(cells.z, [[1, 0.5, 0], [0, 0, 0]])
    assert cells.customdata[0][0][2] == "0.200"
    assert "customdata[2]" in cells.hovertemplate
    assert cells.colorbar.ticktext == ("0", "row's largest")
    assert draw().data[0].colorbar.ticktext is None


def test_the_tooltip_rounds_the_weight_itself():
    weights = np.array([[0.12346, 0.87654]], np.float32)  # 0.1235 would be written 0.124
    cells = heatmap(weights, ["a"], ["x", "y"], text=TEXT).data[0]
    np.testing.assert_array_equal(cells.z, weights)


def test_a_long_label_is_cut_between_letters_as_typed():
    label = "twelve chars<img onerror>"
    shown = draw(query_labels=[label, "b"]).layout.yaxis.ticktext
    assert shown[0] == "twelve chars&lt;…"
    pieces = Axis("Key", [label])
    assert weight_map(
        np.ones((1, 1)), pieces, pieces, value="v", mask=np.ones((1, 1), bool)
    ).layout.xaxis.ticktext == (shown[0],)
    column = Column("v", np.ones(1), ["1"])
    assert side_by_side([label], [column]).layout.yaxis.ticktext == (shown[0],)


def test_every_cell_has_a_point_that_can_be_clicked():
    mask = np.array([[True, True, False], [True, True, True]])
    figure = heatmap(WEIGHTS, ["a", "b"], list("xyz"), text=TEXT, mask=mask, selectable=True)
    *picture, open_cells, masked = figure.data
    assert {trace.hoverinfo for trace in picture} == {"skip"}
    np.testing.assert_array_equal([open_cells.y, open_cells.x], np.nonzero(mask))
    assert (list(masked.y), list(masked.x)) == ([0], [2])
    assert list(open_cells.customdata[3]) == ["b", "y", "0.500"]
    assert "masked" in masked.hovertemplate
    for points in (open_cells, masked):
        assert points.marker.opacity == 0
        assert points.unselected.marker.opacity == points.selected.marker.opacity == 0


def test_no_map_is_so_narrow_that_its_labels_touch():
    for n in (1, 14, 40, 64, 256):
        labels = [f"동물{i}" for i in range(n)]
        figure = draw(weights=np.eye(n), query_labels=labels, key_labels=labels)
        shown = len(figure.layout.xaxis.ticktext)
        assert shown <= MOST_TICKS
        slanted = np.sin(np.radians(-figure.layout.xaxis.tickangle))
        size = figure.layout.xaxis.tickfont.size
        assert theme.map_step(n) >= shown
        assert f".st-key-look_map_{theme.map_step(n)} " in theme.STYLE
        assert slanted * theme.MAP_PITCH >= 1.2 * size
        assert (figure.layout.height - 120) / shown >= 1.2 * size


def test_bars_keep_their_order_and_a_fixed_scale():
    figure = bar_list(["animal", "<i>"], [0.9, 0.1], ["90 %", "10 %"])
    (bars,) = figure.data
    assert list(bars.x) == [0.9, 0.1]
    assert figure.layout.yaxis.ticktext == ("animal", "&lt;i&gt;")
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.xaxis.range[0] == 0
