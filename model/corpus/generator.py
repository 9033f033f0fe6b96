"""Aligned English / Korean / French sentences, every pronoun labelled with its antecedent.

A template is one JSON object in ``data/templates/{pronoun,plain}_*.json`` (a list per file)::

    {
      "id": "cross_because",
      "slots": {"x": "animal", "y": "path"},
      "flip":  {"x": "weary", "y": "hard_to_cross"},
      "en": "{x} did not cross {y} because {it} {was/were} too {w}.",
      "ko": "[그 ]{x은} {y을} 건너지 않았다. 왜냐하면 {it은} 너무 {w:었기} 때문이다.",
      "fr": "{x} {n'a/n'ont:x} pas traversé {y} parce que {il} {était/étaient} trop {w}."
    }

and its twins are *… because it was too tired* (x) and *… because it was too wide* (y). A plain
template has no ``flip``; it may have ``"adj": {"w": "x"}``: ``{w}`` is then any adjective that
describes the noun in slot x (``"x:group"``: one of that group of ``predicates.json``).

Keys
    slots     one letter -> what the noun must be, as in `model.corpus.lexicon`: features separated
              by spaces (all of them), ``!a`` not, alternatives separated by ``|``, ``#id`` exactly
              this noun, ``@kind`` a kind of ``kinds.json``. Mass nouns fill a slot only if it says
              mass, liquid, drink, pourable, ingredient, material, weather, or names a noun.
    number    ``"sg"`` (default), ``"pl"``, ``"both"``: of all slots; plural makes *they* of {it}.
    single    slots that stay singular (``"single": "z"``); ``plural``: slots always plural.
    a         slots with *a* / *un* instead of *the* / *le*; ``"the/a": "xy"``: either.
    size      ``"x<y"`` or ``"x~y"`` (at most one step apart): typical sizes of two slots.
    flip      what makes the pronoun mean x, and what makes it mean y: a group of
              ``predicates.json`` or a list of predicates (an adjective's id, or an object with en,
              fr, ko, needs). Drawn so that it describes the antecedent and not the other noun.
    frame     true: the frame decides (*does not fit into*), so it may describe both nouns.
    alike     true: the two nouns are things of one kind (two vehicles, two pieces of clothing).
    words     aligned words that are no nouns (``"words": {"t": "past"}``, written {t}): a group of
              ``words.json`` or a list of objects with en, ko, fr.
    refers    the slot that {it} stands for in a plain template.
    who       ``"I"`` or ``"name"``: {S} is *I*, or a name; otherwise anybody.
    gender    persons: {it} is *he* or *she*, and all persons have that gender in French. Where a
              slot takes any ``person`` or ``@anyone``, it may be somebody called by name.
    held_out  never in the training split.

All languages
    [word ]   there or not; (a|b|c) one of these; drawn once for both twins
    {s/p}     s with a singular antecedent, p with a plural one; {s/p:x} after slot x
    {x}       the noun in slot x with its article (en, fr); {-x} without
    {w}       the predicate that flips (or the adjective of a plain template)
    {S}       somebody who acts: she, he, I, we, Mina …; {S2} the same once more, as a pronoun;
              {a/b/c:S} forms after I / she, he, Mina / we, as in {ai/a/avons:S}
    Capitals at the beginning of a sentence come by themselves.
English
    Write *did not*, *could not*: the generator contracts some. {it} {its} {itself} {him} (it, them,
    him, her as an object) {it's}: the labelled pronoun.
French
    Articles, elision and contractions come by themselves: ``à {x}``, ``de {x}``, ``que {il}``.
    {il} {le} {lui}: the labelled pronoun as subject, object (before a verb), indirect object;
    {son} {sa} {ses}: as a possessive.
    {e} agrees with the antecedent (``tombé{e}``), {e:x} with slot x; {ms/fs/mp/fp:x} four forms.
Korean
    {x은} noun and particle, the right form comes by itself. {it은} {it이} {it을}: the labelled
    pronoun (그것, 그, 그녀 …; sometimes 그건, 그게, 그걸). {w:었기} the predicate's stem with an
    ending, written as after 먹-: 었다 었기 어서 으면 을 고 지만. Sentences end in -다; polite,
    formal and casual styles are made from it. ``물·을``: · marks a morpheme boundary.

``predicates.json``: group -> list of adjective ids or objects such as ``{"en": "broke", "fr":
"{s'est/se sont} cassé{e}", "ko": "깨지다", "needs": "fragile"}``. An adjective is written without
its copula (*was*, *était*), which stands in the template.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Literal

from model.corpus.lexicon import Needs, Noun, as_noun, load_lexicon, parse_needs
from model.corpus.morphology import Gender, Number, Style, french_agree
from model.corpus.splits import Split, noun_is_held_out, pair_is_held_out
from model.corpus.writing import (
    LANGS,
    PRONOUN_SUBJECTS,
    Lang,
    Node,
    Op,
    Predicate,
    Reference,
    Scene,
    Sentence,
    Span,
    Subject,
    TemplateError,
    choose,
    parse,
    subject_of,
    write,
)
from model.errors import ModelError

__all__ = [
    "Example",
    "Item",
    "Lang",
    "Reference",
    "Sentence",
    "Span",
    "families",
    "generate",
    "templates",
]


@dataclass(frozen=True, slots=True)
class Example:
    """One meaning in three languages. `variant` tells twins apart: 0 and 1."""

    template: str
    nouns: tuple[str, ...]
    variant: int
    sentences: Mapping[Lang, Sentence]


@dataclass(frozen=True, slots=True)
class Item:
    """Minimal twins (two examples: same nouns and wording, other antecedent) or a plain example."""

    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Met:
    """The templates and nouns that a training met in twins, by id.

    The corpus grows, and a checkpoint is as old as its training: what was added later is new to it.
    """

    templates: frozenset[str]
    nouns: frozenset[str]


@cache
def met_in_training(families: tuple[str, ...] = ()) -> Met:
    """What a training that starts today meets: all that is not held out.

    Args:
        families: of templates, if it is to have these alone.
    """
    nouns = (noun.id for noun in (*load_lexicon().nouns, *_named()))
    return Met(
        frozenset(
            t.id
            for t in templates().values()
            if t.flip and not t.held_out and (not families or t.family in families)
        ),
        frozenset(noun for noun in nouns if not noun_is_held_out(noun)),
    )


def generate(
    n: int,
    *,
    seed: int,
    split: Split = "train",
    pronoun_share: float = 0.7,
    met: Met | None = None,
    families: tuple[str, ...] = (),
) -> Iterator[Item]:
    """`n` items, always the same for the same arguments.

    ``train`` holds no held-out noun pair and no held-out template, and held-out nouns only in
    plain sentences. ``pairs`` and ``nouns`` put held-out noun pairs, or a held-out noun as one of
    the two rivals at least, into the training split's templates; ``templates`` uses held-out
    templates. These three give twins only, and held-out nouns stand in twins of ``nouns`` alone.
    `pronoun_share` is the share of twins in ``train``. Held out is what is not in `met`, which is
    `met_in_training(families)` where it is not given; plain templates are of `families`, too.

    Raises:
        ModelError: what `check_families` raises.
    """
    rng, met = random.Random(f"{seed}/{split}"), met or met_in_training(check_families(families))
    unseen = split == "templates"
    twins = [t for t in templates().values() if t.flip and (t.id not in met.templates) == unseen]
    if split == "nouns":  # few templates take one of them; drawing in vain costs most of the time
        twins = [t for t in twins if _takes_unmet(t, met)]
    plain = [
        t for t in templates().values() if not t.flip and (not families or t.family in families)
    ]
    # A list of sixty greetings would else come as seldom as one sentence about an umbrella.
    turns = list(itertools.accumulate(_turns(template) for template in plain))
    for _ in range(n):
        if split == "train" and plain and rng.random() >= pronoun_share:
            yield _item(lambda: rng.choices(plain, cum_weights=turns)[0], rng, split, met)
        else:
            yield _item(lambda: twins[int(rng.random() * len(twins))], rng, split, met)


# ------------------------------------------------------------------- templates and predicates


@dataclass(frozen=True, eq=False)
class Template:
    """A template as in the module's docstring, read and checked."""

    id: str
    slots: Mapping[str, str]
    texts: Mapping[Lang, tuple[Node, ...]]
    family: str = ""
    held_out: bool = False
    number: Literal["sg", "pl", "both"] = "sg"
    single: str = ""
    plural: str = ""
    a: str = ""
    either: str = ""
    size: str = ""
    flip: Mapping[str, tuple[Predicate, ...]] | None = None
    frame: bool = False
    alike: bool = False
    gender: bool = False
    adj: Mapping[str, tuple[str, tuple[Predicate, ...]]] | None = None
    refers: str = ""
    who: Literal["", "I", "name"] = ""


