import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import KINDS, Bundle, ModelError, Trace, trace, translate
from model.__main__ import main
from model.checkpoint import save

TEXT = "The animal didn't cross the street because it was too tired."


@pytest.fixture(scope="module")
def t(bundle: Bundle) -> Trace:
    return trace(bundle, TEXT, target="그 동물은 길을 건너지 않았다.", target_lang="ko")


def lengths(t: Trace) -> dict[str, tuple[int, int]]:
    source, target = len(t.source_tokens), len(t.target_tokens)
    return {"encoder": (source, source), "decoder": (target, target), "cross": (target, source)}


def test_tokens_start_and_end_as_the_model_reads_them(bundle: Bundle, t: Trace) -> None:
    assert t.source_tokens[0] == "▁The"
    assert t.source_tokens[-1] == "</s>"
    assert t.target_tokens[:2] == ["<s>", "<2ko>"]
    assert "".join(t.target_tokens[2:]).replace("▁", " ").strip() == t.output
    assert t.output == "그 동물은 길을 건너지 않았다."
    assert (t.source_text, t.source_lang, t.target_lang) == (TEXT, "en", "ko")
    assert t.version == bundle.version


@pytest.mark.parametrize("kind", KINDS)
def test_attention_is_layer_head_query_key(bundle: Bundle, t: Trace, kind: Any) -> None:
    weights, mask = t.attention(kind), t.mask(kind)
    layers = 2 if kind == "encoder" else 4
    assert weights.shape == (layers, 3, *lengths(t)[kind])
    assert weights.dtype == np.float32
    assert mask.shape == lengths(t)[kind]
    assert mask.dtype == np.bool_
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    assert (weights[..., ~mask] == 0).all()
    causal = np.tri(len(t.target_tokens), dtype=bool)
    assert np.array_equal(mask, causal if kind == "decoder" else np.ones_like(mask))


@pytest.mark.parametrize("kind", KINDS)
def test_steps_of_every_head_are_those_of_the_forward_pass(
    bundle: Bundle, t: Trace, kind: Any
) -> None:
    query, key = lengths(t)[kind]
    module = {"encoder": "self_attn", "decoder": "self_attn", "cross": "cross_attn"}[kind]
    stack = "encoder" if kind == "encoder" else "decoder"
    for layer in range(t.n_layers[kind]):
        for head in range(3):
            steps = t.steps(kind, layer, head)
            shapes = dict(x=(query, 26), memory=(key, 26), q=(query, 5), k=(key, 5), v=(key, 7))
            shapes |= dict.fromkeys(("scores", "scaled", "masked", "weights"), (query, key))
            for name, shape in (shapes | dict(context=(query, 7))).items():
                value = getattr(steps, name)
                assert value.shape == shape, name
                assert value.dtype == np.float32, name

            attention = bundle.model.get_submodule(f"{stack}.layers.{layer}.{module}")
            for name, rows in (("q", steps.x), ("k", steps.memory), ("v", steps.memory)):
                linear = getattr(attention, f"w_{name}")
                weight, bias = (p.numpy(force=True) for p in linear.parameters())
                columns = slice(head * (d := shapes[name][1]), (head + 1) * d)
                made = rows @ weight[columns].T + bias[columns]
                np.testing.assert_allclose(made, getattr(steps, name), atol=1e-4)

            np.testing.assert_allclose(steps.scores / math.sqrt(5), steps.scaled, rtol=1e-6)
            assert np.array_equal(np.isneginf(steps.masked), ~steps.mask)
            assert np.array_equal(steps.masked[steps.mask], steps.scaled[steps.mask])
            assert np.array_equal(steps.weights, t.attention(kind)[layer, head])
            np.testing.assert_allclose(steps.weights @ steps.v, steps.context, atol=1e-6)
            assert steps.largest_difference < 1e-6


def test_the_difference_shows_when_a_step_does_not_follow(t: Trace) -> None:
    name = "encoder.layers.1.self_attn.weights"
    wrong = t.points[name].copy()
    wrong[2, 0] = wrong[2, 0, ::-1]
    broken = Trace(**(vars(t) | {"points": {**t.points, name: wrong}}))
    assert broken.steps("encoder", 1, 2).largest_difference > 0.01
    assert broken.steps("encoder", 1, 1).largest_difference < 1e-6


@pytest.mark.parametrize(("layer", "head"), [(2, 0), (-1, 0), (0, 3), (0, -1)])
def test_there_is_no_such_head(t: Trace, layer: int, head: int) -> None:
    with pytest.raises(IndexError):
        t.steps("encoder", layer, head)


