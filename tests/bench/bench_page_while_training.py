"""What a training costs the others: a selection on the first page, with one beside it and without.

    python -m tests.bench.bench_page_while_training [--rounds 6] [--seconds 10] [--sessions 1]

The class preset trains as the app starts it (its own process, one thread, niceness 10), beside a
server in which other sessions change something about twice a second each. In turn the training
runs and stands still (SIGSTOP), several times in one run, so that what else the machine does hits
both. Milliseconds are those of a websocket client, from the change to the end of the page's run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path

import websockets

from model.training import jobs
from model.training.folder import Folder
from model.training.jobs import Job, Request
from tests.e2e.conftest import ROOT, serving

from .bench_app import Student

KEY = "bench"
Times = dict[bool, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=10, help="of each half of a round")
    parser.add_argument("--sessions", type=int, default=1)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leaves no training behind, either
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        job = jobs.start(runs, Request(preset="class", train={"steps": 100_000}), KEY)
        try:
            process = trains(job)
            priority = os.getpriority(os.PRIO_PROCESS, process)
            print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; the training "
                  f"has one thread and niceness {priority}")  # fmt: skip
            with serving(ROOT / "app.py", JUMOK_RUNS=folder) as address:
                print(f"the server has niceness {os.getpriority(os.PRIO_PROCESS, 0)}")
                times = asyncio.run(rounds(address, process, options))
        finally:
            jobs.delete(job, KEY)
    for training, milliseconds in times.items():
        cuts = statistics.quantiles(milliseconds, n=100)
        print(f"{'beside a training' if training else 'without one':<18} {len(milliseconds)} "
              f"changes: p50 {cuts[49]:.0f} ms, p95 {cuts[94]:.0f} ms")  # fmt: skip
    beside, alone = (statistics.quantiles(times[training], n=100) for training in (True, False))
    print(f"ratio: p50 {beside[49] / alone[49]:.2f}, p95 {beside[94] / alone[94]:.2f}; "
          f"load average {os.getloadavg()[0]:.1f}")  # fmt: skip


def trains(job: Job) -> int:
    """Wait until the job takes its steps; its process."""
    while True:
        now = jobs.find(job.folder.parent, job.id)
        if now is None or not now.active:
            raise SystemExit(f"the training ended:\n{jobs.log_tail(job)}")
        if now.stage == "training" and (process := Folder(job.folder).holder()):
            return process
        time.sleep(0.2)


async def rounds(address: str, process: int, options: argparse.Namespace) -> Times:
    """Everybody arrives; then both halves of each round, in changing order."""
    times: Times = {True: [], False: []}
    stream = address.replace("http", "ws") + "/_stcore/stream"
    async with AsyncExitStack() as opened:
        students = []
        for _ in range(options.sessions):
            connecting = websockets.connect(stream, subprotocols=["streamlit"], max_size=None)
            student = Student(await opened.enter_async_context(connecting), "look.unit")
            await student.run()
            students.append(student)
        await together(students, 3)  # warms up
        for turn in range(options.rounds):
            for training in (True, False) if turn % 2 else (False, True):
                os.kill(process, signal.SIGCONT if training else signal.SIGSTOP)
                times[training] += await together(students, options.seconds)
    os.kill(process, signal.SIGCONT)
    return times


async def together(students: list[Student], seconds: float) -> list[float]:
    """What all changes within so many seconds took."""
    until = time.perf_counter() + seconds
    lessons: list[Awaitable[list[float]]] = [changes(one, until) for one in students]
    return [t for times in await asyncio.gather(*lessons) for t in times]


async def changes(student: Student, until: float) -> list[float]:
    """One student changes between tokens and words, and looks at it for a moment."""
    times: list[float] = []
    while time.perf_counter() < until:
        await asyncio.sleep(random.uniform(0.3, 0.7))
        start = time.perf_counter()
        await student.run(student.options[(len(times) + 1) % 2])
        times.append(1000 * (time.perf_counter() - start))
    return times


if __name__ == "__main__":
    main()
