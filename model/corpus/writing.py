"""From a template's text to one sentence: the fields between braces, language by language.

The notation is described in `model.corpus.generator`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from model.corpus.lexicon import Name, Needs, Noun
from model.corpus.morphology import (
    STYLES,
    Gender,
    Number,
    Style,
    a_or_an,
    conjugate,
    contract,
    elides,
    french_article,
    french_ending,
    french_join,
    josa,
    restyle,
    restyle_text,
)

Lang = Literal["en", "ko", "fr"]
LANGS: tuple[Lang, ...] = ("en", "ko", "fr")


@dataclass(frozen=True, slots=True)
class Span:
    """Character offsets: the piece is ``text[start:end]``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A pronoun, the noun it stands for, and the nouns it might have stood for (bare nouns)."""

    pronoun: Span
    antecedent: Span
    distractors: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text with its labelled pronouns; `cuts` are morpheme boundaries inside a word (동물|은)."""

    text: str
    references: tuple[Reference, ...]
    cuts: tuple[int, ...]


def relabelled(sentence: Sentence, text: str, place: Callable[[int], int]) -> Sentence:
    """`text` with the sentence's labels, each offset where `place` says that it has gone."""

    def moved(span: Span) -> Span:
        return Span(place(span.start), place(span.end))

    references = tuple(
        Reference(moved(r.pronoun), moved(r.antecedent), tuple(map(moved, r.distractors)))
        for r in sentence.references
    )
    return Sentence(text, references, tuple(map(place, sentence.cuts)))


# ------------------------------------------------------------------- what a sentence is about


@dataclass(frozen=True)
class Predicate:
    """What is said of a noun: small templates (en, fr) and a dictionary form (ko)."""

    id: str
    en: str
    fr: str
    ko: str
    needs: Needs


@dataclass(frozen=True)
class Subject:
    """Somebody who acts: a pronoun or a name. `person` picks among the forms ``{ai/a/avons:S}``."""

    en: str
    ko: str
    ko_polite: str
    fr: str
    person: Literal[0, 1, 2]
    gender: Gender

    def again(self, lang: Lang) -> str:
        """The pronoun that takes up the subject in the same sentence."""
        she, he = ("she", "he") if lang == "en" else ("elle", "il")
        third = she if self.gender == "f" else he
        return third if self.person == 1 else self.en if lang == "en" else self.fr


def subject_of(name: Name) -> Subject:
    """A name as the subject of a sentence."""
    return Subject(name.en, name.ko, name.ko, name.fr, 1, name.gender)


PRONOUN_SUBJECTS = (
    Subject("she", "그녀", "그녀", "elle", 1, "f"),
    Subject("he", "그", "그", "il", 1, "m"),
    Subject("I", "나", "저", "je", 0, "m"),
    Subject("we", "우리", "우리", "nous", 2, "m"),
)


@dataclass
class Scene:
    """Who and what one sentence is about, and every choice of wording that twins share."""

    nouns: Mapping[str, Noun]
    numbers: Mapping[str, Number]
    indefinite: frozenset[str]
    predicates: Mapping[str, Predicate]
    focus: Mapping[str, str]  # predicate field -> the slot it describes
    antecedent: str | None
    persons: Gender | None
    subject: Subject
    style: Style = "plain"
    contracted: bool = False  # didn't, it's; 그건, 그게, 그걸
    full: bool = False  # 하였 rather than 했

    def gender(self, slot: str) -> Gender:
        """French gender of the noun in `slot`."""
        noun = self.nouns[slot]
        return (self.persons or "m") if noun.fr_gender == "mf" else noun.fr_gender


