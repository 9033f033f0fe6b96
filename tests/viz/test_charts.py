"""Charts are read as data: what they would draw is what they were given."""

import numpy as np
import pytest

from viz.charts.bars import bar_list
from viz.charts.heatmap import HeatmapText, heatmap

TEXT = HeatmapText("Query", "Key", "Weight", "masked")
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


def test_bars_keep_their_order_and_a_fixed_scale():
    figure = bar_list(["animal", "<i>"], [0.9, 0.1], ["90 %", "10 %"])
    (bars,) = figure.data
    assert list(bars.x) == [0.9, 0.1]
    assert figure.layout.yaxis.ticktext == ("animal", "&lt;i&gt;")
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.xaxis.range[0] == 0
