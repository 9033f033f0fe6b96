"""Start-up check: `streamlit run app.py` comes up and serves the page. Run by CI."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PATIENCE = 90  # seconds


def main() -> int:
    """Start the app on a free port, ask for its page, stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    options = ["--server.port", str(port), "--server.headless", "true"]
    app = subprocess.Popen([*command, *options], cwd=_ROOT)
    try:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and app.poll() is None:
            if _answers(f"http://127.0.0.1:{port}/"):
                print(f"the app serves its page on port {port}")  # noqa: T201
                return 0
            time.sleep(0.5)
        print("the app did not come up", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        app.terminate()
        app.wait(timeout=20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
