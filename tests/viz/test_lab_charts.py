"""The lab's charts, read as data."""

import numpy as np
import pytest

from viz.charts.measured import Curve, Measured, falling, heads_apart, intervals
from viz.charts.rivals import FIRST, SECOND, Shares, leanings, rival_bars, rival_lines

RIVALS = ("<animal>", "street")


def test_rival_bars_share_out_one_and_say_what_is_wide_enough():
    bars = [Shares("1", 0.9, 0.05, ("90 %", "5 %")), Shares("2", 0.2, 0.8, ("20 %", "80 %"))]
    first, rest, second = rival_bars(bars, RIVALS, "others").data
    np.testing.assert_allclose(np.add(np.add(first.x, rest.x), second.x), 1)
    assert (first.marker.color, second.marker.color) == (FIRST, SECOND)
    assert first.text == ("90 %", "20 %")
    assert second.text == ("", "80 %")
    assert second.customdata == ("5 %", "80 %")
    assert first.name == "&lt;animal&gt;"


def test_rival_bars_never_draw_a_rest_below_nothing():
    _, rest, _ = rival_bars([Shares("1", 0.7, 0.3000001, ("", ""))], RIVALS, "others").data
    assert rest.x == (0.0,)


def test_lens_lines_have_one_point_a_layer_and_differ_in_more_than_colour():
    figure = rival_lines(
        [("animal", [0.1, 0.9]), ("street", [0.5, 0.1]), ("it", [0.4, 0])],
        ["start", "1"],
        "after layer",
        [["10 %", "90 %"], ["50 %", "10 %"], ["40 %", "0 %"]],
    )
    assert [line.name for line in figure.data] == ["animal", "street", "it"]
    assert list(figure.data[0].y) == [0.1, 0.9]
    assert list(figure.data[1].customdata[0]) == ["start", "50 %"]
    assert len({line.marker.symbol for line in figure.data}) == 3
    assert figure.layout.xaxis.ticktext == ("start", "1")
    assert figure.layout.yaxis.range[0] < 0 < 1 < figure.layout.yaxis.range[1]


def test_leanings_point_to_the_side_that_they_favour():
    figure = leanings(["1", "tired → wide"], [0.9, -0.8], ["0.9", "−0.8"], RIVALS)
    (bars,) = figure.data
    assert bars.marker.color == (FIRST, SECOND)
    assert figure.layout.xaxis.ticktext == ("← street", "0", "&lt;animal&gt; →")
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]


def test_intervals_stand_beside_the_rules():
    rows = [Measured("L1", 0.9, 0.8, 0.95, "90 %", chosen=True), Measured("L2", 0.5, 0.4, 0.6, "")]
    *lines, points = intervals(rows, [("nearest noun", 0.5), ("guess", 0.25)]).data
    np.testing.assert_allclose(points.error_x.array, [0.05, 0.1])
    np.testing.assert_allclose(points.error_x.arrayminus, [0.1, 0.1])
    assert points.marker.color[0] != points.marker.color[1]
    assert [line.x for line in lines] == [(0.5, 0.5), (0.25, 0.25)]
    assert lines[0].line.dash != lines[1].line.dash


def test_falling_curves_carry_the_band_of_the_draws():
    figure = falling(
        (Curve("best", [1, 0.5, 0.4]), Curve("random", [1, 0.9], [1, 0.8], [1, 0.95])),
        ("<guess>", 0.25),
        "n",
        "right",
    )
    guess, best, band, random = figure.data
    assert (guess.x, guess.y, guess.name) == ((0, 2), (0.25, 0.25), "&lt;guess&gt;")
    assert list(best.y) == [1, 0.5, 0.4]
    assert list(band.y) == [1, 0.95, 0.8, 1]
    assert list(random.x) == [0, 1]
    assert figure.layout.yaxis.title.text == "right"


def test_every_head_is_a_point_with_its_name():
    across, up = np.arange(6).reshape(2, 3) / 6, np.ones((2, 3))
    (points,) = heads_apart(across, up, ("a", "b"), "L{layer}H{head}", limits=((0, 1), (0, 1))).data
    assert points.x == pytest.approx(across.ravel())
    assert points.customdata == ("L1H1", "L1H2", "L1H3", "L2H1", "L2H2", "L2H3")
    assert len(set(points.marker.symbol)) == 2
