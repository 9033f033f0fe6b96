"""Training jobs: real processes that queue, pause, stop, go on, are killed and fail."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch

from model import Bundle, ModelError, load
from model.config import Preset, TrainConfig, to_dict
from model.training import folder as folder_script
from model.training import jobs, keys, saved
from model.training.control import Control, explained
from model.training.estimate import calibrate, estimate
from model.training.film import Film, moments
from model.training.folder import Folder, take
from model.training.jobs import Job, Request
from model.training.live import Live, Watcher
from model.training.loop import Hardware, train
from model.training.process import fill_in
from model.training.snapshot import Snapshot

SIZES = dict(d_model=16, n_heads=2, d_k=8, d_v=8, d_ff=16, n_encoder_layers=1, n_decoder_layers=1)
SETTINGS = TrainConfig(
    steps=30, batch_tokens=200, warmup_steps=2, items=60, snapshot_every=5, vocab_size=800,
    families=("ways",), directions=("en-ko",), measured_twins=2,
)  # fmt: skip
PRESET = Preset(SIZES, SETTINGS)
CPU = Hardware(accelerator="cpu", devices=1)
ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 400.0  # seconds; a process that imports torch on a busy machine takes many

_T = TypeVar("_T")


def eventually(what: Callable[[], _T], patience: float = PATIENCE) -> _T:
    """The first answer that is true."""
    until = time.monotonic() + patience
    while not (answer := what()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)
    return answer


def now(job: Job) -> Job:
    found = jobs.find(job.folder.parent, job.id)
    assert found is not None
    return found


def ended(job: Job) -> Job:
    """The job once it is over, for now or for good."""
    return eventually(lambda: (not now(job).active and now(job)) or None)


def as_job(folder: Path, steps: int, state: folder_script.State = "paused") -> Job:
    """A training's folder as if a page had started it, owned by "me"."""
    one = Folder(folder)
    request = Request(preset="tiny", model=SIZES, train={"seed": 0}, device="cpu")
    fill_in(one, request, Preset(SIZES, replace(SETTINGS, steps=steps)), "me")
    one.turn(state, device="cpu")
    found = jobs.find(folder.parent, folder.name)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that came to its end at step 30, without a break."""
    return train(PRESET, SETTINGS, tmp_path_factory.mktemp("runs") / "whole", hardware=CPU)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training whose snapshot is of step 2 of 30."""
    out = tmp_path_factory.mktemp("runs") / "begun"
    original = Control.verdict
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Control,
            "verdict",
            lambda self: "pause" if self._status.step >= 2 else original(self),
        )
        patch.setattr("model.training.control._TELL_EVERY", 0.0)
        train(PRESET, SETTINGS, out, hardware=CPU)
    assert Snapshot.load(out / "snapshot.safetensors").step < 5
    return out


@pytest.fixture
def paused(begun: Path, tmp_path: Path) -> Iterator[Job]:
    """A paused job of its own, in a folder of runs of its own."""
    shutil.copytree(begun, tmp_path / "runs" / "one")
    yield as_job(tmp_path / "runs" / "one", steps=30)
    for job in jobs.jobs(tmp_path / "runs"):
        jobs.delete(job, "me")


# ── one process after another ────────────────────────────────────────────────────────────────────


def test_pause_resume_finish_is_exactly_a_run_without_a_break(paused: Job, trained: Path) -> None:
    assert (paused.state, paused.measured) == ("paused", False)
    jobs.resume(paused, "me")
    jobs.resume(paused, "me")  # a second tab: nothing more happens
    assert now(paused).active
    done = ended(paused)
    assert (done.state, done.step, done.measured, done.reason) == ("finished", 30, True, None)
    assert load(done.folder).version == load(trained).version
    assert [line["step"] for line in jobs.progress(done)][-2:] == [20, 30]
    assert jobs.progress(done, since=20)[0]["step"] == 30
    last = jobs.held_out(done)[-1]
    assert last.step == 30
    assert last.n == {"en": 200}
    assert torch.tensor(last.argmax["en"]).shape == (1, 2)
    seen = jobs.live(done)
    assert seen is not None
    assert seen.maps["encoder"].shape[:2] == (1, 2)
    assert seen.maps["encoder"].shape[2] == len(seen.source_tokens)
    assert seen.naming[0][0] == "The"
    film = jobs.film(done)
    assert film is not None
    assert film.moments[-1].step == 30
    assert eventually(lambda: "checkpoint" in jobs.log_tail(done))  # its very last word


