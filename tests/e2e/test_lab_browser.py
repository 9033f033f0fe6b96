"""The coreference lab in a real browser: an own twin, marked, flipped, and cut until it fails."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ROOT, stand_still, stays_inside

pytestmark = pytest.mark.browser

TWIN = ".st-key-lab-twin input"
DOG = "The dog didn't cross the street because it was too tired."


@pytest.fixture
def visit_lab(page, address):
    def visit_lab(query: str = "", lang: str = "en", **device) -> Page:
        opened = page(f"{address}/lab?lang={lang}{query}", **device)
        expect(opened.locator(TWIN)).to_be_visible(timeout=120_000)
        return stand_still(opened)

    return visit_lab


def test_an_own_twin_is_typed_marked_flips_and_fails_when_heads_are_cut(visit_lab):
    page = visit_lab(f"&text={DOG.replace(' ', '+')}")
    expect(page.get_by_text("Both sentences are still the same")).to_be_visible()

    twin = page.locator(TWIN)
    twin.fill(DOG.replace("tired", "wide"))
    twin.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("^It flips"))).to_be_visible()
    expect(page.locator(".lab-second").first).to_have_text("street②")

    stand_still(page).get_by_role("button", name="Mark words").click()
    rows = page.get_by_test_id("stPopoverBody").get_by_test_id("stButtonGroup")
    rows.nth(2).get_by_text("cross", exact=True).click()
    expect(page.locator(".lab-second").first).to_have_text("cross②")
    stand_still(page)
    rows.nth(2).get_by_text("street", exact=True).click()
    expect(page.locator(".lab-second").first).to_have_text("street②")
    stand_still(page).keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"twin=.*wide"))

    page.get_by_text("4 · Cut it").click()
    heads = page.locator(".st-key-lab-cut-heads button")
    expect(heads.first).to_be_visible()
    for n in range(heads.count()):
        head = heads.nth(n)
        stand_still(page)
        if head.get_attribute("aria-pressed") != "true":
            head.click()
    # No head is left to tell the two sentences apart: one of them has to fall.
    expect(page.get_by_text("It falls:").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"cut=heads"))

    page.goto(page.url)
    expect(page.get_by_text("It falls:").first).to_be_visible()
    expect(page.locator(TWIN)).to_have_value(DOG.replace("tired", "wide"))
    expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.fixture
def unasked(serve):
    """A server of its own: on the shared one another session may have asked already."""
    with serve(ROOT / "app.py") as address:
        yield address


def test_a_long_count_can_be_cancelled_and_started_again(page, unasked):
    page = page(f"{unasked}/lab?lang=en&part=board")
    start = page.get_by_role("button", name="Ask all heads")
    start.click()
    cancel = page.get_by_role("button", name="Cancel")
    # The sentences are still being written: that can be cancelled, too.
    expect(page.get_by_text(re.compile(r"Collecting the sentences: \d+ of 250"))).to_be_visible()
    cancel.click()
    expect(start).to_be_visible()
    expect(cancel).to_have_count(0)
    stand_still(page)
    start.click()
    expect(page.get_by_text("Chosen on one half").first).to_be_visible(timeout=120_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_on_paper_there_is_the_worksheet_alone(visit_lab):
    page = visit_lab("&part=sheet")
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    sheet = page.locator(".st-key-lab_sheet")
    expect(sheet.get_by_text("Date:")).to_be_visible()
    page.emulate_media(media="print")
    expect(sheet.get_by_text("Date:")).to_be_visible()
    expect(sheet.locator(".lab-lines").first).to_be_visible()
    expect(page.locator(TWIN)).to_be_hidden()
    expect(page.get_by_text("Answers for the teacher")).to_be_hidden()


@pytest.mark.parametrize(("lang", "width"), [("ko", 390), ("en", 820), ("ko", 1366)])
def test_nothing_scrolls_sideways_on_any_screen(visit_lab, lang, width):
    """Of a long sentence, whose maps are as wide as their labels need."""
    long = quote("On a cold and rainy evening, " + DOG)
    page = visit_lab(
        f"&text={long}&twin={long.replace('tired', 'wide')}", lang, width=width, touch=width < 500
    )
    main = page.get_by_test_id("stMain")
    for number in range(1, 8):
        main.get_by_role("radio", name=re.compile(rf"^{number} · ")).click()
        if number == 3:
            start = stand_still(page).locator(".st-key-lab-start-board button")
            if start.count():  # another session may have asked already
                start.click()
            expect(page.locator(".st-key-lab-ranking")).to_be_visible(timeout=120_000)
        stand_still(page)
        stays_inside(page)
