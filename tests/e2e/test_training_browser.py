"""A training in a real browser: start, watch, pause, continue, stop, save, look at the result."""

import os
import re
import shutil
import signal
import textwrap
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from model.config import PRESETS
from model.training import jobs
from model.training.folder import Folder
from model.training.process import fill_in
from tests.e2e.conftest import ROOT, stand_still, stays_inside

pytestmark = pytest.mark.browser
PATIENCE = 240_000
STEPS = re.compile(r"Training · step [1-9]")

# The server's own Python reads this at its start: the preset `tiny`, its sizes as they are, but few
# sentences to generate and to be measured on (and so many steps that there is time to pause it).
QUICK = textwrap.dedent("""
    import os, sys
    if "streamlit" in " ".join(sys.orig_argv):
        from dataclasses import replace
        from pathlib import Path
        from model.config import PRESETS
        tiny = PRESETS["tiny"]
        few = dict(
            steps=100_000, batch_tokens=200, items=60, snapshot_every=50, vocab_size=800,
            families=("ways",), directions=("en-ko",), measured_twins=2,
        )
        PRESETS["tiny"] = replace(tiny, train=replace(tiny.train, **few))
        Path(os.environ["SERVER_PID"]).write_text(str(os.getpid()))
""")


@pytest.fixture
def room(tmp_path):
    """What servers of one class share: the test's own trainings and checkpoints."""
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "sitecustomize.py").write_text(QUICK, encoding="utf-8")
    shutil.copytree(ROOT / "checkpoints" / "jumok", tmp_path / "checkpoints" / "jumok")
    yield {
        "PYTHONPATH": f"{tmp_path / 'quick'}:{ROOT}",
        "SERVER_PID": str(tmp_path / "pid"),
        "JUMOK_CHECKPOINTS": str(tmp_path / "checkpoints"),
        "JUMOK_RUNS": str(tmp_path / "runs"),
        "JUMOK_TEACHER_KEY": "chalk",
    }
    jobs.set_teacher_key("chalk")
    for job in jobs.jobs(tmp_path / "runs"):
        jobs.delete(job, "chalk")


@pytest.fixture
def class_room(serve, room):
    """The address of a server whose trainings are the test's own."""
    with serve(ROOT / "app.py", **room) as address:
        yield address


def press(opened: Page, name: str) -> None:
    """A button by its name, with the keyboard."""
    button = opened.get_by_role("button", name=name)
    expect(button).to_be_enabled(timeout=PATIENCE)
    button.press("Enter")


def test_from_start_to_the_first_page(page, class_room):
    opened = page(f"{class_room}/training?lang=en&part=start", width=1366)
    opened.get_by_text("Tiny", exact=True).click()
    expect(opened.get_by_text("A quick trial")).to_be_visible()
    press(opened, "Start")
    expect(opened).to_have_url(re.compile("job="), timeout=PATIENCE)

    # It runs; the numbers change by themselves.
    moved = opened.get_by_text(STEPS)
    expect(moved).to_be_visible(timeout=PATIENCE)
    expect(opened.get_by_test_id("stMetric").filter(has_text="Tokens right")).to_be_visible()
    before = moved.inner_text()
    expect(opened.get_by_text(before, exact=True)).to_have_count(0, timeout=PATIENCE)
    expect(opened.locator(".js-plotly-plot .heatmaplayer").first).to_be_attached()

    # Somebody else's browser finds it, and may only watch.
    other = page(opened.url, width=390)
    expect(other.get_by_text("You can watch")).to_be_visible()
    expect(other.get_by_role("button", name="Stop and measure")).to_have_count(0)

    press(opened, "Pause")
    expect(opened.get_by_text(re.compile("Paused · step"))).to_be_visible(timeout=PATIENCE)
    # A second tab of the same browser knows its token.
    tab = opened.context.new_page()
    tab.goto(opened.url)
    press(tab, "Continue")
    expect(tab.get_by_role("button", name="Continue")).to_have_count(0)
    tab.close()
    # The first one sees it without a click.
    expect(moved).to_be_visible(timeout=PATIENCE)
    press(opened, "Stop and measure")
    expect(opened.get_by_text(re.compile("Stopped · step"))).to_be_visible(timeout=PATIENCE)

    name = stand_still(opened).get_by_label("Name of the checkpoint").first
    name.fill("ours")
    name.press("Enter")
    press(opened, "Save")
    expect(opened.get_by_text("Saved as ours")).to_be_visible(timeout=PATIENCE)
    opened.get_by_role("link", name="See its attention").click()
    expect(opened.locator(".head-view")).to_be_visible(timeout=PATIENCE)
    expect(opened).to_have_url(re.compile("model=ours"))
    for shown in (opened, other):
        expect(shown.get_by_test_id("stException")).to_have_count(0)


