"""CARD.md: what a checkpoint is, how it was trained and what was measured, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..config import AnyConfig, ModelConfig, Scoring, TrainConfig

Metrics = Mapping[str, Any]

_LANGUAGE_NAMES = {"en": "English", "ko": "Korean", "fr": "French"}
_RARE = 10  # a word that stood less often in training is rare …
_NAMED = 6  # … and so many of them are named
_SPLITS = {
    "": "On noun pairs that never stood as rivals in training",
    "unseen_templates": "On whole templates that training never saw",
    "unseen_nouns": "On nouns that training had in plain sentences only, never as rivals",
}


def card(name: str, model: AnyConfig, train: TrainConfig, metrics: Metrics) -> str:
    """The checkpoint's card, in Markdown.

    Args:
        metrics: what `metrics.json` keeps. `training` says how it came about; its `origins`, a list
            of {origin, licence, lines, from}, name the texts besides the generated ones.
            `ablation` and `seeds`, lists of {label, naming_en, naming_ko, argmax_en, argmax_ko,
            flip_en, flip_ko, steps} (shares from 0 to 1), are shown where they are there;
            `trials_of` says of which preset they are trainings, and what was different.
    """
    how = metrics["training"]
    kind, layers, sizes = _made_of(model)
    borrowed = train.tokenizer.partition(":")[0]
    return f"""# {name}

A {kind} for {_languages(train)}, trained from scratch to be looked at.

| | |
|---|---|
| layers | {layers} |
| sizes | {sizes} |
| vocabulary | {model.vocab_size:,} SentencePiece byte-pair pieces, shared and tied\
{f", those of `{borrowed}`" if borrowed else ""} |
| parameters | {model.n_parameters:,} |
| weights | stored as float16, computed in float32 |

## How it was trained

- **Data**: {_data(how, train.seed)}
- **Objective**: {_objective(train.naming_weight)}
- **Course**: {how["steps"]:,} steps of {train.batch_tokens:,} pieces in each of \
{how["processes"]} processes, Adam (0.9, 0.98), peak \
learning rate {train.peak_lr:g}{_lower(train.lower_lr_share)}, {train.warmup_steps} warm-up \
steps, then a cosine to 0, label \
smoothing {train.label_smoothing:g}, dropout {model.dropout:g}, gradients clipped at \
{train.max_grad_norm:g}.{_changes(how.get("changes", []))}{_averaged(how.get("averaged", []))}
- **Command**: `{how["command"]}`
- **Where**: {how["device"]} each, {how["precision"]}, {how["seconds"]:,} s, \
torch {how["torch"]}, Python {how["python"]}.

{_origins(how)}## What was measured

{report(metrics)}
`python -m model evaluate checkpoints/{name}` measures again.

## What it does not know

