"""Before the Transformer in a real browser: a lesson from the calculator to the window."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import stand_still, stays_inside
from viz.i18n import catalogue

pytestmark = pytest.mark.browser

PARTS = ("sentence", "longer", "memory", "calc", "window", "cost", "scale", "paper")
WIDTHS = {"phone": 390, "tablet": 820, "laptop": 1366}


@pytest.fixture
def visit_history(page, address):
    def visit_history(query: str = "", lang: str = "ko", **device):
        opened = page(f"{address}/history?lang={lang}{query}", **device)
        title = catalogue(lang)("history.title")
        expect(opened.get_by_role("heading", name=title)).to_be_visible()
        return stand_still(opened)

    return visit_history


def test_a_lesson_from_the_lectures_weights_to_the_window(visit_history):
    page = visit_history("&part=calc")
    expect(page.get_by_role("heading", name="80%가 단어 3에서")).to_be_visible()
    weights = page.get_by_role("textbox").first
    weights.fill("0.2 0.2 0.2 0.2")
    weights.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("0.8")
    stand_still(page)
    page.get_by_role("button", name="합으로 나누어").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(weights).to_have_value("0.25 0.25 0.25 0.25")
    stand_still(page)
    page.get_by_text(re.compile("CNN의 창과 어텐션")).click()
    expect(page.get_by_role("heading", name="‘거기’ ← ‘카페’: CNN은 2층")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    stand_still(page)
    page.get_by_text("5", exact=True).click()
    expect(page.get_by_role("heading", name="‘거기’ ← ‘카페’: CNN은 1층")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.parametrize(("lang", "screen"), [("ko", "phone"), ("en", "tablet"), ("ko", "laptop")])
def test_every_part_opens_and_stays_inside_the_page(visit_history, screen, lang):
    page = visit_history(lang=lang, width=WIDTHS[screen], touch=screen == "phone")
    say = catalogue(lang)
    for number, part in enumerate(PARTS, start=1):
        page.get_by_role("radio", name=re.compile(f"^{number} · ")).click()
        stand_still(page)
        if number > 1:  # the first needs no place in the link
            expect(page).to_have_url(re.compile(f"part={part}"))
        first = say(f"history.{part}.lead").split("$")[0]
        expect(page.get_by_text(first).first).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
        stays_inside(page)


def test_the_row_that_stands_there_at_first_is_a_word(visit_history):
    page = visit_history("&part=sentence")
    read_off = page.locator(".panel .read").first
    expect(read_off).to_contain_text(" → ")
    row = read_off.inner_text().split(" → ")[0]
    assert any(map(str.isalnum, row)), row  # no full stop
