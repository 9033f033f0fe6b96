"""The masks in a real browser: from the lecture's example to the leak."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import stand_still

pytestmark = pytest.mark.browser


def test_from_the_padding_to_the_leak(page, address):
    opened = page(f"{address}/masks?lang=en")
    opened.get_by_role("button", name="I am Sam <pad>").click()
    cells = opened.get_by_test_id("stTable").locator("tbody tr").last.locator("td")
    expect(cells.first).to_have_text("<pad>")
    expect(cells.nth(3)).to_have_text("−∞")
    expect(cells.last).to_have_text("0")
    stand_still(opened).get_by_text("4 · Lift the mask").click()
    expect(opened.get_by_role("heading", level=4)).to_contain_text("With the mask lifted")
    expect(opened).to_have_url(re.compile("part=lift"))
    stand_still(opened).get_by_role("button", name="je suis étudiant").click()
    expect(opened.get_by_test_id("stTable")).to_contain_text("étudiant")
    expect(opened.get_by_test_id("stException")).to_have_count(0)
    again = page(stand_still(opened).url)
    expect(again.get_by_test_id("stTable")).to_contain_text("étudiant")


@pytest.mark.parametrize("where", ["masks?part=padding", "positions?part=word"])
def test_a_word_that_was_chosen_is_none_of_another_sentence_s(page, address, where):
    opened = page(f"{address}/{where}&lang=en")
    box = opened.get_by_role("textbox", name="Type a sentence")
    for text in ("cat", "word " * 2000, "I am Sam"):
        box.fill(text)
        box.press("Enter")
        opened.wait_for_timeout(300)
        stand_still(opened)
        expect(opened.get_by_test_id("stException")).to_have_count(0)
    expect(opened).to_have_url(re.compile("text=I\\+am\\+Sam|text=I%20am%20Sam"))
