"""The pair of twins that every part of the lab looks at: typed, marked, and carried by the link."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from model import ModelError
from model.analysis import twins
from model.analysis.leaderboard import Labelled
from model.analysis.twins import Marked
from model.config import Lang
from model.corpus.splits import Split
from model.tokenizer import Offsets
from viz import cache, sentence, state
from viz.charts.rivals import FIRST, SECOND
from viz.i18n import Say, literal
from viz.sentence import Looked

Marks = tuple[Offsets, Offsets, Offsets]
"""Pronoun, first and second candidate, as characters of the first sentence."""

NAMES = ("pronoun", "first", "second")
HELD_OUT: tuple[Split, ...] = ("pairs", "templates", "nouns")
DRAWN = 60
"""How many held-out pairs of each kind the dice may fall on."""

_TWIN, _MARKS = "lab:twin", "lab:marks"
_STYLE = f"""<style>
  .lab-pair p {{ margin: 0 0 .35rem; font-size: 1.15rem; line-height: 1.75; word-break: keep-all }}
  .lab-pair span {{ padding: .1em .2em; border-radius: .25em; border-bottom: 3px solid }}
  .lab-pair sub {{ font-size: .65em; opacity: .8; margin-left: .1em }}
  .lab-pair .lab-first {{ background: {FIRST}33; border-color: {FIRST} }}
  .lab-pair .lab-second {{ background: rgba(194,87,26,.2); border-color: {SECOND} }}
  .lab-pair .lab-pronoun {{ border: 2px solid; font-weight: 700 }}
  .lab-pair .lab-other {{ border-bottom: 3px double; font-weight: 700 }}
</style>"""


@dataclass(frozen=True)
class Pair:
    """Two sentences and what is marked in them.

    Attributes:
        a: the first sentence; None while not all three words are marked.
        b: its twin; None without a twin that differs, can be read and has the marked words.
        twin: the twin's text, as typed.
    """

    looked: Looked
    a: Marked | None
    b: Marked | None
    twin: str

    @property
    def names(self) -> tuple[str, str]:
        """The two candidates as they stand in the first sentence."""
        assert self.a is not None
        return self.a.names

    @property
    def pronoun(self) -> str:
        """The pronoun as it stands in the first sentence."""
        assert self.a is not None
        return self.a.text[slice(*self.a.pronoun)]

    @property
    def both(self) -> list[Marked]:
        """The sentences that can be asked."""
        return [one for one in (self.a, self.b) if one is not None]


def ask(say: Say, looked: Looked) -> Pair:
    """The twin's box, the dice, the two sentences with their marks, and the way to mark others."""
    text = looked.trace.source_text
    _open_link(text)
    typed = _twin_of(text)
    with st.container(key="lab_twin", horizontal=True, vertical_alignment="bottom", gap="small"):
        state.follow("lab.twin", typed)
        st.text_input(
            say("lab.pair.twin"),
            key="lab.twin",
            on_change=_typed,
            args=(text,),
            autocomplete="off",
        )
        _dice(say, looked)
    words = [span for _, _, span in looked.trace.source_words if span is not None]
    marks = _marks_of(looked, text)
    twin = _readable(say, looked, typed)
    a = _marked(say, text, marks)
    b = carried(a, twin) if a is not None and twin not in (None, text) else None
    _sentences(say, text, twin, a, b)
    _marking(say, looked, words, marks)
    _notes(say, text, twin, a, b)
    _write_link(text)
    return Pair(looked, a, b, typed)


def carried(a: Marked, text: str) -> Marked | None:
    """The same marks in the twin: moved with the words before them; None where one is gone."""
    changes = twins.differences(a.text, text)

    def moved(span: Offsets) -> Offsets | None:
        shift = 0
        for change in changes:
            if change.a[1] <= span[0]:
                shift = change.b[1] - change.a[1]
            elif change.a[0] < span[1]:
                return _replaced(a.text, text, change, span)
        return span[0] + shift, span[1] + shift

    pronoun, first, second = (moved(span) for span in (a.pronoun, *a.candidates[:2]))
    if pronoun is None or first is None or second is None:
        return None
    return Marked(text, pronoun, (first, second))


def _replaced(before: str, after: str, change: twins.Difference, span: Offsets) -> Offsets | None:
    """What stands for a marked word that was changed: the noun of 동물은 is that of 동물이, too."""
    if change.a[0] == change.a[1]:
        return None  # a word has come into the middle of it
    whole = change.b if change.b[0] < change.b[1] else None
    if span == change.a:
        return whole
    word = before[slice(*span)]
    start = after.find(word, *change.b)
    if start >= 0:
        return start, start + len(word)
    return None if " " in before[slice(*change.a)].strip() else whole


