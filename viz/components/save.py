"""What a picture's save buttons are called; `save.js` tells the rest."""

from __future__ import annotations

from viz.i18n import Say


def save_text(say: Say) -> dict[str, str]:
    """What the save buttons are called: in a component's message, for `buttons.say(…)`."""
    return {name: say(f"save.{name}") for name in ("label", "png", "svg")}
