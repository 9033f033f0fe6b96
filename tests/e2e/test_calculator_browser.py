"""The calculator in a real browser: numbers are typed, and the link carries them."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import on_screens, stand_still, stays_inside

pytestmark = pytest.mark.browser


@pytest.fixture
def visit_calculator(page, address):
    def visit_calculator(query: str = "", **device) -> Page:
        opened = page(f"{address}/calculator?lang=en{query}", **device)
        expect(opened.locator(".katex-display").first).to_be_visible()
        return stand_still(opened)

    return visit_calculator


def test_typed_numbers_are_calculated_and_go_into_the_link(visit_calculator):
    page = visit_calculator()
    expect(page.get_by_role("heading", name="88 %")).to_be_visible()
    boxes = page.get_by_role("textbox")
    boxes.first.fill("96 112")
    boxes.first.press("Control+Enter")
    expect(page.get_by_role("heading", name="to key 2")).to_be_visible()
    expect(page).to_have_url(re.compile(r"calculator\.scores\.scores=96"))
    stand_still(page)
    shared = page.url.replace("lang=en", "lang=ko")
    page.goto(shared)
    expect(page.get_by_role("heading", name="88%가 키 2에")).to_be_visible()
    expect(page.get_by_role("textbox").first).to_have_value("96 112")
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_wide_formulas_stay_inside_the_page(visit_calculator):
    page = visit_calculator(width=360, touch=True)
    page.get_by_role("button", name="3 tokens").click()
    expect(page.get_by_role("heading", name="X · W")).to_be_visible()
    for _ in on_screens(page, 360, 1366):
        stays_inside(page)
