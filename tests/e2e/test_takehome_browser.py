"""What is taken home, opened again in a real browser: saved pictures, pages without a server."""

import base64
import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

import model
from model import Trace
from model.analysis.words import attention_map
from tests.e2e.conftest import stand_still
from viz.components.head_view import Pin
from viz.i18n import LANGS, catalogue
from viz.sentence import Looked
from viz.state import FAMOUS, Look
from viz.takehome import Map, files

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
SAVE = (ROOT / "viz" / "components" / "save.js").read_text(encoding="utf-8")
LAYER, HEAD, IT = 2, 3, 7
KOREAN = "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 피곤하였기 때문이다."
TYPED = "<b>it</b> & \"it\" 'it' 그것 😀 \x07"

# A picture whose words stand in elements and on a canvas, as in the components.
PICTURE = """typed => {
    document.body.innerHTML = '<p id="words"></p><canvas width="400" height="80"></canvas>';
    document.querySelector("#words").textContent = typed;
    document.body.style = "width: 400px; margin: 0; font-family: sans-serif";
    const draw = ctx => {
        ctx.clearRect(0, 0, 400, 80); // as a component does that draws anew
        ctx.fillStyle = "rgba(13, 148, 136, 0.5)";
        ctx.fillRect(0, 0, 40, 20);
        const path = Save.path(ctx);
        path.moveTo(0, 40);
        path.bezierCurveTo(100, 40, 300, 70, 400, 70);
        ctx.stroke(path);
        ctx.font = "14px sans-serif";
        ctx.fillText(typed, 50, 20);
    };
    const parts = [...document.querySelectorAll("#words, canvas")];
    return { name: "x", title: typed, caption: typed, ...Save.stack(parts, draw) };
}"""


@pytest.fixture
def saving(page) -> Callable[[str, str], bytes]:
    """saving("png", "그것") is the file that the save button would give."""
    opened = page("about:blank")
    opened.add_script_tag(content=f"{SAVE}; window.Save = Save;")

    def save(form: str, typed: str) -> bytes:
        said = opened.evaluate(
            f"""async ([form, typed]) => {{
                const blob = await Save[form](({PICTURE})(typed), document.body);
                const bytes = new Uint8Array(await blob.arrayBuffer());
                return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
            }}""",
            [form, typed],
        )
        return base64.b64decode(said)

    return save


def words(svg: bytes) -> list[ET.Element]:
    return [element for element in ET.fromstring(svg).iter() if element.tag.endswith("}text")]


def texts(svg: bytes) -> list[str]:
    return ["".join(text.itertext()) for text in words(svg)]


def test_an_svg_parses_and_its_words_are_words(saving):
    svg = saving("svg", TYPED)
    assert texts(svg)[0] == TYPED.replace("\x07", "\ufffd")
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert all("Noto Sans KR" in text.get("font-family", "") for text in words(svg))
    assert b"<b>" not in svg


def test_a_png_has_korean_glyphs(saving):
    # Boxes for missing glyphs look all alike, as these two signs without a meaning do.
    assert saving("png", "\ue000\ue000\ue000") == saving("png", "\ue001\ue001\ue001")
    assert saving("png", "그것은") != saving("png", "동물이")


def test_a_png_has_a_ground_and_is_sharp(saving):
    png = Image.open(io.BytesIO(saving("png", "그것은")))
    assert png.width == 3 * (400 + 32)
    pixels = png.convert("RGBA")
    assert pixels.getpixel((1, 1)) == (255, 255, 255, 255)
    assert pixels.getextrema()[3] == (255, 255)  # nowhere transparent, also where it was cleared


@pytest.fixture(scope="module")
def looked() -> Looked:
    bundle = model.load(ROOT / "checkpoints" / "jumok", device="cpu")
    return Looked(bundle, Look(), "ko", model.trace(bundle, FAMOUS, target_lang="ko"))


