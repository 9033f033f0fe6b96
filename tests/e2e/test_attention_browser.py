"""Attention step by step in a real browser: next and back, one number everywhere, the link."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from model.analysis.steps import STAGES
from tests.e2e.conftest import stand_still, stays_inside

pytestmark = pytest.mark.browser


@pytest.fixture
def open_steps(page, address):
    """open_steps("?step=3", width=390) opens the page and waits for its first picture."""

    def open_steps(query: str = "", **device) -> Page:
        opened = page(f"{address}/attention{query}", **device)
        expect(view(opened).locator("figure canvas").first).to_be_visible()
        return stand_still(opened)

    return open_steps


def view(page: Page) -> Locator:
    return page.locator(".steps-view")


def stage(page: Page) -> str:
    return view(page).evaluate("root => root.dataset.stage")


def query_picker(page: Page) -> Locator:
    return page.locator(".st-key-pickers").get_by_role("combobox").last


def at_link(page: Page, **params: str) -> None:
    for name, value in params.items():
        expect(page).to_have_url(re.compile(rf"[?&]{name}={value}(&|$)"))
    stand_still(page)


def point(page: Page, name: str, x: float = 0.6, y: float = 0.8) -> tuple[str, str]:
    """Point into a picture; what the tip says: where, and the number."""
    canvas = view(page).locator(f'figure canvas[data-name="{name}"]').first
    left, top, width, height = canvas.evaluate(
        """canvas => {
            canvas.scrollIntoView({block: "center"});
            const {x, y, width, height} = canvas.getBoundingClientRect();
            return [x, y, width, height];
        }"""
    )
    page.mouse.move(left + x * width, top + y * height)
    tip = view(page).locator(".tip")
    expect(tip).to_be_visible()
    where, number = re.fullmatch(r".*\[(.*)\]\s+(.*)", tip.inner_text()).groups()
    return where, number


def as_float(written: str) -> float:
    digits = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
    return float(written.translate(digits).replace("×10", "e"))


def test_next_and_back_reveal_stage_after_stage_within_the_click(open_steps):
    page = open_steps()
    revealed = view(page).locator(".card:not(.hidden)")
    for number, name in enumerate(STAGES, start=1):
        assert stage(page) == name
        expect(revealed).to_have_count(number)
        expect(view(page).locator(".count")).to_have_text(f"{number} / 10")
        assert view(page).locator("math .lit").first.text_content()
        if name != STAGES[-1]:  # drawn before the click returns: no trip to the server, no pass
            following = view(page).evaluate(
                "root => (root.querySelector('.next').click(), root.dataset.stage)"
            )
            assert following == STAGES[number]
    expect(view(page).locator(".next")).to_be_disabled()
    at_link(page, step="10")
    view(page).locator(".back").click()
    assert stage(page) == "concat"
    expect(revealed).to_have_count(10)
    at_link(page, step="9")


def test_by_keyboard_alone(open_steps):
    page = open_steps()
    page.locator("body").press("ArrowRight")  # a remote control, before anything has the focus
    assert stage(page) == "project"
    view(page).focus()
    for key, name in [("ArrowRight", "scores"), ("End", "output"), ("ArrowLeft", "concat")]:
        page.keyboard.press(key)
        assert stage(page) == name
    page.keyboard.press("Home")
    assert stage(page) == "input"
    key = view(page).locator(".stepper b").nth(1)
    assert key.inner_text() == "animal"
    page.keyboard.press("Shift+ArrowRight")
    assert key.inner_text() == "didn't"
    page.keyboard.press("m")
    expect(view(page).locator(".form").nth(1)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowDown")
    at_link(page, query="9", form="matrix")
    expect(query_picker(page)).to_have_value("9 · was")


@pytest.mark.parametrize(("step", "name"), [(4, "scaled"), (6, "weights"), (7, "weighted")])
def test_picture_line_hover_and_table_say_the_same_number(open_steps, step, name):
    page = open_steps(f"?step={step}")
    where, number = point(page, name)
    assert re.fullmatch(r"−?(\d+\.\d+|\d)(×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?", number)
    page.mouse.down()
    page.mouse.up()
    assert view(page).locator(".numbers em").last.inner_text() == number
    key = where.split(" · ")[0] if name == "weighted" else where.split(" · ")[1]
    view(page).locator(".toggle").click()
    row = view(page).locator("table tr").filter(has=page.get_by_text(key, exact=True))
    assert row.locator("td").last.inner_text() == number


def test_a_picture_is_as_dark_as_its_number(open_steps):
    page = open_steps("?step=4&form=matrix")
    _, number = point(page, "scaled", 0.5, 0.7)
    canvas = view(page).locator('figure canvas[data-name="scaled"]')
    most = as_float(canvas.locator("xpath=..").locator(".range").inner_text().split("±")[1])
    red, _, blue, alpha = canvas.evaluate(
        """canvas => {
            const [x, y] = [0.5 * canvas.width, 0.7 * canvas.height].map(Math.floor);
            return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data];
        }"""
    )
    value = as_float(number)
    share = abs(value) / most
    assert alpha / 255 == pytest.approx(share + 0.05 * (1 - share), abs=0.02)
    assert (red > blue) == (value < 0)


def test_one_query_and_matrices_show_the_same_number(open_steps):
    page = open_steps("?step=3&kind=cross")
    line = view(page).locator(".numbers")
    alone = line.inner_text()
    view(page).locator(".form").nth(1).click()
    assert line.inner_text() == alone
    expect(view(page).locator("figcaption .shape").first).not_to_have_text(re.compile("^1 × "))


def test_one_score_multiplication_by_multiplication(open_steps):
    page = open_steps("?step=3")
    items = view(page).locator(".products li").all_inner_texts()
    products = [as_float(text.split(" = ")[1]) for text in items[:-1]]
    assert len(products) == 32
    for text in items[:-1]:
        left, right = re.match(r"(.*) × (.*) = ", text).groups()
        made = as_float(left) * as_float(right.strip("()"))
        assert made == pytest.approx(as_float(text.split(" = ")[1]), rel=2e-3)
    assert sum(products) == pytest.approx(as_float(items[-1].split("= ")[1]), rel=1e-3)
    assert items[-1].split("= ")[1] == view(page).locator(".numbers em").inner_text()


def test_side_by_side_the_own_head_is_followed_until_another_place_is_clicked(open_steps):
    page = open_steps("?step=8&layer=2&head=3")
    line, result = view(page).locator(".numbers"), view(page).locator(".numbers em").last
    context = result.inner_text()
    view(page).locator(".next").click()
    assert "head 3, dimension 1" in line.inner_text()
    assert result.inner_text() == context
    where, number = point(page, "concat", x=0.1, y=0.5)
    page.mouse.down()
    page.mouse.up()
    assert "head 1, " in where
    assert where.split(" · ")[1] in line.inner_text()
    assert result.inner_text() == number


def test_the_softmax_of_a_decided_head_can_be_checked_with_the_written_numbers(open_steps):
    page = open_steps("?step=6&kind=cross&text=hello")
    line = view(page).locator(".numbers").inner_text()
    over, under, share = map(as_float, re.search(r"(\S+) ÷ (\S+) = (\S+)$", line).groups())
    assert f"{over / under:.4g}" == f"{share:.4g}"


def test_masked_cells_say_so(open_steps):
    page = open_steps("?step=5&form=matrix&kind=decoder")
    _, number = point(page, "masked", 0.9, 0.4)
    assert number == "−∞ (masked)"


def test_a_click_on_a_row_chooses_the_query_and_the_pickers_follow(open_steps):
    page = open_steps("?step=6&form=matrix")
    where, _ = point(page, "weights", 0.7, 0.9)
    page.mouse.down()
    page.mouse.up()
    query = where.split(" · ")[0]
    expect(view(page).locator(".stepper b").first).to_have_text(query)
    expect(query_picker(page)).to_have_value(re.compile(f"· {re.escape(query)}$"))
    assert stage(page) == "softmax"


def test_another_head_keeps_the_stage(open_steps):
    page = open_steps("?step=6")
    before = view(page).locator(".numbers").inner_text()
    page.get_by_role("combobox").nth(2).click()
    page.get_by_role("option", name="1", exact=True).click()
    expect(view(page).locator(".numbers")).not_to_have_text(before)
    assert stage(page) == "softmax"
    at_link(page, step="6", head="1")


def test_on_a_phone_in_korean_everything_fits_and_answers_to_the_finger(open_steps):
    page = open_steps("?lang=ko&step=3", width=390, height=844, touch=True, dark=True)
    stays_inside(page)
    assert view(page).evaluate("root => root.scrollWidth <= root.clientWidth + 1")
    view(page).locator(".next").tap()
    assert stage(page) == "scale"
    expect(view(page).locator("h4")).to_contain_text("스케일링")


def test_the_longest_sentence_is_an_overview_that_still_answers(open_steps):
    page = open_steps("?step=5&form=matrix&text=" + "a%20" * 255)
    canvas = view(page).locator('figure canvas[data-name="masked"]')
    width, height = canvas.evaluate("canvas => [canvas.clientWidth, canvas.clientHeight]")
    assert width < 700
    assert height < 400
    point(page, "masked", 0.7, 0.7)
    view(page).locator(".toggle").click()
    assert view(page).locator("table tr").count() == 13
    view(page).locator(".next").click()
    assert stage(page) == "softmax"
