"""Epoch after epoch of batches; other processes can write the next ones meanwhile.

A GPU learns faster than one processor writes sentences: it would wait for them most of the time.
PyTorch's DataLoader carries epochs instead of batches here: it keeps their order, whoever writes
them, and its processes end with the one that reads them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from ..errors import ModelError
from .batches import Pair, TrainingSet
from .seen import Counts, SeenWords

_T = TypeVar("_T")


@dataclass(frozen=True)
class Epoch:
    """An epoch's batches, as many for each process, and how often words stand in them."""

    number: int
    batches: list[list[Pair]]
    seen: Counts


class _Epochs(Dataset[Epoch | ModelError]):
    """Every epoch by its number, or what is wrong with it: an error raised elsewhere arrives as
    another one."""

    def __init__(self, data: TrainingSet, seen: SeenWords, processes: int) -> None:
        self._data, self._seen, self._processes = data, seen, processes

    def __getitem__(self, number: int) -> Epoch | ModelError:
        try:
            batches = self._data.batches(number)
        except ModelError as error:
            return error
        if len(batches) < self._processes:
            return ModelError(
                "too_few_batches",
                f"{len(batches)} batches cannot be shared by {self._processes} processes; train "
                "with fewer, on more sentences, or in smaller batches",
                batches=len(batches),
                processes=self._processes,
            )
        whole = batches[: len(batches) // self._processes * self._processes]
        return Epoch(number, whole, self._seen.count(whole))


def epochs(
    data: TrainingSet, seen: SeenWords, first: int, processes: int, workers: int
) -> Iterator[Epoch]:
    """Epoch `first` and all that follow, the same ones for any number of `workers`.

    Args:
        processes: those that learn; each takes its share of every epoch's batches.
        workers: those that write epochs ahead; 0: each is written when its turn comes.

    Raises:
        ModelError: what `TrainingSet.batches` raises; `too_few_batches` where a process would get
            none.
    """
    written = _Epochs(data, seen, processes)
    following: DataLoader[Epoch | ModelError] = DataLoader(
        written,
        batch_size=None,
        sampler=itertools.count(first + 1),
        collate_fn=_unchanged,
        num_workers=workers,
        prefetch_factor=1 if workers else None,
        multiprocessing_context="spawn" if workers else None,
        generator=torch.Generator(),  # the seed that it draws is nobody's: dropout has its own
    )
    ahead = iter(following)
    # Written here, where an error is what it is; the others begin with the next one meanwhile.
    for epoch in itertools.chain([written[first]], ahead):
        if isinstance(epoch, ModelError):
            raise epoch
        yield epoch


def _unchanged(epoch: _T) -> _T:
    return epoch
