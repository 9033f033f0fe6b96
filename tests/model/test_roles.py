"""Roles on heads that were made for them, and on maps whose scores can be read off the paper."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from model import Bundle, ModelConfig, name_pronoun, trace
from model.analysis import roles
from model.analysis.roles import HABITS, ROLES, Reading, leaning_of, measure, role_of
from model.analysis.words import pronoun_span
from model.transformer import Transformer

TEXT = "The animal did not cross the street because it was too wide!"
N = 5


# ── heads whose weights are set by hand ──────────────────────────────────────────────────────────


def turn(d_model: int, steps: int) -> torch.Tensor:
    """M with M · PE(p) = PE(p + steps): every pair of sine and cosine is turned."""
    angle = steps / 10_000 ** (torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    matrix = torch.zeros(d_model, d_model, dtype=torch.float64)
    for pair, a in enumerate(angle):
        at = slice(2 * pair, 2 * pair + 2)
        matrix[at, at] = torch.tensor([[a.cos(), a.sin()], [-a.sin(), a.cos()]])
    return matrix.float()


@pytest.fixture(scope="module")
def planted(tokenizer) -> Bundle:
    """One encoder layer of six heads that see positions only: words are embedded as zero."""
    d = 64
    config = ModelConfig(
        tokenizer.vocab_size, d_model=d, n_heads=6, d_k=d, d_v=3, d_ff=5,
        n_encoder_layers=1, n_decoder_layers=1, norm="post", max_len=300,
    )  # fmt: skip
    model = Transformer(config).eval()
    sharp = 60.0
    with torch.no_grad():
        model.embedding.weight.zero_()
        for attn in (model.encoder.layers[0].self_attn, model.decoder.layers[0].self_attn):
            for linear in (attn.w_q, attn.w_k):
                linear.weight.zero_()
                linear.bias.zero_()
            looks = {0: -1, 1: 1, 2: 0, 3: -3}  # head → how far; head 4: the first; 5: everywhere
            for head in range(6):
                attn.w_k.weight[head * d : (head + 1) * d] = torch.eye(d)
                if head in looks:
                    attn.w_q.weight[head * d : (head + 1) * d] = sharp * turn(d, looks[head])
            attn.w_q.bias[4 * d : 5 * d] = sharp * model.encoder.input.positions[0]
    return Bundle("planted", model, tokenizer, config, {}, "planted")


def test_planted_heads_are_called_what_they_are(planted):
    measured = roles.measure_trace(trace(planted, TEXT, "a b c d", "fr"), "encoder")
    names = ["previous", "next", "itself", "position", "first", None]
    assert measured.roles() == [names]
    scores = {name: score[0] for name, score in measured.scores.items()}
    for head, name in enumerate(names[:5]):
        assert scores[name][head] > (0.5 if name == "position" else 0.8)
        assert scores[name][5] == pytest.approx(measured.uniform[name], abs=1e-5)
    assert scores["position"][0] > 0.6, "a previous-token head goes by position, too"
    assert scores["position"][4] < 0.3, "in one sentence the first token is a word, no distance"
    n = measured.rows["confidence"]  # every row of the encoder has a choice: as many as keys
    assert scores["entropy"][5] == pytest.approx(np.log2(n), abs=1e-4)
    assert scores["confidence"][5] == pytest.approx(1 / n, abs=1e-4)
    assert scores["distance"][0] < 1.5 < scores["distance"][3]
    assert [leaning_of(measured, 0, head) for head in range(6)] == [None] * 6


def test_planted_heads_over_held_out_sentences(planted):
    found = roles.measure_held_out(planted, "en", "fr", sentences=12)
    encoder = found["encoder"]
    assert encoder.roles() == [["previous", "next", "itself", "position", "first", None]]
    assert encoder.scores["position"][0][4] > 0.6, "over many sentences the place tells it"
    assert encoder.scores["position"][0][5] == pytest.approx(0, abs=1e-6)
    assert encoder.rows["pronoun"] == 12
    assert encoder.uniform["pronoun"] == pytest.approx(encoder.scores["pronoun"][0][5], abs=1e-4)
    # The decoder's heads are the same; none of them may look at the next token.
    assert found["decoder"].roles()[0][0] == "previous"
    assert "next" not in found["decoder"].scores
    assert found["decoder"].roles()[0][5] is None


def test_over_held_out_sentences_it_is_the_mean_of_single_traces(make_bundle):
    bundle = make_bundle(max_len=300)
    found = roles.measure_held_out(bundle, "ko", "en", sentences=3)
    items = list(roles.generate(3, seed=roles.SEED, split="pairs"))
    pairs = [item.examples[n % 2].sentences for n, item in enumerate(items)]
    traces = [trace(bundle, pair["ko"].text, pair["en"].text, "en") for pair in pairs]
    for kind, names in (("encoder", ("previous", "itself")), ("cross", ("diagonal", "first"))):
        singles = [roles.measure_trace(one, kind) for one in traces]
        for name in (*names, "entropy"):
            rows = np.array([one.rows[name] for one in singles])
            scores = np.array([one.scores[name] for one in singles])
            expected = (scores * rows[:, None, None]).sum(axis=0) / rows.sum()
            np.testing.assert_allclose(found[kind].scores[name], expected, atol=1e-5)
            assert found[kind].rows[name] == rows.sum()


# ── maps on paper ────────────────────────────────────────────────────────────────────────────────


def words(*written: str) -> list:
    """One piece a word; what stands in brackets is special."""
    return [
        (word, [n], None if word.startswith("<") else (9 * n, 9 * n + 1))
        for n, word in enumerate(written)
    ]


def reading(rows, kind="encoder", queries=("The", "dog", "the", ".", "</s>"), keys=None, **known):
    attention = np.array(rows, np.float32)[None, None]
    mask = np.ones(attention.shape[2:], dtype=bool)
    if kind == "decoder":
        mask = np.tri(len(mask), dtype=bool)
    keys = words(*(keys or queries))
    return Reading(kind, attention, mask, words(*queries), keys, **known)


def looking_at(*keys: int, n: int = N) -> np.ndarray:
    return np.eye(n)[list(keys)]


def score(measured, name):
    return measured.scores[name].item()


def test_same_word_and_separator():
    found = measure([reading(looking_at(2, 3, 0, 3, 4))])
    # The → the and the → The: the same word, capitals or not; dog has none.
    assert score(found, "same_word") == 1
    assert found.rows["same_word"] == 2
    assert found.uniform["same_word"] == pytest.approx(1 / N)
    # Rows of words: of three, one looks at "."; a sign that looks at itself says nothing.
    assert score(found, "separator") == pytest.approx(1 / 3)
    assert found.uniform["separator"] == pytest.approx(2 / N)
    assert score(found, "itself") == pytest.approx(2 / N)
    assert score(found, "confidence") == 1
    assert score(found, "entropy") == 0
    assert score(found, "distance") == pytest.approx((2 + 2 + 2 + 0 + 0) / N)


def test_a_separator_sink_is_named():
    found = measure([reading(looking_at(4, 4, 4, 4, 4))])
    assert role_of(found, 0, 0) == "separator"
    assert score(found, "separator") == 1


def test_the_pieces_of_a_word_are_the_same_word():
    pieces = [("캠핑", [0, 1], (0, 2)), ("갔다", [2], (3, 5)), ("</s>", [3], None)]
    whole = Reading("encoder", np.eye(4)[[1, 0, 2, 3]][None, None].astype(np.float32),
                    np.ones((4, 4), dtype=bool), pieces, pieces)  # fmt: skip
    assert score(measure([whole]), "same_word") == 1


def test_pronoun_resolver():
    rows = np.full((N, N), 1 / N)
    rows[2] = [0, 0.7, 0.1, 0.1, 0.1]
    found = measure([reading(rows, reference=(2, [1]))])
    assert score(found, "pronoun") == pytest.approx(0.7)
    assert found.rows["pronoun"] == 1
    assert found.above("pronoun").item() == pytest.approx((0.7 - 0.2) / 0.8)
    assert role_of(found, 0, 0) == "pronoun"
    assert "pronoun" not in measure([reading(rows)]).scores


def test_whom_the_model_names(bundle):
    made = trace(bundle, TEXT, "a", "fr")
    named = name_pronoun(bundle, TEXT, pronoun_span(made))
    row, pieces = roles.named_reference(made, named)
    assert made.source_tokens[row].strip("▁") == "it"
    likeliest = max(named, key=lambda one: one[3])
    assert "".join(made.source_tokens[p] for p in pieces).strip("▁") == likeliest[0]
    found = roles.head_measures(made, "encoder", (row, pieces))["pronoun"]
    np.testing.assert_allclose(
        found, made.attention("encoder")[:, :, row, pieces].sum(axis=-1), atol=1e-6
    )
    plain = trace(bundle, "I am a student.", "a", "fr")
    assert roles.named_reference(plain, named) is None


def test_diagonal_and_monotone():
    queries, keys = ("<s>", "<2fr>", "Un", "chien", "dort"), ("A", "dog", "sleeps", "</s>")
    straight = reading(looking_at(0, 0, 1, 2, 3, n=4), "cross", queries, keys)
    found = measure([straight])
    assert (score(found, "diagonal"), score(found, "monotone")) == (1, 1)
    assert found.uniform["diagonal"] == pytest.approx(1 / 4)
    assert role_of(found, 0, 0) == "diagonal"
    back = measure([reading(looking_at(0, 3, 2, 1, 0, n=4), "cross", queries, keys)])
    assert (score(back, "diagonal"), score(back, "monotone")) == (0, 0)
    stuck = measure([reading(looking_at(3, 3, 3, 3, 3, n=4), "cross", queries, keys)])
    assert score(stuck, "monotone") == found.uniform["monotone"] == 0.5
    assert role_of(stuck, 0, 0) == "separator"
    assert "distance" not in found.scores


def test_position_is_what_other_rows_predict():
    shifted = measure([reading(looking_at(3, 3, 4, 0, 0))])
    assert score(shifted, "position") < 0.2
    # An even mix of the token before and the token behind: nothing but distance, no other role.
    rows = np.zeros((9, 9))
    for query in range(9):
        near = [key for key in (query - 2, query + 2) if 0 <= key < 9]
        rows[query, near] = 1 / len(near)
    mixed = measure([reading(rows, queries=tuple("abcdefghi"))])
    assert score(mixed, "position") > 0.5
    assert role_of(mixed, 0, 0) == "position"
    rng = np.random.default_rng(0)
    noise = rng.dirichlet(np.full(9, 0.3), size=9)
    assert score(measure([reading(noise, queries=tuple("abcdefghi"))]), "position") < 0.2


def test_half_a_role_is_a_leaning():
    rows = 0.4 * looking_at(0, 0, 1, 2, 3) + 0.6 / N
    found = measure([reading(rows)])
    assert found.above("previous").item() == pytest.approx(0.4, abs=0.02)
    assert role_of(found, 0, 0) is None
    assert leaning_of(found, 0, 0) in ("previous", "position")
    assert leaning_of(measure([reading(np.full((N, N), 1 / N))]), 0, 0) is None


def test_rows_without_a_choice_tell_nothing():
    found = measure([reading([[1, 0], [0.5, 0.5]], "decoder", ("<s>", "<2fr>"))])
    assert found.rows["confidence"] == 1
    assert score(found, "previous") == score(found, "first") == 0.5
    lonely = measure([reading([[1.0]], "decoder", ("<s>",))])
    assert np.isnan(score(lonely, "previous"))
    assert np.isnan(score(lonely, "entropy"))
    assert score(lonely, "position") == 0
    assert role_of(lonely, 0, 0) is None


def test_what_nothing_else_is_possible_for_is_no_role():
    pair = reading([[1, 0], [1, 0]], "cross", ("<s>", "<2fr>"), ("</s>", "."))
    found = measure([replace(pair, keys=words("Hi", "</s>"))])
    assert role_of(found, 0, 0) == "first"
    masked = replace(pair, mask=np.array([[True, False], [True, False]]))
    assert role_of(measure([masked]), 0, 0) is None


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_every_score_lies_where_it_is_said_to(bundle, kind):
    made = trace(bundle, TEXT, "Je suis étudiant.", "fr")
    found = roles.measure_trace(made, kind)
    shape = made.attention(kind).shape[:2]
    assert set(found.scores) == set(found.uniform) == set(found.rows) <= {*ROLES, *HABITS}
    for name, values in found.scores.items():
        assert values.shape == shape
        if name not in ("entropy", "distance"):
            known = values[np.isfinite(values)]
            assert ((known >= 0) & (known <= 1 + 1e-6)).all(), name


def test_no_sentence_no_heads():
    with pytest.raises(ValueError, match="no sentence"):
        measure([])