def show(first: Labelled, second: Labelled | None) -> None:
    """Take a labelled sentence and its twin into the lab, marked; the page then has to run anew."""
    sentence.show(first.text)
    marked = marked_of(first, second)
    st.session_state[_TWIN] = (first.text, second.text if second else first.text)
    st.session_state[_MARKS] = (first.text, (marked.pronoun, *marked.candidates))


def marked_of(first: Labelled, second: Labelled | None) -> Marked:
    """A labelled sentence with its antecedent and the rival, in reading order."""
    noun, other = sorted((first.antecedent, _rival(first, second)))
    return Marked(first.text, first.pronoun, (noun, other))


def _rival(first: Labelled, second: Labelled | None) -> Offsets:
    """The distractor that the twin's pronoun means; else the first."""
    meant = second.text[slice(*second.antecedent)] if second else ""
    found = (span for span in first.distractors if first.text[slice(*span)] == meant)
    return next(found, first.distractors[0])


def marked_html(text: str, spans: Sequence[tuple[Offsets, str, str]]) -> str:
    """A sentence with marked stretches, each (span, CSS class, small sign behind it)."""
    parts, at = [], 0
    for (start, end), name, sign in sorted(spans):
        if start < at:  # a word that differs and is a candidate, too: marked once
            continue
        parts.append(html.escape(text[at:start]))
        small = f"<sub>{html.escape(sign)}</sub>" if sign else ""
        parts.append(f'<span class="{name}">{html.escape(text[start:end])}{small}</span>')
        at = end
    return "".join(parts) + html.escape(text[at:])


# ── the twin ─────────────────────────────────────────────────────────────────────────────────────


def _twin_of(text: str) -> str:
    """What was typed beside this sentence; else an example's twin, else the sentence itself."""
    beside, twin = st.session_state.get(_TWIN, (None, ""))
    return str(twin) if beside == text and twin.strip() else _first_twin(text)


def _first_twin(text: str) -> str:
    pair = sentence.twins_of(text)
    return pair[1].text if pair else text


def _typed(text: str) -> None:
    st.session_state[_TWIN] = (text, st.session_state["lab.twin"])


def _readable(say: Say, looked: Looked, twin: str) -> str | None:
    """The twin as the model reads it; None, and a message, where it cannot."""
    try:
        bundle = looked.bundle
        return cache.trace(bundle.name, bundle.version, twin, None, looked.to).source_text
    except ModelError as error:
        st.error(say.error(error), icon="✏️")
        return None


def _dice(say: Say, looked: Looked) -> None:
    """Pairs that training never met, and the lab's own way to a sentence of each kind."""
    with st.popover(say("lab.pair.dice"), icon="🎲"):
        st.caption(say("lab.pair.dice_says"))
        for split in HELD_OUT:
            if st.button(say(f"lab.split.{split}"), key=f"lab.dice.{split}", width="stretch"):
                _throw(looked, split)
                st.rerun()


