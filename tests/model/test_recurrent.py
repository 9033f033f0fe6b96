"""The recurrent encoder-decoders: against torch's GRU and against values worked out by hand."""

import math
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from model.capture import capture
from model.config import RecurrentConfig, Scoring
from model.decode import beam_levels, best, greedy
from model.masks import padding_mask
from model.recurrent import BahdanauLayer, LuongLayer, PlainLayer, Recurrent, RecurrentAttention
from model.transformer import BOS, EOS, PAD

SCORINGS: tuple[Scoring, ...] = get_args(Scoring)
ATTENDING = SCORINGS[1:]
VOCAB, D, N = 31, 6, 10


def config(attention: Scoring, **changes: Any) -> RecurrentConfig:
    return RecurrentConfig(
        **(dict(vocab_size=VOCAB, d_model=D, d_hidden=N) | changes), attention=attention
    )


@pytest.fixture(scope="module", params=SCORINGS)
def model(request: pytest.FixtureRequest, randomise: Any) -> Recurrent:
    return randomise(Recurrent(config(request.param, dropout=0.3))).eval()


@pytest.fixture(scope="module", params=ATTENDING)
def attending(request: pytest.FixtureRequest, randomise: Any) -> Recurrent:
    return randomise(Recurrent(config(request.param))).eval()


def ids(*rows: str) -> Tensor:
    """Letters as ids from 5 on, "." as padding."""
    return torch.tensor([[PAD if c == "." else 5 + ord(c) - ord("a") for c in row] for row in rows])


def test_the_config_counts_what_the_model_has(model: Recurrent) -> None:
    assert model.config.n_parameters == sum(p.numel() for p in model.parameters())