def test_kill_9_at_random_moments_loses_a_snapshot_s_interval_at_most(
    paused: Job, trained: Path
) -> None:
    rng = random.Random(0)
    at = paused.step
    for _ in range(3):
        jobs.resume(now(paused), "me")
        own = Folder(paused.folder)
        until = min(28, at + rng.randint(0, 9))
        eventually(
            lambda own=own, until=until: (s := own.status()) and s.stage and s.step >= until  # type: ignore[misc]
        )
        time.sleep(0.3 * rng.random())
        pid = own.holder()
        if pid is None:  # it has come to its end already …
            break
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # … or just now
            break
        killed = ended(paused)
        assert (killed.state, killed.reason and killed.reason.code) == (
            "interrupted",
            "training_killed",
        )
        at = Snapshot.load(paused.folder / "snapshot.safetensors").step
        assert at >= killed.step - SETTINGS.snapshot_every
    jobs.resume(now(paused), "me")
    assert ended(paused).state == "finished"
    assert load(paused.folder).version == load(trained).version  # bit for bit


def test_a_job_outlives_the_app_and_heeds_sigterm(paused: Job) -> None:
    """Started by a process that is gone, found by another, ended by SIGTERM with a snapshot."""
    jobs.resume(paused, "me", steps=100_000)
    script = (
        "from model.training import jobs; from pathlib import Path; import sys;"
        "job = jobs.find(Path(sys.argv[1]), 'one'); print(job.state)"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, str(paused.folder.parent)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() in ("queued", "running")
    eventually(lambda: now(paused).stage == "training" and now(paused).step > 5)
    pid = Folder(paused.folder).holder()
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)  # no signal to the app's group reaches it
    assert os.getpriority(os.PRIO_PROCESS, pid) >= 10  # people at the pages go first
    of_session = Path(f"/proc/{pid}/autogroup")
    if os.access(of_session, os.W_OK):  # Linux shares a processor among sessions before processes
        assert of_session.read_text().split()[-1] == "10"
    os.kill(pid, signal.SIGTERM)
    over = ended(paused)
    assert (over.state, over.reason and over.reason.code) == ("interrupted", "training_terminated")
    assert Snapshot.load(paused.folder / "snapshot.safetensors").step >= over.step > 5


def test_a_full_disk_is_named_and_the_training_goes_on_when_there_is_room(paused: Job) -> None:
    before = (paused.folder / "snapshot.safetensors").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        jobs.resume(paused, "me")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    failed = ended(paused)
    assert (failed.state, failed.reason and failed.reason.code) == ("failed", "disk_full")
    assert (paused.folder / "snapshot.safetensors").read_bytes() == before
    assert [path for path in paused.folder.iterdir() if path.name.startswith(".")] == []
    jobs.resume(failed, "me")
    assert ended(paused).state == "finished"


def test_a_disk_that_is_full_from_the_start_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Folder(tmp_path / "one")
    one.live.mkdir(parents=True)
    one.turn("running", stage="preparing")  # as a job that has just left the queue

    def full(size: int) -> bytes:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("model.training.control.os.urandom", full)
    with pytest.raises(ModelError) as error, Control(one.path):
        pass
    assert error.value.code == "disk_full"
    status = one.status()
    assert status is not None
    assert status.state == "failed"
    assert status.reason is not None
    assert status.reason["code"] == "disk_full"
    assert not one.is_alive()


