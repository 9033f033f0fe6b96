"""The front door in a real browser: what is seen, in which language, on which screen."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import at_rest, on_screens, stand_still, stays_inside

pytestmark = pytest.mark.browser


def heading(page: Page):
    return page.get_by_role("heading", level=3).first


def pinned_row(page: Page):
    return page.locator(".queries li.pinned")


def test_the_first_paint_is_the_famous_picture(visit):
    page = visit()
    expect(pinned_row(page)).to_have_text("it")
    expect(heading(page)).to_have_text(re.compile(r"^it gives >?\d+ % of its attention to animal"))
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_the_browsers_language_is_spoken(visit):
    page = visit(locale="ko-KR")
    expect(heading(page)).to_have_text(
        re.compile(r"‘it’의 어텐션 가운데 >?\d+%가 ‘animal’에 갑니다")
    )
    expect(page.get_by_text("모델이 쓴 번역")).to_be_visible()
    page.get_by_role("radio", name="English").or_(
        page.get_by_role("button", name="English", exact=True)
    ).first.click()
    expect(heading(page)).to_have_text(re.compile(r"^it gives"))
    expect(page).to_have_url(re.compile("lang=en"))


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_nothing_scrolls_sideways(visit, kind):
    page = visit(f"?kind={kind}&lang=ko", width=360, touch=True)
    for _ in on_screens(page, 360, 768, 1280, 1920):
        stays_inside(page)


def test_a_click_on_a_word_changes_line_link_and_map_and_nothing_else(visit):
    page = visit()
    card = page.get_by_test_id("stExpander").element_handle()
    page.locator(".queries li", has_text="tired").click()
    expect(heading(page)).to_have_text(re.compile("^tired"))
    expect(page).to_have_url(re.compile("query=11"))
    assert card.is_visible()


def test_letting_go_of_the_word_asks_for_another(visit):
    page = visit()
    pinned_row(page).click()
    expect(pinned_row(page)).to_have_count(0)
    expect(heading(page)).to_have_text("Choose a word to see where it looks")
    expect(page).to_have_url(re.compile("query=none"))


def test_a_copied_link_opens_the_same_view_elsewhere(visit):
    first = visit()
    first.locator(".chip").nth(0).dblclick()
    expect(first).to_have_url(re.compile("head=1"))
    stand_still(first).locator(".queries li", has_text="street").click()
    expect(heading(first)).to_have_text(re.compile("^street"))
    expect(first).to_have_url(re.compile("query=6"))
    second = visit(first.url[first.url.index("?") :])
    expect(pinned_row(second)).to_have_text("street")
    expect(heading(second)).to_have_text(heading(first).inner_text())


def test_what_is_typed_is_never_run(visit):
    page = visit("?unit=words")
    page.get_by_role("textbox", name="Type a sentence").fill(
        "<img src=x onerror='window.hit=1'><script>hit=1</script>"
    )
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("text="))
    expect(page.locator(".queries li", has_text="onerror")).to_be_attached()
    expect(page.locator("img[src=x]")).to_have_count(0)
    assert page.evaluate("window.hit") is None


def test_no_host_outside_is_called(visit, address):
    page = visit()
    hosts = page.evaluate(
        "performance.getEntriesByType('resource').map(r => new URL(r.name).origin)"
    )
    assert set(hosts) == {address}


@pytest.mark.parametrize("dark", [False, True])
def test_both_themes_paint_their_own_ground(visit, dark):
    page = visit(dark=dark)
    ground = page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground == ("rgb(18, 28, 26)" if dark else "rgb(251, 250, 246)")


def map_cell(page: Page, row: int, column: int) -> tuple[float, float]:
    """Where a cell of the map is on screen, once it stays there."""
    plot = stand_still(page).locator("[class*=st-key-look_map_] .js-plotly-plot")
    at_rest(plot)
    shape = plot.evaluate(
        """(plot, [row, column]) => {
            const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();
            return [box.left + xaxis._offset + xaxis.d2p(column),
                    box.top + yaxis._offset + yaxis.d2p(row)];
        }""",
        [row, column],
    )
    return tuple(shape)


def test_a_click_on_a_cell_of_the_map_shows_its_calculation(visit):
    page = visit("?layer=4&head=1")
    page.locator("[class*=st-key-look_map_]").scroll_into_view_if_needed()
    page.mouse.move(*map_cell(page, 3, 1))
    expect(page.locator(".hoverlayer").first).to_contain_text("cross")
    page.mouse.click(*map_cell(page, 3, 1))
    expect(page).to_have_url(re.compile("query=4"))
    expect(page).to_have_url(re.compile("key=2"))
    expect(page.locator(".st-key-cell .katex").first).to_be_visible()
    expect(page.locator(".st-key-cell")).to_contain_text("animal")
    expect(pinned_row(page)).to_have_text("cross")
    page.mouse.click(*map_cell(page, 6, 3))
    expect(page).to_have_url(re.compile("key=4"))
    stand_still(page).get_by_role("link", name="This head step by step").click()
    expect(page).to_have_url(re.compile(r"/attention\?"))
    expect(page).to_have_url(re.compile("head=1"))
    expect(page).to_have_url(re.compile("query=7"))
    expect(page.locator(".steps-view")).to_have_attribute("data-stage", "scores")


def test_labels_of_the_map_never_touch(visit):
    text = "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 피곤하였기 때문이다."
    page = visit(f"?lang=ko&text={text} {text} {text}", width=390, touch=True)
    for _ in on_screens(page, 390, 1366):
        for axis, least in (("x", 16), ("y", 14)):
            assert closest_labels(page, axis) >= least
        stays_inside(page)


def closest_labels(page: Page, axis: str) -> float:
    """How many pixels the two labels of the map lie apart that are closest to each other."""
    return page.locator("[class*=st-key-look_map_] .js-plotly-plot").evaluate(
        """(plot, axis) => {
            const ax = plot._fullLayout[axis + "axis"];
            const at = ax.tickvals.map(value => ax.d2p(value));
            return Math.min(...at.slice(1).map((place, i) => Math.abs(place - at[i])));
        }""",
        axis,
    )


def test_several_words_and_the_layout_travel_in_the_link(visit):
    first = visit()
    first.locator(".queries li", has_text="street").click(modifiers=["Control"])
    expect(heading(first)).to_have_text(re.compile(r"^street \+ it together give"))
    stand_still(first).locator('.head-view [value="across"]').click()
    expect(first).to_have_url(re.compile("layout=across"))
    second = visit(first.url[first.url.index("?") :])
    expect(heading(second)).to_have_text(heading(first).inner_text())
    expect(pinned_row(second)).to_have_text(["street", "it"])
    expect(second.locator(".head-view")).to_have_class(re.compile("across"))
    stays_inside(second)


def test_a_window_chosen_in_the_small_picture_moves_the_map_too(visit):
    page = visit(f"?text={' '.join(['The dog is in the house.'] * 14)}")
    expect(page.locator(".overview canvas")).to_be_visible()
    page.locator(".overview canvas").focus()
    for _ in range(8):
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("window=1%2C1%2C40"))
    stand_still(page).get_by_role("button", name="20", exact=True).click()
    expect(page).to_have_url(re.compile("window=11%2C11%2C20"))
    expect(page.locator(".queries li")).to_have_count(20)
    expect(page.locator("[class*=st-key-look_map_] .ytick")).to_have_count(20)
    stays_inside(page)
