"""What the head view costs: bytes to the browser against BertViz, and milliseconds a hover.

    python -m tests.bench.bench_head_view [--bertviz DIR]

BertViz is no dependency of Jumok: `pip install --no-deps --target DIR bertviz` and pass DIR.
"""

import argparse
import importlib
import sys
import types
import zlib

import numpy as np
from playwright.sync_api import sync_playwright
from streamlit.proto.BidiComponent_pb2 import BidiComponent

from tests.bench.hovers import hover_ms
from tests.e2e.conftest import ARGS, ROOT, find_chromium, serving
from viz.components.head_view import CODE
from viz.components.message import pack, quantise

LAYERS, HEADS = 6, 8
# 40 moves over different rows; CPU time is what the browser's main thread spent (handlers, style,
# layout, painting) until the frame was done, without the waiting in between.
HOVERS = """async view => {
    const rows = [...view.querySelectorAll(".queries li")].slice(0, 20);
    const frame = () => new Promise(go => requestAnimationFrame(() => setTimeout(go)));
    for (let i = 0; i < 40; i++) {
        const box = rows[(i * 7) % rows.length].getBoundingClientRect();
        view.querySelector(".sheet").dispatchEvent(new PointerEvent("pointermove", {
            clientX: box.right - 5, clientY: box.y + box.height / 2, pointerType: "mouse",
        }));
        await frame();
    }
}"""


def peaky_weights(n: int, sharpness: float) -> np.ndarray:
    logits = np.random.default_rng(0).normal(size=(LAYERS, HEADS, n, n)) * sharpness
    weights = np.exp(logits)
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def message_bytes(weights: np.ndarray, labels: list[str]) -> dict[str, int]:
    """Bytes of the data alone; of the whole element that Streamlit sends, code included; and of
    that on a websocket with compression (`server.enableWebsocketCompression`)."""
    header = {"layers": LAYERS, "heads": HEADS, "queries": labels, "keys": labels}
    data = pack(header, quantise(weights).tobytes())
    element = BidiComponent(
        component_name="jumok_head_view",
        js_content=CODE.js,
        css_content=CODE.css,
        bytes=data,
    )
    message = element.SerializeToString()
    return {
        "data": len(data),
        "with code": len(message),
        "with code, socket compressed": len(zlib.compress(message)),
    }


def bertviz_bytes(weights: np.ndarray, labels: list[str]) -> int | None:
    """The size of BertViz's page, or None where it is not installed."""
    display = types.ModuleType("IPython.display")  # BertViz only wraps text in these three

    class Wrapped:
        def __init__(self, data: str) -> None:
            self.data = data

    display.HTML = display.Javascript = display.display = Wrapped
    sys.modules.setdefault("IPython", types.ModuleType("IPython"))
    sys.modules.setdefault("IPython.display", display)
    try:
        bertviz = importlib.import_module("bertviz")
        torch = importlib.import_module("torch")
    except ImportError:
        return None
    layers = [torch.tensor(layer)[None] for layer in weights]
    return len(bertviz.head_view(layers, labels, html_action="return").data.encode())


def report_bytes() -> None:
    print(f"bytes to the browser, {LAYERS} layers x {HEADS} heads")
    for n in (32, 64):
        for sharpness in (1.0, 2.5, 4.0):
            weights, labels = peaky_weights(n, sharpness), [f"token{i}" for i in range(n)]
            strongest = weights.max(-1).mean()
            print(f"{n:4} tokens, strongest key {strongest:.0%} on average")
            bertviz = bertviz_bytes(weights, labels)
            if bertviz is None:
                print("     BertViz is not installed: see --help")
            for what, size in message_bytes(weights, labels).items():
                ratio = f"BertViz {bertviz:,} is {bertviz / size:.0f}x" if bertviz else ""
                print(f"     {what:30} {size:>9,}  {ratio}")


def report_hovers() -> None:
    print(f"hover, {HEADS} heads on, main-thread CPU")
    with serving(ROOT / "tests/e2e/head_view_demo.py") as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=ARGS)
        for n in (16, 32, 64, 128):
            for pin in ("", "&pin=5"):
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.goto(f"{url}/?tokens={n}&layers={LAYERS}{pin}&bare")
                page.locator(".queries li").first.wait_for()
                page.wait_for_timeout(1500)
                main, everything = hover_ms(page, browser, page.locator(".head-view"), HOVERS)
                row = ", one row pinned" if pin else ""
                print(f"{n:4} tokens{row:16} {main:5.1f} ms, all processes {everything:5.1f} ms")
                page.close()
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bertviz", help="folder that BertViz was installed into")
    chosen = parser.parse_args()
    if chosen.bertviz:
        sys.path.append(chosen.bertviz)
    report_bytes()
    report_hovers()