@pytest.fixture
def offline(browser: Browser, tmp_path: Path):
    """offline(page_bytes): the page from a folder, in a browser without any network."""
    asked, errors, contexts = [], [], []

    def open_file(content: bytes) -> Page:
        path = tmp_path / "taken home.html"
        path.write_bytes(content)
        context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
        contexts.append(context)
        opened = context.new_page()
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.on("console", lambda said: said.type == "error" and errors.append(said.text))
        opened.goto(path.as_uri())
        asked[:] = [url for url in asked if not url.startswith(("file:", "blob:", "data:"))]
        return opened

    yield open_file
    for context in contexts:
        context.close()
    assert asked == []
    assert errors == []


def made(looked: Looked, form: str, lang: str = "en", kind: str = "encoder") -> bytes:
    shown = attention_map(looked.trace, kind, merged=False)
    chosen = Map(kind, False, Pin(LAYER, HEAD, IT).within(*shown.attention.shape[:3]))
    (file,) = [file for file in files(catalogue(lang), looked, chosen) if file.form == form]
    return file.make()


def percent(trace: Trace, layer: int, head: int, query: int, key: int) -> str:
    return f"{100 * trace.attention('encoder')[layer, head, query, key]:.0f} %"


@pytest.mark.parametrize("lang", LANGS)
def test_the_head_views_page_opens_offline_and_hovers_with_true_numbers(offline, looked, lang):
    page = offline(made(looked, "html", lang))
    assert page.locator("h1").inner_text() == catalogue(lang)(
        "takehome.page_title", kind=catalogue(lang)("kind.encoder")
    )
    assert page.locator(".sentence").inner_text() == FAMOUS
    rows = page.locator(".queries li")
    expect(rows).to_have_text(attention_map(looked.trace, "encoder", merged=False).queries)
    pinned = page.locator("canvas.top").evaluate("canvas => canvas.toDataURL()")
    rows.nth(3).hover()
    expect(rows.nth(3)).to_have_class("hovered")
    assert page.locator("canvas.top").evaluate("canvas => canvas.toDataURL()") != pinned
    rows.nth(3).click()
    weights = looked.trace.attention("encoder")
    cells = page.locator("table.unseen td:nth-child(2)").all_inner_texts()
    shown = [float(cell.strip(" %<>")) for cell in cells]
    np.testing.assert_allclose(shown, 100 * weights[LAYER, HEAD, 3], atol=1)


@pytest.mark.parametrize("kind", ["decoder", "cross"])
def test_every_kind_of_attention_makes_a_page(offline, looked, kind):
    page = offline(made(looked, "html", kind=kind))
    expect(page.locator(".queries li")).to_have_text(
        attention_map(looked.trace, kind, merged=False).queries
    )


def test_a_saved_pages_picture_can_be_saved_again(offline, looked):
    page = offline(made(looked, "html", "ko"))
    with page.expect_download() as download:
        page.locator(".save button").nth(1).click()
    svg = Path(download.value.path()).read_bytes()
    assert FAMOUS in " ".join(texts(svg))
    assert set(attention_map(looked.trace, "encoder", merged=False).queries) <= set(texts(svg))


def test_all_heads_page_opens_offline_and_hovers_with_true_numbers(offline, looked):
    page = offline(made(looked, "heads"))
    trace = looked.trace
    tiles = page.locator(".tiles li")
    count = sum(trace.n_layers.values()) * trace.attention("encoder").shape[1]
    expect(tiles).to_have_count(count)
    weights = trace.attention("encoder")[0, 1]
    row = int(weights.max(axis=1).argmax())
    column = int(weights[row].argmax())
    box = tiles.nth(1).bounding_box()
    high = tiles.nth(1).evaluate("e => parseFloat(getComputedStyle(e).getPropertyValue('--h'))")
    n = len(weights)
    page.mouse.move(box["x"] + (column + 0.5) / n * box["width"], box["y"] + (row + 0.5) / n * high)
    expect(page.locator(".model-view .cell")).to_contain_text(percent(trace, 0, 1, row, column))


