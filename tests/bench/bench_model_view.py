"""What the model view costs: bytes to the browser, and milliseconds to enlarge a head.

    python -m tests.bench.bench_model_view

The weights are made up (peaky rows, sharpness as in a trained model, and flatter and sharper
ones): no trained model of 12 × 12 heads comes with Jumok.
"""

import os
import time

import numpy as np
from playwright.sync_api import sync_playwright

from tests.bench.hovers import hover_ms
from tests.e2e.conftest import ARGS, ROOT, find_chromium, serving
from viz.components.message import pack, percent_steps
from viz.components.model_view import in_blocks, step_for

LAYERS, HEADS = 12, 12
LENGTHS = (15, 50, 100, 512)
# 40 moves to another head each; CPU time is what the browser's main thread spent (handlers, style,
# layout, painting) until the frame was done, without the waiting in between.
HOVERS = """async view => {
    const tiles = [...view.querySelectorAll(".tiles li")];
    const frame = () => new Promise(go => requestAnimationFrame(() => setTimeout(go)));
    for (let i = 0; i < 40; i++) {
        const tile = tiles[(i * 7) % tiles.length];
        const box = tile.getBoundingClientRect();
        tile.dispatchEvent(new PointerEvent("pointermove", {
            bubbles: true, pointerType: "mouse",
            clientX: box.x + box.width * (0.1 + 0.02 * i), clientY: box.y + box.width * 0.4,
        }));
        await frame();
    }
}"""


def peaky_weights(n: int, sharpness: float) -> np.ndarray:
    logits = np.random.default_rng(0).normal(size=(LAYERS, HEADS, n, n)).astype(np.float32)
    weights = np.exp(logits * sharpness)
    return weights / weights.sum(-1, keepdims=True)


def report_bytes() -> None:
    print(f"bytes to the browser, {LAYERS} layers x {HEADS} heads, made-up weights")
    for n in LENGTHS:
        for sharpness in (1.0, 2.5, 4.0):
            weights, mask = peaky_weights(n, sharpness), np.ones((n, n), bool)
            started = time.perf_counter()
            step = step_for([weights.shape])
            blocks = in_blocks(weights, mask, step)
            body = percent_steps(blocks.weights).tobytes() + mask.tobytes()
            if step > 1:
                body += blocks.places.tobytes() + percent_steps(weights[0, 0]).tobytes()
            size = len(pack({"queries": [f"token{i}" for i in range(n)]}, body))
            spent = (time.perf_counter() - started) * 1000
            shrunk = f", blocks of {step} x {step}" if step > 1 else ""
            strongest = weights.max(-1).mean()
            print(
                f"{n:4} tokens, strongest key {strongest:4.0%}: {size:>9,} of {len(body):>9,} "
                f"bytes, packed in {spent:5.0f} ms{shrunk}"
            )


def report_hovers() -> None:
    print("to enlarge another head, main-thread CPU")
    with serving(ROOT / "tests/e2e/model_view_demo.py") as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=ARGS)
        for n in LENGTHS:
            page = browser.new_page(viewport={"width": 1366, "height": 900})
            page.goto(f"{url}/?tokens={n}&layers={LAYERS}&heads={HEADS}&bare")
            page.locator(".tiles li").first.wait_for(timeout=120_000)
            page.wait_for_timeout(2000)
            main, everything = hover_ms(page, browser, page.locator(".model-view"), HOVERS)
            print(f"{n:4} tokens {main:5.1f} ms, all processes {everything:5.1f} ms")
            page.close()
        browser.close()


if __name__ == "__main__":
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    report_bytes()
    report_hovers()
