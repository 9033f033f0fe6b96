"""What a training learns from: built-in sentences, pairs of one's own, or both."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import streamlit as st

from model import ModelError
from model.config import DIRECTIONS, Preset
from model.corpus import uploads
from model.corpus.generator import families
from model.corpus.uploads import BadRow, Upload
from model.training.control import writing
from viz import cache
from viz.export.tables import as_csv
from viz.i18n import Say
from viz.tables import table
from viz.training import words

Corpus = Literal["built_in", "mine", "both"]
CORPORA: tuple[Corpus, ...] = get_args(Corpus)
UPLOAD_MB = -(-uploads.MAX_BYTES // 2**20)

_SHOWN_ROWS = 50
_UPLOAD = "training:upload"


def part(say: Say, name: str, preset: Preset) -> None:
    """Which sentences; kinds and languages of the built-in ones, a file of one's own."""
    st.segmented_control(
        say("training.corpus.label"),
        CORPORA,
        format_func=lambda corpus: say(f"training.corpus.{corpus}"),
        key="training.corpus",
        default=CORPORA[0],
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    which = chosen()
    st.caption(say(f"training.corpus.{which}_is"))
    if which != "mine":
        _built_in(say, name, preset)
    if which != "built_in":
        _file(say)


def chosen() -> Corpus:
    """What is learned from."""
    corpus: Corpus | None = st.session_state.get("training.corpus")
    return corpus or CORPORA[0]


def uploaded() -> Upload | None:
    """The file of one's own, where it is learned from."""
    if chosen() == "built_in" or _UPLOAD not in st.session_state:
        return None
    upload: Upload = st.session_state[_UPLOAD][1]
    return upload


def is_complete() -> bool:
    """Whether the file is there that was asked for."""
    return chosen() == "built_in" or uploaded() is not None


def changes() -> dict[str, Any]:
    """Settings that follow: pairs alone are in their own languages, and have nothing to name."""
    upload = uploaded()
    if chosen() != "mine" or upload is None:
        return {}
    directions = tuple(f"{source}-{to}" for source, to in upload.directions)
    return {"read_share": 1.0, "naming_weight": 0.0, "directions": directions}


def kept() -> tuple[Path, ...]:
    """The file as trainings read it.

    Raises:
        ModelError: `disk_full` or `folder_unwritable`.
    """
    upload, folder = uploaded(), cache.RUNS / ".uploads"
    if upload is None:
        return ()
    with writing(folder):
        return (uploads.keep(upload, folder),)


def _built_in(say: Say, name: str, preset: Preset) -> None:
    st.multiselect(
        say("training.set.families"),
        list(families()),
        default=list(preset.train.families),
        format_func=lambda family: _family(say, family),
        key=f"training.{name}.families",
        placeholder=say("training.set.all"),
        persist_state="session",
    )
    st.multiselect(
        say("training.set.directions"),
        [f"{source}-{target}" for source, target in DIRECTIONS],
        default=list(preset.train.directions),
        format_func=lambda direction: words.direction(say, direction),
        key=f"training.{name}.directions",
        placeholder=say("training.set.all"),
        persist_state="session",
    )


def _family(say: Say, family: str) -> str:
    twins, plain = families()[family]
    return say(
        "training.family.of", name=say(f"training.family.{family}"), twins=twins, plain=plain
    )


def _file(say: Say) -> None:
    st.markdown(say("training.pairs.how", rows=f"{uploads.MAX_ROWS:,}", megabytes=UPLOAD_MB))
    file = st.file_uploader(
        say("training.pairs.file"),
        type=["tsv", "csv", "txt"],
        key="training.file",
        max_upload_size=UPLOAD_MB,
    )
    skip = st.toggle(say("training.pairs.skip"), value=True, key="training.skip")
    if file is not None:
        try:
            upload = uploads.read_upload(file.getvalue(), skip_bad=skip)
        except ModelError as error:
            st.session_state.pop(_UPLOAD, None)
            st.error(words.error(say, error), icon="📄")
            return
        st.session_state[_UPLOAD] = (file.name, upload)
    if _UPLOAD not in st.session_state:
        return
    _preview(say, *st.session_state[_UPLOAD])
    if file is None:  # kept while another page was open
        st.button(say("training.pairs.forget"), key="training.forget", icon="🗑️", on_click=_forget)


def _forget() -> None:
    del st.session_state[_UPLOAD]


def _preview(say: Say, name: str, upload: Upload) -> None:
    first, second = (say(f"lang.{lang}") for lang in upload.langs)
    read = say.markdown(
        "training.pairs.read",
        name=name,
        pairs=f"{len(upload.pairs):,}",
        first=first,
        second=second,
        encoding=upload.encoding,
        separator=say(f"training.pairs.{upload.separator}"),
    )
    st.success(read, icon="📄")
    _, aside = uploads.split(upload.pairs)
    st.caption(say(f"training.pairs.{'aside' if aside else 'few'}", pairs=f"{len(aside):,}"))
    shown = upload.preview()
    table({first: [pair.source for pair in shown], second: [pair.target for pair in shown]})
    if upload.bad:
        _bad(say, upload.bad)


def _bad(say: Say, rows: list[BadRow]) -> None:
    """Which rows were left out and why: the first of them on the page, all of them in a file."""
    shown = rows[:_SHOWN_ROWS]
    st.warning(say("training.pairs.bad", bad=len(rows), shown=len(shown)), icon="⚠️")
    table(_named(say, shown))
    if len(rows) > len(shown):
        st.download_button(
            say("training.pairs.all_bad"),
            partial(listed, say, rows),
            file_name="left-out.csv",
            mime="text/csv",
            key="training.bad",
            icon="⬇️",
            on_click="ignore",
        )


def listed(say: Say, rows: list[BadRow]) -> bytes:
    """Rows that are left out, as CSV."""
    return as_csv(_named(say, rows))


def _named(say: Say, rows: list[BadRow]) -> dict[str, list[str]]:
    return {
        say("training.pairs.line"): [str(row.line) for row in rows],
        say("training.pairs.fault"): [
            say(f"training.fault.{row.fault}", detail=row.detail) for row in rows
        ],
        say("training.pairs.row"): [row.text for row in rows],
    }
