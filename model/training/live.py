"""What is to be seen of a training while it runs: one sentence, every head, some translations.

Every few seconds the training writes `live/now.npz` anew (the chosen sentence's attention and some
translations) and adds a line to `live/held_out.jsonl` (losses and every head's score on pairs of
nouns that it never sees). Looking draws no random number, and takes a twentieth of the time at
most; what is learned is the same.
"""

from __future__ import annotations

import io
import json
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from ..analysis.coreference import NamedWord, name_pronoun
from ..analysis.leaderboard import Question, ask
from ..analysis.words import pronoun_span
from ..checkpoint import Bundle, write_atomically
from ..config import LANGUAGES, Lang, TrainConfig
from ..decode import translate
from ..errors import ModelError
from ..tokenizer import Tokenizer, language_of
from ..trace import KINDS, Kind, trace
from ..transformer import Transformer
from .control import as_reason
from .film import SENTENCES, in_bytes
from .folder import read_end, read_json
from .objective import Objective
from .unseen import batch, samples, unseen

SENTENCE = SENTENCES[0]
"""What is looked at until somebody chooses another sentence."""

_EVERY = 3.0  # seconds between two looks at least …
_SHARE = 20  # … and so many times what the last one took …
_LOOKS = 500  # … and about so many in a long training, for its files' sake


@dataclass(frozen=True)
class HeldOut:
    """What the model can do at one step with noun pairs that it never sees as rivals.

    The same sentences every time, measured without dropout. Of uploaded pairs some are kept aside
    (`model.corpus.uploads.split`) and join in; who learns from uploaded pairs alone is measured on
    them alone, but for naming and argmax.

    Attributes:
        loss_nats: translation + naming_weight · naming, as in progress.jsonl.
        accuracy: share of target pieces predicted right, those before them given.
        naming: for each language, share of pronouns whose antecedent the encoder names.
        argmax: for each language, [layer][head] → share of pronouns at which the head's largest
            weight lies on the antecedent.
        n: how many pronouns were asked about, for each language.
    """

    step: int
    seconds: float
    loss_nats: float
    translation_loss_nats_per_token: float
    accuracy: float
    naming: Mapping[Lang, float]
    argmax: Mapping[Lang, list[list[float]]]
    n: Mapping[Lang, int]

    def best(self, lang: Lang) -> tuple[int, int, float]:
        """Layer, head and share of the head with the largest share."""
        scores = np.array(self.argmax[lang])
        layer, head = np.unravel_index(int(scores.argmax()), scores.shape)
        return int(layer), int(head), float(scores[layer, head])


@dataclass(frozen=True)
class Live:
    """The model at one step, reading the chosen sentence.

    Attributes:
        source_words, target_words: (word, [piece indices], (start, end) characters or None).
        maps: 255 · attention weights, rounded, of kinds encoder, decoder and cross.
        naming: what the sentence's last pronoun that has a word before it is thought to stand for:
            (word, start, end, probability); empty where it has none.
        translations: (sentence, language, what the model makes of it) of held-out sentences.
        problem: {code, message, details} of the error if the chosen sentence cannot be read; then
            tokens and maps are empty.
    """

    step: int
    seconds: float
    sentence: str
    lang: Lang
    to: Lang
    output: str
    source_tokens: list[str]
    target_tokens: list[str]
    source_words: list[tuple[str, list[int], tuple[int, int] | None]]
    target_words: list[tuple[str, list[int], tuple[int, int] | None]]
    naming: list[NamedWord]
    translations: list[tuple[str, Lang, str]]
    problem: dict[str, Any] | None
    maps: Mapping[Kind, UInt8[np.ndarray, "layer head query key"]]

    def save(self, path: Path) -> None:
        """Write one file, whole or not at all."""
        values = {name: value for name, value in asdict(self).items() if name != "maps"}
        file = io.BytesIO()
        maps = {f"maps_{kind}": array for kind, array in self.maps.items()}
        np.savez(file, allow_pickle=False, values=np.array(json.dumps(values)), **maps)
        write_atomically(path, file.getvalue())

    @classmethod
    def load(cls, path: Path) -> Live | None:
        """Read what `save` wrote; None where there is nothing that can be read."""
        try:
            with np.load(path, allow_pickle=False) as file:
                values = json.loads(str(file["values"]))
                maps = {kind: file[f"maps_{kind}"] for kind in KINDS if f"maps_{kind}" in file}
            for side in ("source_words", "target_words"):
                values[side] = [
                    (w, pieces, tuple(at) if at else None) for w, pieces, at in values[side]
                ]
            for name in ("naming", "translations"):
                values[name] = [tuple(one) for one in values[name]]
            return cls(**values, maps=maps)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return None


