"""A real server and a real browser, for the journeys in this folder.

Chromium is Playwright's own, else the system's. Without one the journeys are skipped with a
warning; with JUMOK_REQUIRE_BROWSER=1 (as on CI) a missing browser is an error.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, expect, sync_playwright

ROOT = Path(__file__).parents[2]
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 120_000  # a loaded machine is no failure
expect.set_options(timeout=60_000)  # for every file here: the last one to set it would win

# Runs before a page's own scripts: when it last asked its server, heard from it, and changed.
REMEMBER = """
    window.last = { asked: 0, heard: 0, changed: 0 };
    window.WebSocket = class extends WebSocket {
        constructor(...given) {
            super(...given);
            this.addEventListener("message", () => { last.heard = performance.now(); });
        }
        send(message) {
            last.asked = performance.now();
            super.send(message);
        }
    };
    new MutationObserver(() => { last.changed = performance.now(); }).observe(
        document, { subtree: true, childList: true, attributes: true, characterData: true });
"""
STILL = """() => {
    const app = document.querySelector("[data-testid=stApp]");
    return app?.dataset.testScriptState === "notRunning"
        && !document.querySelector("[data-stale=true], [data-testid=stSkeleton]")
        && last.heard > last.asked
        && performance.now() - Math.max(last.heard, last.changed) > 300;
}"""
INSIDE = """() =>
    [document.documentElement, document.querySelector("[data-testid=stMain]")]
        .every(part => !part || part.scrollWidth <= part.clientWidth)"""

Serve = Callable[..., AbstractContextManager[str]]
OpenPage = Callable[..., Page]


def stand_still(page: Page) -> Page:
    """Wait until the server has answered, the script has run to its end, and nothing changes.

    To be called between an action that runs the script again and one that aims without looking:
    a key for what has the focus, the mouse at a place. A locator's own click looks again itself.
    """
    page.wait_for_function(STILL, timeout=PATIENCE)
    return page


def stays_inside(page: Page) -> None:
    """Nothing asks for scrolling sideways, neither the page nor its scrolling part.

    A chart may be drawn at a guessed width first and find its place a moment later.
    """
    page.wait_for_function(INSIDE, timeout=PATIENCE)


def on_screens(page: Page, *widths: int) -> Iterator[int]:
    """The page at one width after the other: a window is resized sooner than a page is opened."""
    height = page.viewport_size["height"]
    for width in widths:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(400)  # a chart is drawn anew once its window stands still
        stand_still(page)
        yield width


def at_rest(found: Locator) -> None:
    """Wait until it has stopped moving: the page may glide to it."""
    before = None
    while (now := found.bounding_box()) != before:
        before = now
        found.page.wait_for_timeout(400)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A journey that failed is made again: a loaded machine is no failure, three times is one."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=2))


def find_chromium(playwright: Playwright) -> str | None:
    own = playwright.chromium.executable_path
    names = ("chromium", "chromium-browser", "google-chrome")
    return own if Path(own).exists() else next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium a file: Playwright's event loop must not outlive it into other tests."""
    with sync_playwright() as playwright:
        path = find_chromium(playwright)
        if path is None:
            reason = "no Chromium found (python -m playwright install chromium)"
            if os.environ.get("JUMOK_REQUIRE_BROWSER") == "1":
                pytest.fail(reason)
            warnings.warn(f"browser tests skipped: {reason}", stacklevel=1)
            pytest.skip(reason)
        chromium = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[OpenPage]:
    """page(url, width=, height=, dark=, touch=, locale=, scale=) opens a fresh profile at `url`.

    A page of the app stands still when it is handed over. Hosts other than this machine are out
    of reach; an uncaught error in the page fails the test.
    """
    contexts, errors = [], []

    def open_page(
        url: str,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        touch: bool = False,
        locale: str = "en-US",
        scale: float = 1,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            has_touch=touch,
            is_mobile=touch,
            locale=locale,
            device_scale_factor=scale,
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        context.add_init_script(REMEMBER)
        context.route(
            lambda address: not address.startswith(("http://127.0.0.1", "blob:", "data:")),
            lambda route: route.abort(),
        )
        new = context.new_page()
        new.on("pageerror", lambda error: errors.append(str(error)))
        new.goto(url)
        return stand_still(new) if url.startswith("http") else new

    yield open_page
    for context in contexts:
        context.close()
    assert not errors, errors


@contextmanager
def serving(script: str | Path, **environment: str) -> Iterator[str]:
    """Run one Streamlit script on a free port; the address, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
    options += ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen([*command, *options], cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            if not is_healthy(server, address):
                log.seek(0)
                raise RuntimeError(f"no answer from {address}:\n{log.read()}")
            yield address
        finally:
            server.terminate()
            server.wait()


def is_healthy(server: "subprocess.Popen[bytes]", address: str, seconds: int = 180) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


@pytest.fixture(scope="session")
def serve() -> Serve:
    """serve(script_path, **environment) as a context: a running server's address."""
    return serving


@pytest.fixture(scope="session")
def address(serve):
    """The app, as people start it. No journey writes anything there: all files share it."""
    with serve(ROOT / "app.py") as address:
        yield address


@pytest.fixture(scope="module")
def demo(serve, request):
    """The address of the page that the test's file names as `DEMO`."""
    with serve(request.module.DEMO) as address:
        yield address


@pytest.fixture
def visit(page, address):
    """visit("?kind=cross", width=360) opens the page and waits for the whole of it."""

    def visit(query: str = "", **device) -> Page:
        opened = page(f"{address}/{query}", **device)
        expect(opened.locator(".head-view")).to_be_visible()
        expect(opened.get_by_test_id("stExpander")).to_be_visible()
        expect(opened.locator(".js-plotly-plot .heatmaplayer").first).to_be_attached()
        return stand_still(opened)

    return visit
