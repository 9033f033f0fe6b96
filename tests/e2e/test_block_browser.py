"""The map in a real browser: every box is where it belongs and leads where it says."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import at_rest, on_screens, stand_still, stays_inside

pytestmark = pytest.mark.browser


@pytest.fixture
def visit_block(page, address):
    def visit_block(query: str = "", **device) -> Page:
        opened = page(f"{address}/block?lang=en&text=I+am+a+student.{query}", **device)
        expect(opened.locator(".architecture [data-id]").first).to_be_attached()
        expect(opened.locator(".js-plotly-plot").last).to_be_attached()
        return stand_still(opened)

    return visit_block


def box(page: Page, name: str):
    return page.locator(f".architecture [data-id='{name}']")


def title(page: Page):
    return page.get_by_role("heading", level=4).first


def test_a_click_on_a_box_calculates_its_stage_and_goes_into_the_link(visit_block):
    page = visit_block()
    box(page, "encoder.2.ffn.out").click()
    expect(page.get_by_role("heading", name="Feed-forward", exact=True)).to_be_visible()
    expect(box(page, "encoder.2.ffn.out")).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(re.compile(r"layer=3.*stage=ffn\.out|stage=ffn\.out.*layer=3"))
    expect(
        page.get_by_text(re.compile(r"negative one turns to 0 \(here \d+ of 1,?024"))
    ).to_be_visible()

    box(page, "decoder.softmax").click()
    expect(page.get_by_role("heading", name="Linear + softmax")).to_be_visible()
    expect(page.locator(".architecture [aria-current]")).to_have_count(2)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_on_a_phone_a_click_goes_to_the_answer_below_the_map(visit_block):
    page = visit_block(width=390, height=844, touch=True)
    heading = page.get_by_role("heading", name="Feed-forward", exact=True)
    box(page, "encoder.0.ffn.out").tap()
    expect(heading).to_be_in_viewport()
    # The map is drawn anew while the page glides to the answer.
    expect(box(page, "encoder.0.ffn.out")).to_have_attribute("aria-current", "true")
    stand_still(page)
    at_rest(heading)
    box(page, "encoder.2").tap()  # the map is the answer
    expect(box(page, "encoder.2.ffn.norm")).to_be_in_viewport()


def test_on_a_phone_the_badge_is_read_to_its_end(visit_block):
    page = visit_block(width=390, height=844, touch=True)
    badges = page.locator(".stMarkdownBadge")
    expect(badges.first).to_be_visible()
    for hidden in badges.evaluate_all("found => found.map(e => e.scrollWidth - e.clientWidth)"):
        assert hidden <= 0


def test_the_keyboard_reaches_a_box_and_stays_on_it(visit_block):
    page = visit_block()
    box(page, "encoder.0.ffn.add").press("Enter")
    expect(page.get_by_role("heading", name="Add x + Feed-forward")).to_be_visible()
    expect(box(page, "encoder.0.ffn.add")).to_be_focused()


def test_an_attention_box_opens_its_page_with_sentence_kind_and_layer(visit_block):
    page = visit_block()
    box(page, "decoder.1.cross_attn.out").click()
    expect(page).to_have_url(re.compile("/attention"))
    expect(page.get_by_role("textbox", name="Type a sentence")).to_have_value("I am a student.")
    expect(page).to_have_url(re.compile("kind=cross"))
    expect(page).to_have_url(re.compile("layer=2"))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("encoder.tokens", ""),
        ("encoder.position", "positions"),
        ("decoder.0.self_attn.mask", "masks"),
        ("decoder.decoding", "decoding"),
    ],
)
def test_every_other_box_leads_to_its_page(visit_block, name, path):
    page = visit_block("&kind=decoder")
    href = box(page, name).evaluate("link => link.href")
    box(page, name).click()
    expect(page).to_have_url(re.compile(rf"//[^/]*/{path}(\?|$)"))
    expect(page.get_by_role("textbox", name="Type a sentence")).to_have_value("I am a student.")
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.goto(href)  # what a new tab would open
    expect(page.get_by_role("textbox", name="Type a sentence")).to_have_value("I am a student.")


def test_boxes_keep_their_words_inside_and_nothing_scrolls_sideways(visit_block):
    page = visit_block("&kind=decoder&layer=1", width=360, touch=True)
    for _ in on_screens(page, 360, 768, 1366, 1920):
        overflowing = page.locator(".architecture .box:not(.tokens)").evaluate_all(
            "boxes => boxes.filter(b => b.scrollWidth > b.clientWidth + 1).map(b => b.dataset.id)"
        )
        assert overflowing == []
        stays_inside(page)


def test_wires_meet_the_boxes_they_join(visit_block):
    """Each arrow that rises ends right under the middle of the box that it points at."""
    page = visit_block()
    gaps = page.locator(".architecture").evaluate(
        """root => {
          const frame = root.getBoundingClientRect();
          const boxes = [...root.querySelectorAll('.box, .layer')]
            .map(e => e.getBoundingClientRect());
          return [...root.querySelectorAll('path.flow')].map(path => {
            const end = path.getPointAtLength(path.getTotalLength());
            return Math.min(...boxes.map(b => Math.hypot(
              end.x - ((b.left + b.right) / 2 - frame.left), end.y - (b.bottom - frame.top))));
          });
        }"""
    )
    assert len(gaps) > 10
    assert max(gaps) < 4