def _data(name: str) -> Any:
    return json.loads(_folder().joinpath(name).read_text(encoding="utf-8"))


def _folder() -> Any:
    return resources.files("model.corpus") / "data" / "templates"


@cache
def templates() -> Mapping[str, Template]:
    """Every template by its id."""
    found: dict[str, Template] = {}
    files = sorted(entry.name for entry in _folder().iterdir())
    for name in files:
        if name.startswith(("pronoun_", "plain_")) and name.endswith(".json"):
            for raw in _data(name):
                if raw["id"] in found:
                    raise TemplateError(f"{name}: two templates are called {raw['id']}")
                found[raw["id"]] = read_template(raw, name)
    return found


@cache
def families() -> Mapping[str, tuple[int, int]]:
    """What templates are about: of each family, how many make twins and how many plain sentences.

    Those that make twins stand first.
    """
    twins, plain = Counter[str](), Counter[str]()
    for template in templates().values():
        (twins if template.flip else plain)[template.family] += 1
    names = sorted({*twins, *plain}, key=lambda name: (name not in twins, name))
    return {name: (twins[name], plain[name]) for name in names}


def check_families(chosen: tuple[str, ...]) -> tuple[str, ...]:
    """The families, if they exist and make twins; none means all.

    Raises:
        ModelError: ``unknown_family`` or ``no_twins``.
    """
    known = families()
    for name in chosen:
        if name not in known:
            raise ModelError(
                "unknown_family",
                f"there is no family of templates {name!r}; choose from {', '.join(known)}",
                family=name,
                families=", ".join(known),
            )
    if chosen and not any(known[name][0] for name in chosen):
        with_twins = ", ".join(name for name, (twins, _) in known.items() if twins)
        raise ModelError(
            "no_twins",
            f"none of the chosen families has a pronoun to resolve: add one of {with_twins}",
            families=with_twins,
        )
    return chosen


