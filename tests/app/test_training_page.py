"""The page on which a class trains a model, in both languages; one training is a real one."""

import csv
import io
import json
import os
import signal
from dataclasses import asdict

import numpy as np
import pytest
import torch

from model import ModelError
from model.config import PRESETS, to_dict
from model.corpus.uploads import read_upload, split
from model.trace import KINDS
from model.training import jobs, keys
from model.training.film import Film
from model.training.folder import Folder, read_json, write_json
from model.training.live import HeldOut, Live
from model.training.process import fill_in
from tests.app.training_room import PATIENCE, QUICK, TOKEN, eventually, folders, opened, said  # noqa: F401
from viz import cache
from viz.i18n import catalogue
from viz.training import corpus, owner, queue


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("part", ["film", "start", "watch"])
def test_every_part_with_nothing_trained(open_app, lang, part):
    app = opened(open_app, part, lang=lang)
    assert not app.exception
    assert not app.error
    assert catalogue(lang)("training.title") in said(app)


@pytest.mark.parametrize("text", ["Hi", "<b>😀</b> 그것은?", "the dog and " * 85])
def test_the_page_does_not_mind_the_other_pages_sentence(open_app, text):
    app = opened(open_app, "start", lang="ko", text=text)
    assert not app.exception
    assert app.query_params["text"] in (text, [text])


def test_a_checkpoint_without_a_film_says_so(open_app):
    (cache.CHECKPOINTS / "jumok" / "film.npz").unlink(missing_ok=True)
    app = opened(open_app, lang="en")
    assert "has no film" in said(app)


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_from_start_to_the_saved_model(open_app, lang):
    app = opened(open_app, "start", lang=lang)
    app.button_group(key="training.preset").set_value("tiny").run()
    app.text_input(key="training.title").set_value("<b>3모둠</b> *").run()
    app.number_input(key="training.tiny.steps").set_value(24).run()
    app.button(key="training.go").click().run()
    assert not app.exception
    assert not app.error
    (job,) = jobs.jobs(cache.RUNS)
    assert app.query_params["job"] in (job.id, [job.id])
    assert job.request is not None
    assert (job.request.preset, job.request.train, job.request.model) == ("tiny", {"steps": 24}, {})
    eventually(app, lambda app: "training.save" in {button.key for button in app.button})
    job = jobs.find(cache.RUNS, job.id)
    assert (job.state, job.step) == ("finished", 24)
    numbers = {metric.label: metric.value for metric in app.metric}
    say = catalogue(lang)
    assert numbers[say("training.number.accuracy")] == say.percent(jobs.held_out(job)[-1].accuracy)
    film = jobs.film(job)
    assert isinstance(film, Film)
    slider = app.select_slider(key=f"training.run.{job.id}.moment")
    assert slider.value == film.moments[-1].step
    slider.set_value(0).run()
    assert not app.exception

    app.text_input(key="training.save_as").set_value("..").run()
    app.button(key="training.save").click().run()
    assert app.error
    app.text_input(key="training.save_as").set_value("우리 모델").run()
    app.button(key="training.save").click().run()
    assert not app.error
    assert (cache.CHECKPOINTS / "우리 모델" / "model.safetensors").is_file()
    assert app.query_params["model"] in ("우리 모델", ["우리 모델"])
    assert app.selectbox(key="model").value == "우리 모델"
    look = app.switch_page("viz/views/look.py").run()
    assert not look.exception
    assert look.selectbox(key="model").value == "우리 모델"
    look.switch_page("viz/views/training.py").run()
    app.button(key="training.delete.우리 모델").click().run()
    assert not (cache.CHECKPOINTS / "우리 모델").exists()
    assert app.selectbox(key="model").value == "jumok"


def test_the_estimate_is_measured_and_holds_for_what_was_asked(open_app):
    app = opened(open_app, "start", lang="en")
    app.button_group(key="training.preset").set_value("tiny").run()
    app.button(key="training.estimate").click().run(timeout=PATIENCE)
    assert not app.exception
    assert not app.error
    assert "From a few real steps" in said(app)
    app.number_input(key="training.tiny.n_heads").set_value(1).run()
    assert "From a few real steps" not in said(app)


