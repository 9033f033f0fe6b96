"""Minutes from *Start* with the class preset until a head looks from pronouns to antecedents.

    python -m tests.bench.bench_class [--seeds 5] [--threads 2] [--goal 0.9] [--out runs/bench]

Each seed is a training job as the page starts it, one after another; the clock runs from the call
of `start`, so that starting Python and learning the vocabulary count. Watched are held-out noun
pairs (200 pronouns a language); whether the head that got there is more than luck, the finished
model's own measures say, on other sentences. Run it on a machine that does nothing else.

What a seed came to is kept in `--out`: after Ctrl-C, the same command goes on with the seeds that
are missing. One that was under way begins anew, as its clock must.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model.config import to_dict
from model.training import jobs
from model.training.jobs import Job, Request

_OWNER = "bench"


def result(runs: Path, request: Request, goal: float) -> dict[str, Any]:
    """What one seed comes to, kept in a file: run now, or read where it was run before."""
    settings = request.settings()
    asked = json.loads(json.dumps(
        {"model": settings.sizes, "train": to_dict(settings.train), "threads": request.threads,
         "goal": goal}
    ))  # fmt: skip
    path = runs / f"{request.preset}-{settings.train.seed}.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept["asked"] == asked:
            return kept
        raise SystemExit(f"{path} is of other settings: delete it, or choose another --out")
    found = {"asked": asked, **run(runs, request, goal)}
    path.write_text(json.dumps(found))
    return found


def run(runs: Path, request: Request, goal: float) -> dict[str, Any]:
    """Train with one seed; its folder is deleted afterwards, and when it is interrupted."""
    began = time.monotonic()
    job = jobs.start(runs, request, _OWNER)
    try:
        first_step, minutes, steps = until(job, goal, began)
        whole = (time.monotonic() - began) / 60
        metrics = json.loads((job.folder / "metrics.json").read_text())
    finally:
        jobs.delete(job, _OWNER)
    return {
        "device": job.device,
        "minutes_to_first_step": first_step,
        "minutes": minutes,
        "steps": steps,
        "minutes_of_all": whole,
        "finished": {
            lang: {
                "argmax": head["argmax"]["value"],
                "flip": head["flip"]["value"],
                "naming": metrics["naming"][lang]["value"],
            }
            for lang, head in metrics["heads"]["best"].items()
        },
    }


def until(job: Job, goal: float, began: float) -> tuple[float, dict[str, float], dict[str, int]]:
    """Minutes to the first step, and until a head of each language reached the goal; the steps.

    Returns when the job is done.
    """
    first_step, step = 0.0, -1
    minutes, steps = dict[str, float](), dict[str, int]()
    while True:
        now = jobs.find(job.folder.parent, job.id)
        if now is None or now.reason is not None:
            raise SystemExit(f"{job.id}: {now and now.reason}\n{jobs.log_tail(job)}")
        if not first_step and now.stage == "training":
            first_step = (time.monotonic() - began) / 60
        for measured in jobs.held_out(job, since=step):
            step = measured.step
            for lang in measured.argmax:
                if measured.best(lang)[2] >= goal and lang not in minutes:
                    minutes[lang], steps[lang] = (time.monotonic() - began) / 60, step
        if not now.active:
            return first_step, minutes, steps
        time.sleep(0.25)


def told(found: dict[str, Any]) -> str:
    """A seed's result in three lines."""
    reached = ", ".join(
        f"{lang} after {minutes:.2f} min (step {found['steps'][lang]:,})"
        for lang, minutes in found["minutes"].items()
    )
    finished = "; ".join(
        f"{lang} argmax {head['argmax']:.1%}, flip {head['flip']:.1%}, naming {head['naming']:.1%}"
        for lang, head in found["finished"].items()
    )
    return (
        f"    first step after {found['minutes_to_first_step']:.2f} min, all done after "
        f"{found['minutes_of_all']:.2f} min\n"
        f"    goal reached: {reached or 'never'}\n"
        f"    finished, on other held-out pairs: {finished}"
    )


def summary(goal: float, found: Sequence[dict[str, Any]]) -> str:
    """All seeds' minutes until the first language reached the goal, and their median."""
    first = [min(one["minutes"].values(), default=float("inf")) for one in found]
    both = [
        max(one["minutes"].values())
        if one["minutes"].keys() == one["finished"].keys()
        else float("inf")
        for one in found
    ]
    return "\n".join(
        f"minutes to {goal:.0%} {where}: {', '.join(f'{minutes:.2f}' for minutes in all)}; "
        f"median {statistics.median(all):.2f}"
        for where, all in (("in one language", first), ("in every language", both))
    )


def main() -> None:
    """Run the seeds that are missing, and tell all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--goal", type=float, default=0.9)
    parser.add_argument("--preset", default="class")
    parser.add_argument("--settings", type=Path, help="JSON of single settings: {model, train}")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    options = parser.parse_args()
    changes = json.loads(options.settings.read_text()) if options.settings else {}

    found: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        request = Request(
            preset=options.preset,
            model=changes.get("model", {}),
            train=changes.get("train", {}) | {"seed": seed},
            threads=options.threads,
        )
        print(f"seed {seed}, {options.threads} threads", flush=True)
        found.append(result(options.out, request, options.goal))
        print(told(found[-1]), flush=True)
    print(summary(options.goal, found))


if __name__ == "__main__":
    main()
