"""JoeyNMT's own training steps on batches that it is given; `bench_throughput` starts this.

Needs an interpreter that has JoeyNMT. Reads `settings.json` and `batches.pt` in the folder that is
named, builds JoeyNMT's model and TrainManager, says "ready", and then, for every line "first last"
that comes in, trains those batches and answers with the seconds that it took.
"""

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import torch
from joeynmt.batch import Batch
from joeynmt.config import parse_global_args, set_validation_args
from joeynmt.model import build_model
from joeynmt.training import TrainManager
from joeynmt.vocabulary import Vocabulary

UNK, PAD, BOS, EOS = range(4)  # JoeyNMT wants <unk> first
SYMBOLS = SimpleNamespace(
    unk_id=UNK, pad_id=PAD, bos_id=BOS, eos_id=EOS, sep_id=None,
    unk_token="<unk>", pad_token="<pad>", bos_token="<s>", eos_token="</s>", sep_token=None,
    lang_tags=[],
)  # fmt: skip


def configuration(folder, settings):
    """The same sizes and training settings in JoeyNMT's words."""
    sizes = settings["model"]

    def stack(layers):
        return {
            "type": "transformer",
            "num_layers": layers,
            "num_heads": sizes["n_heads"],
            "embeddings": {"embedding_dim": sizes["d_model"], "scale": True},
            "hidden_size": sizes["d_model"],
            "ff_size": sizes["d_ff"],
            "dropout": sizes["dropout"],
            "layer_norm": sizes["norm"],
        }

    return {
        "name": "bench",
        "model_dir": str(folder),
        "use_cuda": settings["device"] == "cuda",
        "fp16": settings["device"] == "cuda",
        "normalization": "tokens",
        "data": {"special_symbols": SYMBOLS},
        "testing": {"eval_metrics": []},
        "training": {
            "optimizer": "adam",
            "adam_betas": [0.9, 0.98],
            "learning_rate": settings["learning_rate"],
            "scheduling": "noam",
            "label_smoothing": settings["label_smoothing"],
            "clip_grad_norm": settings["max_grad_norm"],
            "normalization": "tokens",
            "batch_size": settings["batch_tokens"],
            "batch_type": "token",
        },
        "model": {
            "tied_embeddings": True,
            "tied_softmax": True,
            "encoder": stack(sizes["n_encoder_layers"]),
            "decoder": stack(sizes["n_decoder_layers"]),
        },
    }


def trainer(folder, settings):
    """JoeyNMT's model and what trains it, as its `train()` builds them."""
    args = parse_global_args(configuration(folder, settings), mode="train")
    words = [f"piece-{n}" for n in range(4, settings["vocab_size"])]
    vocabulary = Vocabulary(words, SYMBOLS)
    model = build_model(args.model, src_vocab=vocabulary, trg_vocab=vocabulary)
    model.loss_function = (args.train.loss, args.train.label_smoothing)
    return TrainManager(
        rank=0,
        model=model.to(args.device),
        model_dir=args.model_dir,
        device=args.device,
        n_gpu=args.n_gpu,
        autocast=args.autocast,
        train_args=args.train,
        dev_args=set_validation_args(args.test),
    )


def batch(manager, source, target):
    """A batch of ours, whose padding is 0 and unknown piece 1."""
    source, target = (torch.where(ids < 2, 1 - ids, ids) for ids in (source, target))
    lengths = (source != PAD).sum(dim=1)
    rows = torch.arange(len(source))
    return Batch(source, lengths, None, target, None, rows, manager.device, PAD, EOS)


def step(manager, one):
    """A turn of the loop in `TrainManager.train_and_validate`, without its logging."""
    manager._train_step(one)
    manager.clip_grad_fun(parameters=manager.model.parameters())
    if manager.scaler is None:
        manager.optimizer.step()
    else:
        manager.scaler.step(manager.optimizer)
        manager.scaler.update()
    manager.scheduler.step(manager.stats.steps)
    manager.model.zero_grad()
    manager.stats.steps += 1


def main():
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text())
    torch.manual_seed(0)
    manager = trainer(folder, settings)
    pairs = torch.load(folder / "batches.pt")
    on_gpu = manager.device.type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    parameters = sum(p.numel() for p in manager.model.parameters())
    print(f"ready {parameters}", flush=True)
    for line in sys.stdin:
        first, last = map(int, line.split())
        began = clock()
        for source, target in pairs[first:last]:
            step(manager, batch(manager, source, target))
        if on_gpu:
            torch.cuda.synchronize()
        print(f"seconds {clock() - began}", flush=True)


if __name__ == "__main__":
    main()
