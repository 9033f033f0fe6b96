"""The head view as a student meets it: in a real browser, with mouse, keys, finger and reader."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import on_screens, stays_inside

pytestmark = pytest.mark.browser
DEMO = Path(__file__).parent / "head_view_demo.py"
IT, ANIMAL = 8, 1


@pytest.fixture
def show(page, demo):
    """show("pin=8&layer=3") opens the demo and waits for the first picture."""

    def show(query: str = "", **device) -> Page:
        opened = page(f"{demo}/?{query}", **device)
        expect(opened.locator(".head-view")).to_be_visible()
        if "bare" not in query:
            expect(opened.get_by_text(re.compile("^pin "))).to_be_visible()
        return opened

    return show


def told(page: Page, pin: str) -> None:
    """Python knows this selection."""
    expect(page.get_by_text(re.compile(f"^pin {pin} runs"))).to_be_visible()


def runs(page: Page) -> int:
    return int(page.get_by_text(re.compile("^pin ")).inner_text().rsplit(" ", 1)[1])


def settle(page: Page) -> None:
    """Two frames and a round trip's time: whatever was going to happen has happened."""
    page.evaluate("() => new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")
    page.wait_for_timeout(300)


def query_row(page: Page, index: int) -> Locator:
    return page.locator(".queries li").nth(index)


def chip(page: Page, head: int) -> Locator:
    return page.locator(".chip").nth(head)


def picture(page: Page, canvas: str = "top") -> str:
    return page.locator(f"canvas.{canvas}").evaluate("canvas => canvas.toDataURL()")


def spoken(page: Page) -> str:
    return page.locator(".live").inner_text()


def test_hovering_previews_a_row_and_leaving_returns_to_the_pin(show):
    page = show(f"pin={IT}&layer=3&head=2")
    pinned = picture(page)
    query_row(page, 3).hover()
    expect(query_row(page, 3)).to_have_class("hovered")
    expect(query_row(page, IT)).to_have_class("pinned")
    settle(page)
    assert picture(page) != pinned
    page.mouse.move(5, 5)
    expect(query_row(page, 3)).not_to_have_class("hovered")
    settle(page)
    assert picture(page) == pinned
    assert runs(page) == 1
    assert "it: animal" in spoken(page)


def test_a_click_pins_and_python_learns_it_and_a_second_click_unpins(show):
    page = show()
    query_row(page, 4).click()
    told(page, "0 None 4")
    expect(query_row(page, 4)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".live")).to_contain_text("cross: ")
    query_row(page, 4).click()
    told(page, "0 None None")
    expect(page.locator(".live")).not_to_contain_text("cross: ")


def test_every_selection_by_keyboard(show):
    page = show()
    page.locator(".queries").focus()
    page.keyboard.press("ArrowDown")
    told(page, "0 None 0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    told(page, "1 None 1")
    page.keyboard.press("3")
    told(page, "1 2 1")
    expect(page.locator(".layers button").nth(1)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("End")
    told(page, "1 2 13")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    told(page, "0 2 13")
    page.keyboard.press("0")
    told(page, "0 None 13")
    page.keyboard.press("Escape")
    told(page, "0 None None")


def test_everything_can_be_reached_with_tab_and_the_focus_is_seen(show):
    page = show(f"pin={IT}")
    page.locator(".layers button").first.focus()
    seen = []
    for _ in range(4 + 1 + 8 + 1 + 1):
        page.keyboard.press("Shift+Tab" if not seen else "Tab")
        active = page.locator(".head-view :focus-visible")
        if active.count():
            outline = active.evaluate("element => getComputedStyle(element).outlineWidth")
            assert outline == "3px"
            seen.append(active.get_attribute("aria-label") or active.inner_text())
        else:
            seen.append("")
    layers, heads = [f"Layer {i}" for i in (1, 2, 3, 4)], [f"Head {i}" for i in range(1, 9)]
    assert seen[1:] == [*layers, "Play through the layers", *heads, "All heads"]
    for name in ("Down", "Across"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".least")).to_be_focused()
    for form in ("png", "svg"):
        page.keyboard.press("Tab")
        expect(page.locator(".save button").nth(["png", "svg"].index(form))).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".queries")).to_be_focused()
    expect(page.locator(".queries")).to_have_attribute("aria-activedescendant", f"q{IT}")


