"""Views as Streamlit mounts them, without a server: a page calls a component's script itself."""

import base64

import numpy as np
import pytest

from tests.e2e.head_view_demo import TEXTS
from viz.components import architecture, head_view
from viz.components.head_view import Pin

pytestmark = pytest.mark.browser
LAYERS = 3

# Before the script: what listens to the reader's settings, and a parent as Streamlit gives one.
READY = """async js => {
    window.listening = 0;
    const change = (name, by) => {
        const own = EventTarget.prototype[name];
        MediaQueryList.prototype[name] = function (...given) {
            listening += by;
            return own.apply(this, given);
        };
    };
    change("addEventListener", 1);
    change("removeEventListener", -1);
    document.body.innerHTML = "<div></div>";
    const module = await import(URL.createObjectURL(new Blob([js], { type: "text/javascript" })));
    const ignore = () => {};
    window.mount = data => module.default({
        data, parentElement: document.querySelector("div"), key: "k", name: "n",
        setStateValue: ignore, setTriggerValue: ignore,
    });
    window.bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    window.until = async name => {
        while (!shown(name)) await new Promise(go => setTimeout(go, 20));
    };
    window.shown = name => document.querySelectorAll(name).length;
}"""


def message(layer: int) -> str:
    weights = np.full((LAYERS, 2, 3, 3), 1 / 3, np.float32)
    words = ["a", "b", "c"]
    packed = head_view.message(weights, words, words, pin=Pin(layer, None, 0), text=TEXTS["en"])
    return base64.b64encode(packed).decode()


@pytest.fixture
def opened(page):
    blank = page("about:blank")
    blank.evaluate(READY, head_view.CODE.js)
    return blank


def test_a_call_that_was_overtaken_takes_nothing_away(opened):
    """Streamlit ends at once a call whose data changed while the script was still loading."""
    left = opened.evaluate(
        """async ([before, after]) => {
            const first = mount(bytes(before)), second = mount(bytes(after));
            first();
            await until(".layers [aria-pressed=true]");
            await new Promise(done => setTimeout(done, 200));
            const layer = document.querySelector(".layers [aria-pressed=true]")?.textContent;
            const left = [shown(".head-view"), layer];
            second();
            return [...left, shown(".head-view")];
        }""",
        [message(0), message(1)],
    )
    assert left == [1, "2", 0]


def test_an_architecture_map_outlives_an_overtaken_call(page):
    blank = page("about:blank")
    blank.evaluate(READY, architecture.CODE.js)
    left = blank.evaluate(
        """() => {
            const plan = { columns: [], wires: [] };
            const data = { plan, text: {}, answer: "", save: {} };
            const first = mount(data), second = mount(data);
            first();
            const left = shown("nav");
            second();
            return [left, shown("nav")];
        }"""
    )
    assert left == [1, 0]


def test_a_head_view_that_is_gone_listens_to_nothing(opened):
    listening = opened.evaluate(
        "data => { const gone = mount(bytes(data)), before = listening; gone();"
        " return [before, listening]; }",
        message(0),
    )
    assert listening == [1, 0]


def test_p_plays_on_a_korean_keyboard(opened):
    pressed = opened.evaluate(
        """async data => {
            mount(bytes(data));
            await until(".queries li");
            const key = { key: "ㅔ", code: "KeyP", bubbles: true };
            document.querySelector(".queries").dispatchEvent(new KeyboardEvent("keydown", key));
            return document.querySelector(".play").ariaPressed;
        }""",
        message(0),
    )
    assert pressed == "true"