class Page:
    """The sentence while it is being written."""

    __slots__ = ("cuts", "focus", "nouns", "pronouns", "text")

    def __init__(self, focus: str) -> None:
        self.text = ""
        self.focus = focus
        self.nouns: dict[str, Span] = {}
        self.pronouns: list[Span] = []
        self.cuts: list[int] = []

    def noun(self, slot: str, word: str) -> None:
        start = len(self.text)
        self.text += word
        self.nouns.setdefault(slot, Span(start, start + len(word)))

    def pronoun(self, word: str, start: int | None = None) -> None:
        begin = len(self.text) if start is None else start
        self.text += word
        self.pronouns.append(Span(begin, begin + len(word)))

    def suffix(self, ending: str) -> None:
        if ending:
            self.cuts.append(len(self.text))
            self.text += ending


Op = Callable[[Page, Scene], None]
Node = Op | list["list[Node]"]  # an operation, or alternatives to choose from


# --------------------------------------------------------------------------- parsing

_TOKEN = re.compile(r"\{([^{}]*)\}|([\[\]()|])|([^{}\[\]()|]+)")


class TemplateError(ValueError):
    """A template that cannot be read; the message says where."""


@cache
def parse(lang: Lang, text: str, slots: str, words: str) -> tuple[Node, ...]:
    """The operations that write `text`; `slots` and `words` name its nouns and predicates."""
    tokens = _TOKEN.findall(text)
    nodes, rest = _parse_until(lang, tokens, 0, slots, words)
    if rest != len(tokens):
        raise TemplateError(f"unbalanced bracket in {text!r}")
    return tuple(nodes[0])


def _parse_until(
    lang: Lang, tokens: list[tuple[str, str, str]], at: int, slots: str, words: str
) -> tuple[list[list[Node]], int]:
    """Alternatives separated by | up to a closing bracket or the end."""
    branches: list[list[Node]] = [[]]
    while at < len(tokens):
        name, mark, literal = tokens[at]
        final = at + 1 < len(tokens) and tokens[at + 1][2][:1] in tuple(".!?")
        if literal:
            branches[-1].append(_literal(lang, literal))
        elif name:
            branches[-1].append(_field(lang, name, slots, words, final))
        elif mark in "[(":
            inner, at = _parse_until(lang, tokens, at + 1, slots, words)
            if at == len(tokens):
                raise TemplateError("a bracket is not closed")
            branches[-1].append([*inner, []] if mark == "[" else inner)
        elif mark == "|":
            branches.append([])
        else:
            return branches, at
        at += 1
    return branches, at


def choose(nodes: tuple[Node, ...] | list[Node], rng: random.Random) -> list[Op]:
    """One of each set of alternatives, drawn; what is left is to be written in a row."""
    ops: list[Op] = []
    for node in nodes:
        if isinstance(node, list):
            ops.extend(choose(node[int(rng.random() * len(node))], rng))
        else:
            ops.append(node)
    return ops


# --------------------------------------------------------------------------- writing


def write(lang: Lang, ops: list[Op], scene: Scene) -> Sentence:
    """The sentence that `ops` make of `scene`."""
    page = Page(scene.antecedent or "")
    for op in ops:
        op(page, scene)
    references: tuple[Reference, ...] = ()
    if scene.antecedent is not None:
        antecedent = page.nouns[scene.antecedent]
        others = tuple(span for slot, span in page.nouns.items() if slot != scene.antecedent)
        references = tuple(Reference(span, antecedent, others) for span in page.pronouns)
    return Sentence(_capitals(page.text), references, tuple(page.cuts))


_SENTENCE_START = re.compile(r"(?:^|[.!?] )[a-zà-ÿœ]")


def _capitals(text: str) -> str:
    return _SENTENCE_START.sub(lambda match: match.group().upper(), text)


def _add_french(page: Page, piece: str) -> None:
    """Appends `piece`, eliding the word before it (que + il, je + ai)."""
    if piece[:1] == " ":
        page.text += " "
        piece = piece[1:]
    if piece and page.text[-1:] == " ":
        page.text = french_join(page.text, piece)
    page.text += piece


_LAST_STEM = re.compile(r"[가-힣]+$")