def test_again_with_one_thing_changed_and_both_on_one_chart(open_app):
    job = jobs.start(cache.RUNS, jobs.Request(preset="tiny", train={"steps": 20}), TOKEN)
    app = opened(open_app, "watch", lang="ko")
    eventually(app, lambda app: "training.again.go" in {button.key for button in app.button})
    app.selectbox(key="training.again").set_value("peak_lr").run()
    app.number_input(key=f"training.again.{job.id}.peak_lr").set_value(0.01).run()
    app.button(key="training.again.go").click().run()
    assert not app.exception
    assert not app.error
    new, old = jobs.jobs(cache.RUNS)
    assert (old.id, new.settings.train.peak_lr, new.settings.train.steps) == (job.id, 0.01, 20)
    assert app.selectbox(key="training.job").value == new.id
    eventually(app, lambda app: "training.again.go" in {button.key for button in app.button})
    app.multiselect(key="training.beside").set_value([old.id]).run()
    assert not app.exception
    drawn = json.loads(
        next(c for c in app.get("plotly_chart") if "loss_nats" in c.proto.id).proto.spec
    )
    of = {one.id: [m.loss_nats for m in jobs.held_out(one)] for one in (new, old)}
    assert [trace["y"] for trace in drawn["data"]] == [of[new.id], of[old.id]]
    app.button(key="training.delete").click().run()
    assert [one.id for one in jobs.jobs(cache.RUNS)] == [old.id]


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_an_upload_is_shown_and_its_bad_rows_are_named(open_app, lang):
    app = opened(open_app, "start", lang=lang)
    app.button_group(key="training.corpus").set_value("both").run()
    assert app.button(key="training.go").disabled  # the file is missing yet
    rows = "I am a student.,나는 학생이다.\n=1+1,나는 샘이다.\nI am Sam.,나는 샘이다.\n"
    app.file_uploader(key="training.file").upload("a.csv", rows.encode(), "text/csv").run()
    assert not app.exception
    say = catalogue(lang)
    assert say("training.fault.formula", detail="") in app.table[1].value.to_string()
    assert not app.button(key="training.go").disabled
    assert say("training.pairs.few") in said(app)
    app.toggle(key="training.skip").set_value(False).run()
    assert not app.exception
    assert app.error
    assert app.button(key="training.go").disabled


def test_of_many_bad_rows_all_are_in_a_file(open_app):
    """The page shows the first of them; the file names every one, and runs no formula."""
    good = "".join(f"I have {n} dogs.\t나는 개가 {n}마리 있다.\n" for n in range(100))
    content = (good + "=1+1\t수식이다.\n" * 60).encode()
    say, bad = catalogue("ko"), read_upload(content).bad
    app = opened(open_app, "start", lang="ko")
    app.button_group(key="training.corpus").set_value("both").run()
    app.file_uploader(key="training.file").upload("a.tsv", content, "text/plain").run()
    assert not app.exception
    assert len(app.table[1].value) < len(bad) == 60
    (button,) = app.get("download_button")
    assert button.proto.label == say("training.pairs.all_bad")
    written = corpus.listed(say, bad).decode("utf-8-sig")
    _, *rows = csv.reader(io.StringIO(written))
    assert [int(line) for line, *_ in rows] == list(range(101, 161))
    assert {row for *_, row in rows} == {"'=1+1 | 수식이다."}


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_pairs_of_one_s_own_alone(open_app, lang, monkeypatch):
    """They are in the file's languages, without naming, and the page says what that means."""
    asked = []

    def start(runs, request, owner):
        asked.append(request)
        raise ModelError("queue_full", "", limit=1)

    monkeypatch.setattr(jobs, "start", start)
    app = opened(open_app, "start", lang=lang)
    app.button_group(key="training.preset").set_value("tiny").run()
    app.button_group(key="training.corpus").set_value("mine").run()
    say = catalogue(lang)
    assert say("training.corpus.mine_is") in said(app)
    assert not app.multiselect  # kinds and languages are those of the file
    naming = app.toggle(key="training.no_naming")
    assert (naming.value, naming.disabled) == (False, True)
    rows = "".join(f"I have {n} dogs.\tJ'ai {n} très grands chiens.\n" for n in range(60))
    app.file_uploader(key="training.file").upload("a.tsv", rows.encode(), "text/plain").run()
    assert not app.error
    _, aside = split(read_upload(rows.encode()).pairs)
    assert say("training.pairs.aside", pairs=len(aside)) in said(app)
    app.button(key="training.go").click().run()
    (request,) = asked
    assert request.train == {"read_share": 1.0, "naming_weight": 0.0, "directions": ("en-fr",)}
    (file,) = request.pairs
    assert file.read_text() == rows


