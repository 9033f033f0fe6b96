"""What the generator promises: true labels, real twins, clean splits, the famous sentences."""

import gzip
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from model.corpus import Example, Item, Span, generate, read_pairs
from model.corpus.generator import (
    Met,
    Template,
    _write_item,
    draw,
    met_in_training,
    read_template,
    templates,
    wordings_of,
)
from model.corpus.lexicon import as_noun, load_lexicon
from model.corpus.morphology import STYLES, josa
from model.corpus.splits import (
    HELD_OUT_NOUNS,
    SHOWCASE_PAIRS,
    Split,
    noun_is_held_out,
    pair_is_held_out,
)
from model.corpus.writing import (
    LANGS,
    PRONOUN_SUBJECTS,
    Scene,
    TemplateError,
    choose,
    parse,
    write,
)
from model.errors import ModelError

N = 600
PRONOUNS = {
    "en": {"it", "they", "he", "she", "them", "him", "her", "its", "his", "their", "itself"}
    | {"themselves"},
    "fr": {"il", "elle", "ils", "elles", "le", "la", "les", "l'", "lui", "leur"}
    | {"son", "sa", "ses", "leurs"},
    "ko": {"그것", "그것들", "그건", "그게", "그걸", "그", "그녀", "그들"},
}


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return list(generate(N, seed=11))


@pytest.fixture(scope="module")
def examples(items: list[Item]) -> list[Example]:
    return [example for item in items for example in item.examples]


def cut(text: str, span: Span) -> str:
    return text[span.start : span.end]


def pairs(item: Item) -> tuple[str, str]:
    """The two nouns that the pronoun may stand for."""
    template = templates()[item.examples[0].template]
    assert template.flip
    named = dict(zip(template.slots, item.examples[0].nouns, strict=True))
    first, second = (named[slot] for slot in template.flip)
    return min(first, second), max(first, second)


# --------------------------------------------------------------------------- every template


def test_there_are_enough_templates() -> None:
    twins = [template for template in templates().values() if template.flip]
    assert len(twins) >= 125
    assert len(templates()) >= 170
    held_out = [template for template in twins if template.held_out]
    assert 0.08 <= len(held_out) / len(twins) <= 0.15


@pytest.mark.parametrize("template", templates().values(), ids=lambda template: template.id)
def test_every_template_renders(template: Template) -> None:
    rng = random.Random(template.id)
    drawn = [item for item in (draw(template, rng) for _ in range(12)) if item is not None]
    assert len(drawn) >= 6
    for item in drawn:
        assert len(item.examples) == (2 if template.flip else 1)
        for example in item.examples:
            for lang, sentence in example.sentences.items():
                assert not re.search(r"[{}\[\]|()]|  |^\s|\s$|\s[.,]", sentence.text), sentence.text
                if template.flip:
                    assert sentence.text[-1] == ".", sentence.text
                assert not sentence.text[0].islower()
                if lang == "fr":
                    assert not re.search(
                        r"\b(que|de|le|je|ne|se) (?=[aeiouéèêà](?!lle et))(?!onze|oui|yaourt)",
                        sentence.text.lower(),
                    ), sentence.text
                    assert not re.search(r"\b(de le|à le|de les|à les|si ils?)\b", sentence.text)


def test_a_broken_template_is_refused_with_its_reason() -> None:
    with pytest.raises(TemplateError, match="no field"):
        parse("en", "{x} saw {nobody}.", "x", "")
    with pytest.raises(TemplateError, match="bracket"):
        parse("en", "[{x} saw.", "x", "")
    with pytest.raises(TemplateError, match="forms"):
        parse("fr", "{a/b/c/d/e:x}", "x", "")


def test_a_template_whose_number_gives_the_antecedent_away_is_refused() -> None:
    raw = {
        "id": "t",
        "number": "both",
        "single": "y",
        "slots": {"x": "animal", "y": "path"},
        "flip": {"x": ["tired"], "y": ["wide"]},
        **dict.fromkeys(LANGS, "{x}"),
    }
    with pytest.raises(TemplateError, match=r"file\.json, template 't': the number"):
        read_template(raw, "file.json")


# --------------------------------------------------------------------------- labels


