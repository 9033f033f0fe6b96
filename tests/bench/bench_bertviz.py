"""The same tensors as a page of BertViz and as a page of ours: bytes, first picture, hover.

    pip install --no-deps --target DIR -r tests/bench/requirements.txt
    npm pack d3@5.7.0 jquery@2.1.0 requirejs@2.3.6     # unpack; put d3.min.js, jquery.min.js and
                                                       # require.js (as require.min.js) into SCRIPTS
    python -m tests.bench.bench_bertviz --bertviz DIR --scripts SCRIPTS [--view head|model]

Both are single HTML files, opened from the disk in the same Chromium. BertViz asks a CDN for three
libraries; here they come from SCRIPTS at once (jQuery 2.1.0 for 2.0.0, which npm does not have), so
no network is in its time. Ours is the page that "Take it home" makes: the app's own component, its
code and its data in it.

`first` is the time from opening the file until the frame with the picture is done; `CPU` is what
the page's main thread spent until then, which a busy machine does not lengthen. A hover is the CPU
of one mouse move onto another row or head. BertViz's model view enlarges a head on a click: that
is what stands there. The weights are made up (peaky rows); no trained 12 × 12 model comes along.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import types
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.bench import bench_head_view, bench_model_view
from tests.bench.bench_model_view import HEADS, LAYERS, peaky_weights
from tests.e2e.conftest import ARGS, find_chromium
from viz.components import head_view, model_view
from viz.components.head_view import HeadViewText, Pin, View, Window
from viz.components.model_view import Chosen, Maps, Tile
from viz.components.save import save_text
from viz.export.page import Words, page
from viz.i18n import catalogue

LENGTHS = (15, 50, 100)
LONG = 512
SAY = catalogue("en")
WORDS = Words("en", "bench", "made-up weights", [], "")
PATIENCE = 120_000  # ms; what takes longer does not answer
MOVES = 10

# The moment after the frame in which the picture was there.
FIRST = """selector => new Promise(done => {
    const there = () => {
        const host = document.querySelector("#picture")?.shadowRoot ?? document;
        if (!host.querySelector(selector)) return setTimeout(there, 5);
        requestAnimationFrame(() => setTimeout(() => done(performance.now())));
    };
    there();
})"""
MOVE = """async ([things, event, moves]) => {
    const all = [...document.querySelectorAll(things)];
    const frame = () => new Promise(go => requestAnimationFrame(() => setTimeout(go)));
    for (let i = 0; i < moves; i++) {
        all[(i * 7) % all.length].dispatchEvent(new MouseEvent(event, { bubbles: true }));
        await frame();
    }
}"""


@dataclass(frozen=True)
class Seen:
    """One page, measured: bytes of the data and of the file, ms to the first picture (by the clock
    and of the main thread's CPU), ms of CPU a hover; None: no answer."""

    data: int
    file: int
    first: float | None = None
    cpu: float | None = None
    hover: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bertviz", required=True, help="folder that BertViz was installed into")
    parser.add_argument("--scripts", required=True, type=Path, help="folder of its libraries")
    parser.add_argument("--view", choices=("head", "model"), nargs="*", default=("head", "model"))
    parser.add_argument("--tokens", type=int, nargs="*", default=(*LENGTHS, LONG))
    chosen = parser.parse_args()
    sys.path.append(chosen.bertviz)
    print(
        f"{LAYERS} layers x {HEADS} heads; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=ARGS)
        for view in chosen.view:
            print(f"\n{view} view\n{'':10}{'':9}{'data, B':>13}{'file, B':>13}", end="")
            print(f"{'first, ms':>12}{'CPU, ms':>12}{'hover, ms':>12}")
            for n in chosen.tokens:
                own = tell(n, "ours", ours(browser, view, n))
                if n < LONG:
                    compare(tell(n, "BertViz", bertviz(browser, view, n, chosen.scripts)), own)
        browser.close()


def tell(n: int, whose: str, seen: Seen) -> Seen:
    times = (seen.first, seen.cpu, seen.hover)
    shown = "".join(f"{'none' if ms is None else f'{ms:,.1f}':>12}" for ms in times)
    print(f"{n:4} tok.  {whose:9}{seen.data:>13,}{seen.file:>13,}{shown}", flush=True)
    return seen


def compare(theirs: Seen, own: Seen) -> None:
    def times(name: str) -> str:
        before, now = getattr(theirs, name), getattr(own, name)
        return f"{before / now:,.0f}x" if before and now else "—"

    ratios = "".join(f"{times(name):>12}" for name in ("first", "cpu", "hover"))
    print(f"{'':10}{'':9}{times('data'):>13}{times('file'):>13}{ratios}", flush=True)


def tokens(n: int) -> list[str]:
    return [f"token{i}" for i in range(n)]


# ── ours ─────────────────────────────────────────────────────────────────────────────────────────


def ours(browser: Browser, view: str, n: int) -> Seen:
    weights = peaky_weights(n, 2.5)
    message = head_message(weights) if view == "head" else model_message(weights)
    code = (head_view if view == "head" else model_view).CODE
    content = page(code.js, code.css, message, WORDS)
    first = ".queries li" if view == "head" else ".tiles li"
    bench = bench_head_view if view == "head" else bench_model_view

    def hover(opened: Page) -> int:
        opened.locator(f".{view}-view").evaluate(bench.HOVERS)
        return 40

    return measured(browser, Seen(len(message), len(content)), content, first, hover, {})


def head_message(weights: np.ndarray) -> bytes:
    """As in the app: a sentence of up to 64 tokens whole, a longer one through a window of 40; but
    100 tokens whole, too, as BertViz shows them."""
    n = weights.shape[-1]
    words = HeadViewText(
        **{field.name: SAY(f"head_view.{field.name}") for field in fields(HeadViewText)}
    )
    view = View(window=Window(0, 0, 40)) if n > max(LENGTHS) else View()
    pin = Pin(0, None, None)
    return head_view.message(
        weights, tokens(n), tokens(n), pin=pin, text=words, view=view, save=save_text(SAY)
    )


def model_message(weights: np.ndarray) -> bytes:
    n = weights.shape[-1]
    tiles = [Tile(layer, head) for layer, head in np.ndindex(LAYERS, HEADS)]
    maps = Maps("Encoder", weights, np.ones((n, n), bool), tokens(n), tokens(n), tiles)
    prefix = "heads.view."
    said = {name: text for name, text in SAY.sentences.items() if name.startswith(prefix)}
    text = {name.removeprefix(prefix): words for name, words in said.items()}
    return model_view.message(
        {"encoder": maps},
        chosen=Chosen("encoder", 0, 0),
        scale="all",
        text=text | {"value": "", "sentence": "made-up weights"},
        save=save_text(SAY),
    )


# ── BertViz ──────────────────────────────────────────────────────────────────────────────────────


def bertviz(browser: Browser, view: str, n: int, scripts: Path) -> Seen:
    layers = [torch.tensor(layer)[None] for layer in peaky_weights(n, 2.5)]
    draw = getattr(imported(), f"{view}_view")
    more = {} if view == "head" else {"display_mode": "light"}
    said = draw(layers, tokens(n), html_action="return", **more).data
    data = said.split("const params = ", 1)[1].split("; // HACK", 1)[0]
    content = f'<!doctype html><meta charset="utf-8">{said}'.encode()
    first = "#vis #attention line" if view == "head" else "#vis .attn_background"
    things, event = (
        ("#left > g:last-child > g", "mouseover")
        if view == "head"
        else ("#vis svg > g > rect:last-child", "click")
    )

    def hover(opened: Page) -> int:
        opened.evaluate(MOVE, [things, event, MOVES])
        return MOVES

    libraries = {path.name: path.read_text(encoding="utf-8") for path in scripts.glob("*.js")}
    return measured(
        browser, Seen(len(data.encode()), len(content)), content, first, hover, libraries
    )


def imported() -> types.ModuleType:
    """BertViz, which only wraps text in three classes of IPython's."""
    display = types.ModuleType("IPython.display")

    class Wrapped:
        def __init__(self, data: str) -> None:
            self.data = data

    display.HTML = display.Javascript = display.display = Wrapped  # type: ignore[attr-defined]
    sys.modules.setdefault("IPython", types.ModuleType("IPython"))
    sys.modules.setdefault("IPython.display", display)
    return importlib.import_module("bertviz")


# ── measuring ────────────────────────────────────────────────────────────────────────────────────


def measured(
    browser: Browser,
    sizes: Seen,
    content: bytes,
    first: str,
    hover: Callable[[Page], int],
    libraries: dict[str, str],
) -> Seen:
    context = browser.new_context(viewport={"width": 1366, "height": 900})
    context.set_default_timeout(PATIENCE)

    def serve(route: object) -> None:
        name = route.request.url.rsplit("/", 1)[1]  # type: ignore[attr-defined]
        name = name if name.endswith(".js") else f"{name}.js"
        route.fulfill(body=libraries[name], content_type="text/javascript")  # type: ignore[attr-defined]

    context.route(lambda url: url.startswith("http"), serve)
    opened = context.new_page()
    session = context.new_cdp_session(opened)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        said = session.send("Performance.getMetrics")["metrics"]
        return next(1000 * metric["value"] for metric in said if metric["name"] == "TaskDuration")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_bytes(content)
        try:
            opened.goto(path.as_uri(), wait_until="commit")
            shown = opened.evaluate(FIRST, first)
            cpu = busy()
            hover(opened)
            before = busy()
            moves = hover(opened)
            each = (busy() - before) / moves
        except Error as error:
            print(f"     no answer: {str(error).splitlines()[0]}")
            return sizes
        finally:
            context.close()
    return Seen(sizes.data, sizes.file, shown, cpu, each)


if __name__ == "__main__":
    main()
