"""Links: whatever they say, they give a view; and a view's own link gives it back."""

from hypothesis import given
from hypothesis import strategies as st

from viz.state import FAMOUS, KINDS, PARAMS, TARGETS, UNITS, Look, parse, to_params

counted = st.none() | st.integers(0, 999_998)
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
    query=counted | st.just("none"),
)
hostile = st.one_of(
    st.text(), st.sampled_from(["-1", "0", "1e9", "²", "٣", "all", "none", "NaN", "9" * 5000])
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
    for name in ("layer", "head", "query"):
        value = getattr(look, name)
        assert value in (None, "all", "none") or value >= 0
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
