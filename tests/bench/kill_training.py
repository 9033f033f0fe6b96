"""`kill -9` of a training at random moments: what is lost, and is the end the same?

    python -m tests.bench.kill_training [--kills 20] [--steps 400] [--every 20] [--seed 0]

One training runs without a break. The same one is started again and killed again and again, resumed
each time, and started anew where it came to its end, until all kills are done. After each kill
every file that it goes on from must be readable, and no more than one snapshot's interval may be
lost; at the end the models must be the same, bit for bit, and so must their losses. Returns 1 if
not.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from model import load
from model.training import jobs
from model.training.folder import Folder
from model.training.jobs import Job, Request
from model.training.snapshot import Snapshot

KEY = "bench"


@dataclass(frozen=True)
class Kill:
    """One kill: where the training was, and where it can go on from.

    Attributes:
        step: the newest that its files tell; they are written every second.
        whole: everything that it goes on from can be read.
    """

    stage: str
    step: int
    snapshot: int
    whole: bool

    @property
    def lost(self) -> int:
        """Steps that are taken again."""
        return max(0, self.step - self.snapshot)


def now(job: Job) -> Job:
    found = jobs.find(job.folder.parent, job.id)
    if found is None or found.state == "failed":
        raise SystemExit(f"{job.id}: {found and found.reason}\n{jobs.log_tail(job)}")
    return found


def wait(job: Job) -> Job:
    while (found := now(job)).active:
        time.sleep(0.1)
    return found


def kill(job: Job, stage: str, after: float) -> Kill | None:
    """Kill the job's process that many seconds after it entered a stage; None if it ended before.

    Snapshot, log, film, vocabulary, checkpoint: whatever it is writing then is what is hit.
    """
    while (found := now(job)).active and found.stage not in (stage, "measuring"):
        time.sleep(0.02)
    time.sleep(after)
    stage, pid = now(job).stage, Folder(job.folder).holder()  # where it is by now
    if pid is None:
        return None
    os.kill(pid, signal.SIGKILL)
    killed = wait(job)
    if killed.state != "interrupted":
        return None
    told = [killed.step, *(line["step"] for line in jobs.progress(killed))]
    told += [measured.step for measured in jobs.held_out(killed)]
    at, whole = 0, True
    path = job.folder / "snapshot.safetensors"
    if path.exists():
        try:
            at = Snapshot.load(path).step
        except ValueError as error:
            print(f"    {error}")
            whole = False
    return Kill(stage, max(told), at, whole)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--every", type=int, default=20, help="steps between two snapshots")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    request = Request(  # small: it is the files that are tried here, not the model
        preset="tiny",
        model={"d_model": 32, "d_ff": 32, "d_k": 8, "d_v": 8, "n_encoder_layers": 1},
        train={"steps": options.steps, "items": 300, "batch_tokens": 500, "vocab_size": 1000,
               "families": ["ways"], "directions": ["en-ko"], "snapshot_every": options.every,
               "measured_twins": 5},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        began = time.monotonic()
        whole = jobs.start(runs, request, KEY)
        while now(whole).stage in ("", "preparing"):
            time.sleep(0.02)
        lasts = {"preparing": time.monotonic() - began}
        whole = wait(whole)
        lasts["training"] = time.monotonic() - began - lasts["preparing"]
        told = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in lasts.items())
        print(f"without a break: {told}; {whole.step} steps", flush=True)

        kills: list[Kill] = []
        ended: list[Job] = []
        job = jobs.start(runs, request, KEY)
        while len(kills) < options.kills:
            stage = rng.choices(("preparing", "training"), (1, 3))[0]
            found = kill(job, stage, rng.uniform(0, lasts[stage]))
            if found is None:
                ended.append(wait(job))
                job = jobs.start(runs, request, KEY)
                continue
            kills.append(found)
            print(f"kill {len(kills)}: {found.stage or 'starting'}, step {found.step}, snapshot "
                  f"{found.snapshot}, lost {found.lost}", flush=True)  # fmt: skip
            jobs.resume(now(job), KEY)
        ended.append(wait(job))

        worst = max(kill.lost for kill in kills)
        intact = all(kill.whole for kill in kills)
        print(f"{len(kills)} kills, files intact: {intact}; at most {worst} steps lost, a snapshot "
              f"every {options.every}")  # fmt: skip
        versions, losses = set[str](), set[float]()
        for one in (whole, *ended):
            versions.add(load(one.folder, device="cpu").version)
            losses.add(jobs.progress(one)[-1]["loss_nats"])
        print(f"{len(ended)} killed trainings came to their end; loss there and without a kill:",
              ", ".join(f"{loss:.6f}" for loss in sorted(losses)))  # fmt: skip
        same = len(versions) == len(losses) == 1
        print(f"same loss and same weights, bit for bit: {same}")
    return 0 if intact and same and worst <= options.every else 1


if __name__ == "__main__":
    sys.exit(main())