def test_heads_toggle_in_the_browser_and_go_alone_with_a_double_click(show):
    page = show(f"pin={IT}&layer=3")
    before = picture(page)
    chip(page, 0).click()
    chip(page, 1).click()
    expect(chip(page, 0)).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".mean")).to_have_text("mean of 6 heads")
    settle(page)
    assert picture(page) != before
    assert runs(page) == 1  # several heads are several heads: nothing that Python needs
    chip(page, 2).dblclick()
    told(page, f"3 2 {IT}")
    expect(page.locator('.chip[aria-pressed="true"]')).to_have_count(1)
    chip(page, 2).click()
    told(page, f"3 None {IT}")
    expect(page.locator('.chip[aria-pressed="true"]')).to_have_count(8)
    chip(page, 5).click(modifiers=["Shift"])
    told(page, f"3 5 {IT}")
    page.get_by_role("button", name="All heads").click()
    told(page, f"3 None {IT}")


def test_another_layer_is_drawn_before_the_server_could_answer(show):
    page = show(f"pin={IT}")
    changed = page.locator(".head-view").evaluate(
        """view => {
            const canvases = [...view.querySelectorAll(".sheet canvas")];
            const before = canvases.map(canvas => canvas.toDataURL());
            view.querySelectorAll(".layers button")[2].click();
            return canvases.map((canvas, i) => canvas.toDataURL() !== before[i]);
        }"""
    )
    assert changed == [True, True]
    told(page, f"2 None {IT}")


def test_a_pin_from_python_is_followed_also_after_clicks(show):
    page = show()
    for _ in range(2):
        query_row(page, 6).click()
        told(page, r"\d \S+ 6")
        page.get_by_role("button", name="twin").click()
        told(page, "3 2 3")
        expect(query_row(page, 3)).to_have_class("pinned")
        expect(page.locator('.chip[aria-pressed="true"]')).to_have_text("3")


def test_a_rerun_neither_remounts_nor_forgets(show):
    page = show(f"pin={IT}")
    chip(page, 0).click()
    page.locator(".head-view").evaluate("view => { view.mark = 'same' }")
    page.get_by_role("button", name="rerun").click()
    told(page, f"0 None {IT}")
    expect(page.get_by_text(re.compile("runs 2$"))).to_be_visible()
    settle(page)
    assert page.locator(".head-view").evaluate("view => view.mark") == "same"
    expect(page.locator(".head-view")).to_have_count(1)
    query_row(page, 3).click()  # now Python sends something new
    told(page, "0 None 3")
    settle(page)
    assert page.locator(".head-view").evaluate("view => view.mark") == "same"
    expect(chip(page, 0)).to_have_attribute("aria-pressed", "false")
    expect(page.locator('.chip[aria-pressed="true"]')).to_have_count(7)


def test_a_new_sentence_is_redrawn_in_place_and_a_row_beyond_it_let_go(show):
    page = show(f"pin={IT}")
    page.locator(".head-view").evaluate("view => { view.mark = 'same' }")
    page.get_by_text("short").click()
    expect(page.locator(".queries li")).to_have_count(4)
    told(page, "0 None None")
    assert page.locator(".head-view").evaluate("view => view.mark") == "same"
    expect(page.locator(".pinned")).to_have_count(0)


def test_the_reader_gets_the_row_in_words_and_as_a_table(show):
    page = show(f"pin={IT}&layer=3&head=2")
    assert re.match(r"Layer 4 · Head 3 · it: animal \d+ %, ", spoken(page))
    expect(page.locator(".live")).to_have_attribute("aria-live", "polite")
    cells = page.locator("table td").all_inner_texts()
    labels, shares = cells[::2], cells[1::2]
    assert labels[ANIMAL] == "animal"
    numbers = [int(share.removesuffix(" %")) for share in shares if "<" not in share]
    assert abs(sum(numbers) - 100) <= len(labels)
    assert page.locator("table caption").inner_text() == "Layer 4 · Head 3 · it"
    for name in ("Layer", "Head"):
        expect(page.get_by_role("group", name=name, exact=True)).to_be_visible()
    expect(page.get_by_role("listbox", name="Query")).to_be_visible()


def test_masked_pairs_are_marked_and_a_row_without_keys_says_so(show):
    page = show("mask=strict&pin=5")
    expect(page.locator(".keys .masked")).to_have_count(14 - 6)
    expect(page.locator(".legend")).to_be_visible()
    expect(page.locator(".note")).to_be_hidden()
    query_row(page, 0).click()
    expect(page.locator(".note")).to_have_text("“The” has nothing to look at here.")
    expect(page.locator(".live")).to_contain_text("has nothing to look at here")
    expect(page.locator(".keys .masked")).to_have_count(14)


def test_no_mask_no_legend(show):
    expect(show("pin=5").locator(".legend")).to_be_hidden()


