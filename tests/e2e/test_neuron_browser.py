"""The neuron view in a real browser: point, click, keys; head and layer; the link; saving."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import on_screens, stand_still, stays_inside
from viz.state import FAMOUS

pytestmark = pytest.mark.browser


@pytest.fixture
def open_neurons(page, address):
    """open_neurons("?layer=2", width=390) opens the page and waits for its picture."""

    def open_neurons(query: str = "", **device) -> Page:
        opened = page(f"{address}/neuron{query}", **device)
        expect(view(opened).locator(".sum")).to_contain_text("Σ")
        return stand_still(opened)

    return open_neurons


def view(page: Page) -> Locator:
    return page.locator(".neuron-view")


def at_link(page: Page, **params: str) -> None:
    for name, value in params.items():
        expect(page).to_have_url(re.compile(rf"[?&]{name}={value}(&|$)"))
    stand_still(page)


def point(page: Page, canvas: str, x: float, y: float, click: bool = False) -> None:
    """Point at a place of a picture, in shares of its width and in pixels from its top."""
    found = view(page).locator(f"canvas.{canvas}")
    found.scroll_into_view_if_needed()
    box = found.bounding_box()
    place = (box["x"] + x * box["width"], box["y"] + y)
    (page.mouse.click if click else page.mouse.move)(*place)


def as_float(written: str) -> float:
    return float(written.replace("−", "-").replace(",", ""))


def test_pointing_reads_the_numbers_and_their_product(open_neurons):
    page = open_neurons()
    point(page, "rows", 0.4, 30)
    readout = view(page).locator(".readout")
    expect(readout).to_have_text(re.compile(r"dimension \d+: q .* × k .* = "))
    q, k, product = re.search(r"q (\S+) × k (\S+) = (\S+)\. ", readout.inner_text()).groups()
    assert as_float(q) * as_float(k) == pytest.approx(as_float(product), rel=2e-3, abs=1e-6)


def test_a_click_takes_another_key_apart_and_stands_in_the_link(open_neurons):
    page = open_neurons()
    expect(view(page).locator(".sum")).to_contain_text("animal:")
    point(page, "rows", 0.4, 3 * 24 + 12, click=True)
    at_link(page, key="4")
    expect(view(page).locator(".sum")).to_contain_text("cross:")
    expect(view(page).locator("h4")).to_contain_text("it → cross")


def test_by_keyboard_alone(open_neurons):
    page = open_neurons("?key=2")
    view(page).locator(".scroller").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    at_link(page, key="4")
    page.keyboard.press("ArrowRight")
    expect(view(page).locator(".live")).to_contain_text("dimension 1:")
    page.keyboard.press("Home")
    at_link(page, key="1")
    view(page).locator(".grid").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"[?&]layer=\d"))
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_head_of_the_grid_is_one_click_away(open_neurons):
    page = open_neurons("?layer=1&head=1")
    before = view(page).locator(".sum").inner_text()
    grid = view(page).locator(".grid")
    box = grid.bounding_box()
    point(page, "grid", 1 - 20 / box["width"], 24 + 2 * 46 + 10, click=True)
    at_link(page, layer="3", head="4")
    expect(view(page).locator(".sum")).not_to_have_text(before)


def test_the_order_of_dimensions_is_drawn_at_once_and_stands_in_the_link(open_neurons):
    page = open_neurons()
    drawn = "canvas => canvas.toDataURL()"
    before = view(page).locator("canvas.rows").evaluate(drawn)
    after = view(page).evaluate(
        """root => {
            root.querySelector('[value="spread"]').click();
            return root.querySelector("canvas.rows").toDataURL();
        }"""
    )
    assert after != before
    at_link(page, order="spread")
    second = open_neurons(page.url[page.url.index("?") :])
    expect(view(second).locator('[value="spread"]')).to_have_attribute("aria-pressed", "true")


def test_largest_for_this_key_puts_the_largest_product_first(open_neurons):
    page = open_neurons("?order=pair")
    view(page).locator(".scroller").focus()
    sizes = []
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        words = view(page).locator(".live").inner_text()
        sizes.append(abs(as_float(re.search(r"× k \S+ = (\S+)\. ", words).group(1))))
    assert sizes == sorted(sizes, reverse=True)


def test_a_long_text_paints_only_what_is_in_sight(open_neurons):
    page = open_neurons(f"?text={' '.join([FAMOUS] * 12)}", width=1366, height=768)
    scroller, rows = view(page).locator(".scroller"), view(page).locator("canvas.rows")
    assert rows.evaluate("canvas => canvas.clientHeight") <= 600
    assert scroller.evaluate("e => e.scrollHeight") > 3000
    before = rows.evaluate("canvas => canvas.toDataURL()")
    scroller.evaluate("e => { e.scrollTop = 1500 }")
    page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before", arg=[rows.element_handle(), before]
    )


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_nothing_scrolls_sideways(open_neurons, kind):
    page = open_neurons(f"?lang=ko&kind={kind}", width=390, touch=True)
    canvas = view(page).locator("canvas.rows")
    for _ in on_screens(page, 390, 1366):
        stays_inside(page)
        inked = canvas.evaluate(
            """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
                .data.some((value, i) => i % 4 === 3 && value > 0)"""
        )
        assert inked


def test_on_a_phone_no_two_numbers_touch(open_neurons):
    page = open_neurons(width=390, touch=True)
    for _ in on_screens(page, 360, 390):
        written = view(page).evaluate(
            """async root => {
                const words = [];
                const original = CanvasRenderingContext2D.prototype.fillText;
                CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
                    const wide = this.measureText(text).width;
                    const left = this.textAlign === "right" ? x - wide : x;
                    if (this.canvas.classList.contains("rows")) words.push([y, left, left + wide]);
                    return original.apply(this, arguments);
                };
                root.querySelector(".scroller").dispatchEvent(new Event("scroll"));
                const frame = () => new Promise(requestAnimationFrame);
                await frame();
                await frame();
                CanvasRenderingContext2D.prototype.fillText = original;
                return words;
            }"""
        )
        assert len(written) > 20
        for (line, _, end), (next_line, start, _) in pairwise(sorted(written)):
            assert line != next_line or end + 4 <= start


def test_a_saved_picture_has_every_key_and_the_scale(open_neurons, tmp_path):
    page = open_neurons()
    with page.expect_download() as saving:
        view(page).locator(".save button").nth(1).click()
    saving.value.save_as(tmp_path / "saved.svg")
    words = "".join(ET.parse(tmp_path / "saved.svg").getroot().itertext())
    for label in ("q · it", "k · animal", "street", "q × k: −", "Layer 4"):
        assert label in words


def test_scores_stand_before_all_weights_of_the_grid_or_before_none(open_neurons, tmp_path):
    page = open_neurons(width=390)
    found = []
    for _ in on_screens(page, 390, 1366):
        with page.expect_download() as saving:
            view(page).locator(".save button").nth(1).click()
        saving.value.save_as(tmp_path / "saved.svg")
        words = [part.text for part in ET.parse(tmp_path / "saved.svg").iter() if part.text]
        found.append(sum(re.fullmatch(r"−?[\d.]+ → [\d.]+", word) is not None for word in words))
    assert found == [0, 16]
