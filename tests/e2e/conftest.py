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
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

ROOT = Path(__file__).parents[2]
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

Serve = Callable[..., AbstractContextManager[str]]
OpenPage = Callable[..., Page]


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

    Hosts other than this machine are out of reach; an uncaught error in the page fails the test.
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
        context.route(
            lambda address: not address.startswith(("http://127.0.0.1", "blob:", "data:")),
            lambda route: route.abort(),
        )
        new = context.new_page()
        new.on("pageerror", lambda error: errors.append(str(error)))
        new.goto(url)
        return new

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


def is_healthy(server: "subprocess.Popen[bytes]", address: str, seconds: int = 60) -> bool:
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


@pytest.fixture(scope="module")
def address(serve):
    with serve(ROOT / "app.py") as address:
        yield address


@pytest.fixture
def visit(page, address):
    """visit("?kind=cross", width=360) opens the page and waits for the whole of it."""

    def visit(query: str = "", **device) -> Page:
        opened = page(f"{address}/{query}", **device)
        expect(opened.locator(".head-view")).to_be_visible(timeout=60_000)
        expect(opened.get_by_test_id("stExpander")).to_be_visible()
        expect(opened.locator(".js-plotly-plot .heatmaplayer").first).to_be_attached()
        return opened

    return visit