@pytest.mark.parametrize("dark", [False, True])
def test_labels_and_heads_can_be_read_in_both_themes(show, dark):
    page = show(f"pin={IT}", dark=dark)
    found = page.locator(".head-view").evaluate(
        """view => {
            const channel = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
            const brightness = colour => {
                const ctx = new OffscreenCanvas(1, 1).getContext("2d");
                ctx.fillStyle = colour;
                ctx.fillRect(0, 0, 1, 1);
                const [r, g, b] = [...ctx.getImageData(0, 0, 1, 1).data].map(v => channel(v / 255));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const contrast = (a, b) => {
                const [low, high] = [brightness(a), brightness(b)].sort((x, y) => x - y);
                return (high + 0.05) / (low + 0.05);
            };
            const style = getComputedStyle(view);
            const ground = style.getPropertyValue("--st-background-color");
            const chips = [...view.querySelectorAll(".chip")].map(chip => getComputedStyle(chip));
            return {
                ground: brightness(ground),
                label: contrast(style.color, ground),
                heads: chips.map(chip => contrast(chip.getPropertyValue("--colour"), ground)),
                digits: chips.map(chip => contrast(chip.color, chip.backgroundColor)),
            };
        }"""
    )
    assert (found["ground"] < 0.1) == dark
    assert found["label"] >= 7
    assert min(found["heads"]) >= 3
    assert min(found["digits"]) >= 4.5


def test_a_phone_scrolls_the_picture_and_never_the_page_sideways(show):
    page = show("tokens=60&layer=3", width=360, height=740, touch=True)
    stays_inside(page)
    inside = page.locator(".scroller").evaluate(
        "e => [e.scrollHeight > e.clientHeight, e.scrollWidth <= e.clientWidth]"
    )
    assert inside == [True, True]
    query_row(page, 5).tap()
    told(page, "3 None 5")
    expect(page.locator(".hovered")).to_have_count(0)
    size = query_row(page, 5).evaluate("row => parseFloat(getComputedStyle(row).fontSize)")
    assert size >= 14
    assert query_row(page, 5).bounding_box()["height"] >= 24


def test_a_pin_far_down_is_brought_into_sight_without_moving_the_page(show):
    page = show("tokens=60&pin=50&bare")
    box, frame = query_row(page, 50).bounding_box(), page.locator(".scroller").bounding_box()
    assert frame["y"] <= box["y"]
    assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 1


def test_the_picture_follows_its_container(show):
    page = show(f"pin={IT}")
    page.set_viewport_size({"width": 420, "height": 800})
    settle(page)
    canvas, sheet = (page.locator(name).first.bounding_box() for name in ("canvas.base", ".sheet"))
    assert canvas["width"] == pytest.approx(sheet["width"], abs=1)
    stays_inside(page)
    assert page.locator("canvas.top").evaluate("c => c.width") == round(sheet["width"])


def test_canvases_are_as_sharp_as_the_screen(show):
    page = show(scale=2)
    sharpness = page.locator("canvas.top").evaluate("c => c.width / c.clientWidth")
    assert sharpness == pytest.approx(2, abs=0.01)


def test_korean_labels_and_words(show):
    page = show("lang=ko&pin=9&layer=3&head=2")
    assert re.match(r"4층 · 헤드 3 · 그것: 동물 \d+%, ", spoken(page))
    expect(query_row(page, 12)).to_have_text("피곤하였기")


def test_what_looks_like_html_or_a_template_stays_text(show):
    page = show("words=script&pin=2")
    expect(query_row(page, 0)).to_have_text("<script>document.title='broken'</script>")
    expect(page.locator(".head-view script, .head-view b")).to_have_count(0)
    assert page.title() != "broken"
    assert "{keys}: " in spoken(page)


def test_nothing_to_show_is_said(show):
    page = show("words=empty")
    expect(page.get_by_text("Nothing to show yet.")).to_be_visible()
    expect(page.locator(".plot")).to_be_hidden()


def test_hovering_128_tokens_stays_in_the_browser(show):
    page = show("tokens=128&layers=6")
    for row in (3, 7, 11):
        query_row(page, row).hover()
        expect(query_row(page, row)).to_have_class("hovered")
    assert runs(page) == 1


# ── several words ────────────────────────────────────────────────────────────────────────────────


def shares(page: Page) -> list[int]:
    """The table's whole per cents; what is less counts as none."""
    cells = page.locator("table td").all_inner_texts()[1::2]
    return [0 if "<" in cell else int(cell.strip(">").removesuffix(" %")) for cell in cells]


