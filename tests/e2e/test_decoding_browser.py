"""Decoding in a real browser: a translation is walked through without asking the server."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import on_screens, stand_still, stays_inside

pytestmark = pytest.mark.browser

STUDENT = "text=I+am+a+student.&to=ko&lang=en"


@pytest.fixture
def decoding(page, address):
    """decoding("part=beam", width=390) opens the page and waits for its part."""

    def open_part(query: str = STUDENT, ready: str = ".writing-view", **device) -> Page:
        opened = page(f"{address}/decoding?{query}", **device)
        expect(opened.locator(ready).first).to_be_visible()
        return stand_still(opened)

    return open_part


def read(page: Page) -> list[str]:
    return page.locator(".tokens.self .token").all_inner_texts()


def test_a_class_walks_through_a_translation_by_button_and_by_key(decoding):
    page = decoding()
    expect(page.locator(".count")).to_have_text(re.compile(r"^1 / \d+$"))
    assert read(page) == ["<s>", "<2ko>"]
    first = page.locator(".bars .chosen .name").inner_text()
    page.get_by_role("button", name="Next →").click()
    assert read(page) == ["<s>", "<2ko>", first]
    stand_still(page).evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".count")).to_have_text(re.compile("^3 / "))
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".count")).to_have_text(re.compile("^2 / "))
    page.locator(".writing-view").press("End")
    expect(page.locator(".line")).to_contain_text("the sentence ends")
    expect(page.get_by_role("button", name="Next →")).to_be_disabled()
    expect(page).to_have_url(re.compile(r"step=\d"))


def test_keys_that_are_typed_into_a_box_do_not_step(decoding):
    page = decoding()
    box = page.get_by_role("textbox", name="Type a sentence")
    box.click()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".count")).to_have_text(re.compile("^1 / "))


def test_stepping_waits_for_no_server(decoding):
    page = decoding()
    page.context.set_offline(True)
    page.get_by_role("button", name="Next →").click()
    expect(page.locator(".count")).to_have_text(re.compile("^2 / "))
    shares = [float(n) for n in page.locator(".tokens.self .number").all_inner_texts()]
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    likely = [float(n) for n in page.locator(".bars .number").all_inner_texts()]
    assert sum(likely) == pytest.approx(1, abs=1e-3)


def test_a_copied_link_opens_the_same_step(decoding):
    page = decoding(f"{STUDENT}&step=3")
    expect(page.locator(".count")).to_have_text(re.compile("^3 / "))
    page.get_by_role("textbox", name="Type a sentence").fill("I am Sam.")
    page.keyboard.press("Enter")
    expect(page.locator(".count")).to_have_text(re.compile("^1 / "))


def test_the_beam_is_a_tree_with_one_winner(decoding):
    page = decoding(f"{STUDENT}&part=beam", ".drawing svg")
    boxes = page.locator(".drawing g")
    expect(page.locator(".drawing g", has_text="★")).to_have_count(1)
    before = boxes.count()
    page.get_by_role("slider", name="Beam width").press("ArrowRight")
    expect(boxes).not_to_have_count(before)
    expect(page.locator(".drawing g", has_text="★")).to_have_count(1)


def test_a_typed_wrong_word_is_put_in_by_its_first_piece(decoding):
    page = decoding(f"{STUDENT}&part=forcing", ".js-plotly-plot")
    box = page.get_by_role("combobox", name="The wrong token", exact=True)
    box.fill("xylophonist")
    box.press("Enter")
    expect(page.get_by_text("The model reads “xylophonist” in several tokens")).to_be_visible()


@pytest.mark.parametrize("part", ["steps", "sampling", "beam", "forcing", "loss"])
def test_nothing_scrolls_sideways(decoding, part):
    ready = {"steps": ".writing-view", "beam": ".drawing svg"}.get(part, ".js-plotly-plot")
    page = decoding(f"part={part}&lang=ko", ready, width=390, touch=True)
    for _ in on_screens(page, 390, 1366):
        stays_inside(page)
