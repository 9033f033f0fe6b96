"""Compare: up to four attention maps side by side, and how alike two of them are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Literal

import streamlit as st

from model import Bundle, ModelError
from model.analysis.similarity import Compared, HeadMap, Unlike, compare, linked
from model.analysis.words import telling_row
from model.training.film import Film
from viz import cache, choice, parts, sentence, state, takehome
from viz.compare import presets
from viz.compare.choice import (
    CHOSEN,
    MOST_PANELS,
    NAMES,
    Comparison,
    PanelChoice,
    dumps,
    loads,
)
from viz.compare.reading import Drawn, Failed, read, text_of, to_of
from viz.components.panels import Cell, Link, PanelText, Place, panel, pinned
from viz.components.save import save_text
from viz.export import numbers
from viz.i18n import Say
from viz.numbers import number
from viz.sentence import Looked
from viz.state import KINDS, UNITS
from viz.tables import table

PARAM = "panels"
GROUP = "compare"
SHOWN = "compare:shown"  # what is on screen, for what a widget changes
DIFFERENCE = "difference"
PIN = "pin"  # in the link: the map, the row and the column that are marked, "B,8,2"; or "none"
PIN_OF = "compare:pin"  # that, and the words which it counts
INKS = ("all", "largest")

# As many maps in a row as stay readable: four on a projector, two on a laptop, one on a phone.
STYLE = """<style>
  @media (min-width: 641px) and (max-width: 1500px) {
    .st-key-compare_panels .stHorizontalBlock:has(> .stColumn:nth-child(4)) > .stColumn {
      min-width: calc(50% - 1rem);
    }
  }
  @media (min-width: 641px) and (max-width: 1000px) {
    .st-key-compare_panels .stHorizontalBlock:has(> .stColumn:nth-child(3)) > .stColumn {
      min-width: calc(50% - 1rem);
    }
  }
</style>"""


@dataclass(frozen=True)
class Scene:
    """What the maps on the page have in common.

    Attributes:
        maps: every map by name, as it is drawn: by tokens or by words.
        limit: the weight with the full colour.
        marks: the cell or row that is marked before anyone points, by map.
    """

    maps: Mapping[str, HeadMap]
    limit: float
    marks: Mapping[str, Cell]

    def links(self, name: str) -> dict[str, Link]:
        """Which rows and columns of the others belong to those of one map."""
        own = self.maps[name]
        return {
            other: Link(linked(own.query, there.query), linked(own.key, there.key))
            for other, there in self.maps.items()
            if other != name
        }


def render() -> None:
    """The page: a sentence, presets, the panels, and how alike two of them are."""
    say = state.say()
    st.html(STYLE)
    looked = sentence.opening(say, "compare")
    if looked is not None:
        choice.link_notice(say, looked)
        _page(say, looked)


@st.fragment
def _page(say: Say, looked: Looked) -> None:
    comparison = _comparison(say, looked)
    _presets(say, looked, comparison)
    shown = [read(looked, n, one) for n, one in enumerate(comparison.panels)]
    drawn = [one for one in shown if isinstance(one, Drawn)]
    pair = _pair(comparison, drawn)
    found = _compared(*pair) if pair else None
    maps = _maps(drawn, found)
    scene = Scene(maps, _limit(drawn, maps), _marks(looked, drawn, maps))
    with st.container(key="compare_panels"):
        columns = st.columns(len(shown), gap="medium")
        for n, (column, one) in enumerate(zip(columns, shown, strict=True)):
            with column:
                _tools(say, looked, comparison, n, one)
                if isinstance(one, Drawn):
                    _draw(say, one, scene)
                else:
                    st.error(_reason(say, one), icon="✏️")
    st.caption(f"{say('compare.hint')} {say('compare.scale', limit=say.percent(scene.limit))}")
    if state.look().unit == "words":
        st.caption(say("unit.merged"))
    if any(one.step is not None for one in drawn):
        st.caption(say("compare.stored"))
    _alike(say, drawn, pair, found, scene)
    sentence.write_link(looked)
    takehome.offer(
        say, looked, numbers=partial(numbers.maps, {one.name: maps[one.name] for one in drawn})
    )


# ── what is compared ─────────────────────────────────────────────────────────────────────────────


def _comparison(say: Say, looked: Looked) -> Comparison:
    """The session's comparison; a link that the page did not write itself wins."""
    chosen: Comparison | None = st.session_state.get(CHOSEN)
    asked = state.from_link(PARAM, _told(chosen), "")
    if asked != _told(chosen):
        try:
            chosen = loads(asked) if asked else None
        except ValueError:
            st.info(say("compare.link_wrong"), icon="🔗")
            chosen = None
    _keep(chosen)
    shown = chosen or presets.two_heads(looked)
    st.session_state[SHOWN] = shown
    return shown


