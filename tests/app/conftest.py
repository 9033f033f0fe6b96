"""The app without a browser: AppTest runs app.py on the bundled checkpoint."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

APP = Path(__file__).parents[2] / "app.py"

OpenApp = Callable[..., AppTest]


@pytest.fixture
def open_app() -> OpenApp:
    """open_app(text="…", lang="ko"): the page behind a link, after its first run."""

    def open_link(**params: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=120)
        for name, value in params.items():
            app.query_params[name] = value
        return app.run()

    return open_link
