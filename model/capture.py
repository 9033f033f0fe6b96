"""Probes: named points of the forward pass, to be watched (`capture`) or changed (`intervene`).

A probe is an identity module; its name is its module path, `encoder.layers.0.self_attn.weights`.
Who watches is kept in a context variable, never on the shared model: two captures in two threads
do not see each other, and leaving the `with` block, by an exception too, leaves nothing behind.
The idea of identity modules as probes is TransformerLens's `HookPoint`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from typing import Protocol
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn

Change = Callable[[Tensor], Tensor]


class _Watcher(Protocol):
    def watches(self, probe: Probe) -> bool: ...

    def see(self, probe: Probe, value: Tensor) -> Tensor: ...


_watchers: ContextVar[tuple[_Watcher, ...]] = ContextVar("watchers", default=())

# What was asked of a model → its probes. Facts about its modules, nothing about who watches.
_selections: WeakKeyDictionary[nn.Module, dict[tuple[str, ...] | None, Mapping[Probe, str]]] = (
    WeakKeyDictionary()
)


class Probe(nn.Module):
    """Identity at which a value can be seen or replaced."""

    def forward(self, value: Tensor) -> Tensor:
        for watcher in _watchers.get():
            if watcher.watches(self):
                value = watcher.see(self, value)
        return value

    # Probes outnumber the layers that compute. They carry no module hooks, so that calling one
    # need not pay for nn.Module's hook machinery.
    __call__ = forward


def watched(probes: Iterable[Probe]) -> bool:
    """Whether anybody in this context watches or changes one of these probes."""
    watchers = _watchers.get()
    return bool(watchers) and any(w.watches(p) for w in watchers for p in probes)


def probe_names(model: nn.Module) -> list[str]:
    """Every point of the model that can be captured, in the order of its modules."""
    return list(_select(model, None).values())


@contextmanager
def capture(
    model: nn.Module, points: Iterable[str] | None = None
) -> Iterator[Mapping[str, Tensor]]:
    """Record what passes through the model's probes inside the `with` block, in this context only.

    Args:
        points: names or patterns (`"encoder.*.weights"`); None records every point.

    Yields:
        The values by name, filled as the model runs; a point that is passed twice keeps the last.

    Raises:
        ValueError: if a name or pattern fits no point of this model.
    """
    recorder = _Recorder(_select(model, points))
    with _watching(recorder):
        yield recorder.values


@contextmanager
def intervene(model: nn.Module, changes: Mapping[str, Change]) -> Iterator[None]:
    """Replace points' values inside the `with` block: "what would the model do if …".

    Args:
        changes: name or pattern → function from the value to its replacement, of the same shape.
            A capture opened inside the block sees the replacement, one around it the original.

    Raises:
        ValueError: if a name fits no point, or a replacement has another shape.
    """
    changer = _Changer(
        {probe: change for key, change in changes.items() for probe in _select(model, [key])}
    )
    with _watching(changer):
        yield


def silence_heads(*heads: int) -> Change:
    """For `weights`: these heads attend to nothing, so that their context is zero."""

    def change(weights: Float[Tensor, "B H T S"]) -> Float[Tensor, "B H T S"]:
        weights = weights.clone()
        weights[:, list(heads)] = 0
        return weights

    return change


def paste_pattern(head: int, pattern: Float[Tensor, "T S"]) -> Change:
    """For `weights`: this head attends as the pattern says."""

    def change(weights: Float[Tensor, "B H T S"]) -> Float[Tensor, "B H T S"]:
        weights = weights.clone()
        weights[:, head] = pattern.to(weights)
        return weights

    return change


def drop_scale(d_k: int) -> Change:
    """For `scaled`: undo the division by √d_k."""
    return lambda scaled: scaled * d_k**0.5


def lift_mask(mask: Tensor) -> Tensor:
    """For `mask`: everything may be attended to."""
    return torch.ones_like(mask)


class _Recorder:
    def __init__(self, names: Mapping[Probe, str]) -> None:
        self._names = names
        self.values: dict[str, Tensor] = {}

    def watches(self, probe: Probe) -> bool:
        return probe in self._names

    def see(self, probe: Probe, value: Tensor) -> Tensor:
        self.values[self._names[probe]] = value.detach()
        return value


class _Changer:
    def __init__(self, changes: Mapping[Probe, Change]) -> None:
        self._changes = changes

    def watches(self, probe: Probe) -> bool:
        return probe in self._changes

    def see(self, probe: Probe, value: Tensor) -> Tensor:
        changed = self._changes[probe](value)
        if changed.shape != value.shape:
            raise ValueError(
                f"a replacement must keep the shape {tuple(value.shape)}, "
                f"got {tuple(changed.shape)}"
            )
        return changed


@contextmanager
def _watching(watcher: _Watcher) -> Iterator[None]:
    token = _watchers.set((*_watchers.get(), watcher))
    try:
        yield
    finally:
        _watchers.reset(token)


def _select(model: nn.Module, points: Iterable[str] | None) -> Mapping[Probe, str]:
    """The probes meant and their names; found once a model, as it costs a fifth of a short pass."""
    wanted = None if points is None else tuple(points)
    selections = _selections.setdefault(model, {})
    if wanted not in selections:
        selections[wanted] = _find(model, wanted)
    return selections[wanted]


def _find(model: nn.Module, points: tuple[str, ...] | None) -> Mapping[Probe, str]:
    probes = {module: name for name, module in model.named_modules() if isinstance(module, Probe)}
    if points is None:
        return probes
    selected: dict[Probe, str] = {}
    for pattern in points:
        found = {probe: name for probe, name in probes.items() if fnmatchcase(name, pattern)}
        if not found:
            raise ValueError(f"no point of this model is called {pattern!r}; see probe_names()")
        selected |= found
    return selected