class Watcher:
    """Looks at a model in training now and then."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        config: TrainConfig,
        asked: Mapping[Lang, Sequence[Question]],
        out: Path,
        step: int,
    ) -> None:
        self._tokenizer, self._config, self._asked = tokenizer, config, asked
        self._now, self._chosen = out / "live" / "now.npz", out / "live" / "sentence.json"
        self._history = out / "live" / "held_out.jsonl"
        keep_until(self._history, step)
        found = unseen(config, out)
        self._batch = batch(tokenizer, found, config)
        self._shown = list(samples(tokenizer, found, config))
        self._due, self._seen = 0.0, 0.0

    def look(self, model: Transformer, step: int, seconds: float, last: bool = False) -> None:
        """Look if it is time to, or if it is the last time, or another sentence was chosen."""
        began, chosen = time.monotonic(), _changed(self._chosen)
        if began < self._due and chosen == self._seen and not last:
            return
        self._seen = chosen
        training = model.training
        model.eval()
        try:
            measured = self._measured(model, step, seconds)
            with self._history.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(measured)) + "\n")
            self._read(model, step, seconds).save(self._now)
        finally:
            model.train(training)
        now = time.monotonic()
        self._due = now + max(_EVERY, _SHARE * (now - began), seconds / _LOOKS)

    def _measured(self, model: Transformer, step: int, seconds: float) -> HeldOut:
        objective = Objective(model, self._config.label_smoothing, self._config.naming_weight)
        with torch.inference_mode():
            losses = objective.eval()(self._batch.to(model.embedding.weight.device))
        answers = {lang: ask(model, asked) for lang, asked in self._asked.items()}
        return HeldOut(
            step,
            round(seconds, 2),
            float(losses.total),
            float(losses.translation),
            float(losses.accuracy),
            {lang: float(found.named.mean()) for lang, found in answers.items()},
            {lang: found.argmax.mean(axis=0).round(4).tolist() for lang, found in answers.items()},
            {lang: len(found.named) for lang, found in answers.items()},
        )

    def _read(self, model: Transformer, step: int, seconds: float) -> Live:
        bundle = Bundle("training", model, self._tokenizer, model.config, {}, "")
        chosen = read_json(self._chosen) or {}
        text, wanted = str(chosen.get("text", SENTENCE)), str(chosen.get("to", "ko"))
        to: Lang = wanted if wanted in LANGUAGES else "ko"
        lang = language_of(text)
        shown = [(one, into, translate(bundle, one, into)) for one, into in self._shown]
        try:
            made = trace(bundle, text, target_lang=to)
            maps = {kind: in_bytes(made.attention(kind)) for kind in KINDS}
            pronoun = pronoun_span(made)
            naming = name_pronoun(bundle, text, pronoun) if pronoun else []
        except ModelError as error:
            problem = as_reason(error)
            return Live(step, seconds, text, lang, to, "", [], [], [], [], [], shown, problem, {})
        return Live(
            step, seconds, text, lang, to, made.output, made.source_tokens, made.target_tokens,
            made.source_words, made.target_words, naming, shown, None, maps,
        )  # fmt: skip


def lines(path: Path, end: int = sys.maxsize) -> list[dict[str, Any]]:
    """The JSON lines of a log, or of its last bytes; a torn one (after a kill) is left out."""
    found = []
    for line in read_end(path, end).splitlines():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, dict) and isinstance(values.get("step"), int):
            found.append(values)
    return found


def keep_until(path: Path, step: int) -> list[dict[str, Any]]:
    """Cut a log back to what was written by this step, as a training that goes on there must."""
    kept = [line for line in lines(path) if line["step"] <= step]
    content = "".join(json.dumps(line) + "\n" for line in kept)
    if path.is_file() or kept:
        write_atomically(path, content.encode())
    return kept


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
