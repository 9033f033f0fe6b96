"""Checkpoints of one training, averaged weight by weight: what comes out is often better than each.

The paper does so with its last ones (Vaswani et al. 2017, §6.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..checkpoint import FILM, AnyBundle, load_any, save, transformer_of, write_atomically
from ..errors import ModelError
from .film import Film, with_last_moment_of

_STILL_TRUE = ("training", "seen", "ablation", "seeds", "trials_of")  # all else is to be measured


def average(paths: Sequence[str | Path], shares: Sequence[float], out: str | Path) -> None:
    """θ = Σᵢ sᵢ θᵢ / Σᵢ sᵢ, saved under `out` with the last one's story; nothing measured.

    The last moment of its film is shot anew.

    Args:
        paths: checkpoints of one training, the last one last.
        shares: how much each of them counts.

    Raises:
        ModelError: `config_invalid` where there is not one share above 0 for each, where their
            sizes or vocabularies differ, or where a later one took fewer steps; what `load_any`
            raises.
    """
    if len(shares) != len(paths) or not all(0 < share < math.inf for share in shares):
        raise _invalid("shares", list(shares), f"{len(paths)} numbers above 0")
    bundles = [load_any(path, device="cpu") for path in paths]
    *_, last = bundles
    for path, bundle in zip(paths, bundles, strict=True):
        same = bundle.tokenizer.model_proto == last.tokenizer.model_proto
        sizes = replace(bundle.config, dropout=last.config.dropout)  # which may change on the way
        if sizes != last.config or not same:
            raise _invalid("checkpoints", str(path), f"of the sizes and vocabulary of {paths[-1]}")
    steps = [_training(bundle).get("steps", 0) for bundle in bundles]
    if steps != sorted(steps):
        raise _invalid("checkpoints", steps, "in the order of their steps, the last one last")
    weights = [bundle.model.state_dict() for bundle in bundles]
    total = sum(shares)
    last.model.load_state_dict(
        {
            # Rounded as they are stored: the film's last moment is shot with them.
            name: sum(
                share / total * each[name] for share, each in zip(shares, weights, strict=True)
            )
            .half()
            .float()
            for name in weights[-1]
        }
    )
    metrics = {name: last.metrics[name] for name in _STILL_TRUE if name in last.metrics}
    metrics["training"] = _training(last) | {"averaged": _of(bundles, shares)}
    Path(out).mkdir(parents=True, exist_ok=True)
    if (film := Path(paths[-1]) / FILM).is_file():
        ending = with_last_moment_of(Film.load(film), transformer_of(last))
        write_atomically(Path(out) / FILM, ending.to_bytes())
    save(out, last.model, last.tokenizer, metrics, card="", half=True)


def _of(bundles: Sequence[AnyBundle], shares: Sequence[float]) -> list[dict[str, float]]:
    return [
        {"step": _training(bundle).get("steps", 0), "share": share / sum(shares)}
        for bundle, share in zip(bundles, shares, strict=True)
    ]


def _training(bundle: AnyBundle) -> dict[str, Any]:
    return bundle.metrics.get("training", {})


def _invalid(setting: str, value: object, rule: str) -> ModelError:
    return ModelError(
        "config_invalid",
        f"{setting} is {value!r}, but must be {rule}",
        setting=setting,
        value=value,
        rule=rule,
    )
