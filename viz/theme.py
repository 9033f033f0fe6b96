"""The one place for colours that are not Streamlit's own.

Page colours (paper in the light theme, blackboard in the dark one) stand in
`.streamlit/config.toml`. Charts are drawn in Python, where the browser's theme is not known for
sure, so their colours are chosen to read on both.
"""

from __future__ import annotations

ACCENT = "#0d9488"
"""Weight 1, chosen (contrast ≥ 3:1 on paper and on the blackboard)."""

NEUTRAL = "#8a938f"
"""What is there but is not chosen."""

CHOSEN_CELL = "#c2571a"
"""A frame that can be seen around a cell of any weight."""

CLEAR = "rgba(0,0,0,0)"
"""A chart's ground: the page shows through, whichever theme it has."""

# A weight is a share of ink: 0 is the page itself and 1 the full accent, so that a map reads the
# same on paper and on the blackboard, and a uniform head looks as pale as it is.
INK: tuple[tuple[float, str], ...] = ((0.0, "rgba(13,148,136,0)"), (1.0, "rgba(13,148,136,1)"))


def ink(weight: float) -> str:
    """The ground of a number in a formula, "#rrggbbaa": 0 is the page, 1 six tenths of the accent,
    so that the number stays readable on it."""
    return f"{ACCENT}{round(153 * weight):02x}"


# The same idea around zero: earth below, ink above, the page itself at 0.
SIGNED: tuple[tuple[float, str], ...] = (
    (0.0, "rgba(194,87,26,1)"),
    (0.5, "rgba(194,87,26,0)"),
    (0.5, "rgba(13,148,136,0)"),
    (1.0, "rgba(13,148,136,1)"),
)


def paler(scale: tuple[tuple[float, str], ...]) -> tuple[tuple[float, str], ...]:
    """Six tenths of a scale's ink: a number stays readable on the fullest of them."""
    return tuple((at, colour.replace(",1)", ",0.6)")) for at, colour in scale)


PAGE_TEXT = {"light": "#1d2b28", "dark": "#e9efe9"}
"""The page's own text, as in `.streamlit/config.toml`: for names that stand on ink in a chart."""


def page_text(base: str | None) -> str:
    """The text's colour on the page that the browser shows, "light" or "dark"."""
    return PAGE_TEXT["dark" if base == "dark" else "light"]


MASKED_GROUND = "rgba(138,147,143,0.16)"
MASKED_LINE = "rgba(138,147,143,0.75)"

MAP_COLUMNS = 40
"""Labels that a map has at most; of a longer axis it names every second, every third …"""

MAP_PITCH = 17
"""Pixels from label to label in which slanted ones of 12 pixels do not touch."""

_MAP_SIDES = 170  # pixels for the rows' labels and the colour scale
_MAP_STEP = 8


def map_step(n_columns: int) -> int:
    """Columns that a map keeps room for: a container with this in its key is never narrower."""
    return min(-(-n_columns // _MAP_STEP) * _MAP_STEP, MAP_COLUMNS)


def map_width(n_columns: int) -> int:
    """Pixels below which a map's labels would run into each other."""
    return _MAP_SIDES + MAP_PITCH * map_step(n_columns)


_MAPS = "\n".join(
    f"  .st-key-look_map_{n} :is(.stElementContainer, .stPlotlyChart) "
    f"{{ min-width: {map_width(n)}px; }}"
    for n in range(_MAP_STEP, MAP_COLUMNS + 1, _MAP_STEP)
)

STYLE = (
    """<style>
  .stMainBlockContainer { padding: 4.5rem clamp(1rem, 4vw, 4rem) 3rem; }
  /* Korean lines break between eojeol; a word without an end breaks anywhere. */
  .stMainBlockContainer :is(p, h3, h4, h5) { word-break: keep-all; overflow-wrap: anywhere; }
  [data-testid="stCaptionContainer"] p code { font-size: .9em; }
  .st-key-switches .stMarkdown p { padding-bottom: .5rem; }
  .stMarkdown [data-testid] span.stMarkdownBadge { white-space: normal; }
  /* A map keeps room for its labels; what is wider than its column scrolls in its own box. */
  [class*="st-key-look_map_"] { overflow-x: auto; }
  /* Words side by side need the page's width: the map goes below. */
  .st-key-pictures_across [data-testid="stHorizontalBlock"] { flex-wrap: wrap; }
  .st-key-pictures_across [data-testid="stColumn"] { flex: 1 1 100%; min-width: 100%; }
  .st-key-masthead p { font-size: 1.05rem; }
  .st-key-masthead, .st-key-examples, .st-key-switches { row-gap: .4rem; }
  @media (max-width: 640px) {
    .stMainBlockContainer { padding-top: 4rem; }
    .st-key-masthead > :has(.st-key-motto), .st-key-motto { display: none; }
    .st-key-examples { flex-wrap: nowrap; overflow-x: auto; scrollbar-width: thin; }
    .st-key-examples > * { flex: none; }
    .stMainBlockContainer h3 { font-size: 1.4rem; }
  }
"""
    + _MAPS
    + "</style>"
)
"""Room for the picture: less air on top, and on a phone one sideways strip of examples."""
