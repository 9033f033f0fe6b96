"""Start-up check: the app comes up and serves its page (`python -m tests.start_app`)."""

from __future__ import annotations

import urllib.request

from tests.e2e.conftest import ROOT, serving

with serving(ROOT / "app.py") as address, urllib.request.urlopen(address, timeout=10) as answer:
    assert answer.status == 200
    print(f"the app serves its page at {address}")  # noqa: T201