def test_labels_are_the_words_they_name(examples: list[Example]) -> None:
    lexicon = load_lexicon()
    known = {noun.id: noun for noun in (*lexicon.nouns, *map(as_noun, lexicon.names))}
    labelled = 0
    for example in examples:
        nouns = [noun for name in example.nouns for noun in wordings_of(known[name])]
        words = {
            "en": {form for noun in nouns for form in (noun.en, noun.en_plural)},
            "ko": {noun.ko for noun in nouns},
            "fr": {
                f for noun in nouns for form in (noun.fr, noun.fr_plural) for f in form.split("/")
            },
        }
        for lang, sentence in example.sentences.items():
            for reference in sentence.references:
                labelled += 1
                assert cut(sentence.text, reference.pronoun).lower() in PRONOUNS[lang]
                for span in (reference.antecedent, *reference.distractors):
                    assert cut(sentence.text, span) in words[lang] | {
                        word[:1].upper() + word[1:] for word in words[lang]
                    }
                assert reference.antecedent not in reference.distractors
    assert labelled > 3 * N


def test_korean_cuts_separate_noun_and_particle(examples: list[Example]) -> None:
    seen = 0
    for example in examples:
        sentence = example.sentences["ko"]
        for at in sentence.cuts:
            assert 0 < at < len(sentence.text)
            assert sentence.text[at - 1] != " "
            assert sentence.text[at] != " "
        for reference in sentence.references:
            for span in (reference.antecedent, *reference.distractors):
                tail = re.match(r"[가-힣]*", sentence.text[span.end :])
                assert tail is not None
                if tail.group():
                    seen += 1
                    assert span.end in sentence.cuts, sentence.text
    assert seen > N


def test_particles_follow_the_final_consonant(examples: list[Example]) -> None:
    seen = 0
    for example in examples:
        sentence = example.sentences["ko"]
        for at, end in pairwise((*sentence.cuts, len(sentence.text))):
            particle = re.match(r"[가-힣]+", sentence.text[at:end])
            if particle and particle.group() in (
                "은",
                "는",
                "이",
                "가",
                "을",
                "를",
                "으로",
                "로",
                "과",
                "와",
            ):
                before = re.search(r"[가-힣A-Za-z0-9]+$", sentence.text[:at])
                assert before is not None
                if (before.group() + particle.group()) in ("내가", "제가"):
                    continue
                seen += 1
                assert josa(before.group(), particle.group()) == particle.group(), sentence.text
    assert seen > N


# --------------------------------------------------------------------------- people by name


def named(item: Item) -> set[str]:
    return {noun for noun in item.examples[0].nouns if noun.startswith("name:")}


def test_people_called_by_name_stand_alone_and_are_rivals_like_others() -> None:
    """No article, no plural, no 그; a pair of them is held out as any other pair is."""
    names = {f"name:{name.en}": name for name in load_lexicon().names}
    shown = 0
    for split in ("train", "pairs"):
        for item in generate(400, seed=4, split=split, pronoun_share=1, families=("people",)):
            if not named(item):
                continue
            shown += 1
            assert templates()[item.examples[0].template].gender
            assert pair_is_held_out(*pairs(item)) == (split == "pairs")
            for example in item.examples:
                text = {lang: sentence.text for lang, sentence in example.sentences.items()}
                assert "They" not in text["en"]
                for name in (names[noun] for noun in named(item)):
                    assert re.search(rf"\b{name.en}\b", text["en"])
                    assert re.search(rf"\b{name.fr}\b", text["fr"])
                    assert name.ko in text["ko"]
                    assert not re.search(rf"\b(the|an?|some) {name.en}\b", text["en"])
                    assert not re.search(rf"(\b(les?|la|une?) |l'){name.fr}\b", text["fr"])
                    assert not re.search(rf"(?<!\w)그 {name.ko}", text["ko"])
    assert shown > 100


