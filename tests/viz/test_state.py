"""Links: whatever they say, they give a view; and a view's own link gives it back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from viz import state
from viz.state import (
    FAMOUS,
    KINDS,
    MOST_LEAST,
    PARAMS,
    SCALES,
    TARGETS,
    UNITS,
    Look,
    parse,
    to_params,
)

index = st.integers(0, 999_998)
counted = st.none() | index
several = st.sets(index, min_size=2, max_size=9).map(lambda rows: tuple(sorted(rows)))
texts = st.text(min_size=1)
looks = st.builds(
    Look,
    text=texts,
    to=st.none() | st.sampled_from(TARGETS),
    target=st.none() | texts,
    kind=st.sampled_from(KINDS),
    unit=st.sampled_from(UNITS),
    layer=counted,
    head=counted | st.just("all"),
    query=counted | several | st.just("none"),
    key=counted,
    layout=st.sampled_from(["down", "across"]),
    rows=st.sampled_from(["mean", "sum"]),
    lines=st.sampled_from(["all", "strongest"]),
    least=st.integers(0, MOST_LEAST),
    scale=st.sampled_from(SCALES),
    window=st.none() | st.tuples(index, index, st.integers(1, 999)),
)
hostile = st.one_of(
    st.text(),
    st.sampled_from(
        ["-1", "0", "1e9", "²", "٣", "all", "none", "NaN", "9" * 5000, "3,,4", "3,x", ",", "1,2"]
    ),
)


@given(looks)
def test_a_link_gives_back_the_view_it_was_made_from(look):
    assert parse(to_params(look)) == (look, [])


@given(st.dictionaries(st.sampled_from(PARAMS) | st.text(), hostile))
def test_any_link_gives_a_view_and_names_what_it_left_out(params):
    look, ignored = parse(params)
    assert look.kind in KINDS
    assert look.unit in UNITS
    assert look.to in (None, *TARGETS)
    for name in ("layer", "head", "query", "key"):
        value = getattr(look, name)
        assert value in (None, "all", "none") or min(np.atleast_1d(value)) >= 0
    assert 0 <= look.least <= MOST_LEAST
    kept = to_params(look)
    for name in set(params) & set(PARAMS):
        assert (name in ignored) or kept.get(name) or parse({name: params[name]})[0] == Look()


def test_the_first_paint_needs_no_link():
    assert to_params(Look()) == {}
    assert parse({}) == (Look(), [])
    assert Look().text == FAMOUS


def test_links_count_from_one_as_the_screen_does():
    assert to_params(Look(layer=2, head=0, query=7)) == {"layer": "3", "head": "1", "query": "8"}
    assert parse({"layer": "0"}) == (Look(), ["layer"])


def test_several_rows_stand_in_the_link_from_the_top_and_each_once():
    assert parse({"query": "10,3,10"}) == (Look(query=(2, 9)), [])
    assert to_params(Look(query=(2, 9))) == {"query": "3,10"}
    assert parse({"query": "7,7"}) == (Look(query=6), [])
    assert parse({"query": "3,0"}) == (Look(), ["query"])


def test_how_it_is_drawn_stands_in_the_link_too():
    look = Look(layout="across", rows="sum", lines="strongest", least=5, window=(100, 80, 40))
    link = {"layout": "across", "rows": "sum", "lines": "strongest", "least": "5"}
    assert to_params(look) == link | {"window": "101,81,40"}
    assert parse({"least": "51"})[1] == ["least"]
    assert parse({"window": "0,1,40"})[1] == ["window"]


def test_of_two_quick_clicks_the_first_counts(monkeypatch):
    monkeypatch.setattr(state.st, "session_state", {})
    drawn, other = state.click("start"), state.click("save")
    assert state.first_click(drawn)
    assert not state.first_click(drawn)
    assert state.first_click(other)
    assert state.first_click(state.click("start"))  # drawn anew
