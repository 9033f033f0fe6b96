"""The film of a training: what the example sentences looked like at about 16 moments of it.

Each moment keeps the encoder's attention, what the pronoun is thought to stand for, the
translations, and the course of the training so far. `FilmMaker` writes a small file a moment while
the training runs, and joins them at its end into the checkpoint's `film.npz`, which `Film` reads.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from ..analysis.coreference import NamedWord, name_pronoun
from ..analysis.translation import translate_all
from ..analysis.words import pronoun_span
from ..checkpoint import FILM, Bundle, is_sealed, write_atomically
from ..config import DIRECTIONS, Lang
from ..errors import ModelError
from ..tokenizer import Tokenizer, check_length, language_of
from ..trace import Trace, traced
from ..transformer import Transformer

_ANIMAL = "The animal didn't cross the street because it was too {}."
_ANIMAL_KO = "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 {} 때문이다."
_KETTLE_KO = "그녀는 주전자의 물을 컵에 따랐다. 그것이 {} 때까지."
SENTENCES: tuple[str, ...] = (
    _ANIMAL.format("tired"),
    _ANIMAL.format("wide"),
    _ANIMAL_KO.format("피곤하였기"),
    _ANIMAL_KO.format("넓었기"),
    _KETTLE_KO.format("가득 찰"),
    _KETTLE_KO.format("텅 빌"),
)
"""The twins that every film shows."""

FRAMES = "film"
"""The folder of single moments in a training's folder."""

_MOMENTS = 16
_LARGEST = 64 * 2**20  # bytes of an unpacked film; a bundled one has about two million


