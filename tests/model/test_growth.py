"""What the training page shows, against values worked out by hand."""

import numpy as np

from model.analysis import growth
from model.training.film import Film, FilmSentence, Moment
from model.training.live import HeldOut, Live

# "a dog saw it": four words, the second of two pieces; "it" is the fourth.
WORDS = [("a", [0], (0, 1)), ("dog", [1, 2], (2, 5)), ("saw", [3], (6, 9)), ("it", [4], (10, 12))]


def film() -> Film:
    """Two moments, one layer, two heads; the second head ends on the dog."""
    maps = np.zeros((2, 1, 2, 5, 5), np.uint8)
    maps[0, 0, :, 4, 0] = 255
    maps[1, 0, 0, 4, 0] = 255
    maps[1, 0, 1, 4, [1, 2, 4]] = [102, 102, 51]
    sentence = FilmSentence("a dog saw it", "en", list("abcde"), WORDS, (10, 12))
    naming = [[[0.7, 0.1, 0.1, 0.1]], [[0.1, 0.8, 0.1, 0.0]]]
    lines = [{}, {"step": 9, "loss_nats": 2.5, "accuracy": None}]
    return Film(
        [sentence],
        [Moment(step, lines[n], naming[n], [{}]) for n, step in enumerate((0, 10))],
        [maps],
    )


def test_a_words_weight_is_all_its_pieces_together():
    maps = growth.film_maps(film(), 1, 0)
    assert maps.pronoun == 3
    np.testing.assert_allclose(maps.attention[0, 1, 3], [0, 0.8, 0, 0.2], atol=1e-6)


def test_the_antecedent_is_what_the_last_moment_names():
    shot = film()
    assert growth.antecedent(shot, 0) == (1, "dog")
    assert growth.telling_head(shot, 0) == (0, 1)
    np.testing.assert_allclose(growth.on_antecedent(shot, 0, 0), [[0, 0]], atol=1e-6)
    np.testing.assert_allclose(growth.on_antecedent(shot, 1, 0), [[0, 0.8]], atol=1e-6)


def test_curves_leave_out_what_was_not_measured():
    assert growth.film_curve(film(), "loss_nats") == growth.Curve([10], [2.5])
    assert growth.film_curve(film(), "accuracy") == growth.Curve([], [])
    log = [{"step": 20, "lr": 0.1}, {"step": 40}]
    assert growth.log_curve(log, "lr") == growth.Curve([20], [0.1])


def test_held_out_curves_follow_the_best_head():
    def at(step, argmax):
        return HeldOut(step, 1.0, 3.0, 2.0, 0.5, {"ko": 0.25}, {"ko": argmax}, {"ko": 8})

    measured = [at(1, [[0.1, 0.2]]), at(2, [[0.6, 0.2]])]
    assert growth.best_head_curve(measured, "ko") == growth.Curve([1, 2], [0.2, 0.6])
    assert growth.naming_curve(measured, "ko") == growth.Curve([1, 2], [0.25, 0.25])
    assert growth.naming_curve(measured, "en") == growth.Curve([], [])
    assert growth.held_out_curve(measured, "accuracy") == growth.Curve([1, 2], [0.5, 0.5])


def test_the_pronoun_of_a_look_is_the_one_that_is_named():
    maps = {kind: np.zeros((1, 2, 5, 5), np.uint8) for kind in ("encoder", "decoder", "cross")}
    look = ["a dog saw it", "en", "ko", "", list("abcde"), list("abcde"), WORDS, WORDS]
    named = Live(1, 1.0, *look, [("dog", 2, 5, 1.0)], [], None, maps)
    assert growth.live_maps(named, "encoder").pronoun == 3
    assert growth.live_maps(named, "cross").pronoun is None
    assert growth.live_maps(Live(1, 1.0, *look, [], [], None, maps), "encoder").pronoun is None