def _literal(lang: Lang, text: str) -> Op:
    if lang == "en":
        plain, short = text, contract(text)

        def write_english(page: Page, scene: Scene) -> None:
            page.text += short if scene.contracted else plain

        return write_english
    if lang == "fr":
        return lambda page, scene: _add_french(page, text)
    styled = {style: restyle_text(text, style) for style in STYLES}
    ends_a_word = text.startswith(("다.", "다!", "다?"))  # …않았(다.|는데)

    def write_korean(page: Page, scene: Scene) -> None:
        written = styled[scene.style]
        if ends_a_word and (stem := _LAST_STEM.search(page.text)):
            page.text = page.text[: stem.start()]
            written = restyle(f"{stem.group()}다", scene.style) + written[1:]
        for index, piece in enumerate(written.split("·")):
            if index:
                page.cuts.append(len(page.text))
            page.text += piece

    return write_korean


def _field(lang: Lang, name: str, slots: str, words: str, final: bool) -> Op:
    """The operation for ``{name}``; `final` says that a full stop follows."""
    forms, _, target = name.partition(":")
    if forms and forms in words:
        return _predicate(lang, forms, target, final)
    if "/" in forms:
        return _agreeing(lang, forms.split("/"), target)
    if lang == "ko":
        return _korean_field(name, slots, final)
    if forms in ("S", "S2"):
        return _subject(lang, again=forms == "S2")
    if lang == "fr" and forms == "e":
        return _french_e(target)
    bare = forms.startswith("-")
    slot = forms.removeprefix("-")
    if len(slot) == 1 and slot in slots:
        return _noun_en(slot, bare) if lang == "en" else _noun_fr(slot, bare)
    if lang == "en" and forms in _ENGLISH_PRONOUNS:
        return _pronoun_en(forms)
    if lang == "en" and forms == "it's":
        return _it_is
    if lang == "fr" and forms in _FRENCH_PRONOUNS:
        return _pronoun_fr(forms)
    if lang == "fr" and forms[:4] == "son " and forms[4:] in slots:
        return _possessed_fr(forms[4:])
    raise TemplateError(f"no field {{{name}}} in {lang}")


def _predicate(lang: Lang, word: str, ending: str, final: bool) -> Op:
    if lang == "ko":

        def write_korean(page: Page, scene: Scene) -> None:
            dictionary_form = scene.predicates[word].ko
            form = (
                conjugate(dictionary_form, ending, full=scene.full) if ending else dictionary_form
            )
            _add_korean_predicate(page, restyle(form, scene.style) if final else form)

        return write_korean

    def write_other(page: Page, scene: Scene) -> None:
        before, page.focus = page.focus, scene.focus[word]
        predicate = scene.predicates[word]
        text = predicate.en if lang == "en" else predicate.fr
        for op in _predicate_ops(lang, text, "".join(scene.nouns)):
            op(page, scene)
        page.focus = before

    return write_other


_INTENSIFIERS = ("너무 ", "매우 ", "아주 ", "무척 ")


def _add_korean_predicate(page: Page, form: str) -> None:
    """Appends a predicate; 너무 + 소리가 컸다 becomes 소리가 너무 컸다."""
    noun, _, rest = form.partition(" ")
    if rest and noun[-1] in "이가" and page.text.endswith(_INTENSIFIERS):
        intensifier = page.text[-3:]
        page.text = page.text[:-3] + f"{noun} {intensifier}{rest}"
    else:
        page.text += form


@cache
def _predicate_ops(lang: Lang, text: str, slots: str) -> tuple[Op, ...]:
    nodes = parse(lang, text, slots, "")
    return tuple(node for node in nodes if not isinstance(node, list))


def _agreeing(lang: Lang, forms: list[str], target: str) -> Op:
    add = _add_french if lang == "fr" else _add_plain

    def write_form(page: Page, scene: Scene) -> None:
        slot = target or page.focus
        if slot == "S":
            add(page, forms[scene.subject.person])
            return
        plural = scene.numbers[slot] == "pl"
        if len(forms) == 2:
            add(page, forms[plural])
        else:
            add(page, forms[2 * plural + (scene.gender(slot) == "f")])

    if len(forms) not in (2, 3, 4) or (len(forms) == 3) != (target == "S"):
        raise TemplateError(f"{{{'/'.join(forms)}:{target}}} has {len(forms)} forms")
    return write_form


