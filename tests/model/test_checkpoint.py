import dataclasses
import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from model import Bundle, ModelError, load
from model.checkpoint import save, save_metrics, write_atomically
from model.tokenizer import Tokenizer
from model.transformer import Transformer

FILES = ("config.json", "model.safetensors", "tokenizer.model", "metrics.json")
METRICS = {"heads": {"best": {"en": {"layer": 0, "head": 1}}}, "이름": 0.5}

Tensors = dict[str, Tensor]
Edit = Callable[[Any], Any]


def write(path: Path, bundle: Bundle, **options: Any) -> Path:
    save(path, bundle.model, bundle.tokenizer, METRICS, "# A card", **options)
    return path


@pytest.fixture(scope="module")
def good(make_bundle: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that no test changes."""
    small = make_bundle(n_encoder_layers=1, n_decoder_layers=1, d_model=4, n_heads=2, d_ff=3)
    return write(tmp_path_factory.mktemp("checkpoints") / "good", small)


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    """The same checkpoint, to be damaged."""
    return Path(shutil.copytree(good, tmp_path / "copy"))


def seal(path: Path) -> None:
    """Make the checksums true again, as somebody who means harm would."""
    header = json.loads((path / "config.json").read_text())
    settings = json.dumps(header["model"], sort_keys=True).encode()
    header["sha256"] = {"settings": hashlib.sha256(settings).hexdigest()} | {
        name: hashlib.sha256((path / name).read_bytes()).hexdigest()
        for name in header["sha256"]
        if name != "settings"
    }
    (path / "config.json").write_text(json.dumps(header))


def edit_config(path: Path, edit: Edit) -> None:
    header = json.loads((path / "config.json").read_text())
    header["model"] = edit(header["model"])
    (path / "config.json").write_text(json.dumps(header))
    seal(path)


def edit_tensors(path: Path, edit: Edit) -> None:
    file = path / "model.safetensors"
    file.write_bytes(save_tensors(edit(load_tensors(file.read_bytes()))))
    seal(path)


def refused(path: Path, code: str, says: str = ".") -> ModelError:
    with pytest.raises(ModelError, match=says) as caught:
        load(path, device="cpu")
    assert caught.value.code == code
    return caught.value


def same(a: Bundle, b: Bundle) -> bool:
    first, second = a.model.state_dict(), b.model.state_dict()
    return (
        a.config == b.config
        and a.metrics == b.metrics
        and a.tokenizer.model_proto == b.tokenizer.model_proto
        and first.keys() == second.keys()
        and all(torch.equal(value, second[name]) for name, value in first.items())
    )


def test_a_checkpoint_comes_back_to_the_last_bit(bundle: Bundle, tmp_path: Path) -> None:
    back = load(write(tmp_path / "here", bundle), device="cpu")
    assert same(back, dataclasses.replace(bundle, metrics=METRICS))
    assert (back.name, back.metrics, back.model.training) == ("here", METRICS, False)
    ids = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        assert torch.equal(back.model(ids, ids), bundle.model(ids, ids))


def test_metrics_written_anew_leave_the_model_alone(copy: Path) -> None:
    before = load(copy, device="cpu")
    save_metrics(copy, {"row": [1, -2.5], "rows": [[1], ["[1,  2]"]]}, "# Another card")
    after = load(copy, device="cpu")
    assert after.metrics == {"row": [1, -2.5], "rows": [[1], ["[1,  2]"]]}
    assert same(before, dataclasses.replace(after, metrics=before.metrics))
    assert after.version == before.version
    assert (copy / "CARD.md").read_text() == "# Another card"
    assert '"row": [ 1, -2.5 ]' in (copy / "metrics.json").read_text()


def test_half_precision_is_within_its_rounding(bundle: Bundle, tmp_path: Path) -> None:
    whole, half = write(tmp_path / "whole", bundle), write(tmp_path / "half", bundle, half=True)
    sizes = [(path / "model.safetensors").stat().st_size for path in (whole, half)]
    assert sizes[1] < 0.65 * sizes[0]
    exact = bundle.model.state_dict()
    for name, value in load(half, device="cpu").model.state_dict().items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, exact[name], rtol=2**-11, atol=1e-7)


def test_the_version_changes_with_what_computes(make_bundle: Any, tmp_path: Path) -> None:
    one, two = make_bundle(seed=1), make_bundle(seed=2)
    versions = [load(write(tmp_path / str(n), b)).version for n, b in enumerate((one, two, one))]
    assert versions[0] == versions[2] != versions[1]
    assert load(write(tmp_path / "half", one, half=True)).version not in versions
    metrics = tmp_path / "metrics"
    save(metrics, one.model, one.tokenizer, {"measured": "again"}, "# A card")
    assert load(metrics).version == versions[0]  # what was measured changes no answer


def test_saving_again_replaces_the_old_one(make_bundle: Any, tmp_path: Path) -> None:
    write(tmp_path / "x", make_bundle(seed=1))
    new = make_bundle(seed=2, d_ff=5)
    assert same(load(write(tmp_path / "x", new)), dataclasses.replace(new, metrics=METRICS))
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == sorted((*FILES, "CARD.md"))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "file").write_bytes(b"old")

    def full_disk(handle: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_atomically(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["nowhere", "a file", "nul\0byte"])
def test_there_is_no_checkpoint(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").write_text("x")
    refused(tmp_path / name, "checkpoint_missing")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("instead", ["nothing", "folder", "dangling link", "pipe", "device"])
def test_a_file_is_missing(copy: Path, name: str, instead: str) -> None:
    (copy / name).unlink()
    if instead == "folder":
        (copy / name).mkdir()
    elif instead == "dangling link":
        (copy / name).symlink_to(copy / "nowhere")
    elif instead == "pipe":
        os.mkfifo(copy / name)
    elif instead == "device":
        (copy / name).symlink_to("/dev/zero")
    assert name in str(refused(copy, "checkpoint_missing"))


def test_links_to_good_files_are_followed(good: Path, tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).symlink_to(good / name)
    assert same(load(tmp_path), load(good))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("keep", [0, 1, 0.5, 0.99])
def test_a_file_is_cut_short(copy: Path, name: str, keep: float) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: int(keep if keep == 1 else keep * len(content))])
    refused(copy, "checkpoint_damaged")


@pytest.mark.parametrize("name", FILES)
def test_a_huge_file_is_refused_unread(copy: Path, name: str) -> None:
    with (copy / name).open("r+b") as file:
        file.truncate(2**40)  # sparse: takes no space on the disk
    refused(copy, "checkpoint_damaged", "larger than")


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_a_flipped_byte_is_refused_or_harmless(good: Path, name: str, data: st.DataObject) -> None:
    flipped = good.parent / "flipped"
    shutil.copytree(good, flipped, dirs_exist_ok=True)
    content = bytearray((good / name).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (flipped / name).write_bytes(content)
    try:
        bundle = load(flipped, device="cpu")
    except ModelError as error:
        codes = {"checkpoint_damaged", "config_invalid", "config_too_large"}
        assert error.code in (codes if name == "config.json" else {"checkpoint_damaged"})  # noqa: PT017
    else:
        assert name == "config.json"  # a tab for a space, say; the settings are sealed as values
        assert same(bundle, load(good))


@given(st.data())
def test_flipped_weights_with_true_checksums(good: Path, data: st.DataObject) -> None:
    """Whatever a stranger writes into the file's header: a ModelError, or finite weights."""
    flipped = good.parent / "sealed"
    shutil.copytree(good, flipped, dirs_exist_ok=True)
    content = bytearray((good / "model.safetensors").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, 1500))] = data.draw(st.integers(0, 255))
    (flipped / "model.safetensors").write_bytes(content)
    seal(flipped)
    try:
        bundle = load(flipped, device="cpu")
    except ModelError as error:
        assert error.code == "checkpoint_damaged"  # noqa: PT017
    else:
        assert all(value.isfinite().all() for value in bundle.model.state_dict().values())


