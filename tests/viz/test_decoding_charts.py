"""Decoding's pictures are read as data: what they draw is what they were given."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from model.analysis.decoding import BeamNode, BeamTree
from viz.charts.beam_tree import MOST_LEVELS, BeamText, beam_tree
from viz.charts.decoding import before_after, losses, side_by_side
from viz.components.writing_view import Step, _packed, writing_view
from viz.numbers import number

TEXT = BeamText("tree", "text", "probability", "log P", "score", "kept", "ended", "dropped", "won")
SVG = "{http://www.w3.org/2000/svg}"


def node(parent, depth, piece, fate="kept", won=False, log_p=-1.5):
    return BeamNode(parent, depth, piece, 0.25, log_p, 1.25, log_p / 1.25, fate, "so far", won)


TREE = BeamTree(
    nodes=[
        node(None, 0, "<2ko>", won=True, log_p=0.0),
        node(0, 1, "▁a", won=True, log_p=-0.5),
        node(0, 1, "<b>&", fate="dropped", log_p=-2.25),
        node(1, 2, "</s>", fate="ended", won=True, log_p=-0.75),
        node(1, 2, "c", log_p=-3.5),
    ],
    winner=3,
    ids=[7],
)


def drawn(tree):
    return ElementTree.fromstring(beam_tree(tree, TEXT))


def test_every_hypothesis_is_drawn_with_its_log_probability():
    boxes = drawn(TREE).findall(f"{SVG}g")
    words = [[text.text for text in box.findall(f"{SVG}text")] for box in boxes]
    assert words == [
        ["<2ko>", "0"],
        ["a", "−0.5"],
        ["+<b>&", "−2.25"],
        ["★ </s>", "−0.75"],
        ["+c", "−3.5"],
    ]
    tips = [box.find(f"{SVG}title").text for box in boxes]
    assert "score: −2.8" in tips[4]
    assert "probability: 0.25" in tips[4]
    assert [tip.splitlines()[-1] for tip in tips] == ["won", "won", "dropped", "won", "kept"]


def test_a_column_is_a_step_a_row_a_rank_and_an_edge_leads_from_parent_to_child():
    picture = drawn(TREE)
    boxes = [box.find(f"{SVG}rect") for box in picture.findall(f"{SVG}g")]
    columns = [float(box.get("x")) for box in boxes]
    rows = [float(box.get("y")) for box in boxes]
    assert columns[0] < columns[1] == columns[2] < columns[3] == columns[4]
    assert rows[0] == rows[1] == rows[3] < rows[2] == rows[4]
    edges = [re.findall(r"[\d.]+", path.get("d")) for path in picture.findall(f"{SVG}path")]
    wide, high = float(boxes[0].get("width")), float(boxes[0].get("height"))
    for edge, (parent, child) in zip(edges, [(0, 1), (0, 2), (1, 3), (1, 4)], strict=True):
        assert float(edge[0]) == columns[parent] + wide
        assert float(edge[1]) == rows[parent] + high / 2
        assert (float(edge[-2]), float(edge[-1])) == (columns[child], rows[child] + high / 2)


def test_the_winners_path_is_filled_and_what_was_dropped_is_dashed():
    boxes = [box.find(f"{SVG}rect") for box in drawn(TREE).findall(f"{SVG}g")]
    assert [box.get("fill") != "none" for box in boxes] == [True, True, False, True, False]
    assert [box.get("stroke-dasharray") is not None for box in boxes] == [False] * 2 + [True] + [
        False
    ] * 2
    assert float(boxes[3].get("stroke-width")) > float(boxes[4].get("stroke-width"))


def test_a_long_search_is_cut():
    nodes = [node(None, 0, "<2ko>")] + [node(n, n + 1, "x") for n in range(60)]
    assert len(drawn(BeamTree(nodes, 60, [])).findall(f"{SVG}g")) == MOST_LEVELS + 1


def test_before_and_after_stand_side_by_side_and_the_drawn_piece_is_marked():
    figure = before_after(["<i>", "b"], [0.75, 0.25], [1.0, 0.0], 1, labels=("now", "then"))
    first, second = figure.data
    assert (list(first.x), list(second.x)) == ([0.75, 0.25], [1.0, 0.0])
    assert list(first.text) == ["0.75", "0.25"]
    assert figure.layout.yaxis.ticktext == ("&lt;i&gt;", "<b>▸ b</b>")
    assert figure.layout.xaxis.range[0] == 0
    assert figure.layout.xaxis.range[1] > 1


def test_no_bar_stands_where_the_free_run_had_ended():
    free = np.array([0.5, 1e-7, np.nan])
    figure = side_by_side(
        ["a", "b", "</s>"], np.array([0.5, 0.75, 1]), free, 0, labels=("t", "f", "w")
    )
    teacher, alone = figure.data
    assert list(teacher.y) == [0.5, 0.75, 1]
    np.testing.assert_array_equal(alone.y, free)
    assert alone.customdata[1][1] == "1e−7"
    assert figure.layout.xaxis.ticktext == ("a", "b", "&lt;/s&gt;")
    assert figure.layout.yaxis.range == (0, 1.1)
    assert figure.layout.shapes[0].x0 == 0.5


@pytest.mark.parametrize(("wrong_at", "anchor"), [(0, "left"), (1, "left"), (2, "right")])
def test_the_words_at_the_line_stand_on_the_side_with_more_room(wrong_at, anchor):
    figure = side_by_side(
        ["a", "b", "c", "</s>"], np.ones(4), np.ones(4), wrong_at, labels=("t", "f", "w")
    )
    assert figure.layout.annotations[0].xanchor == anchor


def test_losses_and_their_mean():
    figure = losses(["a", "b"], np.array([0.25, 0.75]), 0.5, labels=("nats", "mean"))
    bars, line = figure.data
    assert list(bars.y) == [0.25, 0.75]
    assert (list(line.y), line.name) == ([0.5, 0.5], "mean 0.5")
    assert figure.layout.yaxis.rangemode == "tozero"


def test_a_long_translation_keeps_its_labels_apart():
    figure = losses([f"w{n}" for n in range(256)], np.ones(256), 1, labels=("nats", "mean"))
    assert len(figure.layout.xaxis.ticktext) <= 40
    assert len(figure.data[0].y) == 256


def step(**changes):
    given = dict(
        self_row=np.array([0.25, 0.75], np.float32),
        cross_row=np.array([1e-6, 0.5, 0.5], np.float32),
        names=["a", "b"],
        shares=[0.9, 0.0625],
        rest=0.0375,
        text="so",
    )
    return Step(**(given | changes))


def test_a_steps_numbers_travel_as_drawn_and_as_written():
    sent = _packed(step())
    assert sent["self"] == [[0.25, "0.25"], [0.75, "0.75"]]
    assert sent["cross"][0] == [0.0, number(float(np.float32(1e-6)))]
    assert sent["shares"] == [[0.9, "0.9"], [0.0625, "0.0625"], [0.0375, "0.0375"]]


@pytest.mark.parametrize("bad", [dict(cross_row=np.ones(2)), dict(self_row=np.ones(4))])
def test_rows_that_do_not_fit_the_labels_are_refused(bad):
    with pytest.raises(ValueError, match="step 0"):
        writing_view(
            [step(**bad)],
            ["x", "y", "z"],
            ["<s>", "a", "b"],
            run="r",
            step=0,
            text={},
            key="k",
            on_change=print,
        )
