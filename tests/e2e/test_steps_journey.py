"""From the front page through every page of steps: once with the mouse, once with keys alone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import stand_still

pytestmark = pytest.mark.browser

TEXT = "I am a student."
# Menu entry, the page's address, and what shows that its picture is there.
PAGES = [
    ("Attention", "attention", ".steps-view figure canvas"),
    ("The whole Transformer", "block", ".js-plotly-plot"),
    ("Positions", "positions", ".js-plotly-plot"),
    ("Masks", "masks", ".js-plotly-plot"),
    ("Decoding", "decoding", ".writing-view"),
]


def arrived(page: Page, address: str, picture: str) -> None:
    """The page is there, with its picture and with the sentence that was typed at the start."""
    expect(page).to_have_url(re.compile(rf"/{address}\?.*text="))
    expect(page.locator(picture).first).to_be_visible()
    expect(page.get_by_role("textbox").first).to_have_value(TEXT)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    stand_still(page)


def test_through_the_steps_by_mouse(visit):
    page = visit(width=1366, height=768)
    box = page.get_by_role("textbox").first
    box.click()
    box.fill(TEXT)
    page.get_by_role("banner").get_by_text("Steps").wait_for()
    page.mouse.click(700, 760)
    expect(page).to_have_url(re.compile("text="))
    stand_still(page)
    for entry, address, picture in PAGES:
        page.get_by_role("banner").get_by_text("Steps").click()
        page.get_by_role("menuitem", name=entry, exact=True).click()
        arrived(page, address, picture)
    page.get_by_role("button", name="Next →").click()
    expect(page.locator(".writing-view .count")).to_have_text(re.compile("^2 / "))


def test_through_the_steps_by_keyboard(visit):
    page = visit(width=1366, height=768)
    press_until(page, "Tab", "Type a sentence")
    page.keyboard.press("Control+a")
    page.keyboard.type(TEXT)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("text="))
    stand_still(page)
    for entry, address, picture in PAGES:
        press_until(page, "Tab", "Steps")
        page.keyboard.press("Enter")
        expect(page.get_by_role("menuitem", name=entry, exact=True)).to_be_visible()
        press_until(page, "ArrowDown", entry)
        page.keyboard.press("Enter")
        arrived(page, address, picture)
    press_until(page, "Tab", "Next")
    page.keyboard.press("Enter")
    expect(page.locator(".writing-view .count")).to_have_text(re.compile("^2 / "))


def press_until(page: Page, key: str, name: str, most: int = 80) -> None:
    """Press a key until what has the focus is called `name`, by its label or by its text."""
    for _ in range(most):
        page.keyboard.press(key)
        focused = page.evaluate(
            """() => {
                let at = document.activeElement;
                while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
                return at.ariaLabel || at.labels?.[0]?.innerText || at.innerText || "";
            }"""
        )
        if focused.strip().startswith(name):
            return
    raise AssertionError(f"{key} never reached {name!r}")
