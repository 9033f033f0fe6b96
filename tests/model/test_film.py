"""The film: what was shot comes back, and nothing else does."""

from __future__ import annotations

import io
import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model import Bundle, ModelError, load, name_pronoun, trace, translate
from model.__main__ import main
from model.checkpoint import FILM, save
from model.training.film import FRAMES, SENTENCES, Film, FilmMaker, in_bytes, moments

LINE = {"step": 2, "loss_nats": 3.5, "accuracy": 0.25, "heads": {"en": {"argmax": 0.5}}}
SHOWN = SENTENCES[:3:2]  # an English and a Korean one


@pytest.mark.parametrize("steps", [1, 2, 6, 15, 16, 17, 100, 400, 4500, 20_000, 1_000_000])
def test_moments_go_from_nothing_to_the_end_ever_wider_apart(steps: int) -> None:
    chosen = moments(steps)
    assert (chosen[0], chosen[-1]) == (0, steps)
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= 16
    if steps >= 4500:
        assert len(chosen) == 16
        gaps = np.diff(chosen[1:])
        assert (gaps[1:] > gaps[:-1]).all()


def shoot(bundle: Bundle, out: Path, *steps: int) -> FilmMaker:
    maker = FilmMaker(bundle.tokenizer, 6, out, SHOWN)
    for step in steps:
        maker.shoot(bundle.model, step, LINE if step else {})
    return maker