def read_template(raw: dict[str, Any], file: str) -> Template:
    """One template; raises TemplateError, which names the file, the template and what is wrong."""
    fields = dict(raw)
    try:
        slots = "".join(fields["slots"])
        adj = {w: _described(text) for w, text in fields.pop("adj", {}).items()}
        adj |= {w: ("", _predicates(what)) for w, what in fields.pop("words", {}).items()}
        words = "".join(adj) + ("w" if "flip" in fields else "")
        texts = {lang: parse(lang, fields.pop(lang), slots, words) for lang in LANGS}
        flip = {slot: _predicates(what) for slot, what in fields.pop("flip", {}).items()}
        if set(fields.get("single", "") + fields.get("plural", "")) & set(flip):
            raise TemplateError("the number of a noun would give the antecedent away")
        return Template(
            **fields | {"either": fields.pop("the/a", "")},
            texts=texts,
            family=_family(file),
            adj=adj,
            flip=flip,
        )
    except (KeyError, TypeError, TemplateError) as error:
        raise TemplateError(f"{file}, template {raw.get('id')!r}: {error}") from error


def _family(file: str) -> str:
    """What its file's templates are about: "stories" of pronoun_stories_days.json."""
    return file.removesuffix(".json").partition("_")[2].split("_")[0]


def _described(text: str) -> tuple[str, tuple[Predicate, ...]]:
    slot, _, group = text.partition(":")
    return slot, _predicates(group) if group else tuple(_adjectives().values())


@cache
def _adjectives() -> Mapping[str, Predicate]:
    """Adjectives as predicates: in French all four forms, the field takes the one that agrees."""
    found = {}
    for adjective in load_lexicon().adjectives:
        forms = [
            french_agree(adjective.fr_m, adjective.fr_f, gender, number)
            for number in ("sg", "pl")
            for gender in ("m", "f")
        ]
        found[adjective.id] = Predicate(
            adjective.id, adjective.en, f"{{{'/'.join(forms)}}}", adjective.ko, adjective.needs
        )
    return found


@cache
def _groups() -> Mapping[str, list[Any]]:
    return {**_data("predicates.json"), **_data("words.json")}