def test_several_words_are_chosen_with_the_mouse(show):
    page = show("layer=3&head=2")
    query_row(page, 4).click()
    expect(page.locator(".together")).to_be_hidden()
    query_row(page, IT).click(modifiers=["Control"])
    told(page, f"3 2 4,{IT}")
    expect(page.locator(".queries .pinned")).to_have_text(["cross", "it"])
    expect(page.locator(".together")).to_contain_text("2 query words together")
    query_row(page, 10).click(modifiers=["Shift"])
    told(page, "3 2 8,9,10")
    query_row(page, 9).click(modifiers=["Control"])
    told(page, "3 2 8,10")
    query_row(page, 2).click()
    told(page, "3 2 2")


def test_several_words_are_chosen_with_the_keys(show):
    page = show()
    page.locator(".queries").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    told(page, "0 None 0,1,2")
    expect(page.locator(".queries")).to_have_attribute("aria-activedescendant", "q2")
    page.keyboard.press("Shift+ArrowUp")
    told(page, "0 None 0,1")
    expect(page.locator('.queries [aria-selected="true"]')).to_have_count(2)
    page.keyboard.press("ArrowDown")
    told(page, "0 None 2")


def test_a_finger_that_rests_adds_a_word(show):
    page = show("pin=2&layer=3", width=390, height=844, touch=True)
    row = query_row(page, 5)
    row.dispatch_event("pointerdown", {"pointerType": "touch", "bubbles": True})
    told(page, "3 None 2,5")
    row.dispatch_event("pointerup", {"pointerType": "touch", "bubbles": True})
    row.dispatch_event("click", {"bubbles": True})  # what the browser sends behind it
    settle(page)
    expect(page.locator(".queries .pinned")).to_have_count(2)
    query_row(page, 6).tap()
    told(page, "3 None 6")


def test_the_sum_is_as_many_times_the_mean_as_there_are_words(show):
    page = show(f"layer=3&head=2&pin={IT}")
    query_row(page, 3).click(modifiers=["Control"])
    told(page, f"3 2 3,{IT}")
    mean = shares(page)
    assert abs(sum(mean) - 100) <= 14
    assert "mean of their rows" in spoken(page)
    page.get_by_role("button", name="sum", exact=True).click()
    expect(page.locator(".live")).to_contain_text("sum of their rows")
    assert all(abs(added - 2 * half) <= 1 for added, half in zip(shares(page), mean, strict=True))
    expect(page.locator(".mean")).to_have_text("sum of 2 rows")


# ── words side by side ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("link", ["", "lang=ko&", "tokens=60&"])
def test_side_by_side_no_two_words_touch_and_the_page_does_not_scroll(show, link):
    page = show(f"{link}pin=3&layer=3", width=390, height=844, touch=True)
    page.locator('[value="across"]').click()
    expect(page.locator(".head-view")).to_have_class(re.compile("across"))
    for _ in on_screens(page, 390, 1280):
        two_rows_of_whole_words(page)
        stays_inside(page)


def two_rows_of_whole_words(page: Page) -> None:
    """No two words touch, none is cut off, and the rows leave room for lines between them."""
    for side in ("queries", "keys"):
        boxes = page.locator(f".{side} li span").evaluate_all(
            "spans => spans.map(span => span.getBoundingClientRect()).map(b => [b.left, b.right])"
        )
        assert all(end <= start + 0.5 for (_, end), (start, _) in pairwise(boxes))
    above, below = (page.locator(f".{side}").bounding_box()["y"] for side in ("queries", "keys"))
    assert above + 100 < below
    cut = page.locator(".queries li span").evaluate_all(
        "spans => spans.filter(span => span.scrollWidth > span.clientWidth + 1).length"
    )
    assert cut == 0


def test_side_by_side_the_arrows_go_along_the_sentence(show):
    page = show("pin=3")
    page.locator('[value="across"]').click()
    page.locator(".queries").focus()
    page.keyboard.press("ArrowRight")
    told(page, "0 None 4")
    page.keyboard.press("ArrowDown")
    told(page, "1 None 4")
    query_row(page, 6).hover()
    expect(query_row(page, 6)).to_have_class("hovered")


# ── weak lines, many heads, alignment ────────────────────────────────────────────────────────────


