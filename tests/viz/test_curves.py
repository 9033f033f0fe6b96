"""Curves of trainings: what is drawn is what was given, on scales that do not move."""

import plotly.graph_objects as go

from viz.charts.curves import Course, curves

LOSS = Course("<b>loss</b>", [0, 20, 40], [17.5, 9.0, 4.25])
SHARE = Course("right", [0, 20], [0.0, 0.125], colour=2, dashed=True)


def test_a_line_has_its_values_and_its_name_as_typed():
    figure = curves([LOSS], step="Step", value="Loss", unit="loss", now=20, steps=90)
    (line,) = figure.data
    assert isinstance(line, go.Scatter)
    assert (list(line.x), list(line.y)) == (LOSS.steps, LOSS.values)
    assert line.name == "&lt;b&gt;loss&lt;/b&gt;"
    assert list(figure.layout.xaxis.range) == [0, 90]
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (20, 20)


def test_shares_stand_on_a_scale_from_0_to_1_whatever_they_are():
    figure = curves([SHARE], step="Step", value="Share", unit="share")
    low, high = figure.layout.yaxis.range
    assert low <= 0
    assert high >= 1
    assert high < 1.1
    assert figure.data[0].line.dash == "dash"
    assert not figure.layout.shapes


def test_losses_begin_at_0():
    figure = curves([LOSS, SHARE], step="Step", value="Loss", unit="loss")
    assert figure.layout.yaxis.rangemode == "tozero"
    assert figure.data[0].line.color != figure.data[1].line.color


def test_no_line_is_no_error():
    assert not curves([], step="Step", value="Loss", unit="loss").data
