"""A training on uploaded sentence pairs: what it learns from, and what it is measured on."""

from __future__ import annotations

import random
import string
from dataclasses import replace
from pathlib import Path

import pytest

from model import ModelError
from model.config import Preset, TrainConfig, to_dict
from model.corpus.loaders import Pair, read_pairs
from model.corpus.mixture import Mixture
from model.corpus.uploads import split, written
from model.training import jobs
from model.training.batches import TrainingSet
from model.training.folder import Folder
from model.training.jobs import Job, Request
from model.training.live import Live
from model.training.loop import Hardware, learn_vocabulary, train
from model.training.process import fill_in

SIZES = dict(d_model=16, n_heads=2, d_k=8, d_v=8, d_ff=16, n_encoder_layers=1, n_decoder_layers=1)
ALONE = TrainConfig(
    steps=2, batch_tokens=200, warmup_steps=2, items=60, snapshot_every=5, vocab_size=800,
    families=("ways",), directions=("en-ko", "ko-en"), measured_twins=2, read_share=1.0,
    naming_weight=0.0,
)  # fmt: skip
PAIRS = [Pair(f"I have {n} dogs.", f"나는 개가 {n}마리 있다.") for n in range(100)]


def job_of(folder: Path, pairs: list[Pair], config: TrainConfig = ALONE) -> Folder:
    """A training's folder as `start` fills it in."""
    file = folder / "mine.tsv"
    file.write_bytes(written(pairs))
    one = Folder(folder / "one")
    one.path.mkdir()
    request = Request(preset="tiny", model=SIZES, train=to_dict(config), pairs=(file,))
    fill_in(one, request, Preset(SIZES, config), "me")
    return one


def trained(one: Folder) -> tuple[Job, Live]:
    """The training from its start to its end, and what was seen of it last."""
    mixture = Mixture([one.path / "pairs-1.tsv"], directions=tuple(ALONE.shares))
    cpu = Hardware(accelerator="cpu", devices=1)
    train(Preset(SIZES, ALONE), ALONE, one.path, mixture=mixture, hardware=cpu)
    job = jobs.find(one.runs, one.path.name)
    assert job is not None
    assert job.state == "finished"
    seen = jobs.live(job)
    assert seen is not None
    return job, seen


def test_pairs_alone_are_measured_on_pairs_that_were_kept_aside(tmp_path: Path) -> None:
    one = job_of(tmp_path, PAIRS)
    learned, aside = split(PAIRS)
    file = one.path / "pairs-1.tsv"
    assert list(read_pairs(file)) == learned
    job, seen = trained(one)
    assert {text for text, *_ in seen.translations} <= {
        side for p in aside for side in (p.source, p.target)
    }
    assert {to for _, to, _ in seen.translations} == {"en", "ko"}
    # The same pairs are kept aside when it is trained again.
    assert job.request is not None
    assert [list(read_pairs(path)) for path in job.request.pairs] == [PAIRS]
    # Naming is measured all the same, though nothing was learned of it.
    assert jobs.held_out(job)[-1].n == {"en": 200, "ko": 200}


def test_a_sentence_longer_than_those_of_a_training_is_not_shown(tmp_path: Path) -> None:
    """It would be more than the model reads, and end the training at its first step."""
    letters = string.ascii_letters + string.digits
    long = [
        Pair("".join(random.Random(n).choices(letters, k=380)), f"나는 개가 {n}마리 있다.")
        for n in range(100)
    ]
    _, aside = split(long)
    one = job_of(tmp_path, [*aside, *PAIRS])
    _, seen = trained(one)
    assert {to for _, to, _ in seen.translations} == {"en", "ko"}
    assert all(len(text) < 100 for text, *_ in seen.translations)


def test_pairs_in_languages_that_were_not_chosen_are_refused(tmp_path: Path) -> None:
    french = [Pair("The dog sleeps in the house.", "Le chien dort dans la maison.")]
    with pytest.raises(ModelError) as error:
        job_of(tmp_path, french)
    assert (error.value.code, error.value.details) == (
        "pairs_unused",
        {"first": "en", "second": "fr"},
    )


def test_a_file_of_nothing_but_long_sentences_is_told(tmp_path: Path) -> None:
    file = tmp_path / "long.tsv"
    file.write_bytes(written([Pair("xqzvjw " * 39, "긺 " * 39)]))
    tokenizer = learn_vocabulary(ALONE)
    mixture = Mixture([file], directions=tuple(ALONE.shares))
    with pytest.raises(ModelError) as error:
        TrainingSet(replace(ALONE, items=4), tokenizer, mixture).batches(0)
    assert error.value.code == "nothing_to_learn"