def test_positions_embeddings_and_logits(bundle: Bundle, t: Trace) -> None:
    table = bundle.model.encoder.input.positions.numpy()
    for side, tokens in (("source", t.source_tokens), ("target", t.target_tokens)):
        assert np.array_equal(t.positional(side), table[: len(tokens)])
        assert t.embedded(side).shape == (len(tokens), 26)
    assert t.logits.shape == (len(t.target_tokens), bundle.config.vocab_size)
    assert t.logits.dtype == np.float32


def test_writing_into_a_trace_does_not_reach_the_shared_model(bundle: Bundle) -> None:
    before = trace(bundle, TEXT, target="a")
    for value in trace(bundle, TEXT, target="a").points.values():
        if value.flags.writeable:
            value[...] = 0
    after = trace(bundle, TEXT, target="a")
    assert all(np.array_equal(after.points[name], v) for name, v in before.points.items())


def test_it_holds_numpy_only(t: Trace) -> None:
    assert all(type(value) is np.ndarray for value in t.points.values())


@pytest.mark.parametrize("side", ["source", "target"])
def test_words_hold_every_piece_once(t: Trace, side: Any) -> None:
    words = t.words(side)
    tokens = t.source_tokens if side == "source" else t.target_tokens
    assert [i for _, indices in words for i in indices] == list(range(len(tokens)))
    names = [word for word, _ in words]
    if side == "source":
        assert names == [*TEXT[:-1].split(), ".", "</s>"]
    else:
        assert names == ["<s>", "<2ko>", "그", "동물은", "길을", "건너지", "않았다", "."]


def test_the_models_own_translation_is_greedy(bundle: Bundle) -> None:
    t = trace(bundle, TEXT, target_lang="fr")
    assert t.target_tokens[:2] == ["<s>", "<2fr>"]
    sp = bundle.tokenizer._sp
    best = t.logits.copy()
    best[:, [0, 1, 2]] = -np.inf  # <pad>, <unk> and <s> are never written
    written = [sp.id_to_piece(int(i)) for i in best.argmax(axis=-1)]
    assert t.target_tokens[2:] == written[1 : len(t.target_tokens) - 1]
    assert len(t.target_tokens) > 3


@pytest.mark.parametrize("text", [TEXT, "나는 학교에 갔다.", "Je suis étudiant."])
def test_translate_says_what_the_trace_shows(make_bundle: Any, text: str) -> None:
    for seed in range(5):
        bundle = make_bundle(seed=seed)
        for lang in ("ko", "en", "fr"):
            said = translate(bundle, text, target_lang=lang)
            assert trace(bundle, text, target_lang=lang).output == said


def test_the_encoder_does_not_depend_on_the_target_language(bundle: Bundle) -> None:
    ko, fr = (trace(bundle, TEXT, target_lang=lang) for lang in ("ko", "fr"))
    assert np.array_equal(ko.attention("encoder"), fr.attention("encoder"))
    assert not np.array_equal(ko.attention("cross")[:, :, 1], fr.attention("cross")[:, :, 1])


def test_a_saved_trace_is_the_same(t: Trace, tmp_path: Path) -> None:
    t.save(tmp_path / "one.trace")
    assert [path.name for path in tmp_path.iterdir()] == ["one.trace"]
    back = Trace.load(tmp_path / "one.trace")
    for name, value in vars(t).items():
        if name != "points":
            assert getattr(back, name) == value, name
    assert back.points.keys() == t.points.keys()
    for name, value in t.points.items():
        assert np.array_equal(back.points[name], value)
        assert back.points[name].dtype == value.dtype
    assert back.steps("cross", 1, 2).largest_difference < 1e-6
    assert back.to_json() == t.to_json()


def test_a_trace_is_plain_json(t: Trace) -> None:
    import json

    values = json.loads(json.dumps(t.to_json(), allow_nan=False))
    assert np.array_equal(np.float32(values["attention"]["cross"]), t.attention("cross"))
    assert values["source_tokens"] == t.source_tokens