{_limits(metrics)}
"""


def _averaged(parts: Sequence[Mapping[str, float]]) -> str:
    """What the weights are a mean of, where they are one."""
    if not parts:
        return ""
    of = " and ".join(f"{part['share']:.0%} those after {part['step']:,} steps" for part in parts)
    return (
        f" The weights are averages over the training (`python -m model average`): {of}. The film "
        "ends with them; its other moments have the weights of their time."
    )


def _changes(changes: Sequence[Mapping[str, Any]]) -> str:
    """What `Snapshot.changes` tells; the settings above are the last ones."""
    told = "; ".join(
        f"after {change['step']:,} steps "
        + ", ".join(
            f"{name} {_said(before)} → {_said(after)}"
            for name, (before, after) in (item for item in change.items() if item[0] != "step")
        )
        for change in changes
    )
    return (
        f" Changed on the way, so that what is said here holds for the end of it: {told} (where "
        "the end was moved, so was the cosine: its peak then lies before that step, and the rate "
        "was never so high; lr is what it was)."
        if told
        else ""
    )


def _said(setting: float | str) -> str:
    return setting if isinstance(setting, str) else f"{setting:,}"


def report(metrics: Metrics) -> str:
    """Everything that was measured, as Markdown tables."""
    sections = [
        _pronouns(metrics),
        _others_pronouns(metrics),
        _trials("What leads to the heads", metrics, "ablation"),
        _trials("Other seeds", metrics, "seeds"),
        _translation(metrics),
        _words(metrics),
        _speed(metrics.get("speed")),
    ]
    return "\n".join(section for section in sections if section)


def every_head(metrics: Metrics) -> str:
    """What each encoder head does at pronouns: too long for a card, right for a terminal."""
    paragraphs = []
    for title, measured in _splits(metrics):
        for lang, heads in measured.get("heads", {}).get("all", {}).items():
            n = heads["n"]
            cells = [
                [
                    f"{100 * argmax:.0f} / {100 * prefers:.0f} / {100 * flips:.0f} / {mass:.2f}"
                    for argmax, prefers, flips, mass in zip(*layer, strict=True)
                ]
                for layer in zip(
                    *(heads[name] for name in ("argmax", "prefers", "flips", "mass")), strict=True
                )
            ]
            paragraphs.append(
                f"{title}, {_LANGUAGE_NAMES[lang]}: largest weight on the antecedent / prefers it "
                f"/ flips with the twin (%) / mean weight, n = {n['argmax']:,} ({n['flips']:,} "
                "twins)\n\n"
                + _table(
                    ["", *(f"head {head + 1}" for head in range(len(cells[0])))],
                    ([f"layer {layer + 1}", *row] for layer, row in enumerate(cells)),
                )
            )
    return "\n".join(paragraphs)


# ── what it is ───────────────────────────────────────────────────────────────────────────────────

_ATTENTION: dict[Scoring, str] = {
    "none": "no attention: one context vector, the same at every step (Cho et al. 2014)",
    "bahdanau": "additive attention before each step (Bahdanau et al. 2015)",
    "dot": "dot attention after each step (Luong et al. 2015), no input feeding",
    "general": "general attention after each step (Luong et al. 2015), no input feeding",
    "concat": "concat attention after each step (Luong et al. 2015), no input feeding",
}


def _made_of(model: AnyConfig) -> tuple[str, str, str]:
    """The kind of model, its layers and its sizes."""
    if isinstance(model, ModelConfig):
        post = model.norm == "post"
        norm = "LayerNorm(x + Sublayer(x))" if post else "x + Sublayer(LayerNorm(x))"
        return (
            "Transformer encoder-decoder",
            f"{model.n_encoder_layers} encoder + {model.n_decoder_layers} decoder, {norm}",
            f"d_model {model.d_model}, {model.n_heads} heads, d_k {model.d_k}, d_v {model.d_v}, "
            f"d_ff {model.d_ff}",
        )
    return (
        "recurrent encoder-decoder (GRU)",
        f"1 bidirectional encoder + 1 decoder, {_ATTENTION[model.attention]}",
        f"d_model {model.d_model}, n {model.d_hidden} (2 × {model.d_hidden // 2} in the encoder)",
    )


def _languages(train: TrainConfig) -> str:
    langs = {lang for direction in train.shares for lang in direction}
    *first, last = [name for lang, name in _LANGUAGE_NAMES.items() if lang in langs]
    return f"{', '.join(first)} and {last}"


# ── how it was trained ───────────────────────────────────────────────────────────────────────────


def _data(how: Metrics, seed: int) -> str:
    if how.get("origins") and how["settings"].get("read_share") == 1:
        return (
            "the texts in the table below and no others; the vocabulary alone has seen this "
            f"project's own corpus (`model/corpus`), too.{_chosen(how['settings'])}"
        )
    others = "No other text was used"
    if how.get("origins"):
        alone = how["settings"].get("alone_epochs")
        share = how["settings"]["read_share"]
        others = f"And the texts in the table below, {share:.0%} of the sentences" + (
            f" after {alone} epochs without them" if alone else ""
        )
    return (
        f"{how['settings']['items']:,} sentences or pairs of twins in three languages for each of "
        f"{how['epochs']:g} epochs, generated anew from this project's own lexicon and templates "
        f"(`model/corpus`), seed {seed}.{_chosen(how['settings'])} "
        f"{others}. "
        "The showcase's noun pairs (animal and street, pitcher and cup) never stood as rivals in "
        "what was generated; each of these nouns did, with others, and in plain sentences any "
        "nouns may meet."
    )


def _chosen(settings: Metrics) -> str:
    """What part of the corpus it was, if not all."""
    families, directions = settings.get("families"), settings.get("directions")
    said = f" Only templates about {', '.join(families)} were used." if families else ""
    if joined := settings.get("joined_share"):
        said += f" Of the pairs, {joined:.0%} are two or three sentences in a row."
    if named_only := settings.get("named_only_share"):
        said += (
            f" Of the generated sentences with a pronoun, {named_only:.0%} were not to be "
            "translated: what the pronoun stands for was to be named, and nothing else."
        )
    if swapped := settings.get("swapped_share"):
        said += (
            f" In {swapped:.0%} of these, where the frame alone decides, any words of the "
            "vocabulary stood for the nouns, so that it can name more than the lexicon's."
        )
    if directions:
        arrows = ", ".join(map(_arrow, directions))
        said += f" It learned only these directions: {arrows}."
    return said


def _lower(share: float) -> str:
    return "" if share == 1 else f" ({share:g} of it in the encoder's layers below its last)"


def _objective(naming_weight: float) -> str:
    if not naming_weight:
        return "translation only; the naming objective was switched off."
    return (
        "translation, and *the encoder names what each pronoun stands for*: from the encoder's "
        "output at the pronoun, the antecedent's pieces are predicted through the tied embedding "
        f"(weight {naming_weight:g}). **Attention itself is never supervised.** In the "
        "experiments that led to this project, models that learned only to translate resolved "
        "pronouns too, but had no head that looks from the pronoun to its antecedent."
    )


def _origins(how: Metrics) -> str:
    origins = how.get("origins")
    if not origins:
        return ""
    rows = ([o["origin"], o["licence"], f"{o['lines']:,}", o.get("from", "")] for o in origins)
    table = _table(["origin", "licence", "lines", "from"], rows)
    return (
        "Sentences that other people wrote, none of which comes with this program (of unknown "
        f"licence is what was uploaded, or names no origin):\n\n{table}\n"
    )


# ── what was measured ────────────────────────────────────────────────────────────────────────────


def _pronouns(metrics: Metrics) -> str:
    twins = metrics["measured_on"]["twins"]
    halves = "Each head was chosen on one half and is reported on the other. "
    if "heads" not in metrics:
        halves = "Its encoder has no attention, so no head is measured. "
    lines = [
        "### Pronouns",
        "",
        f"{twins:,} pairs of twins a language. {halves}"
        "Brackets are 95 % intervals. Under each language stands what rules reach "
        "that look at no word's meaning: take the noun nearest before the pronoun, or the first "
        "noun, among the antecedent and the nouns that it might have been; or guess, among these "
        "nouns (for the largest weight: among all words).",
        "",
    ]
    header = [
        "language", "naming", "best head", "largest weight on antecedent", "prefers antecedent",
        "flips with the twin", "mean weight",
    ]  # fmt: skip
    for title, measured in _splits(metrics):
        rows = (row for lang in measured["naming"] for row in _of_language(measured, lang))
        lines += [f"{title}:", "", _table(header, rows)]
    return "\n".join(lines)


def _splits(metrics: Metrics) -> Iterator[tuple[str, Metrics]]:
    """Held-out sentences of each kind that was measured: what they are, and the measures."""
    for split, title in _SPLITS.items():
        measured = metrics.get(split) if split else metrics
        if measured:
            yield title, measured


def _of_language(measured: Metrics, lang: str) -> Iterator[list[str]]:
    baseline, heads = measured["baselines"][lang], measured.get("heads")
    found = [f"**{_LANGUAGE_NAMES[lang]}**", _share(measured["naming"][lang])]
    if heads:
        best = heads["best"][lang]
        found += [
            f"layer {best['layer'] + 1}, head {best['head'] + 1}",
            *(_share(best[name]) for name in ("argmax", "prefers", "flip")),
            _number(best["mass"]),
        ]
    yield found + [""] * (7 - len(found))
    for rule in ("nearest_noun", "first_noun"):
        right = f"{baseline[rule]['value']:.1%}"
        flip = f"{baseline[f'{rule}_flip']['value']:.1%}"
        yield [rule.replace("_", " "), right, "", right, right, flip, ""]
    noun, word, flip = (f"{baseline[f'chance_{x}']['value']:.1%}" for x in ("noun", "word", "flip"))
    yield ["chance", noun, "", word, noun, flip, ""]


def _others_pronouns(metrics: Metrics) -> str:
    files = metrics.get("labelled")
    if not files:
        return ""
    header = [
        "sentences", "language", "n", "naming, of all words", "of the nouns that may be meant",
        "best head prefers antecedent", "nearest noun", "first noun", "chance",
    ]  # fmt: skip
    shares = ("naming", "of_nouns", "prefers")
    rules = ("nearest_noun", "first_noun", "chance_noun")
    rows = (
        [
            f"`{name}`",
            _LANGUAGE_NAMES[lang],
            f"{found['naming']['n']:,}",
            *(_share(found[measure]) if measure in found else "" for measure in shares),
            *(f"{found[rule]['value']:.1%}" for rule in rules),
        ]
        for name, languages in files.items()
        for lang, found in languages.items()
    )
    return (
        "### Pronouns that others have labelled\n\n"
        "No sentence of theirs comes from this project's templates. The head is the one that was "
        f"best on generated sentences with unseen noun pairs.\n\n{_table(header, rows)}"
    )


def _trials(title: str, metrics: Metrics, table: str) -> str:
    trials: Sequence[Metrics] = metrics.get(table, ())
    if not trials:
        return ""
    shares = ("naming_en", "naming_ko", "argmax_en", "argmax_ko", "flip_en", "flip_ko")
    header = [
        "", "naming, English", "naming, Korean", "best head's largest weight, English", "Korean",
        "flips, English", "Korean", "steps",
    ]  # fmt: skip
    rows = (
        [
            trial["label"],
            *(f"{trial[name]:.1%}" for name in shares),
            f"{trial['steps']:,}",
        ]
        for trial in trials
    )
    of = f"Not this model, but trainings of the preset {metrics['trials_of']}, from scratch:"
    return f"### {title}\n\n{of}\n\n{_table(header, rows)}"


def _translation(metrics: Metrics) -> str:
    right = metrics["translation"]
    lines = [
        "### Translation",
        "",
        "Target pieces predicted right, all earlier ones given (generated sentences, unseen noun "
        f"pairs): {', '.join(f'{_arrow(d)} {_share(share)}' for d, share in right.items())}.",
        "",
    ]
    if scores := metrics.get("scores"):
        header = ["sentences", "direction", "n", "chrF", "BLEU"]
        lines += ["Translated greedily:", "", _table(header, _score_rows(scores))]
        lines += [f"- {signature}" for signature in _signatures(scores)]
        lines.append("")
    return "\n".join(lines)


def _score_rows(scores: Metrics) -> Iterator[list[str]]:
    for direction, scored in scores["generated"].items():
        yield ["generated, unseen noun pairs", *_scored(direction, scored)]
    for name, directions in scores["dev"].items():
        for direction, scored in directions.items():
            yield [f"`{name}`", *_scored(direction, scored)]
            for origin, part in scored["origins"].items():
                yield [f"… of these {origin}", *_scored(direction, part)]


def _scored(direction: str, scored: Metrics) -> list[str]:
    bleu, chrf = (
        f"{s['value']:.1f} [{s['interval'][0]:.1f}, {s['interval'][1]:.1f}]"
        for s in (scored["bleu"], scored["chrf"])
    )
    return [_arrow(direction), f"{scored['n']:,}", chrf, bleu]


def _signatures(scores: Metrics) -> list[str]:
    """sacrebleu's, each once."""
    found: dict[str, None] = {}
    for directions in (scores["generated"], *scores["dev"].values()):
        for direction, scored in directions.items():
            found[f"chrF: `{scored['chrf']['signature']}`"] = None
            language = _LANGUAGE_NAMES[direction.split("-")[1]]
            found[f"BLEU into {language}: `{scored['bleu']['signature']}`"] = None
    return sorted(found, reverse=True)


