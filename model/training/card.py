"""CARD.md: what a checkpoint is, how it was trained and what was measured, for people."""

from __future__ import annotations

from typing import Any

from ..config import ModelConfig, TrainConfig

_LANGUAGE_NAMES = {"en": "English", "ko": "Korean", "fr": "French"}


def card(name: str, model: ModelConfig, train: TrainConfig, metrics: dict[str, Any]) -> str:
    """The checkpoint's card, in Markdown."""
    how = metrics["training"]
    norm = "LayerNorm(x + Sublayer(x))" if model.norm == "post" else "x + Sublayer(LayerNorm(x))"
    naming = (
        "translation, and *the encoder names what each pronoun stands for*: from the encoder's "
        "output at the pronoun, the antecedent's pieces are predicted through the tied embedding "
        f"(weight {train.naming_weight:g}). **Attention itself is never supervised.** In the "
        "experiments that led to this project, models that learned only to translate resolved "
        "pronouns too, but had no head that looks from the pronoun to its antecedent."
        if train.naming_weight
        else "translation only; the naming objective was switched off."
    )
    return f"""# {name}

A Transformer encoder-decoder for English, Korean and French, trained from scratch to be looked at.

| | |
|---|---|
| layers | {model.n_encoder_layers} encoder + {model.n_decoder_layers} decoder, {norm} |
| sizes | d_model {model.d_model}, {model.n_heads} heads, d_k {model.d_k}, d_v {model.d_v}, \
d_ff {model.d_ff} |
| vocabulary | {model.vocab_size:,} SentencePiece byte-pair pieces, shared and tied |
| parameters | {model.n_parameters:,} |
| weights | stored as float16, computed in float32 |

## How it was trained

- **Data**: {how["examples"]:,} sentences in three languages, generated from this project's \
own lexicon and templates (`model/corpus`), seed {train.seed}. No other text. The showcase's noun \
pairs (animal and street, pitcher and cup) never stood as rivals there; each of these nouns did, \
with others, and in plain sentences any nouns may meet.
- **Objective**: {naming}
- **Course**: {how["steps"]:,} steps of {train.batch_tokens:,} pieces in each of \
{how["processes"]} processes, Adam (0.9, 0.98), peak \
learning rate {train.peak_lr:g}, {train.warmup_steps} warm-up steps, then a cosine to 0, label \
smoothing {train.label_smoothing:g}, dropout {model.dropout:g}, gradients clipped at \
{train.max_grad_norm:g}.
- **Command**: `{how["command"]}`
- **Where**: {how["device"]} each, {how["precision"]}, {how["seconds"]:,} s, \
torch {how["torch"]}, Python {how["python"]}.

## What was measured

On noun pairs that never stood as rivals in training ({metrics["measured_on"]["twins"]:,} pairs of \
twins a language). Each head was chosen on one half and is reported on the other; brackets are \
95 % intervals.

{_table(metrics)}

On whole templates that training never saw:

{_table(metrics["unseen_templates"])}

Target pieces predicted right, all earlier ones given (unseen noun pairs): \
{_translation(metrics["translation"])}.

`python -m model evaluate checkpoints/{name}` prints these numbers again.

## What it does not know

It has read generated sentences only, a few thousand everyday words put together by templates; it \
reads English and Korean, and writes French, too. Of a frame it has never seen it resolves the \
pronoun markedly less well (second table), and of other sentences it makes what it can, often \
nonsense.
"""


def _table(measured: dict[str, Any]) -> str:
    rows = [
        "| language | naming | best head | largest weight on antecedent | prefers antecedent | "
        "flips with the twin | mean weight |",
        "|---|---|---|---|---|---|---|",
    ]
    for lang, best in measured["heads"]["best"].items():
        cells = [
            _LANGUAGE_NAMES[lang],
            _share(measured["naming"][lang]),
            f"layer {best['layer'] + 1}, head {best['head'] + 1}",
            *(_share(best[name]) for name in ("argmax", "prefers", "flip")),
            f"{best['mass']:.2f}",
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _share(share: dict[str, Any]) -> str:
    low, high = share["interval"]
    return f"{share['value']:.1%} [{low:.1%}, {high:.1%}]"


def _translation(measured: dict[str, Any]) -> str:
    return ", ".join(
        f"{direction.replace('-', ' → ')} {share['value']:.1%}"
        for direction, share in measured.items()
    )
