"""Break it in a real browser: a change, its consequences, the way back, and the link."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import on_screens, stand_still, stays_inside

pytestmark = pytest.mark.browser


@pytest.fixture
def visit_whatif(page, address):
    def visit_whatif(query: str = "", **device) -> Page:
        opened = page(f"{address}/whatif?lang=en{query}", **device)
        expect(opened.get_by_role("button", name="Change it")).to_be_visible(timeout=120_000)
        return opened

    return visit_whatif


def test_a_head_is_switched_off_and_comes_back(visit_whatif):
    page = visit_whatif("&layer=3&head=1&query=8")
    page.get_by_role("button", name="heads off").or_(page.get_by_text("heads off")).first.click()
    stand_still(page).get_by_role("button", name="Change it").click()
    chip = page.get_by_role("button", name="heads off: 1 (Encoder, layer 3)")
    expect(chip).to_be_visible()
    expect(page.get_by_role("heading", name="now it looks at nothing")).to_be_visible()
    expect(page).to_have_url(re.compile(r"changes=heads"))
    page.goto(page.url)
    expect(chip).to_be_visible()
    stand_still(page).get_by_role("button", name="Everything back").click()
    expect(page.get_by_text("Nothing is changed yet")).to_be_visible()
    expect(page).not_to_have_url(re.compile("changes="))
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_nothing_scrolls_sideways(visit_whatif):
    page = visit_whatif("&changes=scale,encoder,-,-", width=360, touch=True)
    expect(page.get_by_role("button", name="Everything back")).to_be_visible()
    maps = page.locator(".js-plotly-plot .heatmaplayer")
    expect(maps).to_have_count(3, timeout=120_000)  # their script is large
    for _ in on_screens(page, 360, 1366):
        stays_inside(page)