@pytest.mark.parametrize("cores", [1, 4])
def test_the_device_is_said_plainly_and_chosen(open_app, monkeypatch, cores):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    app = opened(open_app, "start", lang="en")
    assert f"no GPU was found; it trains on the processor (CPU). This computer has {cores}" in said(
        app
    )
    assert ("training.threads" in {number.key for number in app.number_input}) == (cores > 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "RTX *")
    app = opened(open_app, "start", lang="en")
    assert r"a GPU was found (RTX \*)" in said(app)
    assert not [number for number in app.number_input if number.key == "training.threads"]
    app.button_group(key="training.device").set_value("cpu").run()
    assert not app.exception


def test_names_in_the_queue_are_just_text(open_app):
    locks = []
    for id, state in (("one", "running"), ("two", "queued")):
        folder = Folder(cache.RUNS / id)
        folder.path.mkdir(parents=True)
        fill_in(folder, jobs.Request(preset="tiny", title=">99 % *"), QUICK, TOKEN)
        folder.turn(state)
        locks.append(folder.lock())
    app = opened(open_app, "watch", lang="en")
    assert not app.exception
    names, states = (list(cells) for _, cells in app.table[0].value.items())
    assert [name.partition(" ·")[0] for name in names] == [r"\>99 % \*"] * 2
    assert states == ["Preparing \\(vocabulary, sentences\\)", "Waiting \\(1 ahead\\)"]
    for lock in locks:
        os.close(lock)


def test_two_of_one_name_in_the_same_second_are_told_apart(open_app):
    """A class that starts together: the list would give a student the neighbour's training."""
    locks = []
    for id in ("20260101-abc", "20260101-def"):
        folder = Folder(cache.RUNS / id)
        folder.path.mkdir(parents=True)
        fill_in(folder, jobs.Request(preset="tiny"), QUICK, TOKEN)
        saved = read_json(folder.path / "job.json")
        write_json(folder.path / "job.json", saved | {"created": 1.0})
        folder.turn("queued", queued=1.0)
        locks.append(folder.lock())
    app = opened(open_app, "watch", lang="en")
    list_ = app.selectbox(key="training.job")
    assert list_.value == "20260101-def"
    first, second = (shown.split(" · ") for shown in list_.options)
    assert (first[-2:], second[-2:]) == (["def", "Waiting (1 ahead)"], ["abc", "About to begin"])
    list_.set_value("20260101-abc").run()
    assert not app.exception
    assert app.selectbox(key="training.job").value == "20260101-abc"
    assert app.multiselect(key="training.beside").options[0].endswith("def")
    for lock in locks:
        os.close(lock)


def test_again_of_a_model_without_heads(open_app):
    """A recurrent training that was started by hand has no such setting to change."""
    preset = PRESETS["gru"]
    folder = Folder(cache.RUNS / "gru")
    folder.live.mkdir(parents=True)
    folder.turn("finished", sizes=preset.sizes, settings=to_dict(preset.train))
    app = opened(open_app, "watch", lang="ko")
    list_ = app.selectbox(key="training.again")
    say = catalogue("ko")
    assert say("training.set.lower_lr_share") in list_.options
    assert say("training.set.n_heads") not in list_.options
    list_.set_value("dropout").run()
    assert not app.exception


def test_of_a_language_that_is_not_learned_no_head_is_called_the_best(open_app):
    folder = Folder(cache.RUNS / "one")
    folder.live.mkdir(parents=True)
    folder.turn("paused")
    scores = [[0.2, 0.9]]
    measured = HeldOut(1, 1.0, 2.0, 2.0, 0.5, {"en": 0.5}, {"en": scores}, {"en": 10})
    (folder.live / "held_out.jsonl").write_text(json.dumps(asdict(measured)))
    maps = {kind: np.full((1, 2, 2, 2), 127, np.uint8) for kind in KINDS}
    for lang, word, head, best in (("ko", "나는", 1, False), ("en", "It", 2, True)):
        words = [(word, [0], (0, 2)), ("</s>", [1], None)]
        tokens = [name for name, *_ in words]
        Live(1, 1.0, word, lang, "fr", "", tokens, tokens, words, words, [], [], None, maps).save(
            folder.live / "now.npz"
        )
        app = opened(open_app, "watch", lang="en")
        assert not app.exception
        assert (f"Layer 1 · Head {head}, the best one" in said(app)) == best
        assert f"Layer 1 · Head {head}" in said(app)


