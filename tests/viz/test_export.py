"""What is taken home, opened again: tables, traces and pages."""

import base64
import csv
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import model
from model import Trace
from model.analysis.similarity import Along, HeadMap
from model.analysis.words import AttentionMap, attention_map
from viz.export import numbers, tables
from viz.export.page import Words, page

SCRIPT = "const seen = 1;\nexport default function picture({ data }) {}\n"
WORDS = Words("ko", "<title>", "<script>alert(1)</script> & “그것”", ["a < b", "MIT"], "no script")


@pytest.fixture(scope="module")
def trace() -> Trace:
    checkpoint = Path(__file__).parents[2] / "checkpoints" / "jumok"
    return model.trace(model.load(checkpoint), "나는 학교에 갔다.", target_lang="en")


def drawn(labels: list[str]) -> AttentionMap:
    n = len(labels)
    weights = np.random.default_rng(3).dirichlet(np.ones(n), size=(2, 3, n)).astype(np.float32)
    mask = np.tril(np.ones((n, n), bool))
    weights = np.where(mask, weights, 0)
    weights /= weights.sum(-1, keepdims=True)
    words, rows = [[i] for i in range(n)], list(range(n))
    return AttentionMap(weights, mask, labels, labels, words, rows, rows)


def read(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline="")))


def test_columns_are_written_exactly_and_no_cell_is_a_formula():
    columns = {"key": ["=1+1", "그것", "-"], "share": [0.1, "", 1e-30]}
    assert read(tables.as_csv(columns)) == [
        {"key": "'=1+1", "share": "0.1"},
        {"key": "그것", "share": ""},
        {"key": "'-", "share": "1e-30"},
    ]


def test_numbers_of_a_grid_count_from_1_and_keep_every_digit():
    weights = np.array([[0.1, 0.9], [np.nan, 1]], np.float32)
    found = read(tables.as_csv(numbers.grid(["a", "b"], ["x", "y"], weight=weights)))
    assert [(line["query_position"], line["key"]) for line in found] == [
        ("1", "x"),
        ("1", "y"),
        ("2", "x"),
        ("2", "y"),
    ]
    assert [line["weight"] for line in found] == ["0.1", "0.9", "", "1.0"]


def test_maps_stand_below_each_other_and_masked_cells_say_so():
    sides = [Along([label], [(label, [0], None)]) for label in ("=q", "k")]
    one = HeadMap(np.array([[1.0]], np.float32), np.array([[False]]), *sides)
    found = read(tables.as_csv(numbers.maps({"A": one, "B": one})))
    assert [line["map"] for line in found] == ["A", "B"]
    assert {(line["query"], line["key"], line["may_attend"]) for line in found} == {
        ("'=q", "k", "0")
    }


def test_a_table_has_a_line_for_each_pair_and_each_query_sums_to_1():
    shown = drawn(["그", "동물", "the", "the"])
    table = tables.table(shown, 1, 2)
    assert table.startswith("\ufeff".encode())  # or Excel reads Korean as something else
    rows = read(table)
    assert len(rows) == 16
    assert {(row["layer"], row["head"]) for row in rows} == {("2", "3")}
    for query in range(4):
        row = rows[4 * query : 4 * query + 4]
        assert [line["key"] for line in row] == shown.keys
        assert {line["query_position"] for line in row} == {str(query + 1)}
        assert sum(float(line["weight"]) for line in row) == pytest.approx(1, abs=1e-6)
        exact = np.array([line["weight"] for line in row], dtype=np.float32)
        np.testing.assert_array_equal(exact, shown.attention[1, 2, query])
        assert [line["may_attend"] == "1" for line in row] == shown.mask[query].tolist()


def test_all_heads_are_their_mean():
    shown = drawn(["a", "b", "c"])
    rows = read(tables.table(shown, 0, None))
    assert {row["head"] for row in rows} == {"mean"}
    weights = np.array([row["weight"] for row in rows], np.float32).reshape(3, 3)
    np.testing.assert_array_equal(weights, shown.attention[0].mean(axis=0))