def test_weak_lines_are_hidden_at_once_and_it_is_said_how_much(show):
    page = show(f"pin={IT}&layer=3&head=2")
    expect(page.locator(".hidden-share")).to_be_hidden()
    before = picture(page)
    told_before = runs(page)
    page.locator(".least").evaluate(
        "slider => { slider.value = 20; slider.dispatchEvent(new Event('input')); }"
    )
    settle(page)
    assert picture(page) != before
    assert runs(page) == told_before  # nothing went to Python yet
    expect(page.locator(".hidden-share")).to_have_text(re.compile(r"^(<1|\d+) % of the attention"))
    weak = 100 - sum(share for share in shares(page) if share >= 20)
    said = page.locator(".hidden-share").inner_text().split(" %")[0]
    assert abs((0 if said == "<1" else int(said)) - weak) <= 2
    page.locator(".least").evaluate("slider => slider.dispatchEvent(new Event('change'))")
    expect(page.get_by_text(re.compile(rf"runs {told_before + 1}$"))).to_be_visible()


def test_the_slider_answers_to_its_own_arrow_keys(show):
    page = show(f"pin={IT}")
    page.locator(".least").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".least-said")).to_have_text("1 %")
    told(page, f"0 None {IT}")  # neither the layer nor the word moved


def test_heads_beyond_eight_have_another_line_and_their_number(show):
    page = show(f"pin={IT}&heads=16")
    styles = page.locator(".chip").evaluate_all(
        "chips => chips.map(chip => [chip.style.getPropertyValue('--colour'),"
        " getComputedStyle(chip).borderStyle].join())"
    )
    assert len(set(styles)) == 16
    chip(page, 8).dblclick()
    told(page, f"0 8 {IT}")


def test_between_two_sentences_the_strongest_lines_are_an_alignment(show):
    assert show("pin=3").locator(".lines").count() == 0
    page = show("cross&layer=3&head=2")
    everything = picture(page, "base")
    page.get_by_role("button", name="Strongest source").click()
    expect(page.locator(".aligned")).to_be_visible()
    settle(page)
    assert picture(page, "base") != everything


# ── through the layers ───────────────────────────────────────────────────────────────────────────


def test_it_plays_through_the_layers_and_stops_at_the_last(show):
    page = show(f"pin={IT}&layers=3")
    play = page.get_by_role("button", name="Play through the layers")
    play.click()
    told(page, f"1 None {IT}")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    told(page, f"2 None {IT}")
    expect(play).to_be_visible()
    told(page, f"2 None {IT}")
    page.locator(".queries").focus()
    page.keyboard.press("p")
    told(page, f"0 None {IT}")
    page.keyboard.press("p")
    expect(play).to_be_visible()


def test_who_wants_no_motion_goes_one_layer_a_press(show):
    page = show(f"pin={IT}&layers=3")
    page.emulate_media(reduced_motion="reduce")
    step = page.get_by_role("button", name="Next layer")
    step.click()
    told(page, f"1 None {IT}")
    page.wait_for_timeout(2500)
    told(page, f"1 None {IT}")


# ── a long sentence ──────────────────────────────────────────────────────────────────────────────


def test_a_long_sentence_is_seen_through_a_window_that_can_be_moved(show):
    page = show("tokens=300&window=40&pin=5")
    expect(page.locator(".queries li")).to_have_count(40)
    expect(page.locator(".where")).to_contain_text("queries 1–40 of 300")
    expect(page.locator(".outside-share")).to_contain_text("outside the frame")
    thumb = page.locator(".overview canvas")
    box = thumb.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(page.locator(".where")).to_contain_text(
        re.compile(r"queries 13\d–17\d of 300, keys 261–300")
    )
    expect(page.locator(".outside-share")).to_contain_text("1 of the chosen words")
    thumb.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".where")).to_contain_text("keys 241–280")
    page.get_by_role("button", name="20", exact=True).click()
    expect(page.locator(".queries li")).to_have_count(20)
    expect(page.locator(".where")).to_contain_text("keys 251–270")


def test_without_a_window_there_is_no_small_picture(show):
    expect(show("pin=3").locator(".overview")).to_be_hidden()


# ── out of the browser ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("across", [False, True])
def test_a_saved_picture_has_its_words_and_its_lines(show, across, tmp_path):
    page = show(f"pin={IT}&layer=3&lang=ko")
    if across:
        page.locator('[value="across"]').click()
        expect(page.locator(".head-view")).to_have_class(re.compile("across"))
    with page.expect_download() as saving:
        page.locator(".save button").nth(1).click()
    saving.value.save_as(tmp_path / "saved.svg")
    drawing = ET.parse(tmp_path / "saved.svg").getroot()
    words = "".join(drawing.itertext())
    for label in ("동물", "피곤하였기", "4층"):
        assert label in words
    assert len(drawing.findall(".//{http://www.w3.org/2000/svg}path")) > 20
