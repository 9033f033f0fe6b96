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

MASKED_GROUND = "rgba(138,147,143,0.16)"
MASKED_LINE = "rgba(138,147,143,0.75)"

STYLE = """<style>
  .stMainBlockContainer { padding: 4.5rem clamp(1rem, 4vw, 4rem) 3rem; }
  /* Korean lines break between eojeol; a word without an end breaks anywhere. */
  .stMainBlockContainer :is(p, h3, h4, h5) { word-break: keep-all; overflow-wrap: anywhere; }
  [data-testid="stCaptionContainer"] p code { font-size: .9em; }
  .st-key-switches .stMarkdown p { padding-bottom: .5rem; }
  .stMarkdown [data-testid] span.stMarkdownBadge { white-space: normal; }
  .st-key-masthead p { font-size: 1.05rem; }
  .st-key-masthead, .st-key-examples, .st-key-switches { row-gap: .4rem; }
  @media (max-width: 640px) {
    .stMainBlockContainer { padding-top: 4rem; }
    .st-key-masthead > :has(.st-key-motto), .st-key-motto { display: none; }
    .st-key-examples { flex-wrap: nowrap; overflow-x: auto; scrollbar-width: thin; }
    .st-key-examples > * { flex: none; }
    .stMainBlockContainer h3 { font-size: 1.4rem; }
  }
</style>"""
"""Room for the picture: less air on top, and on a phone one sideways strip of examples."""
