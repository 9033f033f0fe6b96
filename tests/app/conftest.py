"""The app without a browser: AppTest runs app.py on the bundled checkpoint."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Table

APP = Path(__file__).parents[2] / "app.py"

OpenApp = Callable[..., AppTest]


def as_read(table: Table) -> pd.DataFrame:
    """A table as a reader sees it: the cells' Markdown without its signs.

    A ">" that nothing escapes makes a quotation, and is not seen.
    """

    def seen(cell: str) -> str:
        return re.sub(r"\\(.)", r"\1", re.sub(r"^>\s*", "", cell))

    return table.value.map(seen).rename(columns=seen)


def longest_words(sentence: str) -> str:
    """Of a catalogue's sentence with {places} the longest part that stands there as it is."""
    return max(re.split(r"\{\w+\}", sentence), key=len)


def run(app: AppTest) -> AppTest:
    """The page once more, after what was done to it; an exception on it fails the test."""
    app.run()
    assert not app.exception, [one.message for one in app.exception]
    return app


@pytest.fixture
def open_app() -> OpenApp:
    """open_app(text="…", lang="ko"): the page behind a link, after its first run."""

    def open_link(**params: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=120)
        for name, value in params.items():
            app.query_params[name] = value
        return app.run()

    return open_link


@pytest.fixture
def open_page(open_app: OpenApp, request: pytest.FixtureRequest) -> OpenApp:
    """open_page(kind="cross"): the page that the test's file names as `PAGE`, behind a link."""

    def open_page(**params: str) -> AppTest:
        app = open_app(**params)
        for name, value in params.items():  # AppTest keeps a link for one run only
            app.query_params[name] = value
        return app.switch_page(request.module.PAGE).run()

    return open_page


def message_to(component: str, app: AppTest) -> bytes:
    """What the browser would get for the one component of this name."""
    protos = [found.proto for found in app.get("bidi_component")]
    (data,) = [proto.bytes for proto in protos if proto.component_name.endswith(component)]
    return data
