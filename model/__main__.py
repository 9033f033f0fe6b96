"""Command line: `python -m model train | evaluate | trace | translate`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .analysis.evaluate import evaluate
from .checkpoint import load
from .config import LANGUAGES, PRESETS, TrainConfig
from .decode import translate
from .errors import ModelError
from .trace import trace
from .training.loop import Hardware, train

DEFAULT_CHECKPOINT = "checkpoints/jumok"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a mistake in the input prints one line and returns 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    options.command = shlex.join(["python", "-m", "model", *arguments])
    try:
        options.run(options)
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _train(options: argparse.Namespace) -> None:
    preset = PRESETS[options.preset]
    changes = {
        name: getattr(options, name)
        for name in ("steps", "seed", "naming_weight", "batch_tokens", "peak_lr")
        if getattr(options, name) is not None
    }
    config: TrainConfig = replace(preset.train, **changes)
    hardware = Hardware(options.accelerator, options.devices, options.nodes, options.precision)
    if options.norm:
        preset = replace(preset, model=preset.model | {"norm": options.norm})
    out = train(
        preset,
        config,
        Path(options.out),
        resume=options.resume,
        hardware=hardware,
        command=options.command,
    )
    print(f"checkpoint: {out}")


def _evaluate(options: argparse.Namespace) -> None:
    bundle = load(options.checkpoint)
    print(json.dumps(evaluate(bundle.model, bundle.tokenizer), ensure_ascii=False, indent=1))


def _trace(options: argparse.Namespace) -> None:
    made = trace(load(options.checkpoint), options.text, options.target, options.to)
    content = json.dumps(made.to_json(), ensure_ascii=False)
    if options.json == "-":
        print(content)
    else:
        Path(options.json).write_text(content + "\n", encoding="utf-8")
        print(f"{made.output}\n{options.json}")


def _translate(options: argparse.Namespace) -> None:
    print(translate(load(options.checkpoint), options.text, options.to, options.beam))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model", description=__doc__)
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("train", help="train a model and write its checkpoint")
    command.set_defaults(run=_train)
    command.add_argument("--preset", choices=PRESETS, default="small")
    command.add_argument("--out", required=True, help="folder for snapshots and the checkpoint")
    command.add_argument("--resume", action="store_true", help="go on from the last snapshot")
    command.add_argument("--steps", type=int)
    command.add_argument("--seed", type=int)
    command.add_argument("--batch-tokens", type=int)
    command.add_argument("--peak-lr", type=float)
    command.add_argument("--naming-weight", type=float, help="0 leaves the naming objective out")
    command.add_argument("--norm", choices=("post", "pre"))
    command.add_argument("--accelerator", default="auto", help="auto, cpu or cuda")
    command.add_argument("--devices", type=_devices, default="auto", help="how many, or auto")
    command.add_argument("--nodes", type=int, default=1)
    command.add_argument("--precision", choices=("32-true", "bf16-mixed"), default="32-true")

    command = commands.add_parser("evaluate", help="measure a checkpoint on held-out sentences")
    command.set_defaults(run=_evaluate)
    command.add_argument("checkpoint", nargs="?", default=DEFAULT_CHECKPOINT)

    command = commands.add_parser("trace", help="write tokens, masks and attention maps as JSON")
    command.set_defaults(run=_trace)
    command.add_argument("text")
    command.add_argument("--to", choices=LANGUAGES, default="ko")
    command.add_argument("--target", help="what the decoder reads; left out, the model translates")
    command.add_argument("--json", default="-", help="file to write; - prints")
    command.add_argument("--checkpoint", default=DEFAULT_CHECKPOINT)

    command = commands.add_parser("translate", help="translate a sentence")
    command.set_defaults(run=_translate)
    command.add_argument("text")
    command.add_argument("--to", choices=LANGUAGES, default="ko")
    command.add_argument("--beam", type=int, choices=range(1, 17), default=1)
    command.add_argument("--checkpoint", default=DEFAULT_CHECKPOINT)
    return parser


def _devices(value: str) -> int | str:
    return value if value == "auto" else int(value)


if __name__ == "__main__":
    sys.exit(main())