def _add_plain(page: Page, piece: str) -> None:
    page.text += piece


# --------------------------------------------------------------------------- English

_ENGLISH_PRONOUNS = {
    "it": ("it", "they", "he", "she"),
    "its": ("its", "their", "his", "her"),
    "him": ("it", "them", "him", "her"),
    "itself": ("itself", "themselves", "himself", "herself"),
}


def _which(page: Page, scene: Scene) -> int:
    """Index of the pronoun for the antecedent: it, they, he, she."""
    if scene.numbers[page.focus] == "pl":
        return 1
    if scene.persons is not None:
        return 2 if scene.persons == "m" else 3
    return 0


def _pronoun_en(name: str) -> Op:
    forms = _ENGLISH_PRONOUNS[name]
    return lambda page, scene: page.pronoun(forms[_which(page, scene)])


def _it_is(page: Page, scene: Scene) -> None:
    which = _which(page, scene)
    page.pronoun(_ENGLISH_PRONOUNS["it"][which])
    verb = ("is", "are", "is", "is")[which]
    page.text += f"'{verb[-1] if verb == 'is' else 're'}" if scene.contracted else f" {verb}"


def _noun_en(slot: str, bare: bool) -> Op:
    def write_noun(page: Page, scene: Scene) -> None:
        noun = scene.nouns[slot]
        word = noun.en_plural if scene.numbers[slot] == "pl" else noun.en
        if not bare:
            page.text += _article_en(noun, word, scene, slot)
        page.noun(slot, word)

    return write_noun


def _article_en(noun: Noun, word: str, scene: Scene, slot: str) -> str:
    if "name" in noun.features:
        return ""
    if slot not in scene.indefinite:
        return "the "
    if scene.numbers[slot] == "pl" or "mass" in noun.features:
        return "some "
    return a_or_an(word) + " "


def _subject(lang: Lang, *, again: bool) -> Op:
    add = _add_french if lang == "fr" else _add_plain

    def write_subject(page: Page, scene: Scene) -> None:
        person = scene.subject
        add(page, person.again(lang) if again else person.en if lang == "en" else person.fr)

    return write_subject


# --------------------------------------------------------------------------- French

_FRENCH_PRONOUNS = {
    "il": ("il", "elle", "ils", "elles"),
    "le": ("le", "la", "les", "les"),
    "lui": ("lui", "lui", "leur", "leur"),
    "son": ("son", "son", "leur", "leur"),  # each stands before one kind of possession
    "sa": ("sa", "sa", "leur", "leur"),
    "ses": ("ses", "ses", "leurs", "leurs"),
    "celui-ci": ("celui-ci", "celle-ci", "ceux-ci", "celles-ci"),
}
_PREPOSITION = re.compile(r"(?:^|[\s'])(à|de) $")


def _pronoun_fr(name: str) -> Op:
    forms = _FRENCH_PRONOUNS[name]

    def write_pronoun(page: Page, scene: Scene) -> None:
        plural = scene.numbers[page.focus] == "pl"
        word = forms[2 * plural + (scene.gender(page.focus) == "f")]
        page.text = french_join(page.text, word)
        page.pronoun(word)

    return write_pronoun


def _noun_fr(slot: str, bare: bool) -> Op:
    def write_noun(page: Page, scene: Scene) -> None:
        noun, number = scene.nouns[slot], scene.numbers[slot]
        word = _french_word(noun, number, scene.gender(slot))
        if not bare and "name" not in noun.features:
            _write_article(page, noun, word, slot, scene)
        elif page.text[-1:] == " " and "h_aspire" not in noun.features:
            page.text = french_join(page.text, word)
        page.noun(slot, word)

    return write_noun