def _predicates(what: str | list[Any]) -> tuple[Predicate, ...]:
    """The predicates of a group's name, or of a list."""
    entries = _groups()[what] if isinstance(what, str) else what
    return tuple(_predicate(entry) for entry in entries)


def _predicate(entry: str | dict[str, str]) -> Predicate:
    if isinstance(entry, str):
        return _adjectives()[entry]
    return Predicate(
        entry["en"], entry["en"], entry["fr"], entry["ko"], parse_needs(entry.get("needs", ""))
    )


# --------------------------------------------------------------------------- which noun fits what


def fits(noun: Noun, needs: Needs) -> bool:
    """Whether `noun` satisfies one of the alternatives; only the noun *cup* satisfies ``#cup``."""
    named, others = _wanted(needs)
    marks = noun.features | {f"#{noun.id}"}
    return not named.isdisjoint(marks) or any(
        wanted <= marks and unwanted.isdisjoint(marks) for wanted, unwanted in others
    )


Wanted = tuple[frozenset[str], frozenset[str]]  # what must be there, and what must not


@cache
def _wanted(needs: Needs) -> tuple[frozenset[str], tuple[Wanted, ...]]:
    """Alternatives of one word that is no ``!word``, in one set; and all others."""
    alone = frozenset(only[0] for only in needs if len(only) == 1 and not only[0].startswith("!"))
    return alone, tuple(
        (
            frozenset(need for need in alternative if not need.startswith("!")),
            frozenset(need[1:] for need in alternative if need.startswith("!")),
        )
        for alternative in needs
        if len(alternative) != 1 or alternative[0] not in alone
    )


_MASSES = ("mass", "liquid", "drink", "pourable", "ingredient", "material", "weather")


@cache
def _kinds() -> Mapping[str, str]:
    return dict(_data("kinds.json"))


def _needs(text: str) -> Needs:
    """What a slot needs, ``@kind`` written out where it stands alone or starts an alternative."""
    for word in re.findall(r"@(\w+)", text):
        text = text.replace(f"@{word}", _kinds()[word])
    return parse_needs(text)


@cache
def _candidates(needs: str) -> tuple[Noun, ...]:
    """The nouns for a slot; mass nouns only where the slot asks for them."""
    mass = any(word in needs.replace("|", " ").split() for word in _MASSES) or "#" in needs
    wanted = _needs(needs)
    return tuple(
        noun
        for noun in load_lexicon().nouns
        if fits(noun, wanted) and (mass or "mass" not in noun.features)
    )


# So many times as often as others these nouns are drawn in training: a class types them first, and
# the general word stands where otherwise one of a hundred kinds would.
_EVERYDAY = (
    *("bird", "fish", "dog", "cat", "tree", "flower", "man", "woman", "boy", "girl", "child"),
    *("book", "ball", "box", "bag", "toy", "car", "house", "street", "road"),
)
_OFTEN = {"animal": 12} | dict.fromkeys(_EVERYDAY, 6)


@cache
def _as_drawn(needs: str, split: Split | None) -> tuple[Noun, ...]:
    """The nouns for a slot, everyday ones again and again; held-out sentences favour none."""
    return tuple(
        noun
        for noun in _candidates(needs)
        for _ in range(_OFTEN.get(noun.id, 1) if split == "train" else 1)
    )


@cache
def _named() -> tuple[Noun, ...]:
    return tuple(as_noun(name) for name in load_lexicon().names)


_NAMED_SHARES = (0.0, 0.0, 0.5, 1.0)  # of the slots in which a name may stand, drawn for each item


def _takes_names(template: Template, slot: str) -> bool:
    anyone = template.slots[slot].startswith(("person", "@anyone"))
    return template.gender and anyone and slot not in template.plural


def _takes_unmet(template: Template, met: Met) -> bool:
    """Whether a noun that is not in `met` may be a rival in this template."""
    rivals = (template.slots[slot] for slot in template.flip or ())
    return any(noun.id not in met.nouns for needs in rivals for noun in _candidates(needs))


@cache
def _sayable(template: Template, slot: str, noun: Noun, rival: Noun) -> tuple[Predicate, ...]:
    """What may be said of `noun` in this template so that nobody thinks of `rival`."""
    return tuple(
        predicate
        for predicate in (template.flip or {})[slot]
        if fits(noun, predicate.needs) and (template.frame or not fits(rival, predicate.needs))
    )


