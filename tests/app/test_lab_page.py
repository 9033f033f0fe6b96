"""The coreference lab without a browser: every part, in both languages, on odd input, by link."""

import copy
import dataclasses
import json
import re

import pytest
import torch
from streamlit.testing.v1 import AppTest

from model.analysis import causes, leaderboard, own_sets, twins
from model.analysis.causes import RemoveHeads
from tests import planted
from tests.app.conftest import as_read, run
from viz import cache
from viz.i18n import LANGS, catalogue
from viz.lab import runs
from viz.lab.pair import DRAWN, carried
from viz.state import FAMOUS

PAGE = "viz/views/lab.py"
PARTS = ("twins", "lens", "board", "cut", "langs", "honest", "sheet")
TWIN = FAMOUS.replace("tired", "wide")
LONGEST = "the " * 250 + "dog"


@pytest.fixture(autouse=True)
def nothing_kept():
    """What one test has computed is no button less for the next one; sentences stay."""
    shelf, _ = cache._shelf()
    for key in [key for key in shelf if key[0] != "questions"]:
        del shelf[key]


@pytest.fixture
def open_lab(open_app):
    def open_lab(part: str = "twins", **params: str) -> AppTest:
        own = {name: params.pop(name) for name in ("twin", "marks", "cut") if name in params}
        app = open_app(**params).switch_page(PAGE)
        for name, value in (own | {"part": part}).items():
            app.query_params[name] = value
        return run(app)

    return open_lab


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return run(app)


def spoken(app: AppTest) -> str:
    """Everything on the page that is text, without the marks of Markdown and HTML."""
    kinds = ("markdown", "caption", "info", "warning", "error", "html", "badge", "success")
    texts = [
        str(getattr(one, "value", "") or getattr(one.proto, "body", ""))
        for one in app.main
        if one.type in kinds
    ]
    return re.sub(r"<[^>]*>|\\|\*", "", " ".join(texts))


