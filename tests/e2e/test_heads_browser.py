"""All heads in a real browser: pointing enlarges with true numbers, clicks and keys choose."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

import model
from tests.e2e.conftest import on_screens, stand_still, stays_inside
from viz.i18n import catalogue
from viz.state import FAMOUS

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
DEMO = Path(__file__).parent / "model_view_demo.py"
EN = catalogue("en")
IT, ANIMAL = 8, 1


@pytest.fixture
def show(page, demo):
    """show("tokens=300&layers=2") opens the demo and waits for the first picture."""

    def show(query: str = "", **device) -> Page:
        opened = page(f"{demo}/?{query}", **device)
        expect(opened.locator(".model-view .title")).not_to_be_empty()
        return opened

    return show


@pytest.fixture
def visit(page, address):
    """visit("kind=cross") opens the page in English and waits for the maps."""

    def visit(query: str = "", **device) -> Page:
        opened = page(f"{address}/heads?lang=en&{query}", **device)
        expect(opened.locator(".model-view .title")).not_to_be_empty()
        return stand_still(opened)

    return visit


@pytest.fixture(scope="module")
def trace():
    return model.trace(model.load(ROOT / "checkpoints" / "jumok", device="cpu"), FAMOUS)


def tile(page: Page, number: int) -> Locator:
    return page.locator(".tiles li").nth(number)


def point(page: Page, number: int, row: int, column: int, n_rows: int, n_columns: int) -> None:
    """The mouse on one cell of one thumbnail."""
    tile(page, number).scroll_into_view_if_needed()
    box = tile(page, number).bounding_box()
    high = tile(page, number).evaluate(
        "e => parseFloat(getComputedStyle(e).getPropertyValue('--h'))"
    )
    x = box["x"] + (column + 0.5) / n_columns * box["width"]
    page.mouse.move(x, box["y"] + (row + 0.5) / n_rows * high)


def title(page: Page) -> Locator:
    return page.locator(".model-view .title")


def cell(page: Page) -> Locator:
    return page.locator(".model-view .cell")


def told(page: Page, chosen: str) -> None:
    """Python knows this selection."""
    expect(page.get_by_text(re.compile(f"^chosen {chosen} runs"))).to_be_visible()


def runs(page: Page) -> int:
    return int(page.get_by_text(re.compile("^chosen ")).inner_text().rsplit(" ", 1)[1])


def settle(page: Page) -> None:
    """Two frames and a round trip's time: whatever was going to happen has happened."""
    page.evaluate("() => new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")
    page.wait_for_timeout(300)


def picture(page: Page) -> str:
    return page.locator(".picture .base").evaluate("canvas => canvas.toDataURL()")