def test_the_server_is_killed_and_three_watch_on_another(page, serve, room):
    """Everybody sees the training go on; the browser that started it may still stop it."""
    with serve(ROOT / "app.py", **room) as address:
        mine = page(f"{address}/training?lang=en&part=start", width=1366)
        mine.get_by_text("Tiny", exact=True).click()
        expect(mine.get_by_text("A quick trial")).to_be_visible()
        press(stand_still(mine), "Start")
        expect(mine.get_by_text(STEPS)).to_be_visible(timeout=PATIENCE)
        os.kill(int(Path(room["SERVER_PID"]).read_text()), signal.SIGKILL)
    (job,) = jobs.jobs(Path(room["JUMOK_RUNS"]))
    assert job.state == "running"
    with serve(ROOT / "app.py", **room) as address:
        watch = f"{address}/training?lang=en&part=watch"
        mine.goto(watch)
        tabs = [mine, page(watch, width=1366), page(watch, width=390)]
        shown = [tab.get_by_text(STEPS) for tab in tabs]
        for tab, step in zip(tabs, shown, strict=True):
            expect(step).to_be_visible(timeout=PATIENCE)
            before = step.inner_text()
            expect(tab.get_by_text(before, exact=True)).to_have_count(0, timeout=PATIENCE)
        for stranger in tabs[1:]:
            expect(stranger.get_by_text("You can watch")).to_be_visible()
        press(stand_still(mine), "Pause")
        for tab in tabs:  # nobody but the first has clicked
            expect(tab.get_by_text(re.compile("Paused · step"))).to_be_visible(timeout=PATIENCE)
            expect(tab.get_by_test_id("stException")).to_have_count(0)


def test_what_is_watched_stays_the_same_training_when_its_state_changes(page, serve, room):
    """The browser answers with the words that it shows, of a state that is no more."""
    runs = Path(room["JUMOK_RUNS"])
    for id in ("old", "new"):
        folder = Folder(runs / id)
        folder.path.mkdir(parents=True)
        fill_in(folder, jobs.Request(preset="tiny", title=id), PRESETS["tiny"], "nobody")
        folder.turn("paused", step=20, steps=400)
    old = Folder(runs / "old")
    old.turn("running", stage="training")
    lock = old.lock()
    with serve(ROOT / "app.py", **room) as address:
        opened = page(f"{address}/training?lang=en&part=watch&job=old", width=1366)
        expect(opened.get_by_text("Training · step 20")).to_be_visible()
        old.turn("paused", stage="")
        os.close(lock)
        box = opened.get_by_test_id("stSelectbox").filter(has_text="Training")
        chosen = box.locator("input")
        expect(chosen).to_have_value(re.compile("old · .* · Paused"), timeout=PATIENCE)
        opened.get_by_text("Who may stop a training").click()
        key = opened.get_by_label("Teacher's key")
        key.fill("cheese")
        key.press("Enter")  # the whole page runs once more
        expect(opened.get_by_text("This is not the teacher's key")).to_be_visible()
        expect(chosen).to_have_value(re.compile("^old ·"))
        expect(opened).to_have_url(re.compile("job=old(&|$)"))


def test_a_file_of_sentence_pairs(page, class_room):
    opened = page(f"{class_room}/training?lang=ko&part=start", width=390)
    opened.get_by_text("무엇으로 배울까요?").click()
    opened.get_by_text("둘 다", exact=True).click()
    expect(opened.get_by_text("읽는 문장의 절반이")).to_be_visible()
    rows = "I am a student.\t나는 학생이다.\nI am Sam.\t나는 샘이다.\nalone\n"
    opened.locator('input[type="file"]').set_input_files(
        {"name": "우리.tsv", "mimeType": "text/tab-separated-values", "buffer": rows.encode()}
    )
    expect(opened.get_by_text("2쌍")).to_be_visible()
    expect(opened.get_by_text("1줄을 뺐습니다")).to_be_visible()
    expect(opened.get_by_text("두 칸이 아니라 1칸입니다")).to_be_visible()
    stays_inside(opened)
    expect(opened.get_by_test_id("stException")).to_have_count(0)