@pytest.mark.parametrize(
    "label", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "＝1", "\t=1", "\r=1", '="a",1']
)
def test_no_label_is_a_formula(label):
    (first, *_) = read(tables.table(drawn([label, "x"]), 0, 0))
    assert first["query"] == f"'{label}"


def test_commas_quotes_and_line_breaks_stay_inside_their_cell():
    labels = ['a,"b"', "c\nd", "e;=f"]
    assert [row["key"] for row in read(tables.table(drawn(labels), 0, 0))][:3] == labels


def test_npz_loads_to_the_same_arrays(trace, tmp_path):
    path = tmp_path / "trace.npz"
    path.write_bytes(tables.as_npz(trace))
    loaded = Trace.load(path)
    assert loaded.source_text == trace.source_text
    assert loaded.points.keys() == trace.points.keys()
    for name, array in trace.points.items():
        np.testing.assert_array_equal(loaded.points[name], array)
    with np.load(path, allow_pickle=False) as plain:  # without Jumok, too
        np.testing.assert_array_equal(plain["logits"], trace.logits)


def test_json_says_what_the_trace_says(trace):
    said = json.loads(tables.as_json(trace))
    assert said["source_tokens"] == trace.source_tokens
    for kind in ("encoder", "decoder", "cross"):
        weights = np.array(said["attention"][kind], np.float32)
        np.testing.assert_array_equal(weights, trace.attention(kind))


def test_what_fits_json_is_what_the_trace_holds(trace, monkeypatch):
    held = sum(trace.attention(kind).size for kind in ("encoder", "decoder", "cross"))
    n_heads = trace.attention("encoder").shape[1]
    monkeypatch.setattr(tables, "MOST_IN_JSON", held)
    assert tables.fits_json(trace, n_heads)
    monkeypatch.setattr(tables, "MOST_IN_JSON", held - 1)
    assert not tables.fits_json(trace, n_heads)


def test_a_real_map_as_a_table(trace):
    shown = attention_map(trace, "cross", merged=True)
    rows = read(tables.table(shown, 0, 0))
    sums = np.array([float(row["weight"]) for row in rows]).reshape(len(shown.queries), -1).sum(1)
    np.testing.assert_allclose(sums, 1, atol=1e-5)


class Parts(HTMLParser):
    """The text of each element by its id or tag, and every attribute that could ask for a file."""

    def __init__(self) -> None:
        super().__init__()
        self.text: dict[str, str] = {}
        self.asked: list[str] = []
        self.policy = ""
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.asked += [str(given[name]) for name in ("src", "href", "action") if name in given]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(given["content"])
        if tag != "meta":
            self.inside.append(given.get("id") or given.get("type") or tag)

    def handle_endtag(self, tag: str) -> None:
        self.inside.pop()

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.text[self.inside[-1]] = self.text.get(self.inside[-1], "") + data


def opened(**changed: str) -> Parts:
    given = {"script": SCRIPT, "css": "p { margin: 0; }", "message": b"\x00\xff</script>"}
    parts = Parts()
    parts.feed(page(**(given | changed), words=WORDS).decode())
    return parts


def test_a_page_shows_what_was_typed_and_asks_for_nothing():
    parts = opened()
    assert parts.text["title"] == parts.text["h1"] == WORDS.title
    assert WORDS.sentence in parts.text["p"]
    assert parts.asked == []
    assert "default-src 'none'" in parts.policy
    assert base64.b64decode(parts.text["data"]) == b"\x00\xff</script>"


def test_only_the_pages_own_script_may_run():
    parts = opened()
    digest = hashlib.sha256(parts.text["module"].encode()).digest()
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}'" in parts.policy
    assert "picture({ data, parentElement" in parts.text["module"]


def test_the_apps_colours_travel_along():
    page_style = opened().text["style"]
    for name in ("background-color", "text-color", "primary-color", "font"):
        assert len(re.findall(rf"--st-{name}: [^;]+;", page_style)) == 2, name


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"script": "function picture() {}"}, "export default"),
        ({"script": SCRIPT + "'</script>'"}, "neither"),
        ({"css": "/* <!-- */"}, "neither"),
    ],
)
def test_what_would_break_a_page_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        opened(**changed)
