"""Training: batches, objective, schedule, exact resume, command line."""

from __future__ import annotations

import json
import math
import pickle
import random
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from model import ModelError, load
from model.__main__ import main
from model.analysis.evaluate import evaluate
from model.analysis.leaderboard import met_by
from model.config import PRESETS, ModelConfig, Preset, TrainConfig, model_config
from model.corpus.generator import Sentence, met_in_training
from model.corpus.mixture import Mixture
from model.tokenizer import Tokenizer
from model.training.batches import Batch, TrainingSet, as_typed, collate, encode, examples
from model.training.epochs import epochs
from model.training.film import Film
from model.training.loop import Hardware, _Log, train
from model.training.objective import Losses, Objective, learning_rate
from model.training.seen import SeenWords
from model.training.snapshot import Snapshot
from model.transformer import BOS, EOS, PAD, Transformer
from tests.model.conftest import MakeBundle

TINY = Preset(
    dict(d_model=16, n_heads=2, d_k=8, d_v=8, d_ff=16, n_encoder_layers=1, n_decoder_layers=1),
    TrainConfig(
        steps=6, batch_tokens=400, warmup_steps=2, items=60, snapshot_every=3, measured_twins=20
    ),
)
CPU = Hardware(accelerator="cpu", devices=1)


@pytest.fixture(scope="module")
def data(learned: Tokenizer) -> TrainingSet:
    return TrainingSet(TINY.train, learned)