def test_what_others_do_is_seen_without_a_click(open_app):
    """The list of trainings that the page was drawn by changes when any of them does."""
    folder = Folder(cache.RUNS / "theirs")
    folder.path.mkdir(parents=True)
    fill_in(folder, jobs.Request(preset="tiny"), QUICK, TOKEN)
    folder.turn("paused")
    assert queue.phases() == [("theirs", "paused", "")]
    lock = folder.lock()
    folder.turn("running", stage="training")
    assert queue.phases() == [("theirs", "running", "training")]
    os.close(lock)  # it was killed: no file says so
    assert queue.phases() == [("theirs", "interrupted", "")]
    app = opened(open_app, "watch", lang="en")
    assert "Interrupted" in app.selectbox(key="training.job").options[0]


def test_a_stranger_may_only_look(open_app, monkeypatch):
    job = jobs.start(cache.RUNS, jobs.Request(preset="tiny", train={"steps": 100_000}), TOKEN)
    monkeypatch.setattr(owner, "token", lambda: "somebody-else-altogether")
    monkeypatch.setattr(keys, "_teacher", keys.hashed("chalk"))
    app = opened(open_app, "watch", lang="en")
    assert not {f"training.stop.{job.id}", "training.delete"} & {b.key for b in app.button}
    assert "You can watch" in said(app)
    app.text_input(key="training.key").set_value("chalk").run()
    assert f"training.stop.{job.id}" in {button.key for button in app.button}
    monkeypatch.setattr(owner, "token", lambda: TOKEN)


def test_one_that_was_killed_says_so_and_goes_on(open_app):
    job = jobs.start(cache.RUNS, jobs.Request(preset="tiny", train={"steps": 100_000}), TOKEN)
    app = opened(open_app, "watch", lang="ko")
    eventually(app, lambda app: jobs.find(cache.RUNS, job.id).step > 5)
    pause = f"training.pause.{job.id}"
    assert pause in {button.key for button in app.button}
    pid = Folder(job.folder).holder()
    os.kill(pid, signal.SIGKILL)
    eventually(app, lambda app: app.error)
    told = [error.value for error in app.error]
    assert told == [catalogue("ko").markdown("error.training_killed")]
    app.button(key=f"training.resume.{job.id}").click().run()
    assert not app.error
    eventually(app, lambda app: pause in {button.key for button in app.button})
    app.button(key=f"training.stop.{job.id}").click().run()
    eventually(app, lambda app: "training.save" in {button.key for button in app.button})
    assert jobs.find(cache.RUNS, job.id).state == "stopped"


def test_settings_that_cannot_be_are_named(open_app):
    app = opened(open_app, "start", lang="en")
    app.button_group(key="training.preset").set_value("tiny").run()
    app.number_input(key="training.tiny.d_model").set_value(15).run()
    app.button(key="training.go").click().run()
    assert "cannot be 15" in app.error[0].value
    assert not jobs.jobs(cache.RUNS)


def test_the_film_stops_at_its_last_moment(open_app):
    app = opened(open_app, lang="en")
    play, moment = "training.film.jumok.play", "training.film.jumok.moment"
    app.toggle(key=play).set_value(True).run()
    assert app.toggle(key=play).value
    app.session_state[moment] = cache.film("jumok").moments[-1].step
    app.run()
    assert not app.exception
    assert not app.toggle(key=play).value


def test_the_curves_are_the_files(open_app, monkeypatch):
    """What is drawn of a film is what the film says."""
    app = opened(open_app, lang="en")
    film = cache.film("jumok")
    if film is None:
        pytest.skip("the bundled checkpoint has no film")
    drawn = [
        trace
        for chart in app.get("plotly_chart")
        for trace in json.loads(chart.proto.spec)["data"]
        if trace.get("name") == "Loss"
    ]
    known = [moment.line["loss_nats"] for moment in film.moments if "loss_nats" in moment.line]
    assert drawn[0]["y"] == known
