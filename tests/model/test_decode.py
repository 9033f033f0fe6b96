from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from model import Bundle, ModelConfig, ModelError, translate
from model.decode import beam_search, decode_ids, greedy
from model.masks import padding_mask
from model.transformer import BOS, EOS, PAD, UNK, Transformer

Source = st.lists(st.integers(4, 12), min_size=1, max_size=7).map(lambda ids: [*ids, EOS])
START, LIMIT = [BOS, 5], 14


@pytest.fixture(scope="module", params=[("post", 171), ("pre", 30)], ids=["post", "pre"])
def model(request: pytest.FixtureRequest, randomise: Any) -> Transformer:
    """Thirteen pieces and seeds with which hypotheses end at many lengths and compete."""
    norm, seed = request.param
    sizes = dict(d_model=8, n_heads=3, d_k=5, d_v=7, d_ff=11)
    config = ModelConfig(13, **sizes, n_encoder_layers=1, n_decoder_layers=2, norm=norm, max_len=20)
    model = randomise(Transformer(config), seed).eval()
    with torch.no_grad():  # leans towards `</s>`
        model.decoder.layers[-1].ffn_add.norm.bias += model.embedding.weight[EOS]
    return model


def log_probabilities(model: Transformer, source: list[int], written: list[int]) -> Tensor:
    """Of every next piece, the whole pass done again: no cache."""
    with torch.inference_mode():
        logits = model(torch.tensor([source]), torch.tensor([[*START, *written]]))[0, -1]
    logits = logits.clone()
    logits[[PAD, UNK, BOS]] = -torch.inf
    return logits.log_softmax(dim=-1)


def reference_greedy(model: Transformer, source: list[int]) -> list[int]:
    written: list[int] = []
    while len(START) + len(written) < LIMIT:
        best = int(log_probabilities(model, source, written).argmax())
        if best == EOS:
            break
        written.append(best)
    return written


def reference_beam(model: Transformer, source: list[int], beam: int) -> list[int]:
    """The textbook: of all continuations keep the best 2·beam; of these an `</s>` among the best
    `beam` ends a hypothesis, and the best `beam` others go on."""
    alive: list[tuple[float, list[int]]] = [(0.0, [])]
    ended: list[tuple[float, list[int]]] = []
    while len(START) + len(alive[0][1]) < LIMIT and len(ended) < beam:
        found = sorted(
            (
                (score + float(p), [*written, piece])
                for score, written in alive
                for piece, p in enumerate(log_probabilities(model, source, written))
            ),
            key=lambda hypothesis: -hypothesis[0],
        )[: 2 * beam]
        for score, written in found[:beam]:
            if written[-1] == EOS:
                ended.append((score / ((5 + len(written)) / 6) ** 0.6, written[:-1]))
        alive = [(score, written) for score, written in found if written[-1] != EOS][:beam]
    return max(ended or alive)[1]


@given(Source)
def test_greedy_with_a_cache_is_greedy_without(model: Transformer, source: list[int]) -> None:
    with torch.inference_mode():
        cached = greedy(model, torch.tensor([source]), START, LIMIT)[0]
    assert cached == reference_greedy(model, source)


@given(st.lists(Source, min_size=2, max_size=5))
def test_greedy_in_a_padded_batch_is_greedy_alone(
    model: Transformer, sources: list[list[int]]
) -> None:
    longest = max(map(len, sources))
    batch = torch.tensor([ids + [PAD] * (longest - len(ids)) for ids in sources])
    with torch.inference_mode():
        together = greedy(model, batch, START, LIMIT)
        alone = [greedy(model, torch.tensor([ids]), START, LIMIT)[0] for ids in sources]
    assert together == alone


@pytest.mark.parametrize("beam", [1, 2, 3, 5])
@given(source=Source)
def test_beam_with_a_cache_is_beam_without(
    model: Transformer, beam: int, source: list[int]
) -> None:
    with torch.inference_mode():
        cached = beam_search(model, torch.tensor([source]), START, LIMIT, beam)
    assert cached == reference_beam(model, source, beam)


@given(Source)
def test_a_beam_of_one_is_greedy(model: Transformer, source: list[int]) -> None:
    with torch.inference_mode():
        beam = beam_search(model, torch.tensor([source]), START, LIMIT, beam=1)
    assert beam == reference_greedy(model, source)


def test_these_models_do_end_and_do_differ(model: Transformer) -> None:
    """Otherwise the tests above would compare nothing but the same endless word."""
    sources = [[n, 4, EOS] for n in range(4, 12)]
    with torch.inference_mode():
        outputs = [greedy(model, torch.tensor([ids]), START, LIMIT)[0] for ids in sources]
        beams = [beam_search(model, torch.tensor([ids]), START, LIMIT, 3) for ids in sources]
    lengths = {len(ids) for ids in outputs + beams}
    assert len(lengths) > 3
    assert sum(a != b for a, b in zip(outputs, beams, strict=True)) > 3


def test_select_reorders_every_cached_tensor(bundle: Bundle) -> None:
    source = torch.tensor([[5, 6, EOS], [7, 8, EOS]])
    new = torch.tensor([[BOS], [BOS]])
    with torch.inference_mode():
        memory, mask = bundle.model.encode(source), padding_mask(source, PAD)
        cache, swapped = bundle.model.new_cache(), bundle.model.new_cache()
        for each in (cache, swapped):
            bundle.model.decode(new, memory, mask, each)
        swapped.select(torch.tensor([1, 0]))
        following = torch.tensor([[9], [10]])
        expected = bundle.model.decode(following, memory, mask, cache)
        got = bundle.model.decode(following.flip(0), memory.flip(0), mask, swapped)
    torch.testing.assert_close(got.flip(0), expected)


@pytest.mark.parametrize("beam", [1, 3])
def test_a_translation_stops_at_the_models_last_position(make_bundle: Any, beam: int) -> None:
    for max_len in (2, 3, 5):
        bundle = make_bundle(max_len=max_len)
        with torch.no_grad():
            never_ends = bundle.model
            never_ends.embedding.weight[EOS] = 0
        assert len(decode_ids(bundle, [5, EOS], "ko", beam)) <= max_len - 2


def test_no_translation_holds_special_pieces(make_bundle: Any) -> None:
    for seed in range(20):
        bundle = make_bundle(seed=seed)
        for beam in (1, 4):
            assert not {PAD, UNK, BOS, EOS} & set(decode_ids(bundle, [9, 8, EOS], "en", beam))


@pytest.mark.parametrize(
    ("text", "lang", "code"),
    [
        ("", "ko", "empty_text"),
        ("\x00", "ko", "control_characters"),
        ("a " * 2000, "ko", "text_too_long"),
        ("a", "de", "unknown_language"),
    ],
)
def test_bad_requests(bundle: Bundle, text: str, lang: Any, code: str) -> None:
    for beam in (1, 3):
        with pytest.raises(ModelError) as caught:
            translate(bundle, text, lang, beam)
        assert caught.value.code == code


def test_a_beam_of_nothing_is_refused(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        decode_ids(bundle, [5, 3], "ko", beam=0)