@pytest.mark.parametrize(("form", "picture"), [("html", "canvas.top"), ("heads", "canvas.base")])
def test_a_page_follows_its_readers_theme_and_keeps_what_was_chosen(offline, looked, form, picture):
    page = offline(made(looked, form))
    page.locator("li[role=option]").nth(3).click()
    light = page.locator(picture).evaluate("canvas => canvas.toDataURL()")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "([name, before]) => document.querySelector('#picture').shadowRoot.querySelector(name)"
        ".toDataURL() !== before",
        arg=[picture, light],
    )
    expect(page.locator("li[aria-selected=true]")).to_have_count(1)
    expect(page.locator("li[role=option]").nth(3)).to_have_attribute("aria-selected", "true")


def test_what_was_typed_stays_text(offline, looked):
    bundle = looked.bundle
    text = "</script><img src=http://x.example/> it </title> <b>그것</b>"
    page = offline(
        made(Looked(bundle, Look(), "ko", model.trace(bundle, text, target_lang="ko")), "html")
    )
    assert page.locator(".sentence").inner_text() == text
    expect(page.locator("img")).to_have_count(0)
    expect(page.locator(".queries li").first).to_be_visible()


@pytest.fixture
def at_home(page, address):
    """at_home("attention?lang=ko", ".steps-view canvas") opens a page of the app and, once that
    is drawn (else the page grows, and pushes it out of sight), what can be taken home."""

    def visit(query: str, drawn: str) -> Page:
        opened = page(f"{address}/{query}")
        expect(opened.locator(drawn).first).to_be_visible()
        stand_still(opened).get_by_test_id("stPopover").get_by_role("button").click()
        expect(opened.locator(".pictures .link input")).to_be_visible()
        return opened

    return visit


def downloaded(page: Page, label: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_test_id("stPopoverBody").get_by_role("button", name=label, exact=True).click()
    return Path(download.value.path()).read_bytes()


def test_files_of_the_head_on_screen(at_home, looked, tmp_path):
    say = catalogue("ko")
    page = at_home("attention?lang=ko&layer=2&head=3&query=4", ".steps-view canvas")
    table = downloaded(page, say("takehome.csv")).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    weights = looked.trace.attention("encoder")[1, 2]
    written = np.array([row["weight"] for row in rows], np.float32).reshape(weights.shape)
    np.testing.assert_array_equal(written, weights)
    np.testing.assert_allclose(written.sum(axis=1), 1, atol=1e-5)

    (tmp_path / "trace.npz").write_bytes(downloaded(page, say("takehome.npz")))
    loaded = Trace.load(tmp_path / "trace.npz")
    np.testing.assert_array_equal(loaded.logits, looked.trace.logits)


def test_charts_of_the_page_as_pictures(at_home):
    page = at_home(f"?lang=ko&text={KOREAN}&layer=2&head=3", ".js-plotly-plot .main-svg")
    charts = page.locator(".pictures li")
    expect(charts).not_to_have_count(0)
    saved = {}
    for n, form in enumerate(("png", "svg")):
        with page.expect_download() as download:
            charts.first.locator(".save button").nth(n).click()
        assert download.value.suggested_filename.endswith(form)
        saved[form] = Path(download.value.path()).read_bytes()
    assert saved["png"].startswith(b"\x89PNG")
    written = " ".join(texts(saved["svg"]))
    assert KOREAN in written
    assert "동물" in written.replace(KOREAN, "")  # a label of the map itself


def test_the_copied_link_brings_everything_back(at_home, page, browser):
    opened = at_home("attention?lang=ko&layer=2&head=3&query=4&step=5", ".steps-view canvas")
    link = opened.locator(".pictures .link input").input_value()
    opened.get_by_role("button", name=catalogue("ko")("takehome.copy")).click()
    expect(opened.locator(".said")).not_to_be_empty()
    again = page(link, locale="en-US")
    expect(again.locator(".steps-view .count")).to_have_text("5 / 10")
    values = [again.get_by_role("combobox").nth(n) for n in (-3, -2, -1)]
    for box, value in zip(values, ("2", "3", "4 · cross"), strict=True):
        expect(box).to_have_value(value)
    expect(again.locator(".steps-view .next")).to_contain_text(
        catalogue("ko")("attention.view.next")  # though this browser speaks English
    )
