"""What tests of the training page share: runs of their own, and the quickest preset there is."""

import shutil
import time

import pytest
from streamlit.testing.v1 import AppTest

from model.config import PRESETS, Preset, TrainConfig
from model.training import jobs
from viz import cache
from viz.training import owner

PAGE = "viz/views/training.py"
SIZES = dict(d_model=16, n_heads=2, d_k=8, d_v=8, d_ff=16, n_encoder_layers=1, n_decoder_layers=1)
QUICK = Preset(
    SIZES,
    TrainConfig(
        steps=30, batch_tokens=200, warmup_steps=2, items=60, snapshot_every=5, vocab_size=800,
        families=("ways",), directions=("en-ko",), measured_twins=2,
    ),
)  # fmt: skip
PATIENCE = 400.0  # seconds; a process that imports torch on a busy machine takes many
TOKEN = "a-token-of-this-test-alone"


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Runs and checkpoints of this test alone; the quickest preset there can be."""
    kept = tmp_path / "checkpoints" / "jumok"
    kept.mkdir(parents=True)
    for file in (cache.CHECKPOINTS / "jumok").iterdir():
        if file.is_file():
            shutil.copy(file, kept)
    monkeypatch.setattr(cache, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(cache, "CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.setitem(PRESETS, "tiny", QUICK)
    monkeypatch.setattr(owner, "token", lambda: TOKEN)
    yield
    for job in jobs.jobs(cache.RUNS):
        if job.active:
            jobs.delete(job, TOKEN)


def opened(open_app, part="film", **link) -> AppTest:
    app = open_app(**link).switch_page(PAGE).run()
    app.button_group(key="training.part").set_value(part).run()
    return app


def eventually(app: AppTest, done) -> None:
    until = time.monotonic() + PATIENCE
    while not done(app):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.5)
        app.run()
        assert not app.exception


def said(app: AppTest) -> str:
    return " ".join(shown.value for shown in (*app.markdown, *app.caption, *app.info, *app.error))
