"""What the page costs: first paint, a selection, and a class of thirty. Prints, asserts nothing.

    python -m tests.bench.bench_app [--sessions 30] [--seconds 60]

Times are as a browser sees them; the thirty sessions speak Streamlit's own websocket protocol.
"""

import argparse
import asyncio
import os
import random
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import websockets
from playwright.sync_api import Browser, Page, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.e2e.conftest import ARGS, ROOT, find_chromium, serving

FIRST_PAINT = ".head-view li.pinned, .js-plotly-plot .heatmaplayer image"
REPEATS = 9

# Milliseconds from the next press of the mouse to another heading on the page.
PRESS_TO_HEADING = """() => {
    const heading = () => document.querySelector("h3").textContent, before = heading();
    window.answer = new Promise(done => {
        let start;
        const press = () => start = performance.now();
        addEventListener("pointerdown", press, {capture: true, once: true});
        const look = new MutationObserver(() => {
            if (heading() === before) return;
            look.disconnect();
            done(performance.now() - start);
        });
        look.observe(document.body, {subtree: true, childList: true, characterData: true});
    });
}"""


def main() -> None:
    """Measure everything and print it."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--sessions", type=int, default=30)
    arguments.add_argument("--seconds", type=int, default=60)
    given = arguments.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with serving(ROOT / "app.py") as address:
        with chromium() as browser:
            report("first paint, fresh browser profile", first_paints(browser, address))
            report("selection on the page", selections(browser, address))
        print(f"server CPU a change on the page: {cpu_per_change(address, 'look.unit'):.1f} ms")
        thirty(address, min(given.sessions, 60), min(given.seconds, 600))
    with serving(ROOT / "tests/bench/empty_page.py") as address:
        with chromium() as browser:
            report("selection on an empty page", selections(browser, address, empty=True))
        print(f"server CPU a change on an empty page: {cpu_per_change(address, 'choice'):.1f} ms")


def report(name: str, milliseconds: list[float]) -> None:
    """Median and range of one measurement."""
    middle = statistics.median(milliseconds)
    print(f"{name}: {middle:.0f} ms ({min(milliseconds):.0f}–{max(milliseconds):.0f})")


# ── in a browser ─────────────────────────────────────────────────────────────────────────────────


def first_paints(browser: Browser, address: str) -> list[float]:
    """From the address to head view and heatmap both drawn."""
    times = []
    for _ in range(REPEATS):
        page = browser.new_context(locale="en-US").new_page()
        start = time.perf_counter()
        page.goto(address, wait_until="commit")
        for part in FIRST_PAINT.split(", "):
            page.wait_for_selector(part, state="attached")
        times.append(1000 * (time.perf_counter() - start))
        page.context.close()
    return times


def selections(browser: Browser, address: str, *, empty: bool = False) -> list[float]:
    """From a click (a word of the head view; a choice of the empty page) to the new heading."""
    page = browser.new_context(locale="en-US").new_page()
    page.goto(address)
    clicked = "role=radio" if empty else ".head-view .queries li"
    page.wait_for_selector(clicked)
    page.wait_for_selector("h3")
    page.wait_for_timeout(2000)
    times = [selection(page, clicked, turn) for turn in range(2 * REPEATS)]
    page.context.close()
    return times[2:]  # the first ones fetch what the browser then keeps


def selection(page: Page, clicked: str, turn: int) -> float:
    """One click; the page then rests, as a hand would."""
    page.evaluate(PRESS_TO_HEADING)
    page.locator(clicked).nth((turn + 1) % 2).click()
    milliseconds = page.evaluate("window.answer")
    page.wait_for_timeout(400)
    return float(milliseconds)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Playwright's Chromium, or the system's."""
    with sync_playwright() as playwright:
        path = find_chromium(playwright)
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        browser.close()


# ── a class of thirty ────────────────────────────────────────────────────────────────────────────