def test_french_elides_before_a_name_and_keeps_an_h_whole() -> None:
    template = read_template(
        {
            "id": "t",
            "gender": True,
            "frame": True,
            "slots": {"x": "#name:Anna|#name:Henry", "y": "@anyone"},
            "flip": {"x": ["kind"], "y": ["tired"]},
            "en": "{S} talked about {x} and {y}. {it} {was/were} {w}.",
            "ko": "{S은} {x와} {y에} 대해 말했다. {it은} {w:었다}.",
            "fr": "{S} parlait de {x} et de {y}. {il} {était/étaient} {w}.",
        },
        "pronoun_test.json",
    )
    lexicon = {f"name:{name.en}": as_noun(name) for name in load_lexicon().names}
    for name, said in (("Anna", "parlait d'Anna et"), ("Henry", "parlait de Henry et")):
        chosen = {"x": lexicon[f"name:{name}"], "y": lexicon["name:Sora"]}
        rng = random.Random(0)
        predicates = [(slot, {"w": template.flip[slot][0]}) for slot in ("x", "y")]
        item = _write_item(template, chosen, predicates, lexicon[f"name:{name}"].fr_gender, rng)
        assert said in item.examples[0].sentences["fr"].text
        assert "de Sora." in item.examples[0].sentences["fr"].text


def test_a_sentence_that_may_end_or_go_on_keeps_one_style() -> None:
    written = parse("ko", "{x이} 기다리지 않았(다.|다.) 비가 왔기 때문이다.", "x", "")
    dog = next(noun for noun in load_lexicon().nouns if noun.id == "dog")
    said = {}
    for style in STYLES:
        scene = Scene(
            nouns={"x": dog}, numbers={"x": "sg"}, indefinite=frozenset(),
            predicates={}, focus={}, antecedent=None, persons=None, subject=PRONOUN_SUBJECTS[0],
            style=style,
        )  # fmt: skip
        said[style] = write("ko", choose(written, random.Random(0)), scene).text
    assert said["plain"] == "개가 기다리지 않았다. 비가 왔기 때문이다."
    assert said["polite"] == "개가 기다리지 않았어요. 비가 왔기 때문이에요."
    assert said["formal"] == "개가 기다리지 않았습니다. 비가 왔기 때문입니다."
    assert said["casual"] == "개가 기다리지 않았어. 비가 왔기 때문이야."


# --------------------------------------------------------------------------- twins


def test_twins_differ_minimally_and_flip(items: list[Item]) -> None:
    twins = [item.examples for item in items if len(item.examples) == 2]
    assert len(twins) > N / 2
    for one, two in twins:
        assert (one.template, one.nouns) == (two.template, two.nouns)
        assert (one.variant, two.variant) == (0, 1)
        for lang in ("en", "ko"):
            first, second = one.sentences[lang], two.sentences[lang]
            before, after = first.references[0], second.references[0]
            assert cut(first.text, before.antecedent) != cut(second.text, after.antecedent)
            assert cut(first.text, before.pronoun) == cut(second.text, after.pronoun)
            shared = common_ends(first.text, second.text)
            assert shared >= 0.4 * min(len(first.text), len(second.text)), (first.text, second.text)


def common_ends(one: str, two: str) -> int:
    """Length of the common beginning and the common end."""
    shortest = min(len(one), len(two))
    start = next((i for i in range(shortest) if one[i] != two[i]), shortest)
    end = next((i for i in range(shortest) if one[-1 - i] != two[-1 - i]), shortest)
    return min(shortest, start + end)


def test_every_twin_has_labels_in_every_language_whichever_words_flip_it() -> None:
    for template in templates().values():
        for seed in range(3 if template.flip else 0):
            item = draw(template, random.Random(seed))
            for example in item.examples if item else ():
                unlabelled = [lang for lang in LANGS if not example.sentences[lang].references]
                assert unlabelled == [], (template.id, example.sentences)


def test_some_twins_need_the_pronoun_for_french(items: list[Item]) -> None:
    def french_pronoun(example: Example) -> str:
        sentence = example.sentences["fr"]
        return cut(sentence.text, sentence.references[0].pronoun).lower()

    twins = [item.examples for item in items if len(item.examples) == 2]
    flipped = sum(french_pronoun(one) != french_pronoun(two) for one, two in twins)
    assert flipped > 0.2 * len(twins)


# --------------------------------------------------------------------------- splits


def test_generation_is_deterministic() -> None:
    assert list(generate(40, seed=5)) == list(generate(40, seed=5))
    assert list(generate(40, seed=5)) != list(generate(40, seed=6))


def new_nouns(item: Item) -> set[str]:
    return {noun for noun in item.examples[0].nouns if noun_is_held_out(noun)}