@pytest.fixture(scope="module")
def saved(make_bundle: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tiny = make_bundle(n_encoder_layers=1, n_decoder_layers=1, d_model=4, n_heads=1, d_ff=2)
    path = tmp_path_factory.mktemp("traces") / "tiny.trace"
    trace(tiny, "a", target="b").save(path)
    return path


@given(st.data())
def test_a_damaged_trace_is_refused_or_harmless(saved: Path, data: st.DataObject) -> None:
    good, content = Trace.load(saved), bytearray(saved.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    flipped = saved.with_name("flipped")
    flipped.write_bytes(content)
    try:
        back = Trace.load(flipped)
    except ModelError as error:
        assert error.code == "trace_damaged"  # noqa: PT017
    else:
        assert back.to_json() == good.to_json()
        assert all(np.array_equal(back.points[name], v) for name, v in good.points.items())


@pytest.mark.parametrize("content", [b"", b"PK", b"no trace", b"\x80\x04N.", b"\x93NUMPY"])
def test_no_trace_at_all(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    for path in (tmp_path / "x", tmp_path / "missing", tmp_path):
        with pytest.raises(ModelError) as caught:
            Trace.load(path)
        assert caught.value.code == "trace_damaged"


def test_an_array_is_no_trace(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "arrays.npz", _values=np.array("[]"))
    for name in ("array.npy", "arrays.npz"):
        with pytest.raises(ModelError) as caught:
            Trace.load(tmp_path / name)
        assert caught.value.code == "trace_damaged"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_text"),
        ("   ", "empty_text"),
        ("\n\t\u3000", "empty_text"),
        ("\u200b\ufeff", "empty_text"),  # zero-width: nothing to see
        ("▁ ▁▁", "empty_text"),  # SentencePiece's own mark of a space
        ("a\x00b", "control_characters"),
        ("\x1b[31mred", "control_characters"),
        ("half \ud83d emoji", "control_characters"),
        ("word " * 2000, "text_too_long"),
        ("가" * 10_000, "text_too_long"),
        ("가" * 1_000_000, "text_too_large"),
    ],
    ids=repr,
)
def test_bad_texts_are_refused_on_both_sides(bundle: Bundle, text: str, code: str) -> None:
    for arguments in ({"text": text}, {"text": "a", "target": text}):
        with pytest.raises(ModelError) as caught:
            trace(bundle, **arguments)
        assert caught.value.code == code


def test_too_long_a_text_says_the_limit(bundle: Bundle) -> None:
    trace(bundle, "a " * 60)
    with pytest.raises(ModelError) as caught:
        trace(bundle, "a " * 61)
    assert caught.value.details == {"pieces": 62, "limit": 61}
    assert "62 pieces, the limit is 61" in str(caught.value)


def test_an_unknown_language_is_refused(bundle: Bundle) -> None:
    for target in (None, "a"):
        with pytest.raises(ModelError) as caught:
            trace(bundle, "a", target=target, target_lang="de")  # type: ignore[arg-type]
        assert caught.value.code == "unknown_language"


@pytest.mark.parametrize(
    "text",
    [
        "it",
        ".",
        "😀",
        "👩‍👩‍👧‍👦 and 🇰🇷",
        "<script>alert('x')</script>",
        "<s> </s> <pad> <unk> <2ko>",
        "القطة نامت لأنها كانت متعبة",
        "‮reversed‬ text",
        "a ▁b",
        "a\tb\nc",
        "‘it’s’ “quoted”",
        "x\u0301\u0302\u0303 e\u0301",
        "ﬁ ½ ㍿ ﷺ",
    ],
)
def test_odd_texts_give_a_valid_trace(bundle: Bundle, text: str) -> None:
    t = trace(bundle, text, target=text, target_lang="en")
    assert t.source_tokens[-1] == "</s>"
    assert len(t.source_tokens) > 1
    assert t.source_tokens.count("</s>") == t.target_tokens.count("<s>") == 1
    for kind in KINDS:
        assert t.attention(kind).shape[2:] == lengths(t)[kind]
        np.testing.assert_allclose(t.attention(kind).sum(axis=-1), 1, atol=1e-5)
    assert [i for _, indices in t.words("source") for i in indices] == list(
        range(len(t.source_tokens))
    )
    assert t.logits.size == len(t.target_tokens) * bundle.config.vocab_size


def test_a_file_that_cannot_be_written_is_told_in_one_line(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "one", bundle.model, bundle.tokenizer, {}, "# A card")
    file, where = tmp_path / "nowhere" / "trace.json", str(tmp_path / "one")
    assert main(["trace", "A cat.", "--json", str(file), "--checkpoint", where]) == 2
    assert capsys.readouterr().err.startswith(f"error: {file} cannot be read or written")