@cache
def _fitting(template: Template, word: str, noun: Noun) -> tuple[Predicate, ...]:
    """The adjectives that {word} of a plain template may be for `noun`."""
    _, pool = (template.adj or {})[word]
    return tuple(predicate for predicate in pool if fits(noun, predicate.needs))


_SIZES = {"size_small": 0, "size_medium": 1, "size_big": 2}


@cache
def _size(noun: Noun) -> int:
    return next((size for name, size in _SIZES.items() if name in noun.features), 1)


def _sizes_agree(rule: str, chosen: Mapping[str, Noun]) -> bool:
    if not rule:
        return True
    first, second = _size(chosen[rule[0]]), _size(chosen[rule[2]])
    return first < second if rule[1] == "<" else abs(first - second) <= 1


# --------------------------------------------------------------------------- drawing an item

_TRIES = 400
_NOUNS_A_TURN = 50  # nouns for a slot for which a sentence comes once more, and so …
_LISTED_A_TURN = 4  # … for phrases in a list …
_MOST_TURNS = 2.0  # … but no more than that where it has several lists
_COMPARED = frozenset({"clothing", "furniture", "instrument", "electronic", "vehicle"})


def _turns(template: Template) -> float:
    """How often a plain template comes: by the nouns that may stand in it, or what it lists."""
    if template.slots:
        pools = [len(_candidates(needs)) for needs in template.slots.values()]
        return max(1.0, max(pools) / _NOUNS_A_TURN)
    listed = [len(words) for _, words in (template.adj or {}).values()]
    turns = max(1.0, max(listed, default=1) / _LISTED_A_TURN)
    # Several lists make one kind of sentence many times over: that kind need not come so often.
    return turns if len(listed) < 2 else min(turns, _MOST_TURNS)


def _item(pick: Callable[[], Template], rng: random.Random, split: Split, met: Met) -> Item:
    while True:
        item = draw(pick(), rng, split, met)
        if item is not None:
            return item


def draw(
    template: Template,
    rng: random.Random,
    split: Split | None = None,
    met: Met | None = None,
) -> Item | None:
    """An item of `template` (None: any split), or None if no nouns were found for it."""
    met = met or met_in_training()
    persons: Gender | None = rng.choice(("m", "f")) if template.gender else None
    for _ in range(_TRIES):
        chosen = _draw_nouns(template, rng, persons, split, met)
        if chosen is not None:
            predicates = _draw_predicates(template, chosen, rng)
            if predicates is not None:
                return _write_item(template, chosen, predicates, persons, rng)
    return None


def _draw_nouns(
    template: Template,
    rng: random.Random,
    persons: Gender | None,
    split: Split | None,
    met: Met,
) -> dict[str, Noun] | None:
    chosen: dict[str, Noun] = {}
    named = rng.choice(_NAMED_SHARES)
    for slot, needs in template.slots.items():
        pool = _as_drawn(needs, split)
        if _takes_names(template, slot) and rng.random() < named:
            pool = _named()
        if not pool:
            raise TemplateError(f"template {template.id!r}: no noun is {needs!r}")
        noun = pool[int(rng.random() * len(pool))]
        if persons and noun.fr_gender not in (persons, "mf"):
            return None
        if any(noun.en == other.en or noun.ko == other.ko for other in chosen.values()):
            return None
        chosen[slot] = noun
    if template.flip and split and not _is_of(split, template.flip, chosen, met):
        return None
    if template.alike and not frozenset.intersection(
        _COMPARED, *(noun.features for noun in chosen.values())
    ):
        return None
    return chosen if _sizes_agree(template.size, chosen) else None


def _is_of(split: Split, rivals: Iterable[str], chosen: Mapping[str, Noun], met: Met) -> bool:
    """Whether twins with these nouns, of which two are rivals, belong to a split."""
    first, second = (chosen[slot].id for slot in rivals)
    if split == "nouns":
        return not {first, second} <= met.nouns
    if not {noun.id for noun in chosen.values()} <= met.nouns:
        return False
    return split == "templates" or pair_is_held_out(first, second) == (split == "pairs")


Meaning = tuple[str | None, dict[str, Predicate]]  # the antecedent's slot, and what is said


