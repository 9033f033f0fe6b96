"""Nouns, adjectives and given names of the corpus, read from tab-separated files in ``data/``.

``nouns.tsv``       id, en, en_plural, ko, fr, fr_gender, fr_plural, features
    ``fr_gender`` is m or f, or mf for a person of either gender: ``fr`` is then
    *étudiant/étudiante*, or one form that serves both (*dentiste*). A mass noun (feature
    ``mass``) has no plurals.
``adjectives.tsv``  id, en, ko (dictionary form), fr_m, fr_f, needs, opposite
    ``needs`` says what the adjective can be said of: features separated by spaces (all of them,
    ``!x`` for not), alternatives separated by ``|``. ``opposite`` is another adjective's id.
``names.tsv``       en, ko, fr, gender

Features say what a thing is (*person, animal, place, container, vehicle, tool, fruit* …), what
can be done with it (*holdable, throwable, openable, washable, readable, edible, portable* …) and
how it is or may be:

    size_small, size_medium, size_big   typical size: fits a hand, fits two arms, is bigger
    path        can be crossed, is wide or narrow; ``ground`` can be slippery, ``traffic`` busy,
                ``waterway`` deep, ``slope`` steep
    container   can be full or empty; ``holds_liquid`` takes water, ``pourer`` is poured from
    blade       can be sharp or blunt; ``fragile`` breaks, ``bouncy`` bounces, ``noisy`` is heard
    entertaining, task                  can be interesting or boring, easy or difficult
    male, female                        persons of one gender only
    pair                                one of two (shoe): seldom bought alone
    name                                a person called by name: no article, one of a kind
    mass, plural_only, h_aspire         what the grammar needs to know (le hibou, le yaourt)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

DATA = Path(__file__).parent / "data"

# A feature that follows from another.
IMPLIED = {"person": "animate", "animal": "animate"}

_FEATURES = """
    person profession child family male female animal animate pet farm wild bird fish insect aquatic
    place building room path ground traffic waterway slope outdoor dark_place barrier
    container holds_liquid pourer luggage vehicle big_vehicle transit furniture seat surface
    tool blade electronic machine instrument toy ball clothing pair fabric readable material plant
    tree edible fruit vegetable meal ingredient drink liquid body weather celestial time
    abstract crowd
    holdable throwable openable washable pourable portable heatable paintable
    size_small size_medium size_big heavy light hard soft fragile bouncy noisy tall long strong
    warm sweet bitter salty perishable entertaining task name mass plural_only h_aspire
"""
FEATURES = frozenset(_FEATURES.split())

Needs = tuple[tuple[str, ...], ...]


class LexiconError(ValueError):
    """A data file that cannot be read; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Noun:
    """A thing, a person, a place … with its word in each language."""

    id: str
    en: str
    en_plural: str
    ko: str
    fr: str
    fr_gender: Literal["m", "f", "mf"]
    fr_plural: str
    features: frozenset[str]


@dataclass(frozen=True, slots=True)
class Adjective:
    """What can be said of a noun that has (``!x``: lacks) all features of one of the `needs`."""

    id: str
    en: str
    ko: str
    fr_m: str
    fr_f: str
    needs: Needs
    opposite: str | None


@dataclass(frozen=True, slots=True)
class Name:
    """A given name as each language writes it."""

    en: str
    ko: str
    fr: str
    gender: Literal["m", "f"]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything sentences are made of."""

    nouns: tuple[Noun, ...]
    adjectives: tuple[Adjective, ...]
    names: tuple[Name, ...]

    def nouns_with(self, *features: str) -> tuple[Noun, ...]:
        """The nouns that have every one of `features`."""
        return tuple(noun for noun in self.nouns if noun.features.issuperset(features))


def as_noun(name: Name) -> Noun:
    """A person called by name, where a noun may stand."""
    features = {"person", "animate", "name", "male" if name.gender == "m" else "female"}
    features |= {"h_aspire"} if name.fr.startswith("H") else set()
    return Noun(
        f"name:{name.en}", name.en, "", name.ko, name.fr, name.gender, "", frozenset(features)
    )


def parse_needs(text: str) -> Needs:
    """``"path ground|vehicle !light"`` → (("path", "ground"), ("vehicle", "!light"))."""
    return tuple(tuple(alternative.split()) for alternative in text.split("|"))


@cache
def load_lexicon(folder: Path = DATA) -> Lexicon:
    """Reads the three files in `folder`; raises LexiconError."""
    return Lexicon(
        nouns=tuple(map(_noun, _rows(folder / "nouns.tsv"))),
        adjectives=tuple(map(_adjective, _rows(folder / "adjectives.tsv"))),
        names=tuple(map(_name, _rows(folder / "names.tsv"))),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a file: its cells by column, and where it stands."""

    cells: dict[str, str]
    where: str

    def __getitem__(self, column: str) -> str:
        if column not in self.cells:
            raise LexiconError(f"{self.where}: there is no column {column!r}")
        return self.cells[column]

    def text(self, column: str) -> str:
        """A cell that must not be empty."""
        if not self[column]:
            raise LexiconError(f"{self.where}: {column!r} is empty")
        return self[column]

    def one_of(self, column: str, *allowed: str) -> str:
        if self[column] not in allowed:
            raise LexiconError(
                f"{self.where}: {column!r} is {self[column]!r}, not {'|'.join(allowed)}"
            )
        return self[column]

    def known(self, features: Iterable[str]) -> None:
        """Raises LexiconError for a feature that does not exist."""
        for feature in features:
            if feature not in FEATURES:
                raise LexiconError(f"{self.where}: no feature is called {feature!r}")


def _rows(path: Path) -> Iterator[_Row]:
    lines = path.read_text(encoding="utf-8").splitlines()
    columns = lines[0].split("\t")
    for number, line in enumerate(lines[1:], start=2):
        where = f"{path.name}, line {number}"
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise LexiconError(f"{where}: {len(cells)} cells for {len(columns)} columns")
        yield _Row(dict(zip(columns, cells, strict=True)), where)


def _noun(row: _Row) -> Noun:
    features = frozenset(row.text("features").split(","))
    row.known(features)
    countable = "mass" not in features
    return Noun(
        id=row.text("id"),
        en=row.text("en"),
        en_plural=row.text("en_plural") if countable else "",
        ko=row.text("ko"),
        fr=row.text("fr"),
        fr_gender=cast(Literal["m", "f", "mf"], row.one_of("fr_gender", "m", "f", "mf")),
        fr_plural=row.text("fr_plural") if countable else "",
        features=features | {IMPLIED[name] for name in features & IMPLIED.keys()},
    )


def _adjective(row: _Row) -> Adjective:
    needs = parse_needs(row.text("needs"))
    for alternative in needs:
        row.known(need.removeprefix("!") for need in alternative)
    return Adjective(
        id=row.text("id"),
        en=row.text("en"),
        ko=row.text("ko"),
        fr_m=row.text("fr_m"),
        fr_f=row.text("fr_f"),
        needs=needs,
        opposite=row["opposite"] or None,
    )


def _name(row: _Row) -> Name:
    return Name(
        en=row.text("en"),
        ko=row.text("ko"),
        fr=row.text("fr"),
        gender=cast(Literal["m", "f"], row.one_of("gender", "m", "f")),
    )
