"""Is a resolver head the cause? Cut the best ones, and as many others at random; name again.

    python -m tests.bench.knock_out [checkpoint] [--twins 100] [--most 8]

Prints, for each kind of cut and each number of heads, the share of pronouns that the encoder still
names right on held-out twins: with the best heads cut, and with others cut at random (mean).
Heads are ranked on one half of the twins, naming is counted on the other.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from model.analysis.causes import CutEdge, PasteTwin, RemoveHeads, knock_out
from model.analysis.leaderboard import held_out
from model.checkpoint import load

CHECKPOINT = Path(__file__).parents[2] / "checkpoints" / "jumok"


def main() -> None:
    """One table for each kind of cut."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, nargs="?", default=CHECKPOINT)
    parser.add_argument("--twins", type=int, default=100, help="pairs of twins a language")
    parser.add_argument("--most", type=int, default=8)
    options = parser.parse_args()
    bundle = load(options.checkpoint, device="cpu")
    asked = held_out(bundle, items=options.twins)
    for kind in (RemoveHeads, CutEdge, PasteTwin):
        print(kind.__name__)
        for step in knock_out(bundle.model, asked, options.most, kind=kind).steps:
            mean = "—" if step.random_mean is None else f"{step.random_mean:.1%}"
            print(f"  {step.n} heads: best {step.best.value:.1%}, others at random {mean}")


if __name__ == "__main__":
    main()