def _keep(comparison: Comparison | None) -> None:
    st.session_state[CHOSEN] = comparison
    state.into_link(PARAM, _told(comparison), "")


def _told(comparison: Comparison | None) -> str:
    return dumps(comparison) if comparison else ""


def _change(change: Callable[[Comparison], Comparison]) -> None:
    _keep(change(st.session_state[SHOWN]))


def _changed(n: int, name: str, widget: str) -> None:
    """A widget of a panel was used: `compare.<n>.<widget>`."""
    value = st.session_state[_key(n, widget)]
    if isinstance(value, str) and not value.strip():
        value = None
    _set(n, **{name: value})


def _set(n: int, **values: Any) -> None:
    _change(lambda shown: shown.with_panel(n, shown.panels[n].changed(**values)))


def _key(n: int, name: str) -> str:
    return f"compare.{n}.{name}"


def _pair(comparison: Comparison, drawn: list[Drawn]) -> tuple[Drawn, Drawn] | None:
    """The two panels whose difference is drawn; others where one of them cannot be shown."""
    if len(drawn) < 2:
        return None
    by_name = {one.name: one for one in drawn}
    wanted = [by_name.get(NAMES[n]) for n in comparison.pair]
    first = wanted[0] or next(one for one in drawn if one is not wanted[1])
    second = wanted[1] or next(one for one in drawn if one is not first)
    return first, second


def _compared(first: Drawn, second: Drawn) -> Compared | Unlike:
    return compare(first.map, second.map, merged=state.look().unit == "words")


# ── presets ──────────────────────────────────────────────────────────────────────────────────────


def _presets(say: Say, looked: Looked, comparison: Comparison) -> None:
    film, damaged = _film_of(say, looked.bundle)
    no_film = damaged or say("compare.no_film")
    with st.container(
        key="compare_presets", horizontal=True, vertical_alignment="bottom", gap="small"
    ):
        st.markdown(say("compare.presets"), width="content")
        for name, preset in presets.offered(looked, film).items():
            st.button(
                say(f"compare.preset.{name}"),
                key=f"compare.preset.{name}",
                type="primary" if preset == comparison else "secondary",
                disabled=preset is None,
                help=no_film if name == "training" and film is None else None,
                on_click=_keep,
                args=(preset,),
            )
        choice.switch(say, "unit", UNITS, state.look().unit)
        parts.one_of(
            "compare.ink", INKS, say("compare.ink.label"), lambda ink: say(f"compare.ink.{ink}"),
            param="ink",
        )  # fmt: skip
    if film is None:
        st.caption(no_film)


def _film_of(say: Say, bundle: Bundle) -> tuple[Film | None, str]:
    """The film of a model's training; or none, and what is wrong with it."""
    try:
        return cache.film(bundle.name), ""
    except ModelError as error:
        return None, say.error(error)


# ── the tools of a panel ─────────────────────────────────────────────────────────────────────────


def _tools(say: Say, looked: Looked, comparison: Comparison, n: int, one: Drawn | Failed) -> None:
    """Attention, layer, head in a row; all else behind one button."""
    n_panels, name = len(comparison.panels), NAMES[n]
    with st.container(
        key=f"compare_tools_{n}", horizontal=True, vertical_alignment="center", gap="xsmall"
    ):
        st.markdown(f"**{name}**", width="content")
        if isinstance(one, Drawn):
            _where(say, n, one)
        with st.popover("", icon=":material/tune:", help=say("compare.settings"), width="content"):
            _settings(say, looked, n, one)
        st.button(
            "",
            key=_key(n, "duplicate"),
            icon=":material/content_copy:",
            help=say("compare.duplicate", name=name),
            disabled=n_panels == MOST_PANELS,
            on_click=_change,
            args=(lambda shown: shown.added(shown.panels[n], n + 1),),
        )
        st.button(
            "",
            key=_key(n, "remove"),
            icon=":material/close:",
            help=say("compare.remove", name=name),
            disabled=n_panels == 1,
            on_click=_change,
            args=(lambda shown: shown.without(n),),
        )
        if n == n_panels - 1 < MOST_PANELS - 1:
            st.button(
                "",
                key="compare.add",
                icon=":material/add:",
                help=say("compare.add"),
                on_click=_change,
                args=(lambda shown: shown.added(PanelChoice()),),
            )