def test_a_paused_training_that_is_stopped_is_measured_and_can_go_on(paused: Job) -> None:
    jobs.look_at(paused, "me", "I am a student.", "ko")
    jobs.stop(paused, "me")
    stopped = ended(paused)
    assert (stopped.state, stopped.measured, stopped.asked) == ("stopped", True, "")
    assert stopped.step == paused.step == load(stopped.folder).metrics["training"]["steps"]
    assert Film.load(stopped.folder / "film.npz").moments[-1].step == stopped.step
    jobs.resume(stopped, "me", steps=stopped.step + 1)
    done = ended(paused)
    assert (done.state, done.step) == ("finished", stopped.step + 1)
    seen = jobs.live(done)
    assert seen is not None
    assert seen.sentence == "I am a student."


# ── turns ────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_starts_at_the_same_instant_one_runs_and_one_queues(tmp_path: Path) -> None:
    request = Request(preset="tiny", model=SIZES, train={"items": 60}, device="cpu")
    together = threading.Barrier(2)
    started: list[Job] = []

    def start(owner: str) -> None:
        together.wait()
        started.append(jobs.start(tmp_path, request, owner))

    threads = [threading.Thread(target=start, args=(owner,)) for owner in ("me", "you")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.id for job in started}) == 2
    eventually(lambda: any(job.state == "running" for job in jobs.jobs(tmp_path)))
    for _ in range(20):  # for a while: never both
        states = sorted(job.state for job in jobs.jobs(tmp_path))
        assert states == ["queued", "running"]
        time.sleep(0.05)
    first, second = sorted(jobs.jobs(tmp_path), key=lambda job: job.ahead)
    assert (first.ahead, second.ahead) == (0, 1)

    # Nobody need look: when the first one goes, the second one begins by itself.
    os.kill(eventually(Folder(first.folder).holder), signal.SIGKILL)
    eventually(lambda: now(second).state == "running")
    assert now(first).state == "interrupted"
    owner = "me" if jobs.may_control(second, "me") else "you"
    jobs.delete(now(second), owner)
    assert jobs.find(tmp_path, second.id) is None
    assert [job.id for job in jobs.jobs(tmp_path)] == [first.id]


def test_what_is_asked_of_a_job_that_somebody_else_resumed_just_now_is_not_lost(
    paused: Job,
) -> None:
    """The page still shows it as paused; a process of it lives already."""
    own = Folder(paused.folder)
    held = own.lock()
    assert held is not None
    try:
        jobs.stop(paused, "me")
        assert own.asked() == "stop"
    finally:
        os.close(held)
        own.ask("")


def test_a_queued_job_that_is_stopped_leaves_the_queue(paused: Job, tmp_path: Path) -> None:
    device = take(tmp_path / "runs" / ".cpu.lock")  # somebody has the device
    assert device is not None
    try:
        jobs.resume(paused, "me")
        assert now(paused).state == "queued"
        jobs.pause(now(paused), "me")
        assert now(paused).asked in ("pause", "")
        assert ended(paused).state == "paused"
        # a waiting job costs little: no torch in it
        jobs.resume(now(paused), "me")
        pid = eventually(Folder(paused.folder).holder)
        eventually(lambda: os.getpriority(os.PRIO_PROCESS, pid) >= 10)  # its imports are behind it
        maps = Path(f"/proc/{pid}/maps")
        assert not maps.exists() or "torch" not in maps.read_text()
    finally:
        os.close(device)


def test_another_device_does_not_wait(begun: Path, tmp_path: Path) -> None:
    for name, device in (("one", "cpu"), ("two", "cuda"), ("three", "cpu")):
        (tmp_path / name / "live").mkdir(parents=True)
        Folder(tmp_path / name).turn("queued", device=device, queued=1.0 + len(name))
    locks = [Folder(tmp_path / name).lock() for name in ("one", "two")]
    assert folder_script.before(Folder(tmp_path / "two")) == []
    assert [f.path.name for f in folder_script.before(Folder(tmp_path / "three"))] == ["one"]
    for lock in locks:
        assert lock is not None
        os.close(lock)
    assert folder_script.before(Folder(tmp_path / "three")) == []  # the first one died