def test_splits_are_disjoint(items: list[Item]) -> None:
    for item in items:
        template = templates()[item.examples[0].template]
        assert not template.held_out
        if template.flip:
            assert not pair_is_held_out(*pairs(item))
            assert not new_nouns(item)
    for item in generate(200, seed=1, split="pairs"):
        assert len(item.examples) == 2
        assert not templates()[item.examples[0].template].held_out
        assert pair_is_held_out(*pairs(item))
        assert not new_nouns(item)
    for item in generate(200, seed=1, split="templates"):
        assert len(item.examples) == 2
        assert templates()[item.examples[0].template].held_out
        assert not new_nouns(item)
    for item in generate(200, seed=1, split="nouns"):
        assert len(item.examples) == 2
        assert not templates()[item.examples[0].template].held_out
        assert new_nouns(item) & set(pairs(item))


def test_held_out_nouns_stand_in_plain_sentences_of_training() -> None:
    held_out = {noun.id for noun in load_lexicon().nouns if noun_is_held_out(noun.id)}
    plain = generate(5_000, seed=3, pronoun_share=0)
    said = {noun for item in plain for noun in item.examples[0].nouns}
    assert len(held_out & said) >= 0.5 * len(held_out)


def test_held_out_nouns_are_about_forty_of_many_kinds() -> None:
    held_out = [noun for noun in load_lexicon().nouns if noun_is_held_out(noun.id)]
    assert {noun.id for noun in held_out} == HELD_OUT_NOUNS  # each is a noun of the lexicon
    assert 36 <= len(held_out) <= 48
    kinds = """person animal place building container vehicle tool electronic clothing vegetable
    edible readable material weather mass"""
    assert set(kinds.split()) <= set().union(*(noun.features for noun in held_out))
    assert not {noun for pair in SHOWCASE_PAIRS for noun in pair} & HELD_OUT_NOUNS


def test_what_a_training_did_not_meet_is_unseen_for_its_checkpoint() -> None:
    """The corpus grows: for an older checkpoint, what was added since is held out as well."""
    now = met_in_training()
    older = Met(frozenset(sorted(now.templates)[::2]), frozenset(sorted(now.nouns)[::3]))
    for split in ("pairs", "nouns", "templates"):
        for item in generate(60, seed=1, split=split, met=older):
            assert (item.examples[0].template in older.templates) == (split != "templates")
            assert (set(pairs(item)) <= older.nouns) == (split != "nouns")
            if split == "pairs":
                assert pair_is_held_out(*pairs(item))
    same = generate(40, seed=1, split="pairs", met=now)
    assert list(same) == list(generate(40, seed=1, split="pairs"))


def test_every_training_template_finds_nouns_that_are_not_held_out() -> None:
    for template in templates().values():
        if template.flip and not template.held_out:
            rng = random.Random(template.id)
            assert any(draw(template, rng, "train") for _ in range(20)), template.id


def test_about_a_tenth_of_the_pairs_is_held_out() -> None:
    names = [noun.id for noun in load_lexicon().nouns[:120]]
    held_out = [pair_is_held_out(a, b) for a in names for b in names if a < b]
    assert 0.08 < sum(held_out) / len(held_out) < 0.12
    assert all(pair_is_held_out(b, a) for a, b in SHOWCASE_PAIRS)
    assert pair_is_held_out("street", "animal")


def test_the_share_of_twins_is_kept() -> None:
    twins = sum(len(item.examples) == 2 for item in generate(500, seed=2, pronoun_share=0.4))
    assert 0.3 < twins / 500 < 0.5


# --------------------------------------------------------------------------- the famous sentences


def wordings(
    template_id: str, nouns: dict[str, str], said: dict[str, str], draws: int = 1500
) -> Iterator[Example]:
    """Many wordings of a template, its nouns and what is said of them forced."""
    template = templates()[template_id]
    slots = {slot: f"#{nouns[slot]}" for slot in template.slots}
    flip = {
        slot: tuple(predicate for predicate in predicates if predicate.en == said[slot])
        for slot, predicates in (template.flip or {}).items()
    }
    forced = replace(template, slots=slots, flip=flip)
    rng = random.Random(3)
    for _ in range(draws):
        item = draw(forced, rng)
        assert item is not None
        yield from item.examples