@pytest.fixture(scope="module")
def reel(make_bundle: Callable[..., Bundle], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of three moments that no test changes."""
    out = tmp_path_factory.mktemp("reel")
    path = shoot(make_bundle(), out, 0, 2, 6).finish()
    assert path == out / FILM
    return path


def test_a_model_that_cannot_read_the_examples_says_so(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    with pytest.raises(ModelError) as error:
        shoot(make_bundle(max_len=9), tmp_path, 0)
    assert error.value.code == "text_too_long"


def test_a_film_shows_what_the_model_did(make_bundle: Callable[..., Bundle], reel: Path) -> None:
    bundle, film = make_bundle(), Film.load(reel)
    assert [moment.step for moment in film.moments] == [0, 2, 6]
    assert [moment.line for moment in film.moments] == [{}, LINE, LINE]
    for n, (text, lang) in enumerate(zip(SHOWN, ("en", "ko"), strict=True)):
        sentence, made = film.sentences[n], trace(bundle, text)
        assert (sentence.text, sentence.lang) == (text, lang)
        assert sentence.tokens == made.source_tokens
        pronoun = text[slice(*sentence.pronoun)]
        assert pronoun in ("it", "그것")
        assert sentence.tokens[sentence.pronoun_token].strip("▁").startswith(pronoun)
        attention = film.attention(1, n)
        assert attention.dtype == np.float32
        np.testing.assert_allclose(attention, made.attention("encoder"), atol=1 / 510 + 1e-6)
        wanted = name_pronoun(bundle, text, sentence.pronoun)
        assert [word[:3] for word in film.naming(1, n)] == [word[:3] for word in wanted]
        np.testing.assert_allclose(
            [word[3] for word in film.naming(1, n)], [word[3] for word in wanted], atol=1e-5
        )
        assert film.named(1, n)[3] == max(word[3] for word in film.naming(1, n))
        for target, said in film.translation(1, n).items():
            assert said == translate(bundle, text, target)
    assert set(film.translation(0, 0)) >= {"ko", "fr"}
    assert set(film.translation(0, 1)) >= {"en", "fr"}


def test_shooting_leaves_the_model_and_its_random_numbers_as_they_were(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    bundle = make_bundle()
    model = bundle.model.train()
    state = torch.get_rng_state()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    shoot(bundle, tmp_path, 0)
    assert model.training
    assert model.encoder.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[n]) for n, tensor in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_a_training_that_goes_on_replaces_what_it_shoots_again(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    early, late = make_bundle(seed=1), make_bundle(seed=2)
    shoot(early, tmp_path, 0, 1, 2)  # and then it was killed
    path = shoot(late, tmp_path, 2, 3).finish()
    assert path is not None
    film = Film.load(path)
    assert [moment.step for moment in film.moments] == [0, 1, 2, 3]
    for moment, bundle in enumerate((early, early, late, late)):
        wanted = trace(bundle, SHOWN[0]).attention("encoder")
        np.testing.assert_allclose(film.attention(moment, 0), wanted, atol=0.002)


def test_moments_after_the_snapshot_that_is_gone_on_from_are_dropped(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    maker = shoot(make_bundle(), tmp_path, 0, 2, 6)
    maker.keep_until(3)
    path = shoot(make_bundle(), tmp_path, 5).finish()
    assert path is not None
    assert [moment.step for moment in Film.load(path).moments] == [0, 2, 5]


def test_a_film_that_is_taken_over_shows_each_of_its_moments_once(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    maker = shoot(make_bundle(), tmp_path, 0, 2, 6)
    maker.finish()
    maker.begin_with_last()  # the single moments lie there still
    shoot(make_bundle(), tmp_path, 6, 7)
    path = maker.finish()
    assert path is not None
    assert [moment.step for moment in Film.load(path).moments] == [0, 2, 6, 7]


def test_a_film_without_moments_is_no_film(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    assert shoot(make_bundle(), tmp_path).finish() is None
    assert not (tmp_path / FILM).exists()


def test_a_spoilt_moment_is_left_out(make_bundle: Callable[..., Bundle], tmp_path: Path) -> None:
    maker = shoot(make_bundle(), tmp_path, 0, 2, 6)
    (tmp_path / FRAMES / "00000002.npz").write_bytes(b"half of it")
    other = FilmMaker(make_bundle().tokenizer, 6, tmp_path, SENTENCES[1:2])
    other.shoot(make_bundle().model, 0, {})
    path = maker.finish()
    assert path is not None
    assert [moment.step for moment in Film.load(path).moments] == [6]


def test_a_loss_that_is_no_number_is_left_out(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    bundle = make_bundle()
    maker = FilmMaker(bundle.tokenizer, 1, tmp_path, SHOWN)
    maker.shoot(bundle.model, 1, {"loss_nats": float("nan"), "accuracy": 0.5})
    path = maker.finish()
    assert path is not None
    assert Film.load(path).moments[0].line == {"accuracy": 0.5}


def test_a_model_whose_numbers_are_none_has_no_film(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    with pytest.raises(ModelError) as error:
        in_bytes(np.array([[[[0.5, np.nan]]]]))
    assert error.value.code == "weights_not_finite"
    np.testing.assert_array_equal(in_bytes(np.array([[[[0.0, 0.5, 1.0]]]])), [[[[0, 128, 255]]]])
    bundle = make_bundle()
    maker = FilmMaker(bundle.tokenizer, 1, tmp_path, SHOWN)
    maker.shoot(bundle.model, 0, LINE)
    with torch.no_grad():
        next(bundle.model.encoder.parameters()).fill_(float("nan"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maker.shoot(bundle.model, 1, LINE)
    path = maker.finish()
    assert path is not None
    assert [moment.step for moment in Film.load(path).moments] == [0]


def test_sixteen_moments_of_the_planned_model_stay_below_four_megabytes(
    make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    """Attention of random weights is dense and noisy: a trained model's packs smaller."""
    bundle = make_bundle(n_encoder_layers=6, n_heads=8)
    FilmMaker(bundle.tokenizer, 4500, tmp_path).shoot(bundle.model, 0, LINE)
    assert 16 * (tmp_path / FRAMES / "00000000.npz").stat().st_size < 4 * 2**20


def edit(path: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray]], object]) -> None:
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    values = json.loads(str(arrays.pop("values")))
    change(values, arrays)
    file = io.BytesIO()
    np.savez_compressed(file, values=np.array(json.dumps(values)), **arrays)  # type: ignore[arg-type]
    path.write_bytes(file.getvalue())


