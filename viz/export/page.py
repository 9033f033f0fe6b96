"""One page that needs nothing but a browser: a view's own component, with its data inside."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

_HERE = Path(__file__).parent
_CONFIG = _HERE.parents[1] / ".streamlit" / "config.toml"

# What Streamlit does for a component, for a page that has no Streamlit: a shadow root with its
# styles, the message, and callbacks that nobody hears.
_LOADER = """
;{
  const text = (id) => document.getElementById(id).textContent;
  const host = document.getElementById("picture").attachShadow({ mode: "open" });
  const style = document.createElement("style");
  style.textContent = text("style");
  const parentElement = document.createElement("div");
  host.append(style, parentElement);
  const data = Uint8Array.from(atob(text("data")), (letter) => letter.charCodeAt(0));
  const unheard = () => {};
  const deaf = { setStateValue: unheard, setTriggerValue: unheard };
  const draw = () => %s({ data, parentElement, key: "view", name: "view", ...deaf });
  matchMedia("(prefers-color-scheme: dark)").onchange = draw; // a canvas keeps the colours it has
  draw();
}
"""


@dataclass(frozen=True)
class Words:
    """What stands around the view, already in the reader's language; plain text, no markup."""

    lang: str
    title: str
    sentence: str
    facts: Sequence[str]  # below the view: which model, and the licence
    noscript: str


def page(script: str, css: str, message: bytes, words: Words) -> bytes:
    """A view as one HTML file, which asks for nothing from outside and may not.

    Args:
        script: the component's module; its default export draws the view.
        css: the component's style sheet.
        message: what a page of the app would send to the component.
        words: title, sentence and what is said of the model.

    Raises:
        ValueError: the script has no named default export, or holds what would end it in a page.
    """
    drawn_by = re.search(r"^export default function (\w+)", script, re.M)
    if drawn_by is None:
        raise ValueError("the component's script has no `export default function name`")
    whole = script + _LOADER % drawn_by[1]
    for source in (whole, css):
        if re.search(r"</script|<!--", source, re.I):
            raise ValueError("a script in a page may hold neither `</script` nor `<!--`")
    template = Template((_HERE / "page.html").read_text(encoding="utf-8"))
    light, dark = (_variables(theme) for theme in ("light", "dark"))
    filled = template.substitute(
        lang=words.lang,
        title=html.escape(words.title),
        sentence=html.escape(words.sentence),
        facts="\n".join(f"<p>{html.escape(fact)}</p>" for fact in words.facts),
        noscript=html.escape(words.noscript),
        light=light,
        dark=dark,
        css=css,
        data=base64.b64encode(message).decode(),
        script=whole,
        hash="sha256-" + base64.b64encode(hashlib.sha256(whole.encode()).digest()).decode(),
    )
    return filled.encode()


@cache
def _variables(theme: str) -> str:
    """The app's colours and font, by the names under which components ask for them."""
    config = tomllib.loads(_CONFIG.read_text(encoding="utf-8"))["theme"]
    colours = {
        _kebab(name): value for name, value in config[theme].items() if name.endswith("Color")
    }
    values = colours | {"font": config["font"], "code-font": config["codeFont"]}
    return " ".join(f"--st-{name}: {value};" for name, value in values.items())


def _kebab(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"-{found[1].lower()}", name)