def charts(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def bundle():
    return cache.bundle(cache.DEFAULT)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_opens_and_leaves_no_sentence_unfilled(open_lab, lang, part):
    app = open_lab(part, lang=lang)
    assert catalogue(lang)(f"lab.{part}.lead").replace("*", "") in spoken(app)
    assert not re.search(r"\{\w+\}|\bNone\b|\bnan\b", spoken(app))
    assert not app.error


def test_the_famous_twins_are_read_as_the_model_reads_them(open_lab):
    app = open_lab(lang="en")
    assert app.text_input(key="lab.twin").value == TWIN
    model = bundle()
    a = cache.guess(model.name, model.version, FAMOUS).marked
    assert [a.text[slice(*span)] for span in (a.pronoun, *a.candidates)] == [
        "it",
        "animal",
        "street",
    ]
    naming = charts(app)[0]["data"]
    reading = cache.reading(model.name, model.version, a)
    assert [naming[0]["x"][0], naming[2]["x"][0]] == pytest.approx(list(reading.naming), abs=1e-6)


def test_an_own_twin_is_typed_marked_and_carried_by_the_link(open_lab):
    app = open_lab(lang="en")
    app.text_input(key="lab.twin").set_value(FAMOUS.replace("tired", "icy"))
    run(app)
    assert app.query_params["twin"] in (
        FAMOUS.replace("tired", "icy"),
        [FAMOUS.replace("tired", "icy")],
    )
    pills = app.button_group(key="lab.mark.second")
    assert pills.value is not None
    words = list(re.findall(r"\w+'?\w*|[.]", FAMOUS))
    assert pills.value == words.index("street")
    pills.set_value(words.index("cross"))
    run(app)
    assert "cross②" in spoken(app)
    link = {
        name: app.query_params[name][0]
        if isinstance(app.query_params[name], list)
        else app.query_params[name]
        for name in ("twin", "marks")
    }
    again = open_lab(lang="en", **link)
    assert "cross②" in spoken(again)
    assert again.text_input(key="lab.twin").value == FAMOUS.replace("tired", "icy")


@pytest.mark.parametrize("lang", LANGS)
def test_the_same_sentence_twice_asks_for_a_change(open_lab, lang):
    app = open_lab(lang=lang, text="I am Sam and he is tall.")
    assert catalogue(lang)("lab.pair.same") in [one.value for one in app.info]


@pytest.mark.parametrize("lang", LANGS)
def test_new_pairs_come_marked_and_each_throw_brings_another(open_lab, lang):
    app = press(open_lab(lang=lang), "lab.dice.templates")
    texts = [app.text_input(key="look.text").value]
    app = press(app, "lab.dice.templates")
    texts.append(app.text_input(key="look.text").value)
    model = bundle()
    asked = cache.questions(model.name, model.version, "templates", ("en",), DRAWN)
    assert texts == [asked[0].sentence.text, asked[2].sentence.text]
    assert "①" in spoken(app)
    assert "②" in spoken(app)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("text", ["", "cat", LONGEST, "<b>**$x$**</b> it 😀 {x}"])
def test_empty_one_token_longest_and_odd_input(open_lab, part, text):
    app = open_lab(part, lang="en")
    app.text_input(key="look.text").set_value(text)
    run(app)
    app.text_input(key="lab.twin").set_value(text + " it")
    run(app)


def test_a_cut_is_the_models_own_and_its_link_opens_it(open_lab):
    model = bundle()
    heads = [(layer, head) for layer in (2, 3) for head in range(4)]
    line = "heads," + "+".join(f"{layer + 1}.{head + 1}" for layer, head in heads)
    app = open_lab("cut", lang="en", cut=line)
    a = cache.guess(model.name, model.version, FAMOUS).marked
    reading = cache.reading(model.name, model.version, a)
    found = causes.effect(model, a, reading.winner, (RemoveHeads(tuple(heads)),), None, "fr")
    drawn = charts(app)[0]["data"]
    assert drawn[0]["x"] == pytest.approx([one.naming[0] for one in found.readings], abs=1e-6)
    assert found.translations[0] in spoken(app)
    assert found.translations[1] in spoken(app)
    assert sorted(app.button_group(key="lab.cut.heads").value) == heads


@pytest.mark.parametrize("kind", ["heads", "edge", "row"])
@pytest.mark.parametrize("lang", LANGS)
def test_every_kind_of_cut_in_both_languages(open_lab, lang, kind):
    app = open_lab("cut", lang=lang)
    app.button_group(key="lab.cut.kind").set_value(kind)
    run(app)
    assert catalogue(lang)("lab.cut.after") in list(charts(app)[0]["layout"]["yaxis"]["ticktext"])


@pytest.mark.parametrize("line", ["nonsense", "heads,99.1"])
def test_a_cut_that_makes_no_sense_here_is_left_out(open_lab, line):
    app = open_lab("cut", lang="en", cut=line)
    link = {name: app.query_params[name] for name in app.query_params}
    assert line not in link.get("cut", "")


def test_the_boards_numbers_are_the_leaderboards(open_lab):
    app = open_lab("board", lang="en")
    app.selectbox(key="lab.board.items").set_value(50)
    run(app)
    assert catalogue("en")("lab.board.wait") in spoken(app)
    press(app, "lab.start.board")
    model, say = bundle(), catalogue("en")
    asked = leaderboard.held_out(model, ("en",), 50)
    board = leaderboard.leaderboard(model.model, asked)
    assert say.percent(board.naming.value) in spoken(app)
    head = say("lab.head", layer=board.chosen.layer + 1, head=board.chosen.head + 1)
    assert head in spoken(app)
    ranking = charts(app)[0]["data"][-1]
    best = max(head.prefers.value for head in board.heads)
    assert ranking["x"][0] == pytest.approx(best)
    assert ranking["x"][-1] == pytest.approx(board.random_head.prefers.value)
    assert not [one for one in app.button if one.key == "lab.cancel.board"]

    app.button_group(key="lab.order").set_value("first")
    run(app)
    left = board.where(order="first")
    assert say("lab.filter.left", count=len(left.asked), all=len(asked)) in spoken(app)
    app.button_group(key="lab.measure").set_value("flip")
    run(app)
    assert say("lab.board.no_twins") in [one.value for one in app.info]


@pytest.mark.parametrize("lang", LANGS)
def test_two_shares_in_one_line_strike_nothing_out(lang):
    share = runs.share(catalogue(lang), leaderboard.Measured(0.5, 9, (0.4, 0.6)))
    assert "~" not in share
    for key, sentence in catalogue(lang).sentences.items():
        # Behind a bracket, bold ends before a space or a sign only.
        assert not re.search(r"\*\*\{share\}\*\*(?![\s.(]|$)", sentence), key


@pytest.mark.parametrize("lang", LANGS)
def test_a_set_is_cut_counted_and_compared(open_lab, lang):
    app = open_lab("cut", lang=lang, cut="heads,3.4+4.4")
    for what in ("cost", "drops", "board", "knock"):
        press(app, f"lab.start.{what}")
    model, source = bundle(), "en"
    asked = leaderboard.held_out(model, (source,), 50)
    cost = causes.cost(model.model, asked, (RemoveHeads(((2, 3), (3, 3))),))
    say = catalogue(lang)
    assert say.percent(cost.after.value) in spoken(app)
    drops = causes.drops(model.model, asked)
    board = leaderboard.leaderboard(model.model, asked)
    rho = leaderboard.rank_correlation(board.table("prefers"), drops.log_p)
    assert f"{rho:.2f}".replace("-", "−") in spoken(app)
    assert len(charts(app)) == 2 + 3 + 1


def test_a_set_once_counted_is_counted_again_with_every_further_cut(open_lab):
    app = press(open_lab("cut", lang="en", cut="heads,3.4"), "lab.start.cost")
    app.button_group(key="lab.cut.heads").set_value([(0, 1), (2, 3)])
    run(app)
    model = bundle()
    asked = leaderboard.held_out(model, ("en",), 50)
    found = causes.cost(model.model, asked, (RemoveHeads(((0, 1), (2, 3))),))
    assert catalogue("en").percent(found.after.value) in spoken(app)
    assert not [one for one in app.button if one.key in ("lab.start.cost", "lab.cancel.cost")]
    app.button_group(key="lab.cut.lang").set_value("ko")
    run(app)  # another set waits to be asked for
    assert app.button(key="lab.start.cost")


def test_heads_are_cut_until_it_fails_or_it_is_said_that_it_does_not(open_app, monkeypatch):
    app = planted_lab(open_app, monkeypatch, planted.bundle())
    app.query_params["part"] = "cut"
    run(app)
    app.button_group(key="lab.cut.set").set_value("own")
    press(run(app), "lab.start.knock")
    assert "It fails with 1 cut" in spoken(app)


@pytest.mark.parametrize("lang", LANGS)
def test_one_pair_is_too_few_to_rank_heads_and_count(open_app, lang):
    app = open_app(lang=lang)
    header, *rows = own_sets.template_csv().decode("utf-8-sig").splitlines(keepends=True)
    app.session_state["lab:own"] = ("two.csv", "".join([header, *rows[:2]]).encode())
    app.switch_page(PAGE)
    app.query_params["part"] = "cut"
    run(app)
    app.button_group(key="lab.cut.set").set_value("own")
    press(run(app), "lab.start.knock")
    assert catalogue(lang)("lab.board.too_few") in [one.value for one in app.info]


@pytest.mark.parametrize("lang", LANGS)
def test_a_word_that_nobody_knows_takes_each_candidates_place(open_lab, lang):
    app = open_lab("honest", lang=lang)
    app.text_input(key="lab.made_up.en").set_value("wug")
    run(app)
    model = bundle()
    a = cache.guess(model.name, model.version, FAMOUS).marked
    found = [twins.read(model, one) for one in (a, *(twins.exchanged(a, n, "wug") for n in (0, 1)))]
    drawn = charts(app)[0]
    assert drawn["data"][0]["x"] == pytest.approx([one.naming[0] for one in found], abs=1e-6)
    assert drawn["layout"]["yaxis"]["ticktext"][1:] == ["① → wug", "② → wug"]
    app.text_input(key="lab.made_up.en").set_value("wug " * 600)
    run(app)
    assert app.error


@pytest.mark.parametrize("lang", LANGS)
def test_a_third_word_that_leads_is_said(open_lab, monkeypatch, lang):
    model = bundle()
    a = cache.guess(model.name, model.version, FAMOUS).marked
    found = twins.flipping_words(model, a, carried(a, TWIN))
    because = [("because", 0, 0, 0.75), *((*word[:3], 0.1) for word in found.b.named)]
    third = dataclasses.replace(found, b=dataclasses.replace(found.b, named=because))
    monkeypatch.setattr(cache, "flip", lambda *_: third)
    app = open_lab(lang=lang)
    say = catalogue(lang)
    told = {"word": "because", "share": say.percent(0.75)}
    said = [say("lab.twins.outsider", sentence=say(f"lab.{n}"), **told) for n in ("one", "two")]
    assert said[1].replace("*", "") in spoken(app)
    assert said[0].replace("*", "") not in spoken(app)


@pytest.mark.parametrize("lang", LANGS)
def test_failures_are_listed_and_one_goes_into_the_lab(open_lab, lang):
    app = open_lab("honest", lang=lang)
    app.button_group(key="lab.honest.set").set_value("templates")
    run(app)
    app.selectbox(key="lab.honest.items").set_value(50)
    run(app)
    press(app, "lab.start.board")
    model = bundle()
    asked = leaderboard.held_out(model, ("en",), 50, "templates")
    wrong = leaderboard.leaderboard(model.model, asked).wrong()
    assert wrong, "a model that is never wrong needs another test"
    press(app, "lab.honest.open")
    assert app.text_input(key="look.text").value == wrong[0][0].sentence.text
    assert catalogue(lang)("lab.twins.lead") in spoken(app)


def test_the_worksheets_answers_are_computed_in_a_closed_expander(open_lab):
    for lang in LANGS:
        app = open_lab("sheet", lang=lang)
        expander = next(
            one for one in app.expander if one.label == catalogue(lang)("lab.sheet.answers")
        )
        assert not expander.proto.expanded
        answers = " ".join(one.value for one in expander.markdown)
        assert answers.count("**6.**") == 1
        assert "%" in answers


@pytest.mark.parametrize("lang", LANGS)
def test_what_the_model_read_is_told_from_its_record(open_lab, monkeypatch, lang):
    say, plain = catalogue(lang), bundle()
    origins = plain.metrics["training"]["origins"]
    lines = f"{sum(origin['lines'] for origin in origins):,}"
    told = say("lab.honest.data", lines=lines, origins=len(origins))
    assert told in spoken(open_lab("honest", lang=lang))
    training = dict(plain.metrics["training"]) | {"origins": []}
    own = dataclasses.replace(plain, metrics=dict(plain.metrics) | {"training": training})
    monkeypatch.setattr(cache, "any_bundle", lambda name: own)
    assert say("lab.honest.data_own") in spoken(open_lab("honest", lang=lang))


def test_the_worksheet_takes_the_best_head_of_its_examples_language(open_lab, monkeypatch):
    plain = bundle()
    heads = copy.deepcopy(dict(plain.metrics["heads"]))
    heads["best"]["en"] |= {"layer": 0, "head": 1}
    heads["best"]["ko"] |= {"layer": 1, "head": 2}
    other = dataclasses.replace(plain, metrics=dict(plain.metrics) | {"heads": heads})
    monkeypatch.setattr(cache, "any_bundle", lambda name: other)
    app = open_lab("sheet", lang="ko", text=FAMOUS)
    answers = next(e for e in app.expander if e.label == catalogue("ko")("lab.sheet.answers"))
    told = " ".join(one.value for one in answers.markdown)
    assert runs.head_name(catalogue("ko"), 1, 2) in told
    assert runs.head_name(catalogue("ko"), 0, 1) not in told


@pytest.mark.parametrize("part", ["twins", "lens", "cut"])
def test_marks_of_another_text_are_not_taken(open_lab, part):
    space = FAMOUS.index(" ")
    at = FAMOUS.index("it ")
    marks = f"{at}-{at + 2}.{space}-{space + 1}.4-10"
    open_lab(part, text=FAMOUS, marks=marks)  # raises nothing


def test_a_word_that_comes_into_a_noun_leaves_no_mark():
    before = "The polar bear saw the fox because it was near."
    after = before.replace("polar bear", "polar white bear")
    at = before.index("it ")
    marked = twins.Marked(before, (at, at + 2), ((4, 14), (23, 26)))
    assert carried(marked, after) is None


@pytest.mark.parametrize("lang", LANGS)
def test_the_front_page_tells_what_this_model_was_told_and_no_other(open_app, monkeypatch, lang):
    say, plain = catalogue(lang), bundle()
    told = spoken(open_app(lang=lang))
    assert say("lab.honest.naming").replace("*", "") in told
    assert say("lab.honest.no_naming") not in told
    settings = dict(plain.metrics["training"]["settings"]) | {"naming_weight": 0.0}
    training = dict(plain.metrics["training"]) | {"settings": settings}
    other = dataclasses.replace(plain, metrics=dict(plain.metrics) | {"training": training})
    monkeypatch.setattr(cache, "any_bundle", lambda name: other)
    told = spoken(open_app(lang=lang))
    assert say("lab.honest.no_naming") in told
    assert say("lab.honest.naming").replace("*", "") not in told


def planted_lab(open_app, monkeypatch, planted_bundle, rows=None) -> AppTest:
    """The lab on a model of the test's own, with its sentences as an uploaded set."""
    monkeypatch.setattr(cache, "any_bundle", lambda name: planted_bundle)
    app = open_app(lang="en", text=planted.twins()[0][1])
    app.session_state["lab:own"] = ("planted.csv", planted.as_csv(rows).encode())
    app.switch_page(PAGE)
    app.query_params["part"] = "board"
    run(app)
    app.button_group(key="lab.board.set").set_value("own")
    return press(run(app), "lab.start.board")


def test_a_head_that_resolves_by_construction_is_found_and_said(open_app, monkeypatch):
    app = planted_lab(open_app, monkeypatch, planted.bundle())
    layer, head = planted.RESOLVES
    say = catalogue("en")
    name = say("lab.head", layer=layer + 1, head=head + 1)
    assert f"The best head, {name}, looks more at the right word in 100 %" in spoken(app)
    assert "better than every simple rule" in spoken(app)
    assert charts(app)[0]["data"][-1]["x"][0] == 1


def test_a_head_that_a_simple_rule_does_as_well_as_is_called_so(open_app, monkeypatch):
    nearest = [
        ("", *row[1:]) for row in planted.twins() if row[1].index(row[3]) > row[1].index(row[4])
    ]
    app = planted_lab(open_app, monkeypatch, planted.bundle(), nearest)
    assert "better than guessing, but not clearly better than a simple rule" in spoken(app)


def test_a_set_in_two_languages_is_filtered_by_one(open_app):
    app = open_app(lang="en")
    app.session_state["lab:own"] = ("template.csv", own_sets.template_csv())
    app.switch_page(PAGE)
    app.query_params["part"] = "board"
    run(app)
    app.button_group(key="lab.board.set").set_value("own")
    press(run(app), "lab.start.board")
    app.button_group(key="lab.lang").set_value("ko")
    run(app)
    assert catalogue("en")("lab.filter.left", count=4, all=8) in spoken(app)


def test_heads_that_look_everywhere_alike_are_called_no_better_than_guessing(open_app, monkeypatch):
    bundle = planted.bundle()
    model = copy.deepcopy(bundle.model)
    with torch.no_grad():
        for layer in model.encoder.layers:
            layer.self_attn.w_q.weight.zero_()
    uniform = dataclasses.replace(bundle, model=model, name="uniform", version="uniform")
    app = planted_lab(open_app, monkeypatch, uniform)
    assert "no better than guessing" in spoken(app)


@pytest.mark.parametrize("lang", LANGS)
def test_a_bad_row_of_an_own_set_is_named_with_its_reason_and_the_others_are_asked(open_app, lang):
    text = (
        "twin,sentence,pronoun,antecedent,distractors\n"
        "a,The animal did not cross the street because it was tired.,it,animal,street\n"
        "a,The animal did not cross the street because it was wide.,it,street,animal\n"
        "b,The dog slept because it was tired.,it,cat,dog\n"
    )
    app = open_app(lang=lang)
    app.session_state["lab:own"] = ("mine.csv", text.encode())
    app.switch_page(PAGE)
    app.query_params["part"] = "board"
    run(app)
    say = catalogue(lang)
    assert say("lab.own.bad", count=1) in [one.value for one in app.warning]
    table = as_read(app.table[0])
    assert list(table.iloc[:, 0]) == ["4"]
    assert "cat" in table.iloc[0, 1]
    app.button_group(key="lab.board.set").set_value("own")
    press(run(app), "lab.start.board")
    counted = say("lab.board.naming", share="", count="2").rpartition("**")[2].strip()
    assert counted in spoken(app)  # "of 2 sentences."


@pytest.mark.parametrize("lang", LANGS)
def test_how_often_a_word_was_seen_comes_from_the_checkpoints_record(open_lab, monkeypatch, lang):
    plain = bundle()
    counted = dict(plain.metrics) | {"seen": {"en": {"animal": 1234, "street": 0}}}
    told = dataclasses.replace(plain, metrics=counted)
    monkeypatch.setattr(cache, "any_bundle", lambda name: told)
    app = open_lab("honest", lang=lang)
    rows = [dict(zip(t.iloc[:, 0], t.iloc[:, 1], strict=True)) for t in map(as_read, app.table)]
    assert {"animal": "1,234", "street": "0"}.items() <= rows[-1].items()
    app.text_input(key="lab.word").set_value("animals")
    run(app)
    assert catalogue(lang)("lab.honest.stood", word="animals", times="1,234").replace("*", "") in (
        spoken(app)
    )