def test_learning_rate_rises_linearly_then_falls_to_zero() -> None:
    rates = [learning_rate(step, steps=10, peak=1.0, warmup=4) for step in range(11)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[7] == pytest.approx(0.5)  # half way down the cosine
    assert rates[10] == pytest.approx(0.0)
    assert rates[4:] == sorted(rates[4:], reverse=True)


def test_batches_are_the_same_for_the_same_seed_and_differ_between_epochs(
    data: TrainingSet, learned: Tokenizer
) -> None:
    again = TrainingSet(TINY.train, learned)
    assert data.batches(0) == again.batches(0)
    assert data.batches(0) != data.batches(1)


def test_an_epoch_holds_every_example_once_within_the_budget(data: TrainingSet) -> None:
    batches = data.batches(0)
    assert sum(len(batch) for batch in batches) == len(list(examples(TINY.train, 0)))
    for pairs in batches:
        batch = collate(pairs)
        assert len(pairs) == 1 or batch.source.numel() + batch.target.numel() <= 400


def test_some_sentences_with_a_pronoun_are_to_be_named_alone(learned: Tokenizer) -> None:
    config = replace(TINY.train, items=300, named_only_share=0.5)
    pairs = [pair for batch in TrainingSet(config, learned).batches(0) for pair in batch]
    assert len(pairs) == len(list(examples(config, 0)))
    without = [pair for pair in pairs if pair.target[-1] != EOS]
    asking = [pair for pair in pairs if pair.source.namings]
    assert len(without) == pytest.approx(len(asking) / 2, rel=0.15)
    assert all(len(pair.target) == 2 and pair.source.namings for pair in without)
    korean = [pair for pair in without if re.search("[가-힣]", learned.decode(pair.source.ids))]
    assert len(korean) == pytest.approx(len(without) / 2, rel=0.15)


def test_a_batch_points_at_pronoun_and_antecedent(data: TrainingSet) -> None:
    pairs = [pair for batch in data.batches(0) for pair in batch if pair.source.namings][:8]
    batch = collate(pairs)
    for row, at, antecedent in zip(
        batch.pronoun_row, batch.pronoun_at, batch.antecedent, strict=True
    ):
        namings = pairs[row].source.namings
        wanted = [n.antecedent for n in namings if n.pronoun == at]
        assert tuple(i for i in antecedent.tolist() if i != PAD) in wanted
        assert set(wanted[0]) <= set(pairs[row].source.ids)


def test_targets_begin_with_the_tag_and_end_with_the_end(
    data: TrainingSet, learned: Tokenizer
) -> None:
    tags = {learned.tag(lang) for lang in learned.languages}
    for pair in data.batches(0)[0]:
        assert pair.target[1] in tags
        assert pair.target[-1] == EOS == pair.source.ids[-1]


def test_sentences_as_typed_keep_their_pronouns(learned: Tokenizer) -> None:
    sentence = Sentence("It rained.", (), ())
    seen = {as_typed(sentence, random.Random(seed)).text for seed in range(20)}
    assert seen == {"It rained.", "it rained.", "It rained", "it rained"}
    assert encode(learned, sentence).ids[-1] == EOS


def test_objective_is_smoothed_translation_plus_weighted_naming() -> None:
    torch.manual_seed(0)
    model = Transformer(ModelConfig(vocab_size=11, **TINY.model)).eval()
    batch = Batch(
        source=torch.tensor([[5, 6, 7, EOS], [8, EOS, PAD, PAD]]),
        target=torch.tensor([[2, 4, 9, 10, EOS], [2, 4, 9, EOS, PAD]]),
        pronoun_row=torch.tensor([0]),
        pronoun_at=torch.tensor([1]),
        antecedent=torch.tensor([[7, 5]]),
    )
    losses = Objective(model, label_smoothing=0.1, naming_weight=0.5)(batch)

    labels = torch.tensor([9, 10, EOS, 9, EOS])
    logits = model(batch.source, batch.target[:, :-1])
    log_p = torch.cat((logits[0, 1:4], logits[1, 1:3])).log_softmax(-1)
    # (1 − ε) of the label and ε spread evenly over the vocabulary
    wanted = -(0.9 * log_p[range(5), labels] + 0.1 * log_p.mean(-1)).mean()
    assert losses.translation.item() == pytest.approx(wanted.item(), abs=1e-6)

    names = model.name(model.encode(batch.source)[0, 1]).log_softmax(-1)
    assert losses.naming.item() == pytest.approx(-(names[7] + names[5]).item() / 2, abs=1e-6)
    assert losses.total.item() == pytest.approx(
        losses.translation.item() + 0.5 * losses.naming.item(), abs=1e-6
    )


def test_a_batch_without_pronouns_has_no_naming_loss() -> None:
    model = Transformer(ModelConfig(vocab_size=11, **TINY.model)).eval()
    none = torch.zeros(0, dtype=torch.long)
    batch = Batch(
        torch.tensor([[5, EOS]]), torch.tensor([[2, 4, EOS]]), none, none, none.view(0, 0)
    )
    losses = Objective(model, 0.0, 1.0)(batch)
    assert losses.naming.item() == 0.0
    assert losses.total.item() == pytest.approx(losses.translation.item())
    expected = F.cross_entropy(model(batch.source, batch.target[:, :-1])[0, 1:], torch.tensor([3]))
    assert losses.translation.item() == pytest.approx(expected.item(), abs=1e-6)


def test_a_batch_without_translations_learns_names_alone() -> None:
    model = Transformer(ModelConfig(vocab_size=11, **TINY.model)).eval()
    one = torch.tensor([0])
    batch = Batch(
        torch.tensor([[5, 6, EOS]]), torch.tensor([[2, 4]]), one, one, torch.tensor([[6]])
    )
    losses = Objective(model, 0.1, 1.0)(batch)
    assert losses.translation.item() == losses.accuracy.item() == 0.0
    assert losses.total.item() == pytest.approx(losses.naming.item())
    losses.total.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_the_end_of_a_training_may_be_moved(tmp_path: Path) -> None:
    train(TINY, replace(TINY.train, steps=3), tmp_path, hardware=CPU)
    train(TINY, replace(TINY.train, steps=4), tmp_path, resume=True, hardware=CPU)
    lines = (tmp_path / "progress.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [3, 4]


def test_the_log_averages_over_pronouns_and_pieces_not_batches(tmp_path: Path) -> None:
    log = _Log(tmp_path, step=0)
    for pronouns, naming, named, labels, translation, right in (
        (0, 0.0, 0.0, 3, 2.0, 1.0),
        (1, 4.0, 0.0, 1, 6.0, 0.0),
        (3, 2.0, 1.0, 0, 0.0, 0.0),  # a sentence that is to be named, and not translated
    ):
        losses = Losses(*map(torch.tensor, (1.0, translation, naming, right, named)))
        source, asked = (torch.zeros(1, n, dtype=torch.long) for n in (2, pronouns))
        target = torch.tensor([[BOS, 7] + labels * [9] + 2 * [PAD]])
        log.add(losses, Batch(source, target, asked[0], asked[0], asked.T), processes=2)
    log.write(3, 1.0, 0.1)
    line = json.loads((tmp_path / "progress.jsonl").read_text())
    assert line["naming_loss_nats_per_pronoun"] == pytest.approx((1 * 4 + 3 * 2) / 4)
    assert line["naming_accuracy"] == pytest.approx(3 / 4)
    assert line["translation_loss_nats_per_token"] == pytest.approx((3 * 2 + 1 * 6) / 4)
    assert line["accuracy"] == pytest.approx(3 / 4)


def test_who_writes_the_sentences_changes_nothing(tmp_path: Path) -> None:
    """Epochs that other processes have written ahead are the same, and so is what is learned."""
    few = replace(TINY.train, items=10)  # several epochs in six steps
    alone, helped = (
        load(train(TINY, few, tmp_path / str(n), hardware=replace(CPU, workers=n))) for n in (0, 2)
    )
    assert alone.metrics["training"]["epochs"] >= 2
    assert alone.metrics["seen"] == helped.metrics["seen"]
    weights = helped.model.state_dict()
    for name, tensor in alone.model.state_dict().items():
        assert torch.equal(tensor, weights[name]), name


def test_fewer_batches_than_processes_are_refused(learned: Tokenizer, tmp_path: Path) -> None:
    """Else the training would look for its first step for ever."""
    data = TrainingSet(replace(TINY.train, items=2), learned)
    seen = SeenWords(learned, tmp_path)
    with pytest.raises(ModelError) as error:
        next(epochs(data, seen, first=0, processes=9, workers=0))
    assert error.value.code == "too_few_batches"
    assert error.value.details["processes"] == 9


def test_what_is_wrong_with_an_epoch_arrives_from_another_process_as_it_was() -> None:
    told = ModelError("too_few_batches", "3 batches cannot be shared", batches=3)
    arrived = pickle.loads(pickle.dumps(told))
    assert (type(arrived), arrived.code, str(arrived)) == (ModelError, told.code, str(told))
    assert arrived.details == {"batches": 3}


def test_a_later_epoch_that_holds_nothing_says_so_whoever_writes_it(
    learned: Tokenizer, tmp_path: Path
) -> None:
    file = tmp_path / "long.tsv"
    long = "word " * 300, "단어 " * 300
    file.write_text("\t".join(long) + "\n", encoding="utf-8")
    config = replace(TINY.train, alone_epochs=1, read_share=1.0, joined_share=0.0)
    data = TrainingSet(config, learned, Mixture([file]))
    seen = SeenWords(learned, tmp_path)
    for workers in (0, 1):
        following = epochs(data, seen, first=0, processes=1, workers=workers)
        next(following)
        with pytest.raises(ModelError) as error:
            next(following)
        assert error.value.code == "nothing_to_learn"


def test_other_processes_go_on_where_these_stopped_and_it_is_told(tmp_path: Path) -> None:
    whole = train(TINY, TINY.train, tmp_path / "whole", hardware=CPU)
    begun = tmp_path / "begun"
    train(TINY, replace(TINY.train, steps=4), begun, hardware=CPU)
    path = begun / "snapshot.safetensors"
    found = Snapshot.load(path)
    assert (found.read, found.how) == (4, {"processes": 1, "precision": "32-true"})
    replace(found, how={"processes": 2, "precision": "bf16-mixed"}).save(path)
    resumed = load(train(TINY, TINY.train, begun, resume=True, hardware=CPU))
    told = {"processes": [2, 1], "precision": ["bf16-mixed", "32-true"]}
    told["lr"] = [0.0, TINY.train.peak_lr / 2]  # half way from the warm-up's end to the new one
    assert resumed.metrics["training"]["changes"] == [{"step": 4, "steps": [4, 6]} | told]
    assert resumed.metrics["seen"] == load(whole).metrics["seen"]


def test_a_finished_checkpoint_is_not_overwritten(tmp_path: Path) -> None:
    short = replace(TINY.train, steps=2)
    train(TINY, short, tmp_path, hardware=CPU)
    (tmp_path / "snapshot.safetensors").unlink()
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(ModelError) as error:
        train(TINY, short, tmp_path, hardware=CPU)
    assert error.value.code == "training_exists"
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_a_killed_training_goes_on_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(TINY, TINY.train, tmp_path / "whole", hardware=CPU)

    class KilledError(Exception):
        pass

    forward = Objective.forward
    calls = 0

    def killed_in_the_fifth_step(self: Objective, batch: Batch) -> object:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KilledError
        return forward(self, batch)

    monkeypatch.setattr(Objective, "forward", killed_in_the_fifth_step)
    with pytest.raises(KilledError):
        train(TINY, TINY.train, tmp_path / "killed", hardware=CPU)
    monkeypatch.setattr(Objective, "forward", forward)
    resumed = train(TINY, TINY.train, tmp_path / "killed", resume=True, hardware=CPU)

    one, two = load(whole), load(resumed)
    assert one.version == two.version  # weights, tokenizer and settings, bit for bit
    log = [json.loads(line) for line in (resumed / "progress.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [6]
    assert math.isfinite(log[0]["loss_nats"])
    assert "naming" in two.metrics
    assert (resumed / "CARD.md").read_text().startswith("# killed\n")


def test_metrics_are_those_of_the_weights_as_stored(tmp_path: Path) -> None:
    bundle = load(train(TINY, replace(TINY.train, steps=3), tmp_path, hardware=CPU), device="cpu")
    stored = dict(bundle.metrics)
    assert met_by(stored) == met_in_training()
    assert stored.pop("training")["steps"] == 3
    assert sum(stored.pop("seen")["en"].values()) > 0
    assert evaluate(bundle.model, bundle.tokenizer, items=TINY.train.measured_twins) == stored


def test_resume_starts_where_there_is_nothing_and_refuses_other_settings(tmp_path: Path) -> None:
    short = replace(TINY.train, steps=3)
    train(TINY, short, tmp_path, resume=True, hardware=CPU)
    with pytest.raises(ModelError) as error:
        train(TINY, short, tmp_path, hardware=CPU)
    assert error.value.code == "training_exists"
    with pytest.raises(ModelError) as error:
        train(TINY, replace(short, label_smoothing=0.3), tmp_path, resume=True, hardware=CPU)
    assert error.value.code == "training_differs"
    wider = replace(TINY, model=dict(TINY.model) | {"d_ff": 32})
    with pytest.raises(ModelError) as error:
        train(wider, short, tmp_path, resume=True, hardware=CPU)
    assert error.value.code == "training_differs"
    (tmp_path / "snapshot.safetensors").write_bytes(b"no snapshot")
    with pytest.raises(ModelError) as error:
        train(TINY, short, tmp_path, resume=True, hardware=CPU)
    assert error.value.code == "snapshot_damaged"


def test_dropout_may_change_on_the_way_and_the_card_says_so(tmp_path: Path) -> None:
    train(TINY, replace(TINY.train, steps=2), tmp_path, hardware=CPU)
    dropped = replace(TINY, model=dict(TINY.model) | {"dropout": 0.25})
    train(dropped, replace(TINY.train, steps=3), tmp_path, resume=True, hardware=CPU)
    bundle = load(tmp_path, device="cpu")
    assert bundle.config.dropout == 0.25
    assert bundle.metrics["training"]["changes"][-1]["dropout"] == [0.1, 0.25]
    assert "dropout 0.25," in (tmp_path / "CARD.md").read_text()


def test_adams_moments_come_back_where_the_weights_lie(tmp_path: Path) -> None:
    train(TINY, replace(TINY.train, steps=2), tmp_path, hardware=CPU)
    path = tmp_path / "snapshot.safetensors"
    snapshot = Snapshot.load(path)
    elsewhere = Transformer(snapshot.model_config).to("meta")  # no GPU is needed for it
    optimizer = torch.optim.Adam(elsewhere.parameters())
    replace(snapshot, model={}).restore(elsewhere, optimizer, path)
    devices = {t.device.type for state in optimizer.state.values() for t in state.values()}
    assert devices == {"meta"}


def test_a_snapshot_that_lost_a_tensor_is_refused(tmp_path: Path) -> None:
    config = replace(TINY.train, steps=2)
    train(TINY, config, tmp_path, hardware=CPU)
    path = tmp_path / "snapshot.safetensors"
    whole = Snapshot.load(path)
    for part in ("model", "optimizer"):
        kept: Mapping[str, Tensor] = getattr(whole, part)
        for tensors in (dict(list(kept.items())[1:]), _halved(kept)):
            replace(whole, **{part: tensors}).save(path)
            with pytest.raises(ModelError) as error:
                train(TINY, config, tmp_path, resume=True, hardware=CPU)
            assert error.value.code == "snapshot_damaged"


def _halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    name = next(name for name, tensor in tensors.items() if tensor.ndim)
    return dict(tensors) | {name: tensors[name][::2]}


def test_what_was_changed_on_the_way_is_told(tmp_path: Path) -> None:
    train(TINY, replace(TINY.train, steps=2), tmp_path, hardware=CPU)
    longer = replace(TINY.train, steps=4, pronoun_share=0.25)
    bundle = load(train(TINY, longer, tmp_path, resume=True, hardware=CPU))
    told = {"step": 2, "steps": [2, 4], "pronoun_share": [TINY.train.pronoun_share, 0.25]}
    assert bundle.metrics["training"]["changes"] == [told]
    card = " ".join((tmp_path / "CARD.md").read_text().split())
    share = f"{TINY.train.pronoun_share:g}"
    assert f"after 2 steps steps 2 → 4, pronoun_share {share} → 0.25" in card
    train(TINY, longer, tmp_path, resume=True, hardware=CPU)
    assert Snapshot.load(tmp_path / "snapshot.safetensors").changes == (told,)


def test_a_finished_checkpoint_is_trained_on_without_its_snapshot(tmp_path: Path) -> None:
    train(TINY, replace(TINY.train, steps=3), tmp_path, hardware=CPU)
    first = load(tmp_path, device="cpu")
    stored = {name: tensor.clone() for name, tensor in first.model.state_dict().items()}
    for left in ("snapshot.safetensors", "progress.jsonl"):  # as a download of it would be
        (tmp_path / left).unlink()
    shutil.rmtree(tmp_path / "film")
    shutil.rmtree(tmp_path / "seen", ignore_errors=True)

    start = Snapshot.of(first)
    assert all(torch.equal(start.model[name], stored[name]) for name in stored)
    longer = replace(TINY.train, steps=5, peak_lr=TINY.train.peak_lr / 2)
    second = load(train(TINY, longer, tmp_path, resume=True, hardware=CPU), device="cpu")
    how = second.metrics["training"]
    assert (how["steps"], how["epochs"]) == (5, first.metrics["training"]["epochs"] + 1)
    assert how["changes"][0] == {"step": 3, "adam_step": [3, 0]}
    assert how["changes"][1].keys() == {"step", "steps", "peak_lr", "lr"}
    assert any(not torch.equal(second.model.state_dict()[name], stored[name]) for name in stored)
    assert "after 3 steps adam_step 3 → 0" in " ".join((tmp_path / "CARD.md").read_text().split())

    steps = [moment.step for moment in Film.load(tmp_path / "film.npz").moments]
    assert steps[0] == 0
    assert steps[-1] == 5
    assert 3 in steps
    before, after = (sum(b.metrics["seen"]["en"].values()) for b in (first, second))
    assert before < after < 10 * before


def test_a_checkpoint_that_does_not_say_how_it_was_trained_is_no_start(
    make_bundle: MakeBundle,
) -> None:
    with pytest.raises(ModelError) as error:
        Snapshot.of(replace(make_bundle(), metrics={}))
    assert error.value.code == "snapshot_damaged"


def test_presets_are_valid_and_base_is_the_papers() -> None:
    base = ModelConfig(vocab_size=37_000, **PRESETS["base"].model)
    assert (base.d_model, base.n_heads, base.d_ff) == (512, 8, 2048)
    assert (base.n_encoder_layers, base.n_decoder_layers) == (6, 6)
    # The paper's table 3 gives 65 million; ours adds biases and the naming layer.
    assert base.n_parameters == pytest.approx(65e6, rel=0.04)
    for preset in PRESETS.values():
        model_config({"vocab_size": preset.train.vocab_size} | preset.model)


def test_command_line_says_what_is_wrong_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.startswith("error: there is no checkpoint folder")
    assert main(["train", "--out", str(tmp_path), "--steps", "0"]) == 2
    assert "steps is 0" in capsys.readouterr().err