def _where(say: Say, n: int, one: Drawn) -> None:
    _select(
        n, "kind", say("compare.kind"), list(KINDS), one.choice.kind,
        lambda kind: say(f"kind.{kind}"), width=118, disabled=one.step is not None,
    )  # fmt: skip
    _select(
        n, "layer", say("compare.layer"), list(range(one.has.n_layers)), one.layer,
        lambda layer: say("compare.layer_n", layer=layer + 1), width=108,
    )  # fmt: skip
    _select(
        n, "head", say("compare.head"), list(range(one.has.n_heads)), one.head,
        lambda head: say("compare.head_n", head=head + 1), width=108,
    )  # fmt: skip


def _select(
    n: int,
    name: str,
    label: str,
    options: list[Any],
    now: Any,
    written: Callable[[Any], str],
    *,
    width: int | Literal["stretch"] = "stretch",
    disabled: bool = False,
    hidden: bool = True,
    widget: str = "",
) -> None:
    key = _key(n, widget or name)
    state.follow(key, now)
    st.selectbox(
        label,
        options,
        format_func=written,
        key=key,
        disabled=disabled,
        label_visibility="collapsed" if hidden else "visible",
        on_change=_changed,
        args=(n, name, widget or name),
        width=width,
    )


def _settings(say: Say, looked: Looked, n: int, one: Drawn | Failed) -> None:
    """Model, moment, sentence and translation of a panel."""
    chosen = one.choice
    names = cache.checkpoints()
    if len(names) > 1 or chosen.model is not None:
        _select(
            n, "model", say("compare.model"), _with([None, *names], chosen.model), chosen.model,
            lambda name: name or say("compare.model_same", name=looked.bundle.name), hidden=False,
        )  # fmt: skip
    film = _moments(say, looked, n, one)
    if chosen.moment is not None and film is not None:
        texts = [shown.text for shown in film.sentences]
        text = text_of(looked, chosen)
        _select(
            n, "text", say("compare.text_film"), _with(texts, text), text, str,
            hidden=False, widget="filmed",
        )  # fmt: skip
        return
    _written(n, "text", say("compare.text"), chosen.text, looked.trace.source_text)
    if one.has is None:
        return
    learned = sentence.targets(one.has.bundle, text_of(looked, chosen))
    now = to_of(looked, one.has.bundle, chosen)
    _select(
        n, "to", say("compare.to"), list(learned), now,
        lambda lang: say(f"lang.{lang}"), hidden=False,
    )  # fmt: skip
    _written(n, "target", say("compare.target"), chosen.target, say("compare.target_same"))


def _with(options: list[Any], now: Any) -> list[Any]:
    """A link may ask for what is not offered: it is listed, too, so that the box shows it."""
    return options if now in options else [*options, now]


def _moments(say: Say, looked: Looked, n: int, one: Drawn | Failed) -> Film | None:
    """From before the training to the trained model; only the latter where there is no film."""
    bundle = one.has.bundle if one.has else looked.bundle
    film, damaged = _film_of(say, bundle)
    texts = [shown.text for shown in film.sentences] if film else []
    steps = [moment.step for moment in film.moments] if film else []
    now, key = one.choice.moment, _key(n, "moment")
    state.follow(key, now)
    st.selectbox(
        say("compare.moment"),
        _with([None, *reversed(steps)], now),
        format_func=lambda step: _moment(say, step),
        key=key,
        disabled=film is None and now is None,
        on_change=_moment_chosen,
        args=(n, texts, text_of(looked, one.choice)),
    )
    st.caption(say("compare.moment_only") if film else damaged or say("compare.no_film"))
    return film


def _moment(say: Say, step: int | None) -> str:
    if step is None:
        return say("compare.moment_end")
    return say("compare.moment_step", step=f"{step:,}") if step else say("compare.moment_start")


def _moment_chosen(n: int, texts: list[str], now: str) -> None:
    """An earlier moment shows the encoder reading a sentence of the film."""
    step = st.session_state[_key(n, "moment")]
    values: dict[str, Any] = {"moment": step}
    shown: Comparison = st.session_state[SHOWN]
    if step is not None and shown.panels[n].kind != "encoder":
        values["kind"] = "encoder"
    if step is not None and texts and now not in texts:
        values["text"] = texts[0]
    _set(n, **values)


def _written(n: int, name: str, label: str, now: str | None, placeholder: str) -> None:
    key = _key(n, name)
    state.follow(key, now or "")
    st.text_input(
        label,
        key=key,
        placeholder=placeholder,
        autocomplete="off",
        on_change=_changed,
        args=(n, name, name),
    )


