"""The paper's Table 2: how good the translations were, and what the training cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import streamlit as st

from viz import picture
from viz.charts.quality_cost import KINDS, Side, System, quality_over_cost
from viz.history.cost import paper
from viz.i18n import Say

Pair = Literal["de", "fr"]
PAIRS: tuple[Pair, ...] = get_args(Pair)
FLOPS = (1e18, 4e21)
BLEU: dict[Pair, tuple[float, float]] = {"de": (24, 29), "fr": (37.5, 42.5)}
"""Both axes span five points: a step up is as large in one picture as in the other."""

# Names that would run into another point or out of a phone's picture, and where there is room.
SIDES: dict[Pair, dict[str, Side]] = {
    "de": {"GNMT + RL Ensemble": "bottom center", "GNMT + RL": "bottom center"},
    "fr": {
        "Deep-Att + PosUnk": "bottom center",
        "GNMT + RL": "bottom center",
        "ConvS2S": "top right",
        "MoE": "middle left",
        "Deep-Att + PosUnk Ensemble": "bottom left",
        "GNMT + RL Ensemble": "middle left",
        "ConvS2S Ensemble": "top left",
    },
}


def render(say: Say) -> None:
    """Both translations as pictures, the table, and how the cost was reckoned."""
    for pair, column in zip(PAIRS, st.columns(2, gap="large"), strict=True):
        with column:
            _picture(say, pair)
    st.markdown(say("history.paper.reads", **_compared()))
    _table(say)
    st.caption(say("history.paper.source", source=paper()["source"]))
    st.markdown(say("history.paper.bleu"))
    _reckoned(say)
    st.markdown(say("history.paper.estimated"))
    st.markdown(say("history.paper.versions"))


def training_flops(hours: float, gpus: int, tflops: float) -> float:
    """Training time × GPUs × sustained TFLOPS of one, as the paper estimates it (§6.1)."""
    return hours * 3600 * gpus * tflops * 1e12


def _picture(say: Say, pair: Pair) -> None:
    st.markdown(f"**{say(f'history.paper.{pair}')}**")
    shown = [row for row in paper()["systems"] if pair in row["bleu"] and pair in row["flops"]]
    systems = [
        System(
            row["name"],
            float(row["bleu"][pair]),
            float(row["flops"][pair]),
            _power(row["flops"][pair]),
            row["kind"],
            SIDES[pair].get(row["name"], "top center"),
        )
        for row in shown
    ]
    figure = quality_over_cost(
        systems,
        flops=(say("history.paper.flops"), FLOPS),
        bleu=(say("history.paper.points"), BLEU[pair]),
        kinds={kind: say(f"history.paper.kind.{kind}") for kind in KINDS},
    )
    told = "; ".join(f"{one.name}: BLEU {one.bleu}, {one.written} FLOPs" for one in systems)
    picture.show(figure, key=f"history:paper:{pair}", alt=told)


def _compared() -> dict[str, str]:
    """The big Transformer beside the best ensemble before it, English to German."""
    rows = {row["name"]: row for row in paper()["systems"]}
    big, best = rows["Transformer (big)"], rows["ConvS2S Ensemble"]
    gain = float(big["bleu"]["de"]) - float(best["bleu"]["de"])
    share = float(best["flops"]["de"]) / float(big["flops"]["de"])
    return {"name": best["name"], "gain": f"{gain:.1f}", "times": f"{share:.1f}"}


def _table(say: Say) -> None:
    """As the paper prints it; what it leaves empty stays empty."""
    systems = paper()["systems"]
    columns = {say("history.paper.system"): [row["name"] for row in systems]}
    for name, write in (("bleu", str), ("flops", _formula)):
        for pair in PAIRS:
            title = say(f"history.paper.{name}_of", pair=f"EN-{pair.upper()}")
            columns[title] = [_cell(row[name], pair, write) for row in systems]
    st.table(columns)


def _cell(values: Mapping[str, str], pair: str, write: Callable[[str], str]) -> str:
    return write(values[pair]) if pair in values else "—"


def _reckoned(say: Say) -> None:
    """The two costs of the Transformer again, from hours and GPUs."""
    rows = {row["name"]: row for row in paper()["systems"]}
    for one in paper()["trainings"]:
        flops = training_flops(one["hours"], one["gpus"], one["tflops"])
        printed = _formula(rows[one["name"]]["flops"]["de"])
        st.markdown(
            say("history.paper.reckoned", found=_formula(f"{flops:.2e}"), printed=printed, **one)
        )


def _power(written: str) -> str:
    """
    >>> _power("3.3e18"), _power("3.28e+18")
    ('3.3 · 10¹⁸', '3.28 · 10¹⁸')
    """
    digits, exponent = written.split("e")
    raised = str(int(exponent)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits} · 10{raised}"


def _formula(written: str) -> str:
    r"""
    >>> _formula("3.28e+18")
    '$3.28 \\cdot 10^{18}$'
    """
    digits, exponent = written.split("e")
    return rf"${digits} \cdot 10^{{{int(exponent)}}}$"