def moments(steps: int, n: int = _MOMENTS) -> list[int]:
    """About `n` steps of a training of `steps`: 0, the last, and between them ever wider apart.

    Much happens early and little late, but hardly anything in the very first steps: the second
    moment is 1/400 of the way.
    """
    first = max(1, steps // 400)
    ratio = (steps / first) ** (1 / max(1, n - 2))
    return sorted({0, steps, *(min(steps, round(first * ratio**k)) for k in range(n - 1))})


@dataclass(frozen=True)
class FilmSentence:
    """A sentence that every moment shows.

    Attributes:
        tokens: the encoder's pieces, `</s>` last.
        words: (word, [piece indices], (start, end) characters, or None for `</s>`).
        pronoun: characters [start, end) of the pronoun whose meaning is asked for.
    """

    text: str
    lang: Lang
    tokens: list[str]
    words: list[tuple[str, list[int], tuple[int, int] | None]]
    pronoun: tuple[int, int]

    @property
    def pronoun_token(self) -> int:
        """The row of the attention maps that belongs to the pronoun: its first piece."""
        return next(
            pieces[0] for _, pieces, span in self.words if span and span[1] > self.pronoun[0]
        )


@dataclass(frozen=True)
class Moment:
    """One moment of a training.

    Attributes:
        line: the training's log by then, as `progress.jsonl` has it: `loss_nats`, `accuracy`,
            `naming_accuracy`, `heads` …; `step` in it says when it was written. Empty at step 0.
        naming: for each sentence, the probability of each word that has characters.
        translations: for each sentence, the greedy translation into each other language.
    """

    step: int
    line: Mapping[str, Any]
    naming: list[list[float]]
    translations: list[dict[Lang, str]]


@dataclass(frozen=True)
class Film:
    """Moments of a training, first to last."""

    sentences: list[FilmSentence]
    moments: list[Moment]
    maps: list[UInt8[np.ndarray, "moment layer head query key"]]
    """For each sentence, 255 · attention weights of the encoder, rounded."""

    def attention(self, moment: int, sentence: int) -> Float[np.ndarray, "layer head query key"]:
        """The encoder's attention weights, exact to 1/510."""
        return self.maps[sentence][moment].astype(np.float32) / 255

    def naming(self, moment: int, sentence: int) -> list[NamedWord]:
        """What the pronoun was thought to stand for: (word, start, end, probability)."""
        words = [(word, *span) for word, _, span in self.sentences[sentence].words if span]
        shares = self.moments[moment].naming[sentence]
        return [(*word, share) for word, share in zip(words, shares, strict=True)]

    def named(self, moment: int, sentence: int) -> NamedWord:
        """The word that the pronoun most likely stood for."""
        return max(self.naming(moment, sentence), key=lambda word: word[3])

    def translation(self, moment: int, sentence: int) -> Mapping[Lang, str]:
        """The greedy translation into each language."""
        return self.moments[moment].translations[sentence]

    def to_bytes(self) -> bytes:
        """The film as one compressed .npz file, no pickle in it."""
        values = {
            "sentences": [asdict(sentence) for sentence in self.sentences],
            "moments": [asdict(moment) for moment in self.moments],
        }
        maps = {f"maps_{n}": array for n, array in enumerate(self.maps)}
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, values=np.array(json.dumps(values)), **maps)
        return file.getvalue()

    @classmethod
    def load(cls, path: str | Path) -> Film:
        """Read a checkpoint's `film.npz`, or a single moment's file.

        Raises:
            ModelError: `film_damaged`; also where it is not the film that the checkpoint beside
                it was saved with.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
            if not is_sealed(path, content):
                raise ValueError("it belongs to another checkpoint")
            film = cls._from_bytes(content)
            film._check()
        except Exception as error:  # zipfile, zlib, json and NumPy each raise their own
            raise ModelError(
                "film_damaged",
                f"{path} cannot be shown: {error}; copy the checkpoint again",
                path=str(path),
            ) from error
        return film

    @classmethod
    def joined(cls, films: Sequence[Film]) -> Film:
        """One film of the moments of several, which show the same sentences.

        From where one begins, those that begin before it show nothing any more.
        """
        films = sorted(films, key=lambda film: film.moments[0].step)
        ends = [*(film.moments[0].step for film in films[1:]), math.inf]
        films = [film._before(end) for film, end in zip(films, ends, strict=True)]
        return cls(
            films[0].sentences,
            [moment for film in films for moment in film.moments],
            [np.concatenate(maps) for maps in zip(*(film.maps for film in films), strict=True)],
        )

    def _before(self, step: float) -> Film:
        kept = [moment for moment in self.moments if moment.step < step]
        return Film(self.sentences, kept, [maps[: len(kept)] for maps in self.maps])

    @classmethod
    def _from_bytes(cls, content: bytes) -> Film:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(member.file_size for member in packed.infolist()) > _LARGEST:
                raise ValueError("it is too large")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            values = json.loads(str(file["values"]))
            maps = [file[f"maps_{n}"] for n in range(len(values["sentences"]))]
        sentences = [
            FilmSentence(
                s["text"],
                s["lang"],
                s["tokens"],
                [
                    (word, pieces, tuple(span) if span else None)
                    for word, pieces, span in s["words"]
                ],
                (s["pronoun"][0], s["pronoun"][1]),
            )
            for s in values["sentences"]
        ]
        return cls(sentences, [Moment(**moment) for moment in values["moments"]], maps)

    def _check(self) -> None:
        """What a page relies on; raises ValueError, or whatever a wrong type leads to."""
        steps = [moment.step for moment in self.moments]
        _require(len(self.sentences) > 0 and len(steps) > 0, "it is empty")
        _require(steps == sorted({int(step) for step in steps}), "its moments are out of order")
        shapes = {array.shape[:3] for array in self.maps}
        _require(len(shapes) == 1 and len(steps) == next(iter(shapes))[0], "maps are missing")
        for sentence, array in zip(self.sentences, self.maps, strict=True):
            length = len(sentence.tokens)
            _require(
                array.dtype == np.uint8 and array.shape[3:] == (length, length), "a map's size"
            )
            pieces = [piece for _, indices, _ in sentence.words for piece in indices]
            _require(pieces == list(range(length)), "words do not cover the pieces")
            _require(sentence.lang == language_of(sentence.text), "a language")
            _require(sentence.pronoun_token < length, "a pronoun")
        for moment in self.moments:
            _require(isinstance(moment.line, dict), "a line of the log")
            for sentence, shares, translations in zip(
                self.sentences, moment.naming, moment.translations, strict=True
            ):
                named = [word for word, _, span in sentence.words if span]
                _require(len(named) == len(shares), "a word's probability is missing")
                _require(all(0 <= share <= 1 for share in shares), "a probability")
                _require(all(isinstance(t, str) for t in translations.values()), "a translation")


def with_last_moment_of(film: Film, bundle: Bundle) -> Film:
    """The film with its last moment shot anew: it ends with the model that all other pages show."""
    *before, last = film.moments
    targets = {
        sentence.text: list(said)
        for sentence, said in zip(film.sentences, last.translations, strict=True)
    }
    anew = _one_moment(bundle, last.step, last.line, targets)
    maps = [np.concatenate([old[:-1], new]) for old, new in zip(film.maps, anew.maps, strict=True)]
    return Film(film.sentences, [*before, *anew.moments], maps)


class FilmMaker:
    """Takes a training's film: `shoot` at each of `steps`, `finish` at the end.

    Frames lie in the training's folder, a file a moment, so that a training which goes on after a
    kill finds them; a moment that is shot again is replaced. Sentences in a language from which
    none of the `directions` leads are left out.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        steps: int,
        out: Path,
        sentences: Sequence[str] = SENTENCES,
        directions: Sequence[tuple[Lang, Lang]] = tuple(DIRECTIONS),
    ) -> None:
        self.steps = frozenset(moments(steps))
        self._tokenizer, self._out = tokenizer, out
        self._targets = {
            text: [target for source, target in directions if source == language_of(text)]
            for text in sentences
        }

    def shoot(self, model: Transformer, step: int, line: Mapping[str, Any]) -> None:
        """Keep this moment; draws no random number, and leaves the model as it was.

        Where the model's numbers have grown beyond all bounds there is nothing to keep: the moment
        is left out, and the training says why it ends.

        Args:
            line: the last line of the training's log, {} where there is none.
        """
        training = model.training
        model.eval()
        try:
            bundle = Bundle("film", model, self._tokenizer, model.config, {}, "")
            film = _one_moment(bundle, step, line, self._targets)
        except ModelError as error:
            if error.code != "weights_not_finite":
                raise
            return
        finally:
            model.train(training)
        frames = self._out / FRAMES
        frames.mkdir(parents=True, exist_ok=True)
        write_atomically(frames / f"{step:08d}.npz", film.to_bytes())

    def keep_until(self, step: int) -> None:
        """Drop the moments after this step, which a training that goes on here comes to anew."""
        for frame in (self._out / FRAMES).glob("*.npz"):
            if int(frame.stem) > step:
                frame.unlink(missing_ok=True)

    def begin_with_last(self) -> None:
        """Take over the film that lies finished in the folder; new moments come behind its own."""
        if (self._out / FILM).is_file():
            film = Film.load(self._out / FILM)
            frames = self._out / FRAMES
            frames.mkdir(parents=True, exist_ok=True)
            whole = frames / f"{film.moments[0].step:08d}.npz"
            write_atomically(whole, film.to_bytes())
            for frame in frames.glob("*.npz"):
                if frame != whole:  # its moment stands in the film, or is shot again
                    frame.unlink(missing_ok=True)

    def finish(self) -> Path | None:
        """Join the moments into the folder's `film.npz`; None where none was shot.

        All that lie there: where the training's end was moved, earlier moments are other steps.
        """
        film = shot(self._out)
        if film is None:
            return None
        path = self._out / FILM
        write_atomically(path, film.to_bytes())
        return path