def _words(metrics: Metrics) -> str:
    lines = ["### Words", ""]
    for lang, measured in metrics["pieces_per_word"].items():
        unit = "an eojeol" if lang == "ko" else "a word"
        lines.append(
            f"- {_LANGUAGE_NAMES[lang]}: {_number(measured)} pieces {unit}; "
            f"{_share(measured['whole_words'])} are one piece ({measured['n']:,} words)."
        )
    return "\n".join([*lines, ""])


def _speed(speed: Metrics | None) -> str:
    if not speed:
        return ""
    lines = ["### Speed", "", f"Greedily on the CPU, medians, *{speed['text']}*", ""]
    for lang, name in _LANGUAGE_NAMES.items():
        if lang in speed:
            times = speed[lang]["milliseconds"].items()
            said = ", ".join(f"{ms:g} ms with {n} thread{'s' * (n != '1')}" for n, ms in times)
            lines.append(f"- into {name} ({speed[lang]['pieces']} pieces): {said}.")
    return "\n".join([*lines, ""])


# ── what follows from it ─────────────────────────────────────────────────────────────────────────


def _limits(metrics: Metrics) -> str:
    """What the numbers say about where not to trust the model."""
    said = [
        "Short, everyday sentences are what it was made for. It is no translator to rely on."
        if metrics["training"].get("origins")
        else "It has read generated sentences only, a few thousand everyday words put together by "
        "templates; of other sentences it makes what it can, often nonsense."
    ]
    for split, where in (
        ("unseen_templates", "In frames that it never met"),
        ("unseen_nouns", "Of nouns that it knows from plain sentences only"),
    ):
        if measured := metrics.get(split):
            wrong = " and ".join(
                f"{1 - share['value']:.0%} of {_LANGUAGE_NAMES[lang]} pronouns"
                for lang, share in measured["naming"].items()
            )
            said.append(f"{where} it names {wrong} wrong.")
    for name, languages in metrics.get("labelled", {}).items():
        wrong = " and ".join(
            f"{1 - found['naming']['value']:.0%} of the {_LANGUAGE_NAMES[lang]} pronouns"
            for lang, found in languages.items()
        )
        said.append(f"Of what others have labelled (`{name}`) it names {wrong} wrong.")
    dev = metrics.get("scores", {}).get("dev", {})
    if found := [(s["chrf"]["value"], d) for file in dev.values() for d, s in file.items()]:
        lowest, direction = min(found)
        said.append(
            f"Of what people wrote it translates least well {_arrow(direction)} (chrF "
            f"{lowest:.0f} of 100)."
        )
    if not found:
        said.append("No translation of sentences that people wrote has been measured.")
    for lang, counts in metrics.get("seen", {}).items():
        rare = sorted((word for word, n in counts.items() if n < _RARE), key=counts.__getitem__)
        such_as = f", such as {', '.join(rare[:_NAMED])}" if rare else ""
        said.append(
            f"Of the {len(counts):,} {_LANGUAGE_NAMES[lang]} words of its lexicon, {len(rare):,} "
            f"stood in training fewer than {_RARE} times{such_as}."
        )
    return "\n".join(f"- {sentence}" for sentence in said)


# ── cells ────────────────────────────────────────────────────────────────────────────────────────


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _share(share: Metrics) -> str:
    low, high = share["interval"]
    return f"{share['value']:.1%} [{low:.1%}, {high:.1%}]"


def _number(mean: Metrics) -> str:
    low, high = mean["interval"]
    return f"{mean['value']:.2f} [{low:.2f}, {high:.2f}]"


def _arrow(direction: str) -> str:
    return direction.replace("-", " → ")
