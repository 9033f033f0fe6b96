"""What a step of the attention page costs: from the hand to the picture. Prints, asserts nothing.

    python -m tests.bench.bench_steps

A stage, another query or another key is drawn in the browser, without a trip to the server; beside
them, in the same run, an empty fragment's round trip.
"""

import os
import statistics
import urllib.parse

from playwright.sync_api import Page, sync_playwright

from tests.e2e.conftest import ARGS, ROOT, find_chromium, serving

REPEATS = 15
SENTENCES = {"13 tokens": "", "241 tokens": "?text=" + urllib.parse.quote("the animal " * 120)}

# Milliseconds from a press of the mouse until the frame in which `seen` of the page has changed.
PRESS_TO_FRAME = """(seen) => {
    const read = new Function("return " + seen), before = read();
    window.answer = new Promise(done => {
        let start;
        const press = () => start = performance.now();
        addEventListener("pointerdown", press, {capture: true, once: true});
        const look = () => {
            if (start === undefined || read() === before) return requestAnimationFrame(look);
            const {port1, port2} = new MessageChannel();
            port1.onmessage = () => done(performance.now() - start);
            requestAnimationFrame(() => port2.postMessage(null));
        };
        requestAnimationFrame(look);
    });
}"""
VIEW = """[...document.querySelectorAll("*")].flatMap(e => e.shadowRoot
    ? [...e.shadowRoot.querySelectorAll(".steps-view")] : [])[0]
    || document.querySelector(".steps-view")"""
VIEW = f"({VIEW})".replace("\n", " ")


def main() -> None:
    """Measure everything and print it."""
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=ARGS)
        with serving(ROOT / "tests/bench/empty_page.py") as address:
            page = browser.new_page()
            page.goto(address)
            page.get_by_role("radio").first.wait_for()
            report("empty fragment, round trip", page, 'document.querySelector("h3").textContent', [
                '[role="radio"] >> nth=1', '[role="radio"] >> nth=0',
            ])  # fmt: skip
            page.close()
        with serving(ROOT / "app.py") as address:
            for name, query in SENTENCES.items():
                page = browser.new_page(viewport={"width": 1366, "height": 1200}, locale="en-US")
                page.goto(f"{address}/attention{query}")
                page.locator(".steps-view figure canvas").first.wait_for(timeout=120_000)
                page.wait_for_timeout(3000)
                for form in (0, 1):
                    page.locator(".form").nth(form).click()
                    measure(f"{name}, {('one query', 'matrices')[form]}", page)
                page.close()
        browser.close()


def measure(name: str, page: Page) -> None:
    """One form of the view: stages to and fro, then at the softmax another query, another key."""
    words = f'{VIEW}.querySelectorAll(".stepper b")'
    query, key = ".stepper >> nth=0 >> button >> nth=", ".stepper >> nth=1 >> button >> nth="
    page.locator(".card").first.click()
    report(f"{name}: stage", page, f"{VIEW}.dataset.stage", [".next"] * 9 + [".back"] * 9)
    page.locator(".card").nth(5).click()
    line = f'{VIEW}.querySelector(".numbers").textContent + {words}[0].textContent'
    report(f"{name}: another query", page, line, [f"{query}0", f"{query}1"])
    report(f"{name}: another key", page, line, [f"{key}0", f"{key}1"])


def report(name: str, page: Page, seen: str, clicked: list[str]) -> None:
    """Median and range; the first clicks fetch what the browser then keeps."""
    page.wait_for_timeout(1000)
    times = []
    for turn in range(REPEATS + 3):
        page.evaluate(PRESS_TO_FRAME, seen)
        page.locator(clicked[turn % len(clicked)]).click()
        times.append(float(page.evaluate("window.answer")))
        page.wait_for_timeout(700)  # the link follows
    times = times[3:]
    low, middle, high = min(times), statistics.median(times), max(times)
    print(f"{name}: {middle:.0f} ms ({low:.0f}–{high:.0f})")


if __name__ == "__main__":
    main()
