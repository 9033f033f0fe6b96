"""What attention hides in a real browser: another row, another question, a copied link."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import stand_still, stays_inside

pytestmark = pytest.mark.browser


def test_another_row_and_another_question(page, address):
    opened = page(f"{address}/hidden?lang=en", width=1366)
    verdict = opened.get_by_role("heading", level=4)
    expect(verdict).to_contain_text("The largest weight")
    bars = opened.locator(".st-key-hidden_bars .barlayer")
    expect(bars.locator(".trace.bars")).to_have_count(5)
    expect(bars.locator(".point")).to_have_count(5 * 13)
    expect(opened.get_by_text("what does", exact=False)).to_be_visible()
    # By keyboard: the other question.
    stand_still(opened).get_by_role("radio", name="The translation").press("Enter")
    expect(opened).to_have_url(re.compile("about=translation"))
    expect(opened.get_by_text("expects at all positions", exact=False)).to_be_visible()
    stand_still(opened).get_by_text("Cross", exact=True).click()
    expect(opened).to_have_url(re.compile("kind=cross"))
    expect(opened.get_by_text("which token comes after", exact=False)).to_be_visible()
    expect(opened.get_by_test_id("stException")).to_have_count(0)
    again = page(opened.url)
    expect(again.get_by_text("which token comes after", exact=False)).to_be_visible()


def test_on_a_phone_all_five_measures_stand_below_each_other(page, address):
    opened = page(f"{address}/hidden?lang=ko", width=390, touch=True)
    stacked = opened.locator(".st-key-hidden_stacked")
    names = stacked.locator(".annotation-text")
    expect(names).to_have_count(5)
    for n in range(5):
        names.nth(n).scroll_into_view_if_needed()
        expect(names.nth(n)).to_be_in_viewport(ratio=1)
    expect(stacked.locator(".barlayer .point")).to_have_count(5 * 13)
    expect(opened.locator(".st-key-hidden_bars")).to_be_hidden()
    stays_inside(opened)
