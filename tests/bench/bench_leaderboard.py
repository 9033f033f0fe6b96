"""What the lab's leaderboard costs over 500 held-out sentences. Prints, asserts nothing.

    python -m tests.bench.bench_leaderboard [checkpoint]

Seconds on the clock and seconds of this process's CPU: a busy machine stretches the first only. A
repetition is what a page does with answers that it has kept: unpickle them, filter, measure.
"""

import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import torch

from model import load
from model.analysis.causes import RemoveHeads, cost, drops, knock_out
from model.analysis.leaderboard import Leaderboard, held_out, leaderboard

CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "jumok"
TWINS = 125  # in each of two languages: 500 sentences


class CancelledError(Exception):
    """The hand on the button."""


def main(arguments: list[str]) -> None:
    """Measure everything and print it."""
    torch.set_num_threads(1)
    bundle = load(arguments[0] if arguments else CHECKPOINT, device="cpu")
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, one thread")
    with timed("templates read, sentences written, the first time"):
        asked = held_out(bundle, items=TWINS)
    with timed(f"{len(asked)} sentences written again"):
        held_out(bundle, items=TWINS)
    told: list[float] = []
    with timed("leaderboard: every head on every sentence"):
        board = leaderboard(bundle.model, asked, lambda *_: told.append(time.perf_counter()))
        measure(board)
    waits = [later - sooner for sooner, later in pairwise(told)]
    print(f"  {len(told)} reports of progress, at most {max(waits):.2f} s apart")
    kept = pickle.dumps(board)
    with timed(f"repeated from {len(kept) / 2**20:.1f} MiB of kept answers"):
        measure(pickle.loads(kept))
    with timed("one filter"):
        measure(board.where(langs=["en"], order="later"))
    with timed("cancelled at the first report"):
        cancelled(lambda stop: leaderboard(bundle.model, asked, stop))
    with timed("one head removed, naming over the set"):
        cost(bundle.model, asked, (RemoveHeads(((0, 0),)),), before=board.answers)
    with timed("all heads removed one by one"):
        drops(bundle.model, asked)
    with timed("best four heads knocked out, five draws each"):
        knock_out(bundle.model, asked)


def measure(board: Leaderboard) -> None:
    """Everything that a page shows of it."""
    board.metrics()
    _ = board.random_head, board.naming_flip, board.wrong()


def cancelled(work: Callable[[Callable[[int, int], None]], object]) -> None:
    def stop(done: int, total: int) -> None:
        raise CancelledError

    try:
        work(stop)
    except CancelledError:
        return
    raise AssertionError("it went on")


@contextmanager
def timed(what: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:56} {wall:7.2f} s  {cpu:7.2f} s CPU", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
