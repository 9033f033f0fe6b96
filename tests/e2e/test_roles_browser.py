"""Head roles in a real browser: a click on a head, the keyboard, and on to another page."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import expect

from model.analysis.roles import leaning_of, role_of
from tests.e2e.conftest import stand_still, stays_inside
from viz import cache
from viz.i18n import catalogue
from viz.state import FAMOUS

pytestmark = pytest.mark.browser
EN = catalogue("en")


def last_head() -> str:
    """What the map says of the last head, in brackets where it only leans to it."""
    bundle = cache.bundle("jumok")
    measured = cache.head_measures(bundle.name, bundle.version, FAMOUS, None, "ko", "encoder")
    role, leaning = role_of(measured, -1, -1), leaning_of(measured, -1, -1)
    if role is None and leaning is None:
        return "—"
    name = EN(f"roles.short.{role or leaning}")
    return name if role else f"({name})"


def test_from_the_map_to_a_head(page, address):
    opened = page(f"{address}/roles?lang=en&layer=1&head=1", width=1366)
    maps = opened.locator(".js-plotly-plot")
    expect(maps).to_have_count(2)
    expect(maps.first.locator(".annotation-text").last).to_have_text(last_head())
    stand_still(opened)
    # The last row of four, the second column of four: layer 4, head 2.
    box = maps.first.locator(".hm image").bounding_box() or {}
    x, y = box["x"] + box["width"] * 3 / 8, box["y"] + box["height"] * 7 / 8
    opened.mouse.move(x, y)
    expect(maps.first.locator(".hovertext")).to_contain_text("Layer 4 · Head 2")
    opened.mouse.click(x, y)
    expect(opened).to_have_url(re.compile("layer=4"))
    expect(opened).to_have_url(re.compile("head=2"))
    expect(opened.get_by_test_id("stTable")).to_contain_text("Pronoun resolver")
    # The same with the keyboard alone.
    layer = stand_still(opened).get_by_role("combobox", name=re.compile("Layer"))
    first = opened.get_by_role("option", name="1", exact=True)
    for _ in range(5):  # a list that opens while the page draws itself anew closes again
        layer.press("ArrowDown")
        with suppress(AssertionError):
            expect(first).to_be_visible(timeout=5_000)
            break
    expect(first).to_be_visible()
    layer.press("Home")
    layer.press("Enter")
    expect(opened).not_to_have_url(re.compile("layer=4"))
    stand_still(opened).get_by_role("button", name="See its lines").press("Enter")
    expect(opened.locator(".head-view")).to_be_visible()
    expect(opened).to_have_url(re.compile("head=2"))
    expect(opened.get_by_test_id("stException")).to_have_count(0)


def test_a_cell_of_the_table_is_no_quotation(page, address):
    """What Markdown would take for one: ">99 %" would be read as "99 %", in grey."""
    link = f"{address}/roles?lang=en&measure=pronoun"
    opened = page(link, width=1366)
    texts = opened.locator(".js-plotly-plot").first.locator(".annotation-text")
    expect(texts).to_have_count(16)
    layer, head = divmod(texts.all_text_contents().index(">99 %"), 4)
    opened.goto(f"{link}&layer={layer + 1}&head={head + 1}")
    row = opened.get_by_test_id("stTable").locator("tr", has_text="Pronoun resolver")
    expect(row.locator("td").nth(1)).to_have_text(">99 %")
    expect(opened.get_by_test_id("stTable").locator("blockquote")).to_have_count(0)


def test_a_link_restores_the_measure(page, address):
    opened = page(f"{address}/roles?lang=ko&measure=entropy&kind=cross", width=390)
    expect(opened.locator(".js-plotly-plot")).to_have_count(2)
    expect(opened.get_by_text("비트", exact=False).first).to_be_visible()
    stays_inside(opened)