def shot(out: Path) -> Film | None:
    """The single moments in a training's folder as one film; None where there is none.

    One that cannot be read, or shows other sentences than the last one, is left out: it is not
    worth a training's end.
    """
    films: list[Film] = []
    for frame in sorted((out / FRAMES).glob("*.npz")):
        with suppress(ModelError):  # it is being replaced, or a kill has left it so
            films.append(Film.load(frame))
    alike = [film for film in films if film.sentences == films[-1].sentences]
    return Film.joined(alike) if alike else None


def in_bytes(
    weights: Float[np.ndarray, "*layer head query key"],
) -> UInt8[np.ndarray, "*layer head query key"]:
    """255 · attention weights, rounded: exact to 1/510, and a quarter of the bytes.

    Raises:
        ModelError: `weights_not_finite`; a byte made of NaN would be any number.
    """
    if not np.isfinite(weights).all():
        raise ModelError(
            "weights_not_finite",
            "the model's numbers have grown beyond all bounds, so that its attention is undefined: "
            "start again with a lower peak_lr",
        )
    return np.rint(weights * 255).astype(np.uint8)


def _one_moment(
    bundle: Bundle, step: int, line: Mapping[str, Any], targets: Mapping[str, Sequence[Lang]]
) -> Film:
    targets = {text: langs for text, langs in targets.items() if langs}
    shot = [_shoot_sentence(bundle, text) for text in targets]
    said = _translations(bundle, targets)
    moment = Moment(step, dict(_plain(line)), [naming for *_, naming in shot], said)
    return Film([sentence for sentence, *_ in shot], [moment], [maps for _, maps, _ in shot])


def _shoot_sentence(bundle: Bundle, text: str) -> tuple[FilmSentence, np.ndarray, list[float]]:
    tokenizer, lang = bundle.tokenizer, language_of(text)
    read = check_length(tokenizer.source(text), bundle.config.max_len)
    nothing = tokenizer.target_from_ids([], lang)  # the encoder alone is looked at
    made = traced(bundle, read, nothing, lang)
    sentence = _sentence(made)
    maps = in_bytes(made.attention("encoder")[None])
    naming = [round(share, 5) for *_, share in name_pronoun(bundle, text, sentence.pronoun)]
    return sentence, maps, naming


def _translations(bundle: Bundle, targets: Mapping[str, Sequence[Lang]]) -> list[dict[Lang, str]]:
    """Of each sentence into its languages; all that go into one are written together."""
    said: dict[str, dict[Lang, str]] = {text: {} for text in targets}
    for lang in dict.fromkeys(lang for langs in targets.values() for lang in langs):
        texts = [text for text, langs in targets.items() if lang in langs]
        written = translate_all(bundle.model, bundle.tokenizer, texts, lang)
        for text, translation in zip(texts, written, strict=True):
            said[text][lang] = translation
    return list(said.values())


def _sentence(made: Trace) -> FilmSentence:
    pronoun = pronoun_span(made)
    if pronoun is None:
        raise ValueError(f"no pronoun stands in {made.source_text!r}")
    return FilmSentence(
        made.source_text, made.source_lang, made.source_tokens, made.source_words, pronoun
    )


def _plain(line: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The line without numbers that JSON does not know: a training may have gone wrong."""
    for name, value in line.items():
        if isinstance(value, Mapping):
            yield name, dict(_plain(value))
        elif not isinstance(value, float) or math.isfinite(value):
            yield name, value


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"this is not in order: {what}")