@dataclass
class Student:
    """One session: what it must know of the page in order to change something on it."""

    socket: websockets.ClientConnection
    key: str
    widget: str = ""
    fragment: str = ""
    options: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    async def run(self, choice: str | None = None) -> None:
        """Ask for a run (of the fragment, where there is a choice) and wait until it is done."""
        ask = BackMsg()
        ask.rerun_script.query_string = ""
        ask.rerun_script.context_info.locale = "en-US"
        if choice is not None:
            ask.rerun_script.fragment_id = self.fragment
            state = ask.rerun_script.widget_states.widgets.add(id=self.widget)
            state.string_array_value.data.append(choice)
        await self.socket.send(ask.SerializeToString())
        while True:
            answer = ForwardMsg.FromString(await self.socket.recv())
            self.learn(answer)
            if answer.WhichOneof("type") == "script_finished":
                return

    def learn(self, answer: ForwardMsg) -> None:
        """Remember the switch with this key, and the fragment that it lives in."""
        group = answer.delta.new_element.button_group
        if group.id.endswith(self.key):
            self.widget, self.fragment = group.id, answer.delta.fragment_id
            self.options = [option.content for option in group.options]


def thirty(address: str, sessions: int, seconds: int) -> None:
    """Sessions at one change per five seconds each: how long a change takes, and the memory."""
    before = megabytes(address)
    times = asyncio.run(classroom(address, sessions, seconds))
    after = megabytes(address)
    cuts = statistics.quantiles(times, n=100)
    print(
        f"{sessions} sessions, {len(times)} changes in {seconds} s: p50 {cuts[49]:.0f} ms, "
        f"p95 {cuts[94]:.0f} ms; memory {before:.0f} → {after:.0f} MB"
    )


async def classroom(address: str, sessions: int, seconds: int) -> list[float]:
    """Everyone arrives, then everyone changes something now and then."""
    deadline = time.perf_counter() + seconds + 0.5 * sessions
    lessons = [lesson(address, number, sessions, deadline) for number in range(sessions)]
    return [t for times in await asyncio.gather(*lessons) for t in times]


async def lesson(address: str, number: int, sessions: int, deadline: float) -> list[float]:
    """One student: arrive in turn, then choose tokens or words about every five seconds."""
    await asyncio.sleep(0.5 * number)
    stream = address.replace("http", "ws") + "/_stcore/stream"
    async with websockets.connect(stream, subprotocols=["streamlit"], max_size=None) as connected:
        student = Student(connected, "look.unit")
        await student.run()
        await asyncio.sleep(0.5 * (sessions - number))
        turn = 0
        while time.perf_counter() < deadline:
            await asyncio.sleep(random.uniform(4, 6))
            turn += 1
            start = time.perf_counter()
            await student.run(student.options[turn % 2])
            student.times.append(1000 * (time.perf_counter() - start))
        return student.times


def cpu_per_change(address: str, key: str, changes: int = 60) -> float:
    """Milliseconds of the server's own time a change, whatever else the machine is doing."""

    async def work() -> float:
        stream = address.replace("http", "ws") + "/_stcore/stream"
        async with websockets.connect(stream, subprotocols=["streamlit"], max_size=None) as opened:
            student = Student(opened, key)
            await student.run()
            await student.run(student.options[1])
            before = cpu_seconds(address)
            for turn in range(changes):
                await student.run(student.options[turn % 2])
            return 1000 * (cpu_seconds(address) - before) / changes

    return asyncio.run(work())


def cpu_seconds(address: str) -> float:
    """Time that the server has spent in all its threads."""
    fields = (server_process(address) / "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(address: str) -> float:
    """Memory of the server."""
    status = (server_process(address) / "status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


def server_process(address: str) -> Path:
    """The process that was started with this port."""
    port = address.rsplit(":", 1)[1]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"--server.port\0{port}\0" in (process / "cmdline").read_text():
                return process
    raise LookupError(address)


if __name__ == "__main__":
    main()