@pytest.mark.parametrize(
    "change",
    [
        lambda values, arrays: values.clear(),
        lambda values, arrays: values["moments"].clear(),
        lambda values, arrays: values["moments"].pop(),
        lambda values, arrays: values["moments"].reverse(),
        lambda values, arrays: values["moments"][1]["naming"].pop(),
        lambda values, arrays: values["moments"][1]["naming"][0].pop(),
        lambda values, arrays: values["moments"][1]["naming"][0].__setitem__(0, float("nan")),
        lambda values, arrays: values["moments"][1]["translations"][0].update(fr=3),
        lambda values, arrays: values["moments"][1].update(line=[]),
        lambda values, arrays: values["moments"][1].update(extra=1),
        lambda values, arrays: values["sentences"].append(values["sentences"][0]),
        lambda values, arrays: values["sentences"][0]["tokens"].pop(),
        lambda values, arrays: values["sentences"][0]["words"].pop(),
        lambda values, arrays: values["sentences"][0].update(pronoun=[900, 901]),
        lambda values, arrays: values["sentences"][0].update(lang="ko"),
        lambda values, arrays: arrays.pop("maps_1"),
        lambda values, arrays: arrays.update(maps_1=arrays["maps_1"][:2]),
        lambda values, arrays: arrays.update(maps_1=arrays["maps_1"][..., :-1]),
        lambda values, arrays: arrays.update(maps_1=arrays["maps_1"].astype(np.float32)),
        lambda values, arrays: arrays.update(maps_1=np.array([None], dtype=object)),
        lambda values, arrays: arrays.update(bomb=np.zeros(2**27, dtype=np.uint8)),
    ],
)
def test_a_damaged_film_is_refused(
    reel: Path, tmp_path: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray]], object]
) -> None:
    path = Path(shutil.copy(reel, tmp_path))
    edit(path, lambda values, arrays: None)
    Film.load(path)  # unchanged, it is fine
    edit(path, change)
    with pytest.raises(ModelError) as error:
        Film.load(path)
    assert error.value.code == "film_damaged"


def test_a_film_cut_short_or_missing_is_refused(reel: Path, tmp_path: Path) -> None:
    for content in (b"", reel.read_bytes()[:-40], b"PK" + bytes(60)):
        (tmp_path / FILM).write_bytes(content)
        with pytest.raises(ModelError, match="copy the checkpoint again"):
            Film.load(tmp_path / FILM)
    with pytest.raises(ModelError) as error:
        Film.load(tmp_path / "nowhere.npz")
    assert error.value.code == "film_damaged"


def test_a_checkpoint_keeps_its_film_and_refuses_another(
    make_bundle: Callable[..., Bundle], reel: Path, tmp_path: Path
) -> None:
    bundle = make_bundle()
    save(tmp_path / "without", bundle.model, bundle.tokenizer, {}, "# A card")
    folder = tmp_path / "with"
    folder.mkdir()
    shutil.copy(reel, folder)
    save(folder, bundle.model, bundle.tokenizer, {}, "# A card")
    assert load(folder).version == load(tmp_path / "without").version  # it changes no answer
    assert len(Film.load(folder / FILM).moments) == 3
    shoot(make_bundle(seed=1), folder, 0).finish()
    with pytest.raises(ModelError, match="another checkpoint"):
        Film.load(folder / FILM)
    load(folder)  # a page without its film is still a page


def test_the_command_line_tells_the_film(reel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["film", str(reel.parent)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "step 0"
    assert told[3] == "step 2, loss_nats 3.50, accuracy 0.25"
    assert SHOWN[1] in told[5]
    assert main(["film", "nowhere"]) == 2