def _throw(looked: Looked, split: Split) -> None:
    lang: Lang = "ko" if looked.trace.source_lang == "ko" else "en"
    bundle = looked.bundle
    asked = cache.questions(bundle.name, bundle.version, split, (lang,), DRAWN)
    n = st.session_state["lab:thrown"] = st.session_state.get("lab:thrown", -1) + 1
    first = 2 * (n % (len(asked) // 2))
    show(asked[first].sentence, asked[first + 1].sentence)


# ── the marks ────────────────────────────────────────────────────────────────────────────────────


def _marks_of(looked: Looked, text: str) -> list[Offsets | None]:
    """Pronoun and candidates: marked by hand, else guessed, else not yet known."""
    beside, marks = st.session_state.get(_MARKS, (None, None))
    if beside == text and marks:
        return list(marks)
    bundle = looked.bundle
    found = cache.guess(bundle.name, bundle.version, text).marked
    return [None] * 3 if found is None else [found.pronoun, *found.candidates[:2]]


def _marked(say: Say, text: str, marks: Sequence[Offsets | None]) -> Marked | None:
    known = [span for span in marks if span is not None]
    if len(known) < 3:
        st.info(say("lab.pair.mark_first"), icon="🖍️")
        return None
    ordered = sorted(known)
    if any(one[1] > other[0] for one, other in itertools.pairwise(ordered)):
        st.warning(say("lab.pair.three_words"), icon="🖍️")
        return None
    return Marked(text, known[0], (known[1], known[2]))


def _marking(
    say: Say, looked: Looked, words: list[Offsets], marks: Sequence[Offsets | None]
) -> None:
    """Three rows of the sentence's words, one word of each to be chosen."""
    text = looked.trace.source_text
    with st.popover(say("lab.pair.mark"), icon="🖍️"):
        st.caption(say("lab.pair.mark_says"))
        for n, (name, mark) in enumerate(zip(NAMES, marks, strict=True)):
            key = f"lab.mark.{name}"
            state.follow(key, _word_at(words, mark))
            st.pills(
                say(f"lab.pair.{name}"),
                range(len(words)),
                format_func=lambda word: literal(text[slice(*words[word])]),
                key=key,
                wrap=True,
                on_change=_mark,
                args=(looked, text, words, list(marks), n),
            )


def _mark(
    looked: Looked, text: str, words: list[Offsets], marks: list[Offsets | None], n: int
) -> None:
    word = st.session_state[f"lab.mark.{NAMES[n]}"]
    if word is None:  # a second click lets go of the word: it stays marked
        return
    marks[n] = _stretch(looked, text, words[word], "pronouns" if n == 0 else "nouns")
    st.session_state[_MARKS] = (text, tuple(marks))


def _stretch(looked: Looked, text: str, word: Offsets, what: str) -> Offsets:
    """The noun or pronoun in this word, without what stands around it (동물|은); else all of it."""
    bundle = looked.bundle
    found: list[Offsets] = getattr(cache.guess(bundle.name, bundle.version, text), what)
    return next((span for span in found if word[0] <= span[0] and span[1] <= word[1]), word)


def _word_at(words: list[Offsets], span: Offsets | None) -> int | None:
    if span is None:
        return None
    return next((n for n, word in enumerate(words) if word[0] <= span[0] < word[1]), None)


# ── what is shown of them ────────────────────────────────────────────────────────────────────────


def _sentences(say: Say, text: str, twin: str | None, a: Marked | None, b: Marked | None) -> None:
    """Both sentences, candidates in their colours and with their numbers."""
    changes = [] if twin is None else twins.differences(text, twin)
    lines = [marked_html(text, _spans(a) + [(one.a, "lab-other", "") for one in changes])]
    if twin is not None and twin != text:
        lines.append(marked_html(twin, _spans(b) + [(one.b, "lab-other", "") for one in changes]))
    st.html(_lines(dict(zip("12", lines, strict=False))))


def sentence_html(name: str, marked: Marked) -> str:
    """One marked sentence behind its name."""
    return _lines({name: marked_html(marked.text, _spans(marked))})


def _lines(lines: Mapping[str, str]) -> str:
    body = "".join(f"<p><b>{html.escape(name)}</b>&ensp;{line}</p>" for name, line in lines.items())
    return f'{_STYLE}<div class="lab-pair">{body}</div>'


def _spans(marked: Marked | None) -> list[tuple[Offsets, str, str]]:
    if marked is None:
        return []
    first, second = marked.candidates[:2]
    pronoun = (marked.pronoun, "lab-pronoun", "")
    return [pronoun, (first, "lab-first", "①"), (second, "lab-second", "②")]


def _notes(say: Say, text: str, twin: str | None, a: Marked | None, b: Marked | None) -> None:
    if twin is not None and twin == text:
        st.info(say("lab.pair.same"), icon="✏️")
    elif twin is not None and a is not None and b is None:
        st.warning(say("lab.pair.gone"), icon="✏️")


# ── the link ─────────────────────────────────────────────────────────────────────────────────────


def _open_link(text: str) -> None:
    """A link that the page did not write itself wins."""
    twin, marks = _twin_of(text), _marks_told(text)
    asked = state.from_link("twin", twin, _first_twin(text))
    if asked != twin:
        st.session_state[_TWIN] = (text, asked)
    asked = state.from_link("marks", marks, "")
    if asked != marks:
        st.session_state[_MARKS] = (text, _read_marks(asked, text))


def _write_link(text: str) -> None:
    state.into_link("twin", _twin_of(text), _first_twin(text))
    state.into_link("marks", _marks_told(text), "")


def _marks_told(text: str) -> str:
    beside, marks = st.session_state.get(_MARKS, (None, None))
    return _written_marks(marks) if beside == text and marks else ""


def _written_marks(marks: Sequence[Offsets | None]) -> str:
    return ".".join("" if span is None else f"{span[0]}-{span[1]}" for span in marks)


def _read_marks(written: str, text: str) -> Marks | None:
    """What `_written_marks` wrote of this text; None for anything else."""
    if not re.fullmatch(r"\d{1,5}-\d{1,5}(\.\d{1,5}-\d{1,5}){2}", written):
        return None
    found = [(int(a), int(b)) for a, b in (span.split("-") for span in written.split("."))]
    if any(not start < end <= len(text) for start, end in found):
        return None
    if any(text[start:end] != text[start:end].strip() for start, end in found):
        return None  # it was another text's: a word does not begin with a space
    pronoun, first, second = found
    return pronoun, first, second
