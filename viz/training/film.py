"""The film of a training: scrub through its moments, and see attention come about."""

from __future__ import annotations

import streamlit as st

from model import ModelError
from model.analysis import growth
from model.analysis.growth import WordMaps
from model.analysis.leaderboard import Head
from model.training.film import Film
from viz import cache, picture, state
from viz.charts.bars import bar_list
from viz.charts.curves import Course
from viz.i18n import Say, literal
from viz.training import pictures, words

PLAY_EVERY = 1.5  # seconds a moment


def part(say: Say) -> None:
    """The film of the checkpoint that every page looks at."""
    name = state.model_name(cache.checkpoints())
    try:
        film = cache.film(name)
    except ModelError as error:
        st.error(say.error(error), icon="🧯")
        return
    if film is None:
        st.info(say.markdown("training.film.none", name=name), icon="🎞️")
        return
    st.markdown(say.markdown("training.film.lead", name=name, moments=len(film.moments)))
    if parts := cache.bundle(name).metrics.get("training", {}).get("averaged"):
        steps = " · ".join(f"{part['step']:,}" for part in parts)
        st.caption(say("training.film.averaged", steps=steps))
    show(say, film, f"film.{name}")


def show(say: Say, film: Film, key: str) -> None:
    """One sentence of the film, moment by moment; `key` tells films apart."""
    sentence = st.selectbox(
        say("training.film.sentence"),
        range(len(film.sentences)),
        format_func=lambda n: film.sentences[n].text,
        key=f"training.{key}.sentence",
        persist_state="session",
    )
    if st.session_state.pop(f"training:{key}:over", False):
        st.session_state[f"training.{key}.play"] = False
    playing = st.toggle(
        say("training.film.play"), key=f"training.{key}.play", on_change=_played, args=(key,)
    )
    st.fragment(run_every=PLAY_EVERY if playing else None)(_moment)(say, film, sentence, key)


def _moment(say: Say, film: Film, sentence: int, key: str) -> None:
    steps = [moment.step for moment in film.moments]
    at = _scrub(say, steps, key)
    moment = steps.index(at)
    _line(say, film, moment, sentence)
    maps, head = growth.film_maps(film, moment, sentence), growth.telling_head(film, sentence)
    left, right = st.columns(2, gap="large")
    with left:
        _row(say, film, sentence, maps, head, key)
    with right:
        _heads(say, film, moment, sentence, head, key)
        _naming(say, film, moment, sentence, key)
        st.markdown(f"**{say('training.film.translations')}**")
        for lang, text in film.translation(moment, sentence).items():
            shown = literal(text) or say("training.film.nothing")
            st.markdown(f"{say(f'lang.{lang}')}: {shown}")
    _curves(say, film, at, key)
    with st.expander(say("training.film.whole"), key=f"training:box:{key}", icon="🔲"):
        _whole(say, maps, head, key)


def _scrub(say: Say, steps: list[int], key: str) -> int:
    """The slider; while the film plays it moves on by itself, up to the last moment."""
    slider, toggle, begun = (f"training.{key}.moment", f"training.{key}.play", f"training:{key}")
    now = st.session_state.get(slider, steps[-1])
    if now not in steps:
        now = steps[-1]
    if st.session_state.get(toggle):
        if st.session_state.pop(begun, False):
            now = steps[0]
        elif now == steps[-1]:
            st.session_state[f"training:{key}:over"] = True  # only before it is drawn may it change
            st.rerun()
        else:
            now = steps[steps.index(now) + 1]
    state.follow(slider, now)
    chosen: int = st.select_slider(
        say("training.film.step"), steps, format_func=lambda step: f"{step:,}", key=slider
    )
    return chosen


def _played(key: str) -> None:
    """From the first moment on."""
    st.session_state[f"training:{key}"] = True


def _line(say: Say, film: Film, moment: int, sentence: int) -> None:
    """In plain words: what the pronoun is taken for, and by which head."""
    shown = film.sentences[sentence]
    pronoun = shown.text[slice(*shown.pronoun)]
    word, *_, share = film.named(moment, sentence)
    st.subheader(
        say.markdown(
            "training.film.line",
            step=f"{film.moments[moment].step:,}",
            pronoun=pronoun,
            word=word,
            percent=words.share(say, share),
        ),
        anchor=False,
    )


def _row(say: Say, film: Film, sentence: int, maps: WordMaps, head: Head, key: str) -> None:
    """The pronoun's row of the head that ends up resolving it."""
    shares = [float(weight) for weight in maps.attention[*head, maps.pronoun]]
    where = _where(say, head)
    st.markdown(f"**{say('training.film.row', where=where)}**")
    written = [words.share(say, share) for share in shares]
    listed = ", ".join(f"{word} {share}" for word, share in zip(maps.keys, written, strict=True))
    picture.show(
        bar_list(maps.keys, shares, written, chosen=growth.antecedent(film, sentence)[0]),
        key=f"training:{key}:row",
        alt=f"{where}: {listed}",
    )


def _naming(say: Say, film: Film, moment: int, sentence: int, key: str) -> None:
    st.markdown(f"**{say('training.film.naming')}**")
    pictures.named_words(say, film.naming(moment, sentence), key)


def _heads(say: Say, film: Film, moment: int, sentence: int, head: Head, key: str) -> None:
    """Of every head: how much of the pronoun's attention is on the word named in the end."""
    _, word = growth.antecedent(film, sentence)
    weights = growth.on_antecedent(film, moment, sentence)
    st.markdown(f"**{say.markdown('training.film.heads', word=word)}**")
    pictures.every_head(
        say,
        [[float(weight) for weight in layer] for layer in weights],
        key,
        head,
        lambda share: words.share(say, share),
    )


def _curves(say: Say, film: Film, now: int, key: str) -> None:
    loss, shares = st.columns(2, gap="large")
    found = growth.film_curve(film, "loss_nats")
    with loss:
        line = Course(say("training.curve.loss"), found.steps, found.values)
        pictures.chart(say, f"{key}:loss", "loss", [line], now=now)
    with shares:
        lines = []
        for colour, name in enumerate(("accuracy", "naming_accuracy")):
            curve = growth.film_curve(film, name)
            lines.append(Course(say(f"training.curve.{name}"), curve.steps, curve.values, colour))
        pictures.chart(say, f"{key}:shares", "share", lines, now=now)
    if found.values:
        st.caption(say("training.film.batches"))


def _whole(say: Say, maps: WordMaps, head: Head, key: str) -> None:
    st.caption(_where(say, head))
    pictures.one_head(say, maps, *head, key)


def _where(say: Say, head: Head) -> str:
    return say("line.where", layer=head[0] + 1, head=head[1] + 1)