def _draw_predicates(
    template: Template, chosen: Mapping[str, Noun], rng: random.Random
) -> list[Meaning] | None:
    """What is said in each of the twins, or None if nothing can be said that tells them apart."""
    said: dict[str, Predicate] = {}
    for word, (slot, pool) in (template.adj or {}).items():
        fitting = _fitting(template, word, chosen[slot]) if slot else pool
        if not fitting:
            return None
        said[word] = fitting[int(rng.random() * len(fitting))]
    if not template.flip:
        return [(template.refers or None, said)]
    first, second = template.flip
    meanings: list[Meaning] = []
    for slot, rival in ((first, second), (second, first)):
        sayable = _sayable(template, slot, chosen[slot], chosen[rival])
        if not sayable:
            return None
        meanings.append((slot, said | {"w": sayable[int(rng.random() * len(sayable))]}))
    one, two = (words["w"] for _, words in meanings)
    return None if one.en == two.en or one.ko == two.ko else meanings


_STYLE_SHARES: tuple[tuple[float, Style], ...] = (
    (0.55, "plain"),
    (0.75, "polite"),
    (0.88, "formal"),
    (1.0, "casual"),
)


@cache
def wordings_of(noun: Noun) -> tuple[Noun, ...]:
    """A noun and the same noun by its other names (``synonyms.json``: bike, 거리)."""
    others = [
        replace(noun, en=word, en_plural=_plural(word)) if lang == "en" else replace(noun, ko=word)
        for lang, words in _synonyms().get(noun.id, {}).items()
        for word in words
    ]
    return (noun, *others)


def _plural(word: str) -> str:
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


@cache
def _synonyms() -> Mapping[str, Mapping[str, list[str]]]:
    return dict(_data("synonyms.json"))


def _write_item(
    template: Template,
    chosen: Mapping[str, Noun],
    meanings: list[Meaning],
    persons: Gender | None,
    rng: random.Random,
) -> Item:
    """All languages of all meanings, every choice of wording drawn once."""
    countable = all(noun.features.isdisjoint(("mass", "name")) for noun in chosen.values())
    plural = template.number == "pl" or (
        template.number == "both" and rng.random() < 0.3 and countable
    )
    numbers: dict[str, Number] = {
        slot: "pl" if slot in template.plural or (plural and slot not in template.single) else "sg"
        for slot in chosen
    }
    indefinite = frozenset(
        slot
        for slot in chosen
        if slot in template.a or (slot in template.either and rng.random() < 0.4)
    )
    subject = _draw_subject(template, rng)
    luck = rng.random()
    style = next(style for share, style in _STYLE_SHARES if luck < share)
    short_korean = rng.random() < (0.1 if style in ("plain", "formal") else 0.5)
    contracted = {"en": rng.random() < 0.6, "ko": short_korean, "fr": False}
    full = style in ("plain", "formal") and rng.random() < 0.35
    ops: dict[Lang, list[Op]] = {lang: choose(template.texts[lang], rng) for lang in LANGS}
    ids = tuple(noun.id for noun in chosen.values())
    worded = {slot: rng.choice(wordings_of(noun)) for slot, noun in chosen.items()}
    examples = []
    for variant, (antecedent, predicates) in enumerate(meanings):
        focus = {word: slot for word, (slot, _) in (template.adj or {}).items()}
        if antecedent:
            focus["w"] = antecedent
        scene = Scene(
            worded, numbers, indefinite, predicates, focus, antecedent, persons, subject, style,
            full=full,
        )  # fmt: skip
        sentences = {}
        for lang in LANGS:
            scene.contracted = contracted[lang]
            sentences[lang] = write(lang, ops[lang], scene)
        examples.append(Example(template.id, ids, variant, sentences))
    return Item(tuple(examples))


@cache
def _named_subjects() -> tuple[Subject, ...]:
    return tuple(subject_of(name) for name in load_lexicon().names)


def _draw_subject(template: Template, rng: random.Random) -> Subject:
    """She, he, I, we or a name; a name or I where *he* and *she* are the pronouns to resolve."""
    pool: tuple[Subject, ...] = PRONOUN_SUBJECTS[2:] if template.gender else PRONOUN_SUBJECTS
    if template.who == "I":
        pool = tuple(subject for subject in PRONOUN_SUBJECTS if subject.en == "I")
    elif template.who == "name" or rng.random() < 0.35:
        pool = _named_subjects()
    return pool[int(rng.random() * len(pool))]
