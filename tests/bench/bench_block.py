"""What a stage of the block page costs: from the hand to the picture. Prints, asserts nothing.

    python -m tests.bench.bench_block

Next and back go to the server: the time until heading and picture are both the new stage's,
against an empty fragment's round trip, by turns in one run.
"""

import os
import statistics

from playwright.sync_api import Page, sync_playwright

from tests.bench.bench_steps import PRESS_TO_FRAME
from tests.e2e.conftest import ARGS, ROOT, find_chromium, serving

WARM, REPEATS = 4, 18
WALK = [".st-key-block-next button"] * 6 + [".st-key-block-back button"] * 6
HEADING = 'document.querySelector("h3").textContent'

# One boolean that turns when the stage's name and the picture of its numbers have both changed.
REMEMBER = """() => {
    const main = document.querySelector('[data-testid="stMain"]');
    const name = () => main.querySelector("h4").textContent;
    const picture = () => [...main.querySelectorAll(PICTURE)].map(e => e.outerHTML).join();
    const [oldName, oldPicture] = [name(), picture()];
    window.drawn = () => name() !== oldName && picture() !== oldPicture;
}""".replace("PICTURE", '".st-key-block-strips image, .st-key-block-strips .cells"')


def main() -> None:
    """Measure both, by turns: they see the same busy machine."""
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with (
        sync_playwright() as playwright,
        serving(ROOT / "tests/bench/empty_page.py") as empty,
        serving(ROOT / "app.py") as app,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=ARGS)
        fragment = browser.new_page()
        fragment.goto(empty)
        fragment.get_by_role("radio").first.wait_for()
        block = browser.new_page(viewport={"width": 1366, "height": 1200}, locale="en-US")
        block.goto(f"{app}/block")
        block.locator(".st-key-block-strips").first.wait_for(timeout=120_000)
        block.wait_for_timeout(3000)
        trips, stages = [], []
        for turn in range(WARM + REPEATS):
            fragment.bring_to_front()
            trips.append(timed(fragment, HEADING, f'[role="radio"] >> nth={(turn + 1) % 2}'))
            block.bring_to_front()
            block.evaluate(REMEMBER)
            stages.append(timed(block, "drawn()", WALK[turn % len(WALK)]))
        browser.close()
    trip = report("empty fragment, round trip", trips[WARM:])
    stage = report("block: next or back, heading and picture", stages[WARM:])
    print(f"ratio of the medians: {stage / trip:.2f}")


def timed(page: Page, seen: str, clicked: str) -> float:
    """Milliseconds from the press until the frame that shows it."""
    page.evaluate(PRESS_TO_FRAME, seen)
    page.locator(clicked).click()
    spent = float(page.evaluate("window.answer"))
    page.wait_for_timeout(700)  # what else the click has started
    return spent


def report(name: str, times: list[float]) -> float:
    """Median and range, printed; the median."""
    middle = statistics.median(times)
    print(f"{name}: {middle:.0f} ms ({min(times):.0f}–{max(times):.0f})")
    return middle


if __name__ == "__main__":
    main()