SHOWCASE = [
    (
        "cross_because",
        {"x": "animal", "y": "street"},
        {"x": "tired", "y": "wide"},
        [
            "The animal didn't cross the street because it was too tired.",
            "The animal did not cross the street because it was too tired.",
            "The animal didn't cross the street because it was too wide.",
            "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 피곤하였기 때문이다.",
            "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 피곤했기 때문이다.",
            "그 동물은 그 길을 건너지 않았다. 왜냐하면 그것은 너무 피곤하였기 때문이다.",
            "동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 피곤하였기 때문이다.",
            "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 넓었기 때문이다.",
            "L'animal n'a pas traversé la rue parce qu'il était trop fatigué.",
            "L'animal n'a pas traversé la rue parce qu'elle était trop large.",
        ],
    ),
    (
        "pour_until",
        {"x": "pitcher", "y": "cup", "z": "water"},
        {"x": "empty", "y": "full"},
        [
            "She poured water from the pitcher into the cup until it was full.",
            "She poured water from the pitcher into the cup until it was empty.",
            "그녀는 주전자의 물을 컵에 따랐다. 그것이 가득 찰 때까지.",
            "그녀는 주전자의 물을 컵에 따랐다. 그것이 텅 빌 때까지.",
            "Elle a versé de l'eau du pichet dans la tasse jusqu'à ce qu'elle soit pleine.",
            "Elle a versé de l'eau du pichet dans la tasse jusqu'à ce qu'il soit vide.",
        ],
    ),
]


@pytest.mark.parametrize(("template", "nouns", "said", "sentences"), SHOWCASE)
def test_the_famous_sentences_are_derivable(
    template: str, nouns: dict[str, str], said: dict[str, str], sentences: list[str]
) -> None:
    made = {
        s.text for example in wordings(template, nouns, said) for s in example.sentences.values()
    }
    assert [sentence for sentence in sentences if sentence not in made] == []


def test_the_famous_pair_is_aligned() -> None:
    meanings = {
        tuple(example.sentences[lang].text for lang in ("en", "fr"))
        for example in wordings(*SHOWCASE[0][:3], draws=200)
    }
    assert (
        "The animal didn't cross the street because it was too wide.",
        "L'animal n'a pas traversé la rue parce qu'elle était trop large.",
    ) in meanings


# --------------------------------------------------------------------------- notation


def test_choices_are_drawn_from_all_alternatives() -> None:
    nodes = parse("ko", "(a|b|c[ d])", "", "")
    rng = random.Random(0)
    assert {len(choose(nodes, rng)) for _ in range(50)} == {1, 2}


# --------------------------------------------------------------------------- files of pairs


def test_read_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("I am Sam.\t나는 샘이다.\ttatoeba\n\nHello.\t안녕.\n", encoding="utf-8")
    packed = tmp_path / "pairs.tsv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    read = list(read_pairs(path))
    assert [(pair.source, pair.target, pair.origin) for pair in read] == [
        ("I am Sam.", "나는 샘이다.", "tatoeba"),
        ("Hello.", "안녕.", ""),
    ]
    assert list(read_pairs(packed)) == read


def test_read_pairs_normalises_to_nfc(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("café\t가\n", encoding="utf-8")
    assert [(p.source, p.target) for p in read_pairs(path)] == [("café", "가")]


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"one\ttwo\nonly one\n", "pairs_line", 2),
        (b"one\t\n", "pairs_line", 1),
        (b"a\tb\tc\td\n", "pairs_line", 1),
        (b"one\ttwo\n\xff\xfe\tx\n", "pairs_damaged", 2),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: bytes, code: str, line: int) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"line {line}") as caught:
        list(read_pairs(path))
    assert (caught.value.code, caught.value.details["line"]) == (code, line)


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.tsv") as caught:
        list(read_pairs(tmp_path / "none.tsv"))
    assert caught.value.code == "pairs_missing"
    broken = tmp_path / "broken.tsv.gz"
    broken.write_bytes(gzip.compress(b"one\ttwo\n" * 50)[:30])
    with pytest.raises(ModelError, match=r"broken\.tsv\.gz") as caught:
        list(read_pairs(broken))
    assert caught.value.code == "pairs_damaged"


def test_the_general_word_is_drawn_more_often_in_training_alone() -> None:
    def share(split: Split) -> float:
        items = generate(800, seed=3, split=split, families=("ways",))
        texts = [
            example.sentences["en"].text.lower() for item in items for example in item.examples
        ]
        return sum("animal" in text for text in texts) / len(texts)

    assert share("train") > 3 * share("pairs")
