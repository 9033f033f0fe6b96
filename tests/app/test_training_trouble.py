"""What the training page says when something goes wrong, in both languages: real failures."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap

import pytest
import torch

from model.config import PRESETS, to_dict
from model.training import jobs
from model.training.control import as_reason, explained
from model.training.folder import Folder
from model.training.jobs import Request
from model.training.process import fill_in
from tests.app.conftest import longest_words
from tests.app.training_room import (  # noqa: F401
    QUICK,
    TOKEN,
    eventually,
    folders,
    opened,
)
from viz import cache
from viz.i18n import LANGS, catalogue

LONG = {"steps": 100_000}


def ended(app, job):
    """The training once it is over."""
    eventually(app, lambda app: not jobs.find(cache.RUNS, job.id).active)
    return jobs.find(cache.RUNS, job.id)


def told(open_app, expected: str, *advice: dict[str, str]) -> None:
    """The page says this error, with its advice, in both languages."""
    for lang in LANGS:
        app = opened(open_app, "watch", lang=lang)
        assert not app.exception
        (error,) = app.error
        assert longest_words(catalogue(lang)(f"error.{expected}")) in error.value
        for words in advice:
            assert words[lang] in error.value


def test_a_full_disk(open_app):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        job = jobs.start(cache.RUNS, Request(preset="tiny"), TOKEN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    app = opened(open_app, "watch", lang="en")
    assert ended(app, job).state == "failed"
    told(open_app, "disk_full", {"ko": "지우세요", "en": "Delete old trainings"})
    app.run()
    assert f"training.resume.{job.id}" in {button.key for button in app.button}


def test_numbers_beyond_all_bounds(open_app):
    wild = {"peak_lr": 1e30, "snapshot_every": 1}
    job = jobs.start(cache.RUNS, Request(preset="tiny", train=wild), TOKEN)
    ended(opened(open_app, "watch", lang="en"), job)
    told(open_app, "loss_not_finite", {"ko": "학습률을", "en": "lower learning rate"})


def test_a_damaged_snapshot(open_app):
    one = Folder(cache.RUNS / "one")
    one.path.mkdir(parents=True)
    fill_in(one, Request(preset="tiny"), PRESETS["tiny"], TOKEN)
    one.snapshot.write_bytes(b"half of it")
    one.turn("paused", step=5)
    app = opened(open_app, "watch", lang="ko")
    app.button(key="training.resume.one").click().run()
    assert not app.exception
    assert ended(app, jobs.find(cache.RUNS, "one")).state == "failed"
    again = {"ko": catalogue("ko")("training.again.title"), "en": "Start it again"}
    told(open_app, "snapshot_damaged", again)
    app.run()
    assert "training.again.go" in {button.key for button in app.button}


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")], ids=["cpu", "gpu"]
)
def test_memory_that_is_full(open_app, error):
    one = Folder(cache.RUNS / "one")
    one.path.mkdir(parents=True)
    fill_in(one, Request(preset="tiny"), PRESETS["tiny"], TOKEN)
    reason = explained(error, one.path)
    one.turn("failed", reason=as_reason(reason))
    told(open_app, reason.code, {"ko": "토큰 수를", "en": "fewer tokens a step"})


@pytest.mark.parametrize("lang", LANGS)
def test_a_folder_that_cannot_be_used(open_app, lang):
    cache.RUNS.write_text("no folder")
    try:
        for part in ("start", "watch"):
            app = opened(open_app, part, lang=lang)
            if part == "start":
                app.button(key="training.go").click().run()
            assert not app.exception
            assert str(cache.RUNS.name) in app.error[0].value
            first = catalogue(lang)("error.folder_unwritable").split("{")[0]
            assert app.error[0].value.startswith(first)
    finally:
        cache.RUNS.unlink()


def test_a_full_disk_while_a_file_of_pairs_is_kept(open_app, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "pairs.tsv")

    monkeypatch.setattr("model.corpus.uploads.keep", full)
    app = opened(open_app, "start", lang="en")
    app.button_group(key="training.corpus").set_value("both").run()
    rows = "I am a student.\t나는 학생이다.\n"
    app.file_uploader(key="training.file").upload("a.tsv", rows.encode(), "text/plain").run()
    app.button(key="training.go").click().run()
    assert "no room left on the disk" in app.error[0].value
    assert "a\\.tsv: 1" in " ".join(success.value for success in app.success)  # nothing is lost


def test_a_killed_app_s_training_goes_on_and_the_page_finds_it(open_app):
    """The app that started it dies with all its processes but this one."""
    script = textwrap.dedent("""
        import json, sys, time
        from pathlib import Path
        from model.training import jobs
        values = json.loads(sys.argv[2])
        print(jobs.start(Path(sys.argv[1]), jobs.Request(**values), sys.argv[3]).id, flush=True)
        time.sleep(1000)
    """)
    request = {"preset": "tiny", "model": QUICK.model, "train": to_dict(QUICK.train) | LONG}
    server = subprocess.Popen(
        [sys.executable, "-c", script, str(cache.RUNS), json.dumps(request), TOKEN],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    id = server.stdout.readline().strip()
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    page = opened(open_app, "watch", lang="ko")
    eventually(page, lambda page: jobs.find(cache.RUNS, id).step > 0)
    before = jobs.find(cache.RUNS, id).step
    eventually(page, lambda page: jobs.find(cache.RUNS, id).step > before)
    assert page.selectbox(key="training.job").value == id
    page.run()
    assert f"training.pause.{id}" in {button.key for button in page.button}
    assert (
        catalogue("ko")("training.stage.training") in page.selectbox(key="training.job").options[0]
    )