def without(tensors: Tensors, name: str) -> Tensors:
    return {key: value for key, value in tensors.items() if key != name}


BIAS, TABLE = "encoder.layers.0.ffn.w_1.bias", "embedding.weight"


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda t: t | {BIAS: torch.zeros(7)}, r"shape \(7,\), the settings say \(3,\)"),
        (lambda t: t | {BIAS: torch.zeros(3, 1)}, "shape"),
        (lambda t: t | {TABLE: t[TABLE].T.contiguous()}, "shape"),
        (lambda t: without(t, BIAS), "is missing"),
        (lambda t: {}, "is missing"),
        (lambda t: t | {"encoder.backdoor": torch.zeros(1)}, "backdoor does not belong there"),
        (lambda t: t | {BIAS: torch.tensor([0.0, float("nan"), 0.0])}, "not finite"),
        (lambda t: t | {BIAS: torch.tensor([0.0, float("-inf"), 0.0])}, "not finite"),
        (lambda t: t | {BIAS: torch.zeros(3, dtype=torch.int64)}, "int64"),
        (lambda t: t | {BIAS: torch.zeros(3, dtype=torch.float64)}, "float64"),
        (lambda t: t | {BIAS: torch.zeros(3, dtype=torch.complex64)}, "."),
        (lambda t: t | {BIAS: torch.zeros(3, dtype=torch.float8_e4m3fn)}, "."),
    ],
)
def test_wrong_tensors_with_true_checksums(copy: Path, edit: Edit, says: str) -> None:
    edit_tensors(copy, edit)
    refused(copy, "checkpoint_damaged", says)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda c: c | {"d_ff": 4}, "checkpoint_damaged"),
        (lambda c: c | {"n_decoder_layers": 2}, "checkpoint_damaged"),
        (lambda c: c | {"norm": "pre"}, "checkpoint_damaged"),
        (lambda c: c | {"vocab_size": c["vocab_size"] + 1}, "checkpoint_damaged"),
        (lambda c: c | {"d_ff": 10**9}, "config_too_large"),
        (lambda c: c | {"vocab_size": 10**9}, "config_too_large"),
        (lambda c: c | {"d_k": -5}, "config_invalid"),
        (lambda c: c | {"d_k": 5.0}, "config_invalid"),
        (lambda c: c | {"d_k": "5"}, "config_invalid"),
        (lambda c: c | {"d_k": True}, "config_invalid"),
        (lambda c: c | {"dropout": float("nan")}, "config_invalid"),
        (lambda c: c | {"__class__": "os.system"}, "config_invalid"),
        (lambda c: {}, "config_invalid"),
        (lambda c: list(c), "config_invalid"),
        (lambda c: None, "config_invalid"),
    ],
)
def test_wrong_settings_with_true_checksums(
    copy: Path, edit: Edit, code: str, monkeypatch: Any
) -> None:
    def never(*_: object) -> None:
        pytest.fail("a model was built from settings that must be refused first")

    if code != "checkpoint_damaged":
        monkeypatch.setattr(Transformer, "__init__", never)
    edit_config(copy, edit)
    refused(copy, code)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 10**6,
        b'{"a":' * 10**6,
        b"[]",
        b"null",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"format": 1' + b"1" * 5000 + b"}",
        b'{"format": NaN}',
        b'{"format": 1, "model": {}, "sha256": []}',
    ],
    ids=["lists", "objects", "list", "null", "bytes", "mark", "digits", "nan", "no checksums"],
)
def test_hostile_json(copy: Path, content: bytes) -> None:
    (copy / "config.json").write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load(copy)
    assert caught.value.code in ("checkpoint_damaged", "config_invalid")


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.model"])
def test_a_pickle_is_never_executed(copy: Path, name: str, sealed: bool) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return Path.touch, (copy / "executed",)

    (copy / name).write_bytes(pickle.dumps(Bomb()))
    if sealed:
        seal(copy)
    code = "tokenizer_damaged" if sealed and name == "tokenizer.model" else "checkpoint_damaged"
    refused(copy, code)
    torch.save(Bomb(), copy / name)
    if sealed:
        seal(copy)
    refused(copy, code)
    assert not (copy / "executed").exists()
    pickle.loads(pickle.dumps(Bomb()))  # the bomb is real
    assert (copy / "executed").exists()


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ({"translation": 5}, "translation is no JSON object"),
        ({"seen": []}, "seen is no JSON object"),
        ({"training": {"settings": "none"}}, "settings is no JSON object"),
        ({"unseen_nouns": {"heads": {"all": None}}}, "all is no JSON object"),
        ({"heads": {"best": {"en": 3}}}, "the best head 3 is none"),
        ({"heads": {"best": {"en": {"layer": 9, "head": 0}}}}, "is none of this model's"),
        ({"heads": {"best": {"ko": {"layer": 0, "head": "1"}}}}, "is none of this model's"),
    ],
)
def test_measurements_of_another_shape_with_true_checksums(
    copy: Path, metrics: dict[str, Any], says: str
) -> None:
    """Pages look into them without asking."""
    (copy / "metrics.json").write_text(json.dumps(metrics))
    seal(copy)
    with pytest.raises(ModelError, match=says) as error:
        load(copy)
    assert error.value.code == "checkpoint_damaged"


def test_another_tokenizer_is_refused(copy: Path) -> None:
    other = Tokenizer.train([("quite another text", [])] * 3, vocab_size=50)
    (copy / "tokenizer.model").write_bytes(other.model_proto)
    refused(copy, "checkpoint_damaged", "checksum")
    seal(copy)
    refused(copy, "checkpoint_damaged", "pieces, the settings say")


def test_another_format_is_refused(copy: Path) -> None:
    header = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(header | {"format": 2}))
    refused(copy, "checkpoint_damaged", "format")


def test_settings_that_ask_for_more_memory_than_the_file_fills(copy: Path) -> None:
    header = json.loads((copy / "config.json").read_text())
    header["model"] |= {"d_ff": 40_000_000 // header["model"]["d_model"]}  # some 80 M values
    (copy / "config.json").write_text(json.dumps(header))
    seal(copy)
    with pytest.raises(ModelError, match="the settings say") as error:
        load(copy)
    assert error.value.code == "checkpoint_damaged"