# ── pointing ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_pointing_enlarges_a_head_and_tells_its_true_numbers(visit, trace, kind):
    page = visit(f"kind={kind}")
    attention, mask = trace.attention(kind), trace.mask(kind)
    n_layers, n_heads, n_rows, n_columns = attention.shape
    for layer, head in ((0, 1), (n_layers - 1, n_heads - 1)):
        for row, column in ((0, 0), (n_rows - 1, n_columns // 2), (2, n_columns - 1)):
            point(page, layer * n_heads + head, row, column, n_rows, n_columns)
            name = f"{EN(f'kind.{kind}')} · Layer {layer + 1} · Head {head + 1}"
            expect(title(page)).to_have_text(name)
            weight = EN.percent(float(attention[layer, head, row, column]))
            shown = weight if mask[row, column] else "masked"
            expect(cell(page).locator(".share")).to_have_text(shown)
            best = EN.percent(float(attention[layer, head, row].max()))
            expect(cell(page).locator(".row")).to_contain_text(best)


def test_leaving_goes_back_to_the_chosen_head_and_nothing_went_to_the_server(show):
    page = show()
    expect(title(page)).to_have_text("encoder · Layer 4 · Head 4")
    before = picture(page)
    point(page, 1, IT, ANIMAL, 14, 14)
    expect(title(page)).to_have_text("encoder · Layer 1 · Head 2")
    expect(cell(page)).to_contain_text("Query it → Key animal · 50 %")
    assert picture(page) != before
    page.mouse.move(5, 5)
    expect(title(page)).to_have_text("encoder · Layer 4 · Head 4")
    settle(page)
    assert picture(page) == before
    assert runs(page) == 1


def test_pointing_at_the_enlarged_map_reads_its_cells_and_a_click_keeps_the_row(show):
    page = show()
    box = page.locator(".picture").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.6)
    query = cell(page).locator("b").first
    expect(query).not_to_be_empty()
    name = query.inner_text()
    page.mouse.down()
    page.mouse.up()
    told(page, r"encoder 3 3 \d+")
    page.mouse.move(5, 5)
    expect(query).to_have_text(name)


def test_a_masked_cell_says_so_and_the_legend_explains_the_hatching(show):
    page = show("kinds=decoder")
    expect(page.locator(".hatched")).to_have_text("masked: may not be looked at")
    point(page, 0, 2, 9, 14, 14)
    expect(cell(page).locator(".share")).to_have_text("masked")
    point(page, 0, 9, 2, 14, 14)
    expect(cell(page).locator(".share")).to_contain_text("%")


# ── choosing ─────────────────────────────────────────────────────────────────────────────────────


def test_a_click_chooses_and_the_page_the_link_and_the_next_page_know_it(visit):
    page = visit()
    tile(page, 4).click()  # layer 2, head 1
    expect(page).to_have_url(re.compile(r"layer=2.*head=1"))
    expect(page.get_by_role("heading", name="Encoder · Layer 2 · Head 1")).to_be_visible()
    expect(tile(page, 4)).to_have_attribute("aria-selected", "true")
    stand_still(page)
    page.get_by_role("button", name="See its lines").click()
    expect(page.locator(".head-view")).to_be_visible()
    expect(page.get_by_text("Encoder · Layer 2 · Head 1").first).to_be_visible()


def test_a_copied_link_opens_the_same_view_elsewhere(visit):
    first = visit("show=all&measure=entropy&order=low&ink=head&kind=decoder&layer=2&head=2")
    expect(first.locator(".mark.name")).to_have_text(["Encoder", "Decoder", "Cross"])
    expect(first.locator(".own")).to_contain_text("scale of its own")
    shown = first.locator(".tiles li").all_text_contents()
    second = visit(first.url.split("?")[1])
    expect(second.locator(".tiles li")).to_have_text(shown)
    expect(title(second)).to_contain_text("Decoder · Layer 2 · Head 2")


def test_every_selection_by_keyboard(show):
    page = show("kinds=encoder,cross")
    page.locator(".tiles").focus()
    page.keyboard.press("Home")
    expect(title(page)).to_have_text("encoder · Layer 1 · Head 1")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(title(page)).to_have_text("encoder · Layer 2 · Head 2")
    expect(page.locator(".tiles")).to_have_attribute("aria-activedescendant", "tile5")
    assert runs(page) == 1  # looking costs nothing; choosing does
    page.keyboard.press("Enter")
    told(page, "encoder 1 1 None")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(title(page)).to_have_text("cross · Layer 1 · Head 2")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    told(page, "cross 0 0 None")
    page.keyboard.press("ArrowUp")
    expect(title(page)).to_have_text("encoder · Layer 4 · Head 1")
    page.keyboard.press("Escape")
    expect(title(page)).to_have_text("cross · Layer 1 · Head 1")
    page.keyboard.press("End")
    expect(title(page)).to_have_text("cross · Layer 4 · Head 4")


def test_plus_and_minus_zoom_to_a_window_that_is_named(show):
    page = show("tokens=60")
    page.locator(".tiles").focus()
    expect(page.locator(".frame")).to_be_hidden()
    page.keyboard.press("+")
    expect(page.locator(".big-note")).to_contain_text(re.compile(r"Rows \d+–\d+ of 60"))
    expect(page.locator(".zoomed")).to_have_text("32 × 32")
    expect(page.locator(".frame")).to_be_visible()
    page.get_by_role("button", name="Zoom in").click()
    expect(page.locator(".zoomed")).to_have_text("16 × 16")
    page.locator(".tiles").focus()
    page.keyboard.press("-")
    page.keyboard.press("-")
    expect(page.locator(".big-note")).not_to_contain_text("Rows")
    expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()


def test_what_the_page_chooses_is_followed_also_after_clicks(show):
    page = show()
    for number in (6, 9):
        tile(page, number).click()
        told(page, rf"encoder {number // 4} {number % 4} \S+")
        page.mouse.move(5, 5)
        page.get_by_role("button", name="elsewhere").click()
        told(page, "encoder 0 1 8")
        expect(tile(page, 1)).to_have_attribute("aria-selected", "true")
        expect(cell(page)).to_contain_text("Query it → Key animal · 50 %")


# ── sorted, filtered, scaled ─────────────────────────────────────────────────────────────────────


def test_sorting_by_a_measure(visit):
    page = visit()
    page.get_by_role("combobox", name="Number on each map").click()
    page.get_by_role("option", name="Confidence").click()
    expect(tile(page, 0)).to_have_text(re.compile(r"^\d+ %$"))
    stand_still(page)
    page.get_by_role("combobox", name="Order").click()
    page.get_by_role("option", name="Largest first").click()
    expect(tile(page, 0)).to_have_text(re.compile(r"^\d·\d\d+ %$"))
    shares = [
        int(re.search(r"(\d+) %", text)[1])
        for text in page.locator(".under span").all_inner_texts()
    ]
    assert len(shares) == 16
    assert shares == sorted(shares, reverse=True)
    expect(page).to_have_url(
        re.compile("measure=confidence.*order=high|order=high.*measure=confidence")
    )
    expect(title(page)).to_contain_text("Confidence")


def alpha(page: Page, number: int, row: int, column: int, n: int) -> int:
    """Ink 0..255 of one cell of one thumbnail."""
    return page.locator(".sheet").evaluate(
        """(sheet, [number, row, column, n]) => {
            const canvas = sheet.querySelector("canvas");
            const item = sheet.querySelectorAll("li")[number];
            const value = name => parseFloat(getComputedStyle(item).getPropertyValue(name));
            const scale = canvas.width / sheet.clientWidth;
            const x = (value("--x") + (column + 0.5) / n * value("--w")) * scale;
            const y = (value("--y") + (row + 0.5) / n * value("--h")) * scale;
            return canvas.getContext("2d").getImageData(Math.floor(x), Math.floor(y), 1, 1).data[3];
        }""",
        [number, row, column, n],
    )


def test_ink_is_the_weight_itself_unless_the_picture_says_otherwise(show):
    page = show()
    assert alpha(page, 1, IT, ANIMAL, 14) == pytest.approx(128, abs=1)
    expect(page.locator(".own")).to_have_count(0)
    expect(page.locator(".legend")).to_contain_text("100 %")
    page = show("scale=row")
    assert alpha(page, 1, IT, ANIMAL, 14) == 255
    expect(page.locator(".own")).to_contain_text("Each row has a scale of its own")
    page = show("scale=head")
    assert 128 < alpha(page, 1, IT, ANIMAL, 14) < 255
    expect(page.locator(".big-note")).to_contain_text(
        "Full colour here is this head's largest weight"
    )


# ── many heads, long inputs, small screens ───────────────────────────────────────────────────────


def test_no_strong_cell_vanishes_in_a_thumbnail_smaller_than_its_map(show):
    page = show("tokens=100&layers=6&heads=12")
    expect(page.locator(".notes").first).to_contain_text("each dot is the largest of up to")
    assert alpha(page, 1, IT, ANIMAL, 100) >= 127


def test_a_long_input_is_blocks_with_true_names_until_its_head_is_chosen(show):
    page = show("tokens=300&layers=2&heads=2", height=1000)
    assert page.locator(".notes").first.inner_text().count("3 × 3") == 1
    point(page, 1, IT // 3, ANIMAL // 3, 100, 100)
    expect(page.locator(".big-note")).to_contain_text("Each cell is the largest of up to 3 × 3")
    query, key = cell(page).locator("b").all_inner_texts()
    shown = cell(page).locator(".share").inner_text()
    page.mouse.down()
    page.mouse.up()
    told(page, "encoder 0 1 None")
    expect(page.locator(".big-note")).not_to_contain_text("Click the small map")
    page.locator(".tiles").focus()
    for _ in range(4):
        page.keyboard.press("+")
    expect(page.locator(".zoomed")).to_have_text("8 × 8")
    assert query in "The animal did n't cross the street because it"
    assert shown.endswith("%")
    assert key


@pytest.mark.parametrize(
    "size", ["layers=4&heads=4", "layers=12&heads=16&kinds=encoder,decoder,cross"]
)
def test_nothing_scrolls_the_page_sideways_and_maps_stay_legible(show, size):
    page = show(size, width=360, touch=True)
    for _ in on_screens(page, 360, 1280):
        stays_inside(page)
        assert tile(page, 0).bounding_box()["width"] >= 56
    n_tiles = 16 if "heads=4" in size else 3 * 12 * 16
    expect(page.locator(".tiles li")).to_have_count(n_tiles)


def test_a_tap_chooses_and_the_enlarged_map_stays_in_sight(show):
    page = show("bare", width=390, height=844, touch=True)
    tile(page, 13).scroll_into_view_if_needed()
    tile(page, 13).tap()
    expect(title(page)).to_have_text("encoder · Layer 4 · Head 2")
    expect(title(page)).to_be_in_viewport()


def test_on_a_phone_the_enlarged_map_leaves_room_and_folds_away(show):
    page = show("bare", width=390, height=844, touch=True)
    one, big = page.locator(".one"), page.locator(".picture")
    assert one.bounding_box()["height"] < 0.45 * 844
    page.get_by_role("button", name="Fold the large map away").tap()
    expect(big).to_be_hidden()
    assert one.bounding_box()["height"] < 0.15 * 844
    tile(page, 13).tap()
    expect(title(page)).to_have_text("encoder · Layer 4 · Head 2")
    expect(cell(page)).to_contain_text("Query")
    page.get_by_role("button", name="Show the large map again").tap()
    expect(big).to_be_visible()
    wide = show("bare")
    expect(wide.locator(".picture")).to_be_visible()
    expect(wide.locator(".fold")).to_be_hidden()


# ── readers, saving ──────────────────────────────────────────────────────────────────────────────


def test_readers_get_every_head_by_name_and_the_strongest_pairs(show):
    page = show("order=low")
    expect(page.get_by_role("listbox", name="All heads")).to_be_visible()
    names = page.get_by_role("option").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert len(names) == 16
    assert all(re.fullmatch(r"encoder · Layer \d · Head \d, Highest \d+ %", name) for name in names)
    page.locator(".tiles").focus()
    page.keyboard.press("End")
    live = page.locator(".live")
    expect(live).to_have_attribute("aria-live", "polite")
    expect(live).to_contain_text(re.compile(r"strongest: \S+ → \S+ >?\d+ %, "))


@pytest.mark.parametrize("which", [0, 1])
def test_both_pictures_are_saved_as_they_stand(show, which):
    page = show("kinds=decoder&tokens=9")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as SVG").nth(which).click()
    root = ET.parse(saved.value.path()).getroot()
    words = "".join(root.itertext())
    assert "Layer 4" in words
    assert ("animal" in words) == (which == 1)  # only the large map has room for names
    images = root.iter("{http://www.w3.org/2000/svg}image")
    assert len(list(images)) == (2 * 16 + 1 if which == 0 else 2)  # heads, hatching, the legend's


def test_what_looks_like_html_stays_text(visit):
    page = visit("text=%3Cimg+src%3Dx+onerror%3D%27window.hit%3D1%27%3E")
    expect(title(page)).to_contain_text("Encoder")
    point(page, 0, 1, 1, 12, 12)
    settle(page)
    assert page.evaluate("window.hit") is None