def _reason(say: Say, one: Failed) -> str:
    why = one.why
    told = say.error(why) if isinstance(why, ModelError) else say(f"compare.{why}")
    return f"**{say('compare.unavailable')}** · {told}"


# ── the maps ─────────────────────────────────────────────────────────────────────────────────────


def _maps(drawn: list[Drawn], found: Compared | Unlike | None) -> dict[str, HeadMap]:
    """Every map on the page by name, as it is drawn: by tokens or by words."""
    merged = state.look().unit == "words"
    maps = {one.name: one.map.merged if merged else one.map for one in drawn}
    return maps | {DIFFERENCE: found.a} if isinstance(found, Compared) else maps


def _limit(drawn: list[Drawn], maps: Mapping[str, HeadMap]) -> float:
    """The weight with the full colour: 1, or the largest on screen, in whole per cent."""
    if st.session_state.get("compare.ink", INKS[0]) == "all" or not drawn:
        return 1.0
    return math.ceil(100 * max(float(maps[one.name].weights.max()) for one in drawn) - 1e-4) / 100


def _draw(say: Say, one: Drawn, scene: Scene) -> None:
    if one.moved:
        st.caption(f"🔗 {say('compare.clamped')}")
    shown = scene.maps[one.name]
    panel(
        shown.weights,
        shown.query.labels,
        shown.key.labels,
        place=Place(GROUP, one.name, scene.links(one.name)),
        title=_title(say, one),
        caption=f"{one.text} → {one.target}" if one.target else one.text,
        text=_panel_text(say),
        save=save_text(say),
        key=_panel_key(one.name),
        mask=None if shown.mask.all() else shown.mask,
        limit=scene.limit,
        exact=one.map.error == 0,
        start=scene.marks.get(one.name),
        on_pin=partial(_pinned, one.name),
    )


def _title(say: Say, one: Drawn) -> str:
    kind = say(f"kind.{one.choice.kind}")
    title = say(
        "compare.title_at", name=one.name, kind=kind, layer=one.layer + 1, head=one.head + 1
    )
    more = [one.choice.model] if one.choice.model else []
    more += [] if one.step is None else [say("compare.at_step", step=f"{one.step:,}")]
    return " · ".join([title, *more])


def _marks(looked: Looked, drawn: list[Drawn], maps: Mapping[str, HeadMap]) -> dict[str, Cell]:
    """What is marked before anyone points, by map: what the link says, else a row of the first."""
    asked = st.query_params.get(PIN)
    words = [maps[one.name].query.labels for one in drawn]
    before, counted = st.session_state.get(PIN_OF, (None, None))
    if asked is not None and asked == before and words != counted:
        asked = None  # other sentences: the row meant is not there any more
        del st.query_params[PIN]
    st.session_state[PIN_OF] = (asked, words)
    if asked == "none" or not drawn:
        return {}
    return _read_pin(asked, maps) or {
        drawn[0].name: (_start(looked, drawn[0], maps[drawn[0].name]), None)
    }


def _read_pin(asked: str | None, maps: Mapping[str, HeadMap]) -> dict[str, Cell]:
    """The map and its cell that a link names; empty where there are none."""
    name, *counts = (asked or "").split(",")
    if name not in maps or not all(one.isascii() and one.isdigit() for one in counts):
        return {}
    match [int(one) - 1 for one in counts]:
        case [row] if 0 <= row < len(maps[name].query.labels):
            return {name: (row, None)}
        case [row, key]:
            n_rows, n_keys = maps[name].weights.shape
            return {name: (row, key)} if 0 <= row < n_rows and 0 <= key < n_keys else {}
    return {}


def _pinned(name: str) -> None:
    """A cell or a row of a map was kept, or let go of: into the link."""
    cell = pinned(_panel_key(name))
    if cell is None:
        st.query_params[PIN] = "none"
        return
    counts = [str(index + 1) for index in cell if index is not None]
    st.query_params[PIN] = ",".join([name, *counts])


def _panel_key(name: str) -> str:
    return f"compare:panel:{name}"


def _start(looked: Looked, one: Drawn, shown: HeadMap) -> int:
    """The row that is marked first: what was chosen elsewhere, the pronoun, or a telling one."""
    look = state.look()
    if isinstance(look.query, int) and one.choice.kind == look.kind and one.choice.text is None:
        return min(look.query, len(shown.query.labels) - 1)
    if shown.query.pronoun is not None and one.choice.kind == "encoder":
        return shown.query.pieces[shown.query.pronoun][0]
    ordinary = [rows[0] for _, rows, span in shown.query.words if span is not None]
    row = telling_row(shown.weights, ordinary, of_itself=one.choice.kind != "cross")
    return row or 0


