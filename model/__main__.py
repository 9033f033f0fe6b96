"""Command line: `python -m model train | estimate | evaluate | lengths | film | trace |
translate`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from .analysis import lengths
from .analysis.evaluate import evaluate, measure_speed, read_questions
from .analysis.leaderboard import Question, met_by
from .checkpoint import FILM, load_any, pick_device, save_metrics
from .config import (
    LANGUAGES,
    PRESETS,
    Preset,
    TrainConfig,
    from_dict,
    preset_of,
)
from .corpus.loaders import read_pairs
from .corpus.mixture import Mixture
from .decode import translate
from .errors import ModelError
from .trace import trace
from .training.averaging import average
from .training.card import card, every_head, report
from .training.control import as_reason, explained, writing
from .training.estimate import calibrate
from .training.film import Film
from .training.folder import Folder
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
    preset = _settings(options)
    changes = {
        name: getattr(options, name)
        for name in (
            "steps", "minutes", "seed", "naming_weight", "batch_tokens", "peak_lr", "read_share"
        )
        if getattr(options, name) is not None
    }  # fmt: skip
    config: TrainConfig = replace(preset.train, **changes)
    hardware = Hardware(
        options.accelerator, options.devices, options.nodes, options.precision, options.workers
    )
    if options.norm:
        preset = replace(preset, model=preset.model | {"norm": options.norm})
    mixture = (
        Mixture(options.pairs, options.pronouns, tuple(config.shares))
        if options.pairs or options.pronouns
        else None
    )
    out = train(
        preset,
        config,
        Path(options.out),
        mixture=mixture,
        vocabulary=options.tokenizer,
        resume=options.resume,
        hardware=hardware,
        command=options.command,
    )
    status = Folder(out).status()
    if status is not None and status.state == "paused":
        print(f"paused at step {status.step:,}; --resume goes on")
    else:
        print(f"checkpoint: {out}")


def _settings(options: argparse.Namespace) -> Preset:
    """The preset, or what the settings file makes of one."""
    if options.settings is None:
        return PRESETS[options.preset or "small"]
    try:
        values = json.loads(options.settings.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            "settings_unreadable",
            f"{options.settings} is no readable JSON file: {error}",
            path=str(options.settings),
        ) from error
    if options.preset is not None and isinstance(values, dict):
        values = values | {"preset": options.preset}
    return preset_of(values)


def _estimate(options: argparse.Namespace) -> None:
    try:
        device = pick_device(options.accelerator)
        values = asdict(calibrate(_settings(options), device))
    except Exception as error:
        said = explained(error, Path())
        if said is None:
            raise
        values = as_reason(said)
    print(json.dumps(values))


def _evaluate(options: argparse.Namespace) -> None:
    asked = _asked(options.checkpoint, options.labelled)
    _measure(options.checkpoint, _readable(options.dev), asked, options.keep)


def _average(options: argparse.Namespace) -> None:
    dev, asked = _readable(options.dev), _asked(options.checkpoints[-1], options.labelled)
    average(options.checkpoints, options.shares or [1] * len(options.checkpoints), options.out)
    _measure(options.out, dev, asked, keep=True)


def _measure(
    checkpoint: str, dev: Sequence[Path], labelled: Mapping[str, Sequence[Question]], keep: bool
) -> None:
    bundle = load_any(checkpoint)
    model, tokenizer = bundle.model, bundle.tokenizer
    metrics = dict(bundle.metrics)
    settings = metrics.get("training", {}).get("settings")
    if keep and not settings:
        raise ModelError(
            "snapshot_damaged",
            f"{checkpoint} does not say how it was trained, so that no card can: leave out --keep",
            path=checkpoint,
        )
    train_config = from_dict(TrainConfig, settings) if settings else TrainConfig()
    directions = bundle.directions or [*train_config.shares]
    metrics |= evaluate(
        model,
        tokenizer,
        dev=dev,
        directions=directions,
        met=met_by(metrics),
        labelled=labelled,
    )
    from_english = [target for source, target in directions if source == "en"]
    metrics["speed"] = measure_speed(model, tokenizer, targets=from_english)
    print(report(metrics), every_head(metrics), sep="\n")
    if keep:
        # The same weights: what other files gave before still holds.
        if "scores" in metrics:
            before = bundle.metrics.get("scores", {}).get("dev", {})
            metrics["scores"]["dev"] = before | metrics["scores"]["dev"]
        metrics["labelled"] = bundle.metrics.get("labelled", {}) | metrics["labelled"]
        written = card(bundle.name, bundle.config, train_config, metrics)
        save_metrics(checkpoint, metrics, written)


def _readable(files: Sequence[str]) -> list[Path]:
    """Files of pairs; one that is missing is named before minutes have gone into measuring."""
    found = [Path(file) for file in files]
    for path in found:
        deque(read_pairs(path), maxlen=0)
    return found


def _asked(checkpoint: str, files: Sequence[str]) -> dict[str, list[Question]]:
    """Labelled pronouns, by file, as this checkpoint reads them."""
    if not files:
        return {}
    bundle = load_any(checkpoint)
    return {path.name: read_questions(bundle, path) for path in map(Path, files)}


def _lengths(options: argparse.Namespace) -> None:
    bundles = [load_any(checkpoint) for checkpoint in options.checkpoints]
    measured = lengths.measure(bundles, _readable(options.dev), options.each)
    with writing(options.out):
        lengths.write(options.out, {"command": options.command} | measured)
    print(lengths.table(measured), options.out, sep="\n")


def _film(options: argparse.Namespace) -> None:
    film = Film.load(Path(options.checkpoint) / FILM)
    for number, moment in enumerate(film.moments):
        line = moment.line
        measured = [
            f"{name} {line[name]:.2f}" for name in ("loss_nats", "accuracy") if name in line
        ]
        print(", ".join([f"step {moment.step:,}", *measured]))
        for n, sentence in enumerate(film.sentences):
            word, *_, share = film.named(number, n)
            pronoun = sentence.text[slice(*sentence.pronoun)]
            said = " | ".join(film.translation(number, n).values())
            print(f"  {sentence.text}  {pronoun} = {word} ({share:.0%})  {said}")


def _trace(options: argparse.Namespace) -> None:
    made = trace(load_any(options.checkpoint), options.text, options.target, options.to)
    content = json.dumps(made.to_json(), ensure_ascii=False)
    if options.json == "-":
        print(content)
    else:
        with writing(Path(options.json)):
            Path(options.json).write_text(content + "\n", encoding="utf-8")
        print(f"{made.output}\n{options.json}")


def _translate(options: argparse.Namespace) -> None:
    print(translate(load_any(options.checkpoint), options.text, options.to, options.beam))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model", description=__doc__)
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("train", help="train a model and write its checkpoint")
    command.set_defaults(run=_train)
    command.add_argument("--preset", choices=PRESETS, help="small, if nothing else is said")
    command.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help='JSON: {"preset": …, "model": {"d_model": …}, "train": {"families": […]}}, each part '
        "may be left out; options given here go first",
    )
    command.add_argument("--out", required=True, help="folder for snapshots and the checkpoint")
    command.add_argument(
        "--resume",
        action="store_true",
        help="go on from the last snapshot, or else from the finished checkpoint",
    )
    command.add_argument("--steps", type=int)
    command.add_argument("--minutes", type=float, help="end after so much time, if not before")
    command.add_argument("--seed", type=int)
    command.add_argument("--batch-tokens", type=int)
    command.add_argument(
        "--pairs",
        type=Path,
        action="append",
        default=[],
        help="a TSV of sentences and translations to learn from, too (again for more)",
    )
    command.add_argument(
        "--pronouns",
        type=Path,
        action="append",
        default=[],
        help="JSON lines of sentences with a labelled pronoun to learn from, too",
    )
    command.add_argument(
        "--tokenizer",
        type=Path,
        metavar="CHECKPOINT",
        help="use this checkpoint's vocabulary; left out, a new one is learned",
    )
    command.add_argument("--read-share", type=float, help="share of sentences read from --pairs")
    command.add_argument("--peak-lr", type=float)
    command.add_argument("--naming-weight", type=float, help="0 leaves the naming objective out")
    command.add_argument("--norm", choices=("post", "pre"))
    command.add_argument("--accelerator", default="auto", help="auto, cpu or cuda")
    command.add_argument("--devices", type=_devices, default="auto", help="how many, or auto")
    command.add_argument("--nodes", type=int, default=1)
    command.add_argument(
        "--precision",
        choices=("32-true", "bf16-mixed"),
        default="32-true",
        help="bf16-mixed for a GPU, or a CPU with AMX or AVX-512 BF16 (see lscpu): others take "
        "several times as long with it",
    )
    command.add_argument(
        "--workers",
        type=int,
        choices=range(65),
        metavar="N",
        default=0,
        help="processes that write the next epochs' sentences meanwhile: for a GPU, which learns "
        "faster than one processor writes",
    )

    command = commands.add_parser(
        "estimate", help="take a few steps to see how long a training takes here, as JSON"
    )
    command.set_defaults(run=_estimate)
    command.add_argument("--preset", choices=PRESETS)
    command.add_argument("--settings", type=Path, metavar="FILE", help="as for train")
    command.add_argument("--accelerator", default="auto", help="auto, cpu or cuda")

    command = commands.add_parser("evaluate", help="measure a checkpoint on held-out sentences")
    command.set_defaults(run=_evaluate)
    command.add_argument("checkpoint", nargs="?", default=DEFAULT_CHECKPOINT)
    command.add_argument(
        "--dev",
        metavar="FILE",
        action="append",
        default=[],
        help="score translations of these lines too: English, tab, other language[, tab, origin]",
    )
    command.add_argument(
        "--labelled",
        metavar="FILE",
        action="append",
        default=[],
        help="name these pronouns, too: JSON lines as for train's --pronouns",
    )
    command.add_argument(
        "--keep", action="store_true", help="write what was measured into the checkpoint"
    )

    command = commands.add_parser(
        "average", help="average checkpoints of one training, and measure what comes out"
    )
    command.set_defaults(run=_average)
    command.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT", help="the last one last")
    command.add_argument("--shares", type=float, nargs="+", help="how much each counts: else alike")
    command.add_argument("--out", required=True, help="folder for the checkpoint")
    command.add_argument("--dev", metavar="FILE", action="append", default=[], help="as above")
    command.add_argument("--labelled", metavar="FILE", action="append", default=[], help="as above")

    command = commands.add_parser(
        "lengths", help="compare checkpoints of one vocabulary by the length of what they translate"
    )
    command.set_defaults(run=_lengths)
    command.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT")
    command.add_argument("--dev", metavar="FILE", action="append", default=[], help="as above")
    command.add_argument("--each", type=int, default=100, help="texts of one, two, … sentences")
    command.add_argument("--out", type=Path, default=Path("checkpoints") / lengths.NAME)

    command = commands.add_parser("film", help="what the examples looked like during training")
    command.set_defaults(run=_film)
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
