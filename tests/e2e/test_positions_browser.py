"""The positions in a real browser: a word's place, and the shuffled sentence."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import stand_still

pytestmark = pytest.mark.browser


def test_from_the_table_to_the_shuffled_sentence(page, address):
    opened = page(f"{address}/positions?lang=ko&text=I%20am%20a%20student.")
    expect(opened.locator(".js-plotly-plot .heatmaplayer").first).to_be_attached()
    expect(opened.locator(".katex").first).to_be_visible()
    expect(opened.locator(".katex-error")).to_have_count(0)
    stand_still(opened).get_by_text("6 · 문장 섞기").click()
    expect(opened).to_have_url(re.compile("part=shuffle"))
    expect(opened.get_by_text("모델이 읽는 순서: . · student · a · am · I · </s>")).to_be_visible()
    stand_still(opened).get_by_text("둘만 바꾸기").click()
    expect(opened.get_by_text("모델이 읽는 순서: I · . · a · student · am · </s>")).to_be_visible()
    expect(opened.locator(".js-plotly-plot .heatmaplayer")).to_have_count(6)
    expect(opened.get_by_test_id("stException")).to_have_count(0)