@cache
def _french_word(noun: Noun, number: Number, gender: Gender) -> str:
    forms = (noun.fr_plural if number == "pl" else noun.fr).split("/")
    return forms[-1] if gender == "f" else forms[0]


def _write_article(page: Page, noun: Noun, word: str, slot: str, scene: Scene) -> None:
    after = ""
    match = _PREPOSITION.search(page.text[-4:])
    if match:
        after = match.group(1)
        page.text = page.text[: -len(after) - 1]
    definite = slot not in scene.indefinite
    if "mass" in noun.features and not definite:  # de l'eau, du lait
        definite, after = True, "de"
    page.text += french_article(
        word,
        scene.gender(slot),
        scene.numbers[slot],
        definite=definite,
        after=after,
        aspirated="h_aspire" in noun.features,
    )


def _possessed_fr(slot: str) -> Op:
    def write_possessed(page: Page, scene: Scene) -> None:
        noun, number = scene.nouns[slot], scene.numbers[slot]
        word = _french_word(noun, number, scene.gender(slot))
        vowel = elides(word) and "h_aspire" not in noun.features
        feminine = scene.gender(slot) == "f" and not vowel
        page.text += "ses " if number == "pl" else "sa " if feminine else "son "
        page.noun(slot, word)

    return write_possessed


def _french_e(slot: str) -> Op:
    def write_e(page: Page, scene: Scene) -> None:
        if slot == "S":
            person = scene.subject
            page.text += french_ending(person.gender, "pl" if person.person == 2 else "sg")
        else:
            where = slot or page.focus
            page.text += french_ending(scene.gender(where), scene.numbers[where])

    return write_e


# --------------------------------------------------------------------------- Korean

_SHORT = {"은": "그건", "이": "그게", "을": "그걸"}


def _korean_field(name: str, slots: str, final: bool) -> Op:
    if name.startswith("it"):
        return _pronoun_ko(name[2:])
    if name.startswith("S"):
        return _subject_ko(name[1:])
    bare = name.startswith("-")
    name = name.removeprefix("-")
    if name[0] in slots:
        return _noun_ko(name[0], name[1:], bare, final)
    raise TemplateError(f"no field {{{name}}} in ko")


def _pronoun_ko(particle: str) -> Op:
    short = _SHORT.get(particle)

    def write_pronoun(page: Page, scene: Scene) -> None:
        which = _which(page, scene)
        if which == 0 and short and scene.contracted:
            page.pronoun(short)
            return
        people = which == 1 and "person" in scene.nouns[page.focus].features
        word = "그들" if people else ("그것", "그것들", "그", "그녀")[which]
        page.pronoun(word)
        page.suffix(josa(word, particle))

    return write_pronoun


def _subject_ko(particle: str) -> Op:
    def write_subject(page: Page, scene: Scene) -> None:
        person = scene.subject
        word = person.ko if scene.style in ("plain", "casual") else person.ko_polite
        if word in "나저" and particle in ("이", "의"):
            page.text += {"나이": "내가", "저이": "제가", "나의": "내", "저의": "제"}[
                word + particle
            ]
            return
        page.text += word
        page.suffix(josa(word, particle))

    return write_subject


_THAT = re.compile(r"(?:^|(?<= ))그 $")  # nobody says "that Minsu"


def _noun_ko(slot: str, particle: str, bare: bool, final: bool) -> Op:
    def write_noun(page: Page, scene: Scene) -> None:
        word = scene.nouns[slot].ko
        if "name" in scene.nouns[slot].features:
            page.text = _THAT.sub("", page.text)
        page.noun(slot, word)
        if scene.numbers[slot] == "pl" and not bare:
            page.suffix("들")
            word = "들"
        form = _COPULA[scene.style] if final and particle == "이다" else particle
        page.suffix(josa(word, form))

    return write_noun


_COPULA: dict[Style, str] = {
    "plain": "이다",
    "polite": "이에요",
    "formal": "입니다",
    "casual": "이야",
}
