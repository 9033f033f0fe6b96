"""Cells and curves are read as data: what they would draw is what they were given."""

import re

import numpy as np
import pytest

from viz import theme
from viz.charts.cells import Axis, signed_map, weight_map
from viz.charts.waves import WaveText, fall, waves
from viz.numbers import number

ROWS, COLUMNS = Axis("Query", ["a", "</s>"]), Axis("Key", ["x", "<b>", "z"])
VALUES = np.array([[1.5, -2.0, 0.00002], [-np.inf, 0.0, 12.34567]])


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1, "1"),
        (0.25, "0.25"),
        (2 / 3, "0.6667"),
        (-12.34567, "−12.35"),
        (0.99996, "1"),
        (112, "112"),
        (54410.4, "54,410"),
        (0.00002, "0.00002"),
        (1.234567e-7, "1.235e−7"),
        (-np.inf, "−∞"),
        (np.nan, "NaN"),
    ],
)
def test_numbers_have_four_digits_and_are_never_zero_by_rounding(value, written):
    assert number(value) == written


def test_a_signed_map_has_its_zero_in_the_middle_and_the_callers_limit():
    cells = signed_map(VALUES, ROWS, COLUMNS, limit=20, value="Score").data[0]
    assert (cells.zmin, cells.zmax) == (-20, 20)
    assert "0)" in cells.colorscale[1][1]  # no ink at 0
    np.testing.assert_array_equal(np.isnan(cells.z), np.isinf(VALUES))
    np.testing.assert_array_equal(cells.z[0], VALUES[0])


def test_small_pictures_write_their_numbers_and_minus_infinity():
    cells, ground, marks = signed_map(VALUES, ROWS, COLUMNS, limit=20, value="Score").data
    assert [list(row) for row in cells.text] == [["1.5", "−2", "0.00002"], ["", "0", "12.35"]]
    assert "Score: <b>%{text}" in cells.hovertemplate
    assert (list(marks.x), list(marks.y), list(marks.text)) == ([0], [1], ["−∞"])
    assert np.isfinite(ground.z).sum() == 1


def test_large_pictures_hatch_instead():
    values = np.zeros((20, 20))
    values[3, 4] = -np.inf
    cells, _, strokes = signed_map(values, Axis("p"), Axis("d"), limit=1, value="v").data
    assert cells.text is None
    assert cells.customdata is None
    assert strokes.mode == "lines"
    assert np.nanmean(strokes.x) == pytest.approx(4)
    assert np.nanmean(strokes.y) == pytest.approx(3)


def test_weights_have_a_scale_from_zero_and_forbidden_ones_say_zero():
    weights = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    mask = np.array([[True, False, False], [True, True, False]])
    cells, _, marks = weight_map(weights, ROWS, COLUMNS, value="Weight", mask=mask).data
    assert (cells.zmin, cells.zmax) == (0, 1)
    np.testing.assert_array_equal(np.isnan(cells.z), ~mask)
    assert set(marks.text) == {"0"}
    assert len(marks.text) == 3


PAGES = {"light": (251, 250, 246), "dark": (18, 28, 26)}


def luminance(rgb):
    channels = [c / 255 for c in rgb]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("page", PAGES)
def test_numbers_are_read_on_the_palest_and_on_the_fullest_cell(page):
    text = theme.page_text(page)
    values = np.array([[0.0, 0.5, 1.0]])
    maps = (
        weight_map(values, ROWS, COLUMNS, value="w", mask=values >= 0, text_colour=text),
        signed_map(values - 0.5, ROWS, COLUMNS, limit=0.5, value="v", text_colour=text),
    )
    for cells in (figure.data[0] for figure in maps):
        assert cells.textfont.color == text
        ink = luminance(int(text[n : n + 2], 16) for n in (1, 3, 5))
        for _, colour in cells.colorscale:
            *rgb, alpha = map(float, re.findall(r"[\d.]+", colour))
            ground = luminance(alpha * np.array(rgb) + (1 - alpha) * np.array(PAGES[page]))
            low, high = sorted((ink, ground))
            assert (high + 0.05) / (low + 0.05) >= 4.5


def test_labels_are_shown_as_typed():
    figure = signed_map(VALUES, ROWS, COLUMNS, limit=1, value="v")
    assert figure.layout.yaxis.ticktext == ("a", "&lt;/s&gt;")
    assert figure.layout.xaxis.ticktext == ("x", "&lt;b&gt;", "z")
    assert "<" not in "".join(figure.data[0].customdata.ravel())
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # first row on top


def test_a_long_sentence_keeps_its_labels_apart():
    labels = [f"word{i}" for i in range(256)]
    figure = signed_map(np.eye(256), Axis("", labels), Axis("", labels), limit=1, value="v")
    assert len(figure.layout.xaxis.ticktext) <= 40
    assert figure.layout.height < 1000


def test_curves_hold_the_table():
    table = np.array([[0.0, 1.0, 0.5], [0.8, 0.5, -0.5]])
    chart = waves(table, [2, 0], WaveText("Position", "Dimension", "Value")).to_dict()
    (rows,) = chart["datasets"].values()
    assert [(r["dimension"], r["position"], r["value"]) for r in rows] == [
        ("2", 0, 0.5), ("2", 1, -0.5), ("0", 0, 0.0), ("0", 1, 0.8),
    ]  # fmt: skip
    assert chart["encoding"]["y"]["scale"]["domain"] == [-1, 1]
    assert chart["encoding"]["color"]["scale"]["domain"] == ["2", "0"]


def test_a_fall_holds_zero_and_every_distance():
    chart = fall([4.0, 3.0, -0.5], distance="n", product="p").to_dict()
    (rows,) = chart["datasets"].values()
    assert [row["value"] for row in rows] == [4.0, 3.0, -0.5]
    low, high = chart["encoding"]["y"]["scale"]["domain"]
    assert low == -0.5
    assert high > 4
