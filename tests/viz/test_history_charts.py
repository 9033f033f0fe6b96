"""Pictures of the page "Before the Transformer", read as data."""

from viz import theme
from viz.charts.by_length import Point, by_length
from viz.charts.reach import Edge, reach
from viz.formula import aligned, matrix, term, tex

WORDS = ["a", "<b>", "c"]
LEVELS = ["words", "layer 1"]


def trace_named(figure, name):
    (found,) = [one for one in figure.data if one.name == name]
    return found


def test_every_word_has_a_place_in_every_layer_and_is_shown_as_typed():
    figure = reach(WORDS, LEVELS, [], [])
    dots = trace_named(figure, "places")
    assert list(zip(dots.x, dots.y, strict=True)) == [
        (0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)
    ]  # fmt: skip
    assert dots.customdata[1] == "&lt;b&gt; · words"
    assert set(dots.marker.color) == {theme.MASKED_LINE}


def test_the_way_and_what_is_reached_have_their_colours():
    edges = [Edge((0, 0), (1, 1)), Edge((1, 0), (1, 1))]
    figure = reach(WORDS, LEVELS, edges, [(0, 0), (1, 1)])
    colours = dict(zip([(x, y) for y in range(2) for x in range(3)],
                       trace_named(figure, "places").marker.color, strict=True))  # fmt: skip
    assert colours[0, 0] == colours[1, 1] == theme.CHOSEN_CELL
    assert colours[1, 0] == theme.ACCENT
    assert colours[2, 0] == theme.MASKED_LINE
    way = trace_named(figure, "way")
    assert list(zip(way.x, way.y, strict=True)) == [(0, 0), (1, 1)]


def test_a_weak_edge_is_thin_and_pale_and_one_of_nothing_is_not_drawn():
    edges = [Edge((0, 0), (1, 1), 0.9), Edge((1, 0), (1, 1), 0.1), Edge((2, 0), (1, 1), 0.0)]
    weak, strong = (one for one in reach(WORDS, LEVELS, edges, []).data if one.name == "edges")
    assert (weak.x[0], strong.x[0]) == (1, 0)
    assert weak.opacity < strong.opacity
    assert weak.line.width < strong.line.width


def test_each_model_is_a_line_and_each_point_has_its_interval():
    points = [
        Point("GRU", 10, "1–12", 50, 40.0, 35.0, 45.0, "(35.0 – 45.0)"),
        Point("Luong", 10, "1–12", 50, 60.0, 55.0, 64.0, "(55.0 – 64.0)"),
        Point("GRU", 30, "13–40", 50, 20.0, 15.0, 26.0, "(15.0 – 26.0)"),
    ]
    names = {"pieces": "tokens", "value": "chrF", "model": "model", "texts": "texts"}
    spec = by_length(points, **names, top=100).to_dict()
    spread, lines, dots = spec["layer"]
    assert [tip["field"] for tip in dots["encoding"]["tooltip"]][-1] == "written"
    assert spread["encoding"]["y"]["field"] == "low"
    assert spread["encoding"]["y2"]["field"] == "high"
    assert lines["encoding"]["y"]["scale"]["domain"] == [0, 100]
    assert lines["encoding"]["color"]["scale"]["domain"] == ["GRU", "Luong"]
    legend = lines["encoding"]["color"]["legend"]
    assert (legend["symbolType"], legend["columns"]) == ("stroke", 2)  # all four fit on a phone
    (rows,) = spec["datasets"].values()
    assert [row["value"] for row in rows] == [40.0, 60.0, 20.0]


def test_numbers_in_formulas():
    assert tex(-1.5e-7) == r"-1.5\cdot10^{-7}"
    assert term(-2) == "(-2)"
    assert aligned(["a &= 1", "b &= 2"]) == r"\begin{aligned} a &= 1 \\ b &= 2 \end{aligned}"
    assert matrix([[1, 2.5]]) == r"\begin{bmatrix} 1 & 2.5 \end{bmatrix}"
