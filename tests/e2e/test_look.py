"""The front door in a real browser: what is seen, in which language, on which screen."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
expect.set_options(timeout=30_000)  # a loaded machine is no failure


def heading(page: Page):
    return page.get_by_role("heading", level=3).first


def pinned_row(page: Page):
    return page.locator(".queries li.pinned")


def fits(page: Page) -> bool:
    """Nothing asks for scrolling sideways, neither the page nor its scrolling part."""
    return page.evaluate(
        """() => [document.documentElement, document.querySelector("[data-testid=stMain]")]
            .every(part => part.scrollWidth <= part.clientWidth)"""
    )


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
    assert "lang=en" in page.url


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_nothing_scrolls_sideways(visit, width, kind):
    page = visit(f"?kind={kind}&lang=ko", width=width, touch=width < 700)
    assert fits(page)


def test_a_click_on_a_word_changes_line_link_and_map_and_nothing_else(visit):
    page = visit()
    card = page.get_by_test_id("stExpander").element_handle()
    page.locator(".queries li", has_text="tired").click()
    expect(heading(page)).to_have_text(re.compile("^tired"))
    page.wait_for_url(re.compile("query=11"))
    assert card.is_visible()


def test_letting_go_of_the_word_asks_for_another(visit):
    page = visit()
    pinned_row(page).click()
    expect(pinned_row(page)).to_have_count(0)
    expect(heading(page)).to_have_text("Choose a word to see where it looks")
    page.wait_for_url(re.compile("query=none"))


def test_a_copied_link_opens_the_same_view_elsewhere(visit):
    first = visit()
    first.locator(".chip").nth(0).dblclick()
    first.wait_for_url(re.compile("head=1"))
    first.locator(".queries li", has_text="street").click()
    expect(heading(first)).to_have_text(re.compile("^street"))
    first.wait_for_url(re.compile("query=6"))
    second = visit(first.url[first.url.index("?") :])
    expect(pinned_row(second)).to_have_text("street")
    expect(heading(second)).to_have_text(heading(first).inner_text())


def test_what_is_typed_is_never_run(visit):
    page = visit("?unit=words")
    page.get_by_role("textbox", name="Type a sentence").fill(
        "<img src=x onerror='window.hit=1'><script>hit=1</script>"
    )
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("text="))
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
