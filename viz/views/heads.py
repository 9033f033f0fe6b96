"""All heads at a glance: a small map for each, sorted and filtered by what it does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import streamlit as st

from model.analysis.roles import HABITS, ROLES, Measure, Measured, leaning_of, role_of
from model.analysis.similarity import least_like
from model.analysis.words import AttentionMap, attention_map, sharpest_head
from viz import cache, choice, sentence, state, takehome
from viz.compare.choice import CHOSEN, Comparison, PanelChoice
from viz.components.model_view import SCALES, Chosen, Maps, Scale, Tile, model_view, selected
from viz.components.save import save_text
from viz.i18n import Say
from viz.measures import written
from viz.sentence import Looked
from viz.state import KINDS, UNITS, Kind
from viz.window import WHOLE

MODEL_VIEW = "heads:model_view"
_OF_VIEW = "heads.view."
MEASURES = ("none", *HABITS, *ROLES)
ORDERS = ("place", "high", "low")


def render() -> None:
    """The page: a sentence, all heads, and a few words about the one that is chosen."""
    say = state.say()
    looked = sentence.opening(say, "heads")
    if looked is not None:
        choice.link_notice(say, looked)
        _page(say, looked)


@st.fragment
def _page(say: Say, looked: Looked) -> None:
    with st.container(key="switches", horizontal=True, vertical_alignment="bottom", gap="small"):
        kinds = _kinds(say)
        choice.switch(say, "unit", UNITS, state.look().unit)
        measured = {kind: _measured(looked, kind) for kind in kinds}
        measure = _pick(say, "measure", MEASURES, 168)
        order = _pick(say, "order", ORDERS, 150, enabled=measure != "none")
        role = _pick(say, "role", ("any", *ROLES), 190, counts=_counts(measured))
        scale = _pick(say, "ink", SCALES, 150)
    merged = state.look().unit == "words"
    shown = {kind: attention_map(looked.trace, kind, merged=merged) for kind in kinds}
    chosen = _chosen(looked, shown[state.look().kind])
    model_view(
        {
            kind: _maps(say, kind, shown[kind], _tiles(say, measured[kind], measure, order, role))
            for kind in kinds
        },
        chosen=chosen,
        scale=_scale(scale),
        text=_text(say, looked, measure),
        save=save_text(say),
        key=MODEL_VIEW,
        on_change=_selected,
    )
    if scale == "all" and max(max(one.mask.shape) for one in shown.values()) > WHOLE:
        st.caption(say("heads.pale", head=say("heads.ink.head"), row=say("heads.ink.row")))
    if merged:
        st.caption(f"{say('unit.merged')} {say('heads.on_tokens')}")
    _says(say, chosen, measured[state.look().kind])
    _doors(say, looked, chosen)
    sentence.write_link(looked)
    takehome.offer(say, looked, state.look().kind, chosen.layer, chosen.head)


# ── what is chosen ───────────────────────────────────────────────────────────────────────────────


def _kinds(say: Say) -> tuple[Kind, ...]:
    """One kind of attention, the one that every page shares, or all three at once."""
    show = "all" if st.session_state.get("heads:all") else ""
    everything = st.session_state["heads:all"] = state.from_link("show", show, "") == "all"
    state.follow("heads.kind", "all" if everything else state.look().kind)
    st.segmented_control(
        say("kind.label"),
        (*KINDS, "all"),
        format_func=lambda kind: say("heads.all_kinds" if kind == "all" else f"kind.{kind}"),
        key="heads.kind",
        required=True,
        help=say("kind.help"),
        on_change=_kind_chosen,
    )
    state.into_link("show", "all" if everything else "", "")
    return KINDS if everything else (state.look().kind,)


def _kind_chosen() -> None:
    kind = st.session_state["heads.kind"]
    st.session_state["heads:all"] = kind == "all"
    if kind not in ("all", state.look().kind):  # another kind has other heads and other rows
        state.rows_anew(kind=kind, layer=None, head=None)


def _pick(
    say: Say,
    name: str,
    options: Sequence[str],
    width: int,
    *,
    enabled: bool = True,
    counts: Mapping[str, int] | None = None,
) -> str:
    """One of the page's own settings; a link that the page did not write itself wins.

    Args:
        counts: how many heads each option has, said behind its name.
    """
    key = f"heads.{name}"
    state.follow_link(key, name, options)
    chosen: str = st.selectbox(
        say(f"heads.{name}.label"),
        options,
        format_func=lambda option: _option(say, name, option, counts),
        key=key,
        help=say(f"heads.{name}.help"),
        disabled=not enabled,
        width=width,
        persist_state="session",
    )
    state.into_link(name, chosen, options[0])
    return chosen if enabled else options[0]


def _option(say: Say, name: str, option: str, counts: Mapping[str, int] | None) -> str:
    if option in ROLES or option in HABITS:
        words = say(f"heads.of.{option}")
    else:
        words = say(f"heads.{name}.{option}")
    return words if counts is None or option not in counts else f"{words} ({counts[option]})"


def _scale(written: str) -> Scale:
    return next(scale for scale in SCALES if scale == written)


def _chosen(looked: Looked, shown: AttentionMap) -> Chosen:
    """The head that every page shares; of a whole layer its most decided one."""
    pin = choice.pin(looked, shown)
    head = sharpest_head(shown.attention[[pin.layer]])[1] if pin.head is None else pin.head
    return Chosen(state.look().kind, pin.layer, head, pin.query)


def _selected() -> None:
    chosen = selected(MODEL_VIEW)
    if chosen is not None:
        change = state.change if chosen.kind == state.look().kind else state.rows_anew
        change(**asdict(chosen))


# ── the maps ─────────────────────────────────────────────────────────────────────────────────────


def _measured(looked: Looked, kind: Kind) -> Measured:
    bundle, trace = looked.bundle, looked.trace
    return cache.head_measures(
        bundle.name, bundle.version, trace.source_text, looked.look.target, looked.to, kind
    )


def _counts(measured: Mapping[Kind, Measured]) -> dict[str, int]:
    named = [role for one in measured.values() for layer in one.roles() for role in layer]
    return {role: named.count(role) for role in ROLES} | {"any": len(named)}


def _maps(say: Say, kind: Kind, shown: AttentionMap, tiles: Sequence[Tile]) -> Maps:
    n_layers, n_heads = shown.attention.shape[:2]
    places = [(layer, head) for layer in range(n_layers) for head in range(n_heads)]
    return Maps(
        name=say(f"kind.{kind}"),
        attention=shown.attention,
        mask=shown.mask,
        queries=shown.queries,
        keys=shown.keys,
        tiles=tiles,
        grid=[(tile.layer, tile.head) for tile in tiles] == places,
    )


def _tiles(say: Say, measured: Measured, measure: str, order: str, role: str) -> list[Tile]:
    """The thumbnails in their order: in its place a head of another role is pale, else left out."""
    roles = measured.roles()
    shown = next((name for name in measured.scores if name == measure), None)
    found = []
    for layer, of_layer in enumerate(roles):
        for head, named in enumerate(of_layer):
            score = math.nan if shown is None else float(measured.scores[shown][layer, head])
            value = "—" if shown is None else written(say, shown, score)
            value = "" if measure == "none" else value
            found.append((score, Tile(layer, head, value, pale=role not in ("any", named))))
    if order == "place":
        return [tile for _, tile in found]
    sign = -1 if order == "high" else 1
    kept = [(score, tile) for score, tile in found if not tile.pale]
    kept.sort(key=lambda pair: (math.isnan(pair[0]), 0 if math.isnan(pair[0]) else sign * pair[0]))
    return [tile for _, tile in kept]


def _text(say: Say, looked: Looked, measure: str) -> dict[str, str]:
    """Every word of the view."""
    words = {
        name.removeprefix(_OF_VIEW): sentence
        for name, sentence in say.sentences.items()
        if name.startswith(_OF_VIEW)
    }
    value = "" if measure == "none" else say(f"heads.of.{measure}")
    return words | {"value": value, "sentence": looked.trace.source_text}


# ── the chosen head in words ─────────────────────────────────────────────────────────────────────


def _says(say: Say, chosen: Chosen, measured: Measured) -> None:
    """Where it looks on average, in this sentence."""
    where = say("line.where", layer=chosen.layer + 1, head=chosen.head + 1)
    st.markdown(f"##### {say(f'kind.{chosen.kind}')} · {where}")
    score = {name: float(of[chosen.layer, chosen.head]) for name, of in measured.scores.items()}
    sentences = [_role(say, chosen, measured, score)]
    if not math.isnan(score["entropy"]):
        said = {name: written(say, name, value) for name, value in score.items()}
        flat = written(say, "entropy", measured.uniform["entropy"])
        sentences.append(
            say("heads.says.spread", uniform=flat, **_of(said, "confidence", "entropy"))
        )
        habit: Measure = "monotone" if chosen.kind == "cross" else "distance"
        if not math.isnan(score[habit]):
            sentences.append(say(f"heads.says.{habit}", **_of(said, habit)))
    st.markdown(" ".join(sentences), width="stretch")


def _role(say: Say, chosen: Chosen, measured: Measured, score: Mapping[Measure, float]) -> str:
    role = role_of(measured, chosen.layer, chosen.head)
    leaning = leaning_of(measured, chosen.layer, chosen.head)
    found = role or leaning
    if found is None:
        return say("heads.says.no_role")
    sentence = "position" if found == "position" else "role" if role else "leaning"
    return say.markdown(
        f"heads.says.{sentence}",
        role=say(f"heads.of.{found}"),
        share=say.percent(score[found]),
        uniform=say.percent(measured.uniform[found]),
    )


def _of(said: Mapping[Measure, str], *names: Measure) -> dict[str, str]:
    return {name: said[name] for name in names}


def _doors(say: Say, looked: Looked, chosen: Chosen) -> None:
    """The same head on the other pages."""
    with st.container(key="heads-doors", horizontal=True, gap="small"):
        for page, icon in {"look": "👀", "attention": "🧮", "compare": "⚖️"}.items():
            if st.button(say(f"heads.open.{page}"), key=f"heads.open.{page}", icon=icon):
                state.change(kind=chosen.kind, layer=chosen.layer, head=chosen.head)
                state.write_link()
                if page == "compare":
                    st.session_state[CHOSEN] = _beside_another(looked, chosen)
                st.switch_page(f"viz/views/{page}.py")


def _beside_another(looked: Looked, chosen: Chosen) -> Comparison:
    """The chosen head and the one of its layer that is least like it."""
    kind = state.look().kind
    other = least_like(looked.trace.attention(kind)[chosen.layer], chosen.head)
    heads = (chosen.head, other)
    return Comparison(tuple(PanelChoice(kind=kind, layer=chosen.layer, head=n) for n in heads))


if __name__ == "__main__":
    render()
