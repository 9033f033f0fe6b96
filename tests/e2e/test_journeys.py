"""Whole journeys: a teacher with a projector, a student with a phone, a student who mistypes."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import stand_still

pytestmark = pytest.mark.browser


def heading(page: Page):
    return page.get_by_role("heading", level=3).first


def test_a_teacher_shows_the_flip_and_goes_back(visit):
    page = visit(width=1920, height=1080)
    expect(heading(page)).to_have_text(re.compile("animal"))
    page.get_by_role("button", name="Change one word").click()
    expect(heading(page)).to_have_text(re.compile("^it gives .* street"))
    expect(page.locator(".queries li.pinned")).to_have_text("it")
    stand_still(page)
    page.get_by_role("button", name="Change one word").click()
    expect(heading(page)).to_have_text(re.compile("^it gives .* animal"))


def test_a_student_with_a_phone_tries_the_korean_pair_and_the_translation(visit):
    page = visit(width=360, height=740, touch=True, locale="ko-KR")
    page.get_by_text("넓었기", exact=True).tap()
    expect(heading(page)).to_have_text(re.compile("‘그것’의 .* ‘길"))
    stand_still(page).get_by_text("교차", exact=True).tap()
    expect(page.locator(".queries li").nth(1)).to_have_text("<2en>")
    stand_still(page).get_by_text("프랑스어", exact=True).tap()
    expect(page.locator(".queries li").nth(1)).to_have_text("<2fr>")
    expect(page).to_have_url(re.compile("to=fr"))


def test_a_student_who_mistypes_is_told_and_loses_nothing(visit):
    page = visit()
    box = page.get_by_role("textbox", name="Type a sentence")
    before = heading(page).inner_text()
    box.fill("   ")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is no text")
    expect(heading(page)).to_have_text(before)
    stand_still(page)
    box.fill("The cat sat down because it was tired.")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".queries li").nth(1)).to_have_text("cat")


def test_the_back_button_goes_back_to_the_earlier_sentence(visit):
    page = visit()
    page.get_by_text("wide", exact=True).click()
    expect(heading(page)).to_have_text(re.compile("street"))
    expect(page).to_have_url(re.compile("text="))
    stand_still(page).go_back()
    expect(heading(page)).to_have_text(re.compile("animal"))
    expect(page.get_by_role("textbox", name="Type a sentence")).to_have_value(re.compile("tired"))


def test_the_back_button_takes_a_choice_back_and_then_leaves(page, address):
    opened = page(f"{address}/masks?lang=en")
    parts = opened.locator(".st-key-masks-part button")
    expect(parts.first).to_have_attribute("aria-checked", "true")
    parts.nth(3).click()
    expect(opened).to_have_url(re.compile("part=lift"))
    expect(parts.nth(3)).to_have_attribute("aria-checked", "true")
    stand_still(opened).go_back()
    expect(parts.first).to_have_attribute("aria-checked", "true")
    stand_still(opened).go_back()
    expect(opened).to_have_url("about:blank")


def test_a_student_types_a_translation_and_sees_the_decoder_read_it(visit):
    page = visit()
    page.get_by_text("Decoder", exact=True).click()
    own = page.get_by_role("textbox", name="Your own translation")
    expect(own).to_be_visible()
    stand_still(page)
    own.fill("그 동물은 길을 건넜다.")
    own.press("Enter")
    expect(page.locator(".queries li", has_text="동물")).to_be_visible()
    expect(page.get_by_text("follow your translation")).to_be_visible()
