"""Comparing in a real browser: maps that point together, by mouse, keys and finger; the link."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from model import load, trace
from tests.e2e.conftest import at_rest, on_screens, stand_still, stays_inside
from viz.compare.choice import Comparison, PanelChoice, dumps
from viz.state import FAMOUS

pytestmark = pytest.mark.browser
JUMOK = Path(__file__).parents[2] / "checkpoints" / "jumok"
A, B = PanelChoice(layer=2, head=3), PanelChoice(layer=0, head=1)
TWO = Comparison((A, B))


@pytest.fixture(scope="module")
def read():
    return trace(load(JUMOK), FAMOUS)


@pytest.fixture
def compare(page, address):
    """compare(comparison, "&lang=ko", width=390) opens the page and waits for its maps."""

    def compare(comparison: Comparison = TWO, query: str = "&lang=en", **device) -> Page:
        opened = page(f"{address}/compare?panels={dumps(comparison)}{query}", **device)
        for name in "ABCD"[: len(comparison.panels)]:
            expect(told(opened, name)).not_to_be_empty(timeout=120_000)
        return stand_still(opened)

    return compare


def panel(page: Page, name: str) -> Locator:
    return page.locator(f'.panel[data-name="{name}"]')


def told(page: Page, name: str) -> Locator:
    return panel(page, name).locator(".read")


def per_cent(weight: float) -> str:
    return f"{tenths(weight)} %"


def tenths(share: float) -> str:
    """Never 0 or 100 for what is not quite that."""
    if share == 0 or share >= 1 - 1e-6:
        return f"{share:.0%}".rstrip("%")
    if share < 0.0005:
        return "<0.1"
    return ">99.9" if share > 0.9995 else f"{100 * share:.1f}"


def cell_of(read, query: str, key: str) -> tuple[int, int]:
    tokens = [token.replace("▁", "") for token in read.source_tokens]
    return tokens.index(query), tokens.index(key)


def hover_until(page: Page, name: str, words: str) -> None:
    """Move over a map, first down its labels, then along the row, until it reads these words."""
    stage = panel(page, name).locator(".stage")
    stage.scroll_into_view_if_needed()
    stage.press("Escape")  # lets go of the row that is marked at first
    stand_still(page)
    box = stage.bounding_box()
    query = words.split(" →")[0]
    said = told(page, name)

    def over(x: float, y: float, wanted: str) -> bool:
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.evaluate("() => new Promise(go => requestAnimationFrame(() => setTimeout(go)))")
        return said.inner_text().startswith(wanted)

    y = next(y for y in range(0, int(box["height"]), 5) if over(4, y, f"{query} →"))
    assert any(over(x, y + 4, words) for x in range(10, int(box["width"]), 5))


def test_pointing_at_a_cell_reads_the_models_numbers_in_every_map(compare, read):
    page = compare()
    row, key = cell_of(read, "it", "animal")
    weights = read.attention("encoder")
    a, b = float(weights[2, 3, row, key]), float(weights[0, 1, row, key])
    hover_until(page, "A", "it → animal:")
    expect(told(page, "A")).to_have_text(f"it → animal: {per_cent(a)}")
    expect(told(page, "B")).to_have_text(f"it → animal: {per_cent(b)}")
    sign = "+" if a > b else "−"
    about = {"<": "≈ 0", ">": f"≈ {sign}100"}.get(tenths(abs(a - b))[0])
    signed = about or sign + tenths(abs(a - b))
    expect(told(page, "difference")).to_have_text(f"it → animal: {signed} points")


def test_the_pronouns_row_is_marked_at_first_in_both_languages_of_the_story(compare, read):
    korean = PanelChoice(
        text="그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 피곤하였기 때문이다."
    )
    page = compare(Comparison((A, korean)), "&lang=ko")
    row, _ = cell_of(read, "it", "animal")
    order = np.argsort(-read.attention("encoder")[2, 3, row])
    top = read.source_tokens[order[0]].replace("▁", "")
    expect(told(page, "A")).to_contain_text(f"it → {top} ")
    expect(told(page, "B")).to_contain_text(re.compile("^그것.* → "))
    hover_until(page, "A", "street →")
    expect(told(page, "B")).to_contain_text("짝이 없습니다")


def test_twins_point_at_each_others_words(compare):
    wide = PanelChoice(text=FAMOUS.replace("tired", "wide"), layer=2, head=3)
    page = compare(Comparison((A, wide)))
    hover_until(page, "B", "wide →")
    expect(told(page, "A")).to_contain_text("tired → ")
    expect(told(page, "difference")).to_contain_text("tired / wide → ")


def test_the_keyboard_moves_one_cursor_through_all_maps(compare, read):
    page = compare()
    stage = panel(page, "A").locator(".stage")
    stage.focus()
    row, _ = cell_of(read, "it", "it")
    page.keyboard.press("ArrowRight")  # from the whole row to its first cell
    first = float(read.attention("encoder")[0, 1, row, 0])
    expect(told(page, "B")).to_have_text(f"it → The: {per_cent(first)}")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(told(page, "A")).to_contain_text("was → animal: ")
    expect(panel(page, "A").locator(".live")).to_contain_text("was → animal: ")
    expect(panel(page, "A").locator(".live")).to_contain_text("B: was → animal: ")
    page.keyboard.press("PageUp")
    page.keyboard.press("End")
    expect(told(page, "B")).to_contain_text("The → </s>: ")
    page.keyboard.press("Tab")
    panel(page, "B").locator(".stage").focus()
    page.keyboard.press("ArrowDown")
    expect(told(page, "A")).to_contain_text("animal → </s>: ")
    page.keyboard.press("Escape")
    expect(told(page, "A")).to_have_text("Point at a word or a cell.")
    outline = panel(page, "B").locator(".stage").evaluate("e => getComputedStyle(e).outlineWidth")
    assert outline == "3px"


def test_a_click_keeps_a_cell_through_a_change_of_head(compare, read):
    page = compare()
    hover_until(page, "A", "it → animal:")
    page.mouse.down()
    page.mouse.up()
    page.mouse.move(2, 2)
    expect(told(page, "A")).to_contain_text("it → animal:")
    page.locator(".st-key-compare-1-head").get_by_role("combobox").click()
    page.get_by_role("option", name="Head 4", exact=True).click()
    expect(panel(page, "B").locator(".title")).to_have_text("B · Encoder · Layer 1 · Head 4")
    row, key = cell_of(read, "it", "animal")
    weight = float(read.attention("encoder")[0, 3, row, key])
    expect(told(page, "B")).to_have_text(f"it → animal: {per_cent(weight)}")


def test_a_preset_and_its_link_restored(compare, page):
    opened = compare()
    opened.get_by_role("button", name="encoder / decoder / cross").click()
    expect(panel(opened, "C").locator(".title")).to_contain_text("C · Cross")
    expect(told(opened, "C")).not_to_be_empty()
    stand_still(opened)
    opened.locator(".st-key-compare-0-remove button:visible").click()
    expect(opened.locator(".panel")).to_have_count(2)
    expect(panel(opened, "B").locator(".title")).to_contain_text("B · Cross")
    again = page(stand_still(opened).url)
    expect(panel(again, "A").locator(".title")).to_contain_text("A · Decoder")
    expect(panel(again, "B").locator(".title")).to_contain_text("B · Cross")
    expect(again.get_by_test_id("stException")).to_have_count(0)


def test_a_copied_link_marks_the_same_cell(compare, page):
    opened = compare()
    panel(opened, "B").locator(".stage").focus()
    opened.keyboard.press("PageUp")
    opened.keyboard.press("End")
    expect(told(opened, "A")).to_contain_text("The → </s>: ")
    opened.wait_for_url(re.compile("pin=B%2C1%2C"))
    again = page(stand_still(opened).url)
    expect(told(again, "A")).to_contain_text("The → </s>: ")
    panel(opened, "A").locator(".stage").focus()
    opened.keyboard.press("Escape")
    opened.wait_for_url(re.compile("pin=none"))
    again = page(stand_still(opened).url)
    expect(told(again, "A")).to_have_text("Point at a word or a cell.")


def test_a_map_without_room_waits_for_some(compare):
    page = compare()
    root = panel(page, "A")
    stage = root.locator(".stage")
    whole = stage.evaluate("e => e.clientWidth")
    root.evaluate("e => { e.style.width = '0px'; }")
    expect(stage).not_to_have_js_property("clientWidth", whole)
    page.wait_for_timeout(200)  # an error in drawing would fail the test
    root.evaluate("e => { e.style.width = ''; }")
    expect(stage).to_have_js_property("clientWidth", whole)


def test_the_full_colour_is_the_largest_weight_where_that_is_asked_for(compare, read):
    pale = int(read.attention("encoder")[0].max(axis=(1, 2)).argmin())
    one = PanelChoice(layer=0, head=pale)
    largest = float(read.attention("encoder")[0, pale].max())
    page = compare(Comparison((one,)))
    assert "100 %" in [text["words"] for text in labels(page, "A")]
    assert strongest_ink(page, "A") == pytest.approx(largest, abs=0.01)
    page.get_by_role("radio", name="Largest here").click()
    limit = np.ceil(100 * largest - 1e-4)
    expect(page.get_by_text(f"The scale is 0 to {limit:.0f} %")).to_be_visible()
    stand_still(page)
    assert f"{limit:.0f} %" in [text["words"] for text in labels(page, "A")]
    assert strongest_ink(page, "A") == pytest.approx(100 * largest / limit, abs=0.01)


def test_masked_cells_are_said_and_never_given_a_number(compare):
    page = compare(Comparison((PanelChoice(kind="decoder"), PanelChoice(kind="cross"))))
    panel(page, "A").locator(".stage").focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("End")
    expect(told(page, "A")).to_have_text(re.compile("^<s> → .*: masked: may not be looked at$"))


def labels(page: Page, name: str) -> list[dict[str, float]]:
    """Where a panel would write its labels: what its picture writes, in its own order."""
    return panel(page, name).evaluate(
        """async panel => {
            const texts = [];
            const original = CanvasRenderingContext2D.prototype.fillText;
            CanvasRenderingContext2D.prototype.fillText = function (words, x, y) {
                const { a, b, c, d, e, f } = this.getTransform();
                const width = this.measureText(words).width;
                const size = parseFloat(this.font.match(/([\\d.]+)px/)[1]) * Math.hypot(a, b);
                const at = { x: a * x + c * y + e, y: b * x + d * y + f };
                texts.push({ words, ...at, width, size, turned: b !== 0 });
                return original.apply(this, arguments);
            };
            panel.querySelector(".stage").dispatchEvent(new Event("scroll"));
            CanvasRenderingContext2D.prototype.fillText = original;
            return texts;
        }"""
    )


def strongest_ink(page: Page, name: str) -> float:
    """How strong the colour of the strongest cell is: cells are what is square in a picture."""
    return panel(page, name).evaluate(
        """panel => {
            let strongest = 0;
            const original = CanvasRenderingContext2D.prototype.fillRect;
            CanvasRenderingContext2D.prototype.fillRect = function (x, y, width, height) {
                if (width === height) strongest = Math.max(strongest, this.globalAlpha);
                return original.apply(this, arguments);
            };
            panel.querySelector(".stage").dispatchEvent(new Event("scroll"));
            CanvasRenderingContext2D.prototype.fillRect = original;
            return strongest;
        }"""
    )


@pytest.mark.parametrize("text", [FAMOUS, "그 동물은 길을 건너지 않았다. 그것은 피곤하였다. " * 5])
def test_labels_never_overlap_and_nothing_scrolls_sideways(compare, text):
    one = PanelChoice(text=text, layer=1, head=1)
    page = compare(Comparison((one, one, one, one)), "&lang=ko", width=390, touch=True)
    panel(page, "A").locator(".stage").focus()
    page.keyboard.press("Escape")  # a marked label stands on a ground of its own
    expect(told(page, "D")).to_contain_text("가리켜")
    for width in on_screens(page, 390, 1366, 1920):
        boxes = [panel(page, name).bounding_box() for name in "ABCD"]
        in_a_row = sum(abs(box["y"] - boxes[0]["y"]) < 60 for box in boxes)
        assert in_a_row == {390: 1, 1366: 2, 1920: 4}[width]
        stays_inside(page)
        for name in "AD":
            never_overlap(labels(page, name))


def never_overlap(written: list[dict[str, float]]) -> None:
    """Neither two labels of rows nor two of columns, of which there are some."""
    rows = [text for text in written if not text["turned"]]
    columns = [text for text in written if text["turned"]]
    assert len(columns) > 5
    starts = sorted(text["x"] for text in columns)
    size = columns[0]["size"]
    for left, right in pairwise(starts):  # lines that run side by side
        assert left == right or (right - left) * np.sin(np.pi / 3) >= size
    ends = sorted({round(text["y"], 1) for text in rows if abs(text["size"] - size) < 0.01})
    assert len(ends) > 5
    assert all(low - high >= size for high, low in pairwise(ends))


def test_a_finger_chooses_a_cell(compare):
    page = compare(width=390, height=844, touch=True)
    stage = panel(page, "B").locator(".stage")
    stage.scroll_into_view_if_needed()
    at_rest(stage)
    box = stage.bounding_box()
    page.touchscreen.tap(box["x"] + 0.7 * box["width"], box["y"] + 0.6 * box["height"])
    expect(told(page, "B")).to_contain_text(":")
    chosen = told(page, "B").inner_text().split(":")[0]
    expect(told(page, "A")).to_contain_text(chosen)


def test_a_long_text_is_whole_first_and_close_at_a_click(compare):
    text = "the dog and the cat saw it " * 30
    page = compare(Comparison((PanelChoice(text=text), PanelChoice(text=text, layer=0))))
    whole = panel(page, "A").locator(".stage").evaluate("e => e.scrollHeight - e.clientHeight")
    assert whole <= 0
    panel(page, "A").get_by_role("button", name="Closer").click()
    expect(panel(page, "B").get_by_role("button", name="Whole map")).to_be_visible()
    panel(page, "A").locator(".stage").focus()
    page.keyboard.press("PageDown")
    page.keyboard.press("End")
    for name in "AB":  # both scroll to the chosen cell
        expect(told(page, name)).to_contain_text("</s> → </s>: ")
        scrolled = panel(page, name).locator(".stage").evaluate("e => [e.scrollLeft, e.scrollTop]")
        assert min(scrolled) > 500


def test_a_map_is_saved_as_a_picture(compare):
    page = compare()
    with page.expect_download() as download:
        panel(page, "A").get_by_role("button", name=re.compile("SVG")).click()
    svg = Path(download.value.path()).read_text(encoding="utf-8")
    assert "A · Encoder · Layer 3 · Head 4" in svg
    assert ">animal<" in svg
    assert "NaN" not in svg
