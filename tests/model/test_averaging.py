"""Averaged checkpoints: the mean of the weights, its story, and no number that is not its own."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model import ModelError, load, trace
from model.checkpoint import save
from model.tokenizer import Tokenizer
from model.training.averaging import average
from model.training.film import Film, FilmMaker
from model.training.snapshot import Snapshot
from model.transformer import Transformer


def kept(path: Path, model: Transformer, tokenizer: Tokenizer, steps: int) -> Path:
    metrics = {"training": {"steps": steps}, "naming": {"en": {"value": 0.9}}, "seeds": [1]}
    save(path, model, tokenizer, metrics, "a card")
    return path


def another(model: Transformer, **sizes: int) -> Transformer:
    torch.manual_seed(5)
    return Transformer(replace(model.config, **sizes))


def test_each_weight_is_the_mean_and_what_was_measured_is_gone(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path
) -> None:
    other = another(untrained, dropout=0.25)
    paths = [
        kept(tmp_path / "a", untrained, learned, 10),
        kept(tmp_path / "b", other, learned, 30),
    ]
    average(paths, [1, 3], tmp_path / "mean")
    mean = load(tmp_path / "mean", device="cpu")
    assert mean.config == other.config  # dropout may have changed on the way
    first, second = untrained.state_dict(), other.state_dict()
    for name, weight in mean.model.state_dict().items():
        wanted = 0.25 * first[name] + 0.75 * second[name]
        torch.testing.assert_close(weight, wanted, atol=1e-3, rtol=1e-3)  # stored as float16
    parts = [{"step": 10, "share": 0.25}, {"step": 30, "share": 0.75}]
    assert mean.metrics == {"training": {"steps": 30, "averaged": parts}, "seeds": [1]}


def test_it_may_take_the_place_of_the_last(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path
) -> None:
    path = kept(tmp_path / "a", untrained, learned, 10)
    average([path], [1], path)
    for name, weight in load(path, device="cpu").model.state_dict().items():
        torch.testing.assert_close(weight, untrained.state_dict()[name], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    "shares", [[1], [1, 0], [1, -1], [1, 1, 1], [math.nan, 1], [1, math.nan], [1, math.inf]]
)
def test_one_share_above_zero_for_each(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path, shares: list[float]
) -> None:
    paths = [kept(tmp_path / name, untrained, learned, 1) for name in "ab"]
    with pytest.raises(ModelError) as error:
        average(paths, shares, tmp_path / "mean")
    assert error.value.details["setting"] == "shares"
    assert not (tmp_path / "mean").exists()


def test_other_sizes_are_refused(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path
) -> None:
    wider = another(untrained, d_ff=2 * untrained.config.d_ff)
    paths = [
        kept(tmp_path / "a", wider, learned, 1),
        kept(tmp_path / "b", untrained, learned, 2),
    ]
    with pytest.raises(ModelError) as error:
        average(paths, [1, 1], tmp_path / "mean")
    assert error.value.details["setting"] == "checkpoints"
    assert str(paths[0]) in str(error.value)


def test_the_last_one_took_the_most_steps(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path
) -> None:
    paths = [kept(tmp_path / str(steps), untrained, learned, steps) for steps in (30, 10)]
    with pytest.raises(ModelError) as error:
        average(paths, [1, 1], tmp_path / "mean")
    assert error.value.details["value"] == [30, 10]
    average(paths[::-1], [1, 1], tmp_path / "mean")
    assert load(tmp_path / "mean").metrics["training"]["steps"] == 30


def test_the_film_ends_with_the_averaged_model(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path
) -> None:
    other = another(untrained)
    maker = FilmMaker(learned, 1, tmp_path / "b")
    for step, model in ((0, untrained), (1, other)):
        maker.shoot(model, step, {"loss_nats": 3.0 - step})
    maker.finish()
    paths = [
        kept(tmp_path / "a", untrained, learned, 0),
        kept(tmp_path / "b", other, learned, 1),
    ]
    average(paths, [1, 1], tmp_path / "mean")
    before, after = (Film.load(tmp_path / name / "film.npz") for name in ("b", "mean"))
    assert [m.line for m in after.moments] == [m.line for m in before.moments]
    mean = load(tmp_path / "mean", device="cpu")
    for n, sentence in enumerate(after.sentences):
        shown = trace(mean, sentence.text, target_lang="ko" if sentence.lang == "en" else "en")
        assert abs(after.attention(1, n) - shown.attention("encoder")).max() < 1 / 400
        assert (after.attention(0, n) == before.attention(0, n)).all()
        assert (after.attention(1, n) != before.attention(1, n)).any()


def test_who_trains_on_from_it_is_told(
    untrained: Transformer, learned: Tokenizer, tmp_path: Path
) -> None:
    how = {"steps": 5, "epochs": 1, "seconds": 1, "settings": {}, "averaged": [{"step": 5}]}
    save(tmp_path / "mean", untrained, learned, {"training": how}, "")
    (change,) = Snapshot.of(load(tmp_path / "mean", device="cpu")).changes
    assert change == {"step": 5, "weights": ["the last", "averaged"], "adam_step": [5, 0]}
    how |= {"steps": 7, "changes": [change]}  # since then Adam has taken two steps
    save(tmp_path / "later", untrained, learned, {"training": how}, "")
    *_, change = Snapshot.of(load(tmp_path / "later", device="cpu")).changes
    assert change["adam_step"] == [2, 0]