def _panel_text(say: Say) -> PanelText:
    return PanelText(**{field.name: say(f"panel.{field.name}") for field in fields(PanelText)})


# ── how alike ────────────────────────────────────────────────────────────────────────────────────


def _alike(
    say: Say,
    drawn: list[Drawn],
    pair: tuple[Drawn, Drawn] | None,
    found: Compared | Unlike | None,
    scene: Scene,
) -> None:
    """The numbers of every pair, and the difference of one."""
    st.markdown(f"#### {say('compare.alike.title')}")
    if pair is None or found is None:
        st.caption(say("compare.alike.one"))
        return
    picture, told = st.columns(2, gap="large")
    with told:
        table(_numbers(say, drawn))
        st.markdown(say("compare.alike.meaning"))
    with picture:
        _pair_pickers(say, drawn, pair)
        if isinstance(found, Unlike):
            first, second = pair
            st.info(say("compare.alike.none", first=first.name, second=second.name), icon="🧩")
        else:
            _difference(say, pair, found, scene)


def _numbers(say: Say, drawn: list[Drawn]) -> dict[str, list[str]]:
    """A row a pair: how alike, and how the two were laid over one another."""
    rows: list[tuple[str, str, str, str]] = []
    for n, first in enumerate(drawn):
        for second in drawn[n + 1 :]:
            found = _compared(first, second)
            pair = f"{first.name} – {second.name}"
            if isinstance(found, Unlike):
                rows.append((pair, "—", "—", _why(say, found)))
            else:
                cosine, js = (_about(say, v, found) for v in (found.mean_cosine, found.mean_js))
                rows.append((pair, cosine, js, say(f"compare.alike.{found.unit}")))
    names = [say(f"compare.alike.{name}") for name in ("pair", "cosine", "js", "by")]
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _why(say: Say, found: Unlike) -> str:
    first, second = found.counts
    sentence = f"compare.alike.{found.side}_{found.why}"
    return say(sentence, first=first, second=second) if found.why == "length" else say(sentence)


def _about(say: Say, value: float, found: Compared) -> str:
    """Four digits; two, and a sign, where a film's steps blur the rest."""
    return say("compare.alike.about", number=f"{value:.2f}") if found.error else number(value)


def _pair_pickers(say: Say, drawn: list[Drawn], pair: tuple[Drawn, Drawn]) -> None:
    names = [one.name for one in drawn]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for side, one in zip(("first", "second"), pair, strict=True):
            key = f"compare.pair.{side}"
            state.follow(key, one.name)
            st.selectbox(
                say(f"compare.difference.{side}"),
                names,
                key=key,
                on_change=_pair_chosen,
                args=(side, pair[0].name, pair[1].name),
                width=120,
            )


def _pair_chosen(side: str, first: str, second: str) -> None:
    """The two change places where one is chosen that the other side has."""
    name = st.session_state[f"compare.pair.{side}"]
    if side == "first":
        first, second = name, first if name == second else second
    else:
        first, second = second if name == first else first, name
    pair = NAMES.index(first), NAMES.index(second)
    _change(lambda shown: replace(shown, pair=pair))


def _difference(say: Say, pair: tuple[Drawn, Drawn], found: Compared, scene: Scene) -> None:
    first, second = (one.name for one in pair)
    panel(
        found.difference,
        found.queries,
        found.keys,
        place=Place(GROUP, DIFFERENCE, scene.links(DIFFERENCE)),
        title=say("compare.difference.title", first=first, second=second),
        caption=say(f"compare.alike.{found.unit}"),
        text=_panel_text(say),
        save=save_text(say),
        key=_panel_key(DIFFERENCE),
        mask=None if found.mask.all() else found.mask,
        signed=True,
        limit=scene.limit,
        exact=found.error == 0,
        start=scene.marks.get(DIFFERENCE),
        on_pin=partial(_pinned, DIFFERENCE),
    )
    points = f"{100 * scene.limit:.0f}"
    st.caption(say("compare.difference.what", first=first, second=second, points=points))
    bits = float(found.js[found.furthest])
    if bits == 0:
        st.markdown(say("compare.alike.equal"))
    else:
        query, written = found.queries[found.furthest], _about(say, bits, found)
        st.markdown(say.markdown("compare.alike.furthest", query=query, bits=written))
    if found.forced:
        st.caption(say("compare.alike.forced", count=found.forced))
    if found.error:
        st.caption(say("compare.alike.error", points=f"{100 * found.error:.1f}"))


if __name__ == "__main__":
    render()