def test_annotations_are_torchs_bidirectional_gru(model: Recurrent) -> None:
    source = ids("abcde")
    theirs = nn.GRU(D, N // 2, batch_first=True, bidirectional=True)
    theirs.load_state_dict(model.encoder.gru.state_dict())
    wanted, _ = theirs(model.embedding(source) * math.sqrt(D))
    torch.testing.assert_close(model.encode(source), wanted)


def test_the_plain_decoder_is_torchs_gru_with_the_context_at_every_step(randomise: Any) -> None:
    model = randomise(Recurrent(config("none"))).eval()
    source, target = ids("abc"), ids("xyzw")
    memory = model.encode(source)
    # The forward direction ends at the last word, the backward one at the first.
    c = torch.cat((memory[0, 2, : N // 2], memory[0, 0, N // 2 :]))
    layer = model.decoder.layers[0]
    theirs = nn.GRU(D + N, N, batch_first=True)
    theirs.load_state_dict(layer.gru.state_dict())
    x = model.embedding(target)[0] * math.sqrt(D)
    start = layer.w_s(c).tanh()
    states, _ = theirs(torch.cat((x, c.expand(4, -1)), dim=-1)[None], start[None, None])
    out = model.decoder.w_o(torch.cat((states[0], c.expand(4, -1)), dim=-1))
    torch.testing.assert_close(model(source, target)[0], out @ model.embedding.weight.T)


def test_bahdanaus_context_goes_into_the_gru(randomise: Any) -> None:
    model = randomise(Recurrent(config("bahdanau"))).eval()
    source, target = ids("abc"), ids("xy")
    memory, layer = model.encode(source)[0], model.decoder.layers[0]
    attn, cell = layer.cross_attn, nn.GRUCell(D + N, N)
    cell.load_state_dict(layer.gru.state_dict())
    state = layer.w_s(torch.cat((memory[-1, : N // 2], memory[0, N // 2 :]))).tanh()
    for word, got in zip(target[0], model(source, target)[0], strict=True):
        e = [attn.v(torch.tanh(attn.w_q(state) + attn.w_k(h))) for h in memory]
        context = torch.cat(e).softmax(dim=0) @ memory
        x = model.embedding(word) * math.sqrt(D)
        state = cell(torch.cat((x, context))[None], state[None])[0]
        out = model.decoder.w_o(torch.cat((state, context)))
        torch.testing.assert_close(got, model.embedding.weight @ out)


def test_luong_attends_from_the_new_state(randomise: Any) -> None:
    model = randomise(Recurrent(config("general"))).eval()
    source, target = ids("abc"), ids("xy")
    memory, layer = model.encode(source)[0], model.decoder.layers[0]
    theirs = nn.GRU(D, N, batch_first=True)
    theirs.load_state_dict(layer.gru.state_dict())
    start = layer.w_s(torch.cat((memory[-1, : N // 2], memory[0, N // 2 :]))).tanh()
    states = theirs(model.embedding(target) * math.sqrt(D), start[None, None])[0][0]
    for state, got in zip(states, model(source, target)[0], strict=True):
        e = torch.stack([state @ layer.cross_attn.w_k.weight @ h for h in memory])
        context = e.softmax(dim=0) @ memory
        attentional = layer.w_c(torch.cat((context, state))).tanh()
        torch.testing.assert_close(got, model.embedding.weight @ model.decoder.w_o(attentional))


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────

HALF = math.atanh(0.5)  # tanh of it is 1/2
EYE = torch.eye(2)


def attend(
    attention: Scoring, state: list[float], words: list[list[float]], **weights: Tensor
) -> dict[str, Tensor]:
    attn = RecurrentAttention(config(attention, d_hidden=2))
    for name, weight in weights.items():
        getattr(attn, name).weight = nn.Parameter(weight)
    memory = torch.tensor([words])
    mask = torch.ones(1, 1, 1, len(words), dtype=torch.bool)
    with capture(attn) as points:
        attn(torch.tensor([[state]]), attn.w_k(memory), memory, mask)
    return {name: value.flatten() for name, value in points.items()}


@pytest.mark.parametrize("attention", ["bahdanau", "concat"])
def test_additive_attention_by_hand(attention: Scoring) -> None:
    # W_a s = (atanh ½, 0). The first word adds nothing: e = 2 ln 3 · ½ = ln 3. The second takes it
    # away again: e = 0. So the weights are 3/4 and 1/4, and c = ¾ · (0, 4) + ¼ · (−atanh ½, 0).
    found = attend(
        attention,
        [1.0, 7.0],
        [[0.0, 4.0], [-HALF, 0.0]],
        w_q=torch.tensor([[HALF, 0.0], [0.0, 0.0]]),
        w_k=torch.tensor([[1.0, 0.0], [0.0, 0.0]]),
        v=torch.tensor([[2 * math.log(3), 5.0]]),
    )
    torch.testing.assert_close(found["query"], torch.tensor([HALF, 0.0]))
    torch.testing.assert_close(found["keys"], torch.tensor([0.0, 0.0, -HALF, 0.0]))
    torch.testing.assert_close(found["scores"], torch.tensor([math.log(3), 0.0]))
    torch.testing.assert_close(found["weights"], torch.tensor([0.75, 0.25]))
    torch.testing.assert_close(found["context"], torch.tensor([-HALF / 4, 3.0]))


def test_dot_attention_by_hand() -> None:
    # e = (ln 2, 0), so the weights are 2/3 and 1/3.
    found = attend("dot", [math.log(2), 9.0], [[1.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(found["scores"], torch.tensor([math.log(2), 0.0]))
    torch.testing.assert_close(found["weights"], torch.tensor([2 / 3, 1 / 3]))
    torch.testing.assert_close(found["context"], torch.tensor([2 / 3, 0.0]))


def test_general_attention_by_hand() -> None:
    # W_a h = (ln 4 · h_2, 0): sᵀ W_a h is ln 4 for the first word and 0 for the second.
    found = attend(
        "general",
        [1.0, 5.0],
        [[3.0, 1.0], [8.0, 0.0]],
        w_k=torch.tensor([[0.0, math.log(4)], [0.0, 0.0]]),
    )
    torch.testing.assert_close(found["scores"], torch.tensor([math.log(4), 0.0]))
    torch.testing.assert_close(found["weights"], torch.tensor([0.8, 0.2]))
    torch.testing.assert_close(found["context"], torch.tensor([4.0, 0.8]))


def test_nothing_to_attend_to_gives_nothing() -> None:
    attn = RecurrentAttention(config("dot", d_hidden=2))
    memory = torch.ones(1, 3, 2)
    mask = torch.zeros(1, 1, 1, 3, dtype=torch.bool)
    context = attn(torch.ones(1, 1, 2), memory, memory, mask)
    assert torch.equal(context, torch.zeros(1, 1, 2))


# ── properties ───────────────────────────────────────────────────────────────────────────────────

words = st.text("abcdefgh", min_size=1, max_size=7)


@given(words, words, st.integers(1, 5))
def test_padding_changes_nothing(model: Recurrent, one: str, other: str, more: int) -> None:
    width = max(len(one), len(other)) + more
    together = model(ids(one.ljust(width, "."), other.ljust(width, ".")), ids("xyz", "wvu"))
    alone = torch.cat((model(ids(one), ids("xyz")), model(ids(other), ids("wvu"))))
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


@given(words, words, words)
def test_weights_sum_to_one_and_leave_padding_out(
    attending: Recurrent, one: str, other: str, target: str
) -> None:
    width = max(len(one), len(other))
    source = ids(one.ljust(width, "."), other.ljust(width, "."))
    mask, cache = padding_mask(source, PAD), attending.new_cache()
    with torch.inference_mode():
        memory = attending.encode(source)
        for word in ids(target, target).split(1, dim=1):
            with capture(attending, ["*.weights"]) as points:
                attending.decode(word, memory, mask, cache)
            (weights,) = points.values()
            assert weights.shape == (2, 1, 1, width)
            torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 1, 1))
            assert not weights[~mask.expand_as(weights)].any()


@given(words, words)
def test_word_by_word_is_the_same_as_all_at_once(
    model: Recurrent, source: str, target: str
) -> None:
    read, written = ids(source), ids(target)
    with torch.inference_mode():
        whole = model(read, written)
        memory, cache = model.encode(read), model.new_cache()
        steps = [
            model.decode(word, memory, padding_mask(read, PAD), cache)
            for word in written.split(1, dim=1)
        ]
    torch.testing.assert_close(torch.cat(steps, dim=1), whole, atol=1e-5, rtol=1e-5)


def test_later_words_change_nothing_before_them(model: Recurrent) -> None:
    one, other = (model(ids("abcd"), ids(target)) for target in ("xyzw", "xyab"))
    torch.testing.assert_close(one[:, :2], other[:, :2])
    assert not torch.allclose(one[:, 2:], other[:, 2:])


def test_a_beam_scores_hypotheses_as_teacher_forcing_does(model: Recurrent) -> None:
    source, start = ids("abcde"), [BOS, 4]
    levels = list(beam_levels(model, source, start, limit=9, beam=3))
    found = best(levels)
    pieces = [*found.ids, EOS] if found.fate == "ended" else found.ids
    logits = model(source, torch.tensor([[*start, *pieces[:-1]]]))[0, 1:]
    logits[:, [0, 1, 2]] = -math.inf  # what the decoder never writes
    log_p = logits.log_softmax(dim=-1)[range(len(pieces)), pieces].sum()
    assert found.log_p == pytest.approx(log_p.item(), abs=1e-4)


def test_sentences_decoded_together_are_as_if_alone(model: Recurrent) -> None:
    together = greedy(model, ids("abcd", "ef.."), [BOS, 4], limit=8)
    alone = [greedy(model, ids(row), [BOS, 4], limit=8)[0] for row in ("abcd", "ef")]
    assert together == alone


# ── a copy task ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("attention", "steps"), [("bahdanau", 500), ("general", 250)])
def test_the_alignment_of_a_copy_task_is_diagonal(attention: Scoring, steps: int) -> None:
    """Which word to copy follows from where the decoder is: it must look at one after another.

    An annotation knows its neighbours, too, so a look at the word before may do now and then.
    """
    torch.manual_seed(0)
    model = Recurrent(config(attention, vocab_size=60, d_model=16, d_hidden=32))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        source, target = _to_copy(32)
        loss = F.cross_entropy(model(source, target).flatten(0, 1), source.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    source, target = _to_copy(50)
    mask, cache = padding_mask(source, PAD), model.new_cache()
    off, right = [], []
    with torch.inference_mode():
        memory = model.encode(source)
        for step, word in enumerate(target.split(1, dim=1)):
            with capture(model, ["*.weights"]) as points:
                logits = model.decode(word, memory, mask, cache)
            (weights,) = points.values()
            off.append(weights[:, 0, 0].argmax(dim=-1) - step)
            right.append(logits[:, 0].argmax(dim=-1) == source[:, step])
    assert torch.stack(right).float().mean() > 0.95
    assert (torch.stack(off) == 0).float().mean() > 0.7
    assert (torch.stack(off).abs() <= 1).float().mean() > 0.95


def _to_copy(n: int) -> tuple[Tensor, Tensor]:
    """Random words, and what the decoder reads to write them again."""
    source = torch.randint(5, 60, (n, 8))
    return source, torch.cat((torch.full((n, 1), BOS), source[:, :-1]), dim=1)


@pytest.mark.parametrize(
    ("attention", "kind"),
    [
        ("none", PlainLayer),
        ("bahdanau", BahdanauLayer),
        ("dot", LuongLayer),
        ("concat", LuongLayer),
    ],
)
def test_each_attention_has_its_decoder(attention: Scoring, kind: type) -> None:
    assert type(Recurrent(config(attention)).decoder.layers[0]) is kind
