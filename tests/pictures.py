"""Draw README's pictures anew from the running app (`python -m tests.pictures`)."""

from __future__ import annotations

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import ARGS, ROOT, find_chromium, serving

PICTURES = ROOT / "viz" / "pictures"
LIGHT = {"locale": "en-US", "color_scheme": "light"}
DARK = {"locale": "ko-KR", "color_scheme": "dark"}
# name → address, what must be there before the picture is taken, browser
SHOTS = {
    "look-en": ("/", ".js-plotly-plot", LIGHT),
    "look-ko": ("/", ".js-plotly-plot", DARK),
    "attention-en": ("/attention?step=3", ".steps-view figure canvas", LIGHT),
    "attention-ko": ("/attention?step=6", ".steps-view figure canvas", DARK),
    "block-en": ("/block", ".js-plotly-plot", LIGHT),
}

with serving(ROOT / "app.py") as address, sync_playwright() as playwright:
    PICTURES.mkdir(exist_ok=True)
    path = find_chromium(playwright)
    chromium = playwright.chromium.launch(executable_path=path, args=ARGS)
    for name, (link, ready, options) in SHOTS.items():
        page = chromium.new_page(viewport={"width": 1280, "height": 1010}, **options)
        page.goto(address + link)
        page.locator(ready).first.wait_for(timeout=60_000)
        page.wait_for_timeout(3000)  # fonts and the last redraw
        page.screenshot(path=PICTURES / f"{name}.png")
    chromium.close()