# ── who is alive, and who may ────────────────────────────────────────────────────────────────────


def test_a_pid_that_somebody_else_has_now_is_not_taken_for_the_training(paused: Job) -> None:
    own = Folder(paused.folder)
    own.turn("running", stage="training")
    own.name_holder(os.getpid())  # this very process, but it holds no lock
    assert now(paused).state == "interrupted"
    assert own.holder() is None
    lock = own.lock()
    assert lock is not None
    assert own.holder() == os.getpid()
    (own.live / "lock").write_text(f"{os.getpid()} 1")  # the same number, started at another time
    assert own.holder() is None
    os.close(lock)
    jobs.delete(now(paused), "me")  # and this process goes on living
    assert jobs.find(paused.folder.parent, "one") is None


def test_only_the_owner_and_the_teacher_may(
    paused: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(keys, "_teacher", "")
    monkeypatch.setenv("JUMOK_TEACHER_KEY", "chalk")
    assert not jobs.is_teacher("chalk")
    jobs.set_teacher_key()
    assert "JUMOK_TEACHER_KEY" not in os.environ
    assert jobs.is_teacher("chalk")
    assert not jobs.is_teacher("")
    for key in ("you", "", keys.hashed("me"), "chalk "):
        for ask in (jobs.pause, jobs.stop, jobs.resume, jobs.delete):
            with pytest.raises(ModelError) as error:
                ask(paused, key)
            assert error.value.code == "not_yours"
        with pytest.raises(ModelError, match="only who started"):
            jobs.look_at(paused, key, "Hello.", "ko")
    assert jobs.may_control(paused, "chalk")
    assert "me" not in {path.read_text() for path in paused.folder.glob("*.json")}
    by_hand = replace(paused, owner="")
    assert not jobs.may_control(by_hand, "")
    assert jobs.may_control(by_hand, "chalk")


def test_a_training_by_hand_is_found_and_keeps_others_out(begun: Path) -> None:
    (job,) = jobs.jobs(begun.parent)
    assert (job.request, job.owner, job.state) == (None, "", "paused")
    assert job.settings is not None
    assert job.settings == Preset(PRESET.sizes, SETTINGS)
    with Control(begun) as control:
        control.begin(SIZES, {"steps": 30}, 2, 0.0, torch.device("cpu"))
        assert jobs.jobs(begun.parent)[0].state == "running"
        with pytest.raises(ModelError) as error:
            train(PRESET, SETTINGS, begun, resume=True, hardware=CPU)
        assert error.value.code == "training_running"
        control.end("paused", 2, 0.0)


# ── reasons ──────────────────────────────────────────────────────────────────────────────────────


def test_numbers_beyond_all_bounds_stop_the_training_with_advice(tmp_path: Path) -> None:
    out = tmp_path / "wild"
    wild = replace(SETTINGS, peak_lr=1e30, snapshot_every=1)
    with pytest.raises(ModelError) as error:
        train(Preset(SIZES, wild), wild, out, hardware=CPU)
    assert error.value.code == "loss_not_finite"
    assert "lower peak_lr" in str(error.value)
    job = jobs.jobs(tmp_path)[0]
    assert (job.state, job.reason and job.reason.code) == ("failed", "loss_not_finite")
    if (out / "snapshot.safetensors").exists():
        tensors = Snapshot.load(out / "snapshot.safetensors").model.values()
        assert all(tensor.isfinite().all() for tensor in tensors)


def test_a_damaged_number_in_a_snapshot_is_noticed_in_the_first_step(
    begun: Path, tmp_path: Path
) -> None:
    out = tmp_path / "one"
    shutil.copytree(begun, out)
    snapshot = Snapshot.load(out / "snapshot.safetensors")
    weights = dict(snapshot.model)
    weights["embedding.weight"] = weights["embedding.weight"].index_fill(
        1, torch.tensor([0]), float("nan")
    )
    replace(snapshot, model=weights).save(out / "snapshot.safetensors")
    with pytest.raises(ModelError) as error:
        train(PRESET, SETTINGS, out, resume=True, hardware=CPU)
    assert (error.value.code, error.value.details["step"]) == ("loss_not_finite", snapshot.step + 1)


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    for call in (
        lambda: jobs.start(file, Request(preset="tiny"), "me"),
        lambda: jobs.start(file / "runs", Request(preset="tiny"), "me"),
        lambda: jobs.jobs(file),
        lambda: train(PRESET, SETTINGS, file / "out", hardware=CPU),
    ):
        with pytest.raises(ModelError) as error:
            call()
        assert error.value.code == "folder_unwritable"
        assert str(file) in str(error.value)
    assert jobs.jobs(tmp_path / "nothing") == []
    for id in ("..", "", "a/b", ".saved", "nothing", "a\0b", "a" * 5_000):
        assert jobs.find(tmp_path, id) is None
    ours = tmp_path / "우리 반 3"  # started by hand: --out "runs/우리 반 3"
    ours.mkdir()
    assert as_job(ours, steps=4) == jobs.jobs(tmp_path)[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(ModelError) as error:
        jobs.start(tmp_path / "runs", Request(preset="tiny"), "me")
    tmp_path.chmod(0o755)
    assert error.value.code == "folder_unwritable"


def test_memory_that_is_full_is_explained(tmp_path: Path) -> None:
    gpu = explained(torch.OutOfMemoryError("CUDA out of memory"), tmp_path)
    assert gpu is not None
    assert gpu.code == "gpu_out_of_memory"
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**60, dtype=torch.float32)
    cpu = explained(error.value, tmp_path)
    assert cpu is not None
    assert cpu.code == "out_of_memory"
    assert "batch_tokens" in str(cpu)
    assert explained(RuntimeError("something else"), tmp_path) is None


def test_a_look_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    older = io.BytesIO()
    np.savez(older, values=np.array('{"step": 1, "source_words": [], "target_words": []}'))
    for content in (b"", b"half", b"PK\x03\x04 half of it", older.getvalue()):
        (tmp_path / "now.npz").write_bytes(content)
        assert Live.load(tmp_path / "now.npz") is None


def test_a_training_by_hand_with_a_borrowed_vocabulary_starts_again_by_hand(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    borrowed = Preset(SIZES, replace(SETTINGS, tokenizer="jumok:12345678"))
    by_hand = replace(as_job(tmp_path / "one", steps=30), request=None, settings=borrowed)
    with pytest.raises(ModelError) as error:
        jobs.again(by_hand, "me")
    assert error.value.code == "started_by_hand"


def test_a_mac_s_gpu_is_not_taken_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fabric(accelerator: str, **_: object) -> None:
        asked.append(accelerator)
        raise KeyboardInterrupt

    monkeypatch.setattr("model.training.loop.Fabric", fabric)
    with pytest.raises(KeyboardInterrupt):
        train(PRESET, SETTINGS, tmp_path / "one")
    assert asked == ["cuda" if torch.cuda.is_available() else "cpu"]


def test_a_checkpoint_that_is_measured_again_has_read_no_more(
    trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "one")
    (tmp_path / "one" / "snapshot.safetensors").unlink()
    before = load(trained).metrics["training"]
    out = train(PRESET, SETTINGS, tmp_path / "one", resume=True, hardware=CPU)
    after = load(out).metrics["training"]
    assert (after["steps"], after["epochs"]) == (before["steps"], before["epochs"])
    films = (Film.load(folder / "film.npz").moments for folder in (trained, out))
    assert next(films) == next(films)


@pytest.mark.parametrize("endless", ["steps", "epochs"])
def test_a_checkpoint_of_endless_steps_is_no_start(
    make_bundle: Callable[..., Bundle], endless: str
) -> None:
    how = {"steps": 1, "epochs": 1, "seconds": 1, "settings": {}} | {endless: math.inf}
    with pytest.raises(ModelError) as error:
        Snapshot.of(replace(make_bundle(), metrics={"training": how}))
    assert error.value.code == "snapshot_damaged"


def test_what_cannot_be_trained_is_said_before_anything_starts(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for request, code in (
        (Request(preset="huge"), "unknown_preset"),
        (Request(preset="tiny", model={"d_model": 0}), "config_invalid"),
        (Request(preset="tiny", model={"d_model": 100_000}), "config_too_large"),
        (Request(preset="tiny", model={"vocab_size": 7}), "config_invalid"),
        (Request(preset="tiny", train={"families": ["weather"]}), "unknown_family"),
        (Request(preset="tiny", train={"families": ["talk"]}), "no_twins"),
        (Request(preset="tiny", train={"directions": ["ko-ko"]}), "config_invalid"),
        (Request(preset="tiny", sentence=" "), "empty_text"),
        (Request(preset="tiny", pairs=(tmp_path / "nothing.tsv",)), "pairs_missing"),
    ):
        with pytest.raises(ModelError) as error:
            jobs.start(runs, request, "me")
        assert error.value.code == code
    assert jobs.jobs(runs) == []
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="no GPU"):
            jobs.start(runs, Request(preset="tiny", device="cuda"), "me")


def test_one_thing_changed() -> None:
    request = Request(preset="tiny").changed(d_k=8, peak_lr=0.1, title="again")
    assert (request.model, request.train, request.title) == ({"d_k": 8}, {"peak_lr": 0.1}, "again")
    settings = request.changed(d_k=4).settings()
    assert (settings.model["d_k"], settings.model["d_v"], settings.train.peak_lr) == (4, 16, 0.1)
    with pytest.raises(ModelError) as error:
        request.changed(d_kk=8)
    assert error.value.code == "config_invalid"


# ── budgets and looks ────────────────────────────────────────────────────────────────────────────


def test_a_budget_of_time_ends_a_training_with_a_learning_rate_of_0(tmp_path: Path) -> None:
    timed = replace(SETTINGS, steps=10**6, minutes=2 / 60)
    train(Preset(SIZES, timed), timed, tmp_path / "timed", hardware=CPU)
    job = jobs.jobs(tmp_path)[0]
    assert (job.state, job.measured) == ("finished", True)
    assert job.seconds >= 2
    assert job.step < 10**6
    assert jobs.progress(job)[-1]["lr"] == pytest.approx(0.0, abs=1e-9)


def test_the_chosen_sentence_changes_while_it_runs(
    begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "one"
    shutil.copytree(begun, out)
    looks: list[str] = []
    look = Watcher.look

    def choosing(self: Watcher, *args: object, **more: object) -> None:
        look(self, *args, **more)  # type: ignore[arg-type]
        seen = jobs.live(job)
        assert seen is not None
        problem = seen.problem["code"] if seen.problem else ""
        if not looks or looks[-1] != f"{seen.sentence[:9]} {problem}":
            looks.append(f"{seen.sentence[:9]} {problem}")
        chosen = ("Je suis é", "word " * 300)[min(1, len(looks) - 1)]
        jobs.look_at(job, "me", chosen, "fr")

    job = as_job(out, steps=30)
    monkeypatch.setattr(Watcher, "look", choosing)
    train(PRESET, SETTINGS, out, resume=True, hardware=CPU)
    assert looks == ["The anima ", "Je suis é ", "word word text_too_long"]


# ── keeping ──────────────────────────────────────────────────────────────────────────────────────


def test_saved_under_a_name_downloaded_taken_in_and_deleted(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, checkpoints = tmp_path / "runs", tmp_path / "checkpoints"
    shutil.copytree(trained, runs / "one")
    job = as_job(runs / "one", steps=30, state="finished")
    with pytest.raises(ModelError, match="only who"):
        saved.save_as(job, "ours", "you", checkpoints)
    for name in ("", ".", "..", "../x", "a/b", ".hidden", "x" * 61, "ends ", "a\n"):
        with pytest.raises(ModelError) as error:
            saved.save_as(job, name, "me", checkpoints)
        assert error.value.code == "name_invalid"
    path = saved.save_as(job, "우리 모델", "me", checkpoints)
    assert load(path).name == "우리 모델"
    assert (path / "CARD.md").read_text().startswith("# 우리 모델\n")
    assert (path / "film.npz").is_file()
    assert not (path / "snapshot.safetensors").exists()
    with pytest.raises(ModelError) as error:
        saved.save_as(job, "우리 모델", "me", checkpoints)
    assert error.value.code == "name_taken"

    zipped = saved.packed(path)
    other = saved.take_in(zipped, "elsewhere", "you", runs, checkpoints)
    assert load(other).version == load(path).version
    for content, code in (
        (b"no zip", "archive_damaged"),
        (zipped[: len(zipped) // 2], "archive_damaged"),
        (zipped.replace(b"model.safetensors", b"model.safetensorz"), "checkpoint_missing"),
    ):
        with pytest.raises(ModelError) as error:
            saved.take_in(content, "bad", "you", runs, checkpoints)
        assert error.value.code == code
    monkeypatch.setattr(saved, "LARGEST", 1000)
    with pytest.raises(ModelError) as error:
        saved.take_in(zipped, "bad", "you", runs, checkpoints)
    assert error.value.code == "archive_too_large"

    assert (saved.may_delete(runs, "elsewhere", "you"), saved.may_delete(runs, "x", "you")) == (
        True,
        False,
    )
    with pytest.raises(ModelError) as error:
        saved.delete_saved(runs, "elsewhere", "me", checkpoints)
    assert error.value.code == "not_yours"
    saved.delete_saved(runs, "elsewhere", "you", checkpoints)
    assert sorted(entry.name for entry in checkpoints.iterdir()) == ["우리 모델"]
    damaged = runs / "one" / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(ModelError) as error:
        saved.save_as(job, "damaged", "me", checkpoints)
    assert error.value.code == "checkpoint_damaged"
    assert sorted(entry.name for entry in checkpoints.iterdir()) == ["우리 모델"]


# ── estimates ────────────────────────────────────────────────────────────────────────────────────


def test_an_estimate_is_taken_from_the_last_run_of_this_size_or_from_a_calibration(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = calibrate(PRESET, torch.device("cpu"))
    assert min(pace.seconds_per_step, pace.preparing_seconds, pace.tokens_per_second) > 0
    asked: list[Preset] = []
    monkeypatch.setattr(
        "model.training.estimate._in_a_process", lambda preset, *_: asked.append(preset) or pace
    )
    request = Request(
        preset="tiny",
        model=PRESET.sizes,
        train=json.loads(json.dumps(to_dict(SETTINGS))),
        device="cpu",
    )
    first = estimate(tmp_path, request)
    assert first.source == "calibration"
    assert first.training_seconds == pytest.approx(
        30 * pace.seconds_per_step + len(moments(30)) * pace.film_seconds
    )
    assert estimate(tmp_path, request.changed(steps=60)).training_seconds > first.training_seconds
    assert estimate(tmp_path, request.changed(minutes=0.01)).training_seconds <= 0.6
    assert len(asked) == 1  # the same size is measured once
    estimate(tmp_path, request.changed(d_ff=32))
    assert len(asked) == 2

    shutil.copytree(trained, tmp_path / "one")
    status = Folder(tmp_path / "one").status()
    assert status is not None
    as_job(tmp_path / "one", steps=30)
    Folder(tmp_path / "one").write(replace(status, state="finished"))
    known = estimate(tmp_path, request.changed(steps=600))
    assert known.source == "run"
    assert known.memory_bytes == status.peak_bytes > 10**7
    assert known.preparing_seconds == status.preparing_seconds > 0
