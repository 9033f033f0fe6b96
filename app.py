"""Jumok: `streamlit run app.py`."""

import streamlit as st

from viz import cache, state, theme
from viz.i18n import LANGS, Say


def main() -> None:
    """One run of the page, for one session."""
    st.set_page_config(page_title="Jumok 주목", page_icon="👀", layout="wide")
    st.html(theme.STYLE)
    cache.warm_up()  # done already where the server started it
    say = state.say()
    page = st.navigation(
        {
            say("nav.see"): [st.Page("viz/views/look.py", title=say("nav.look"), default=True)],
            say("nav.steps"): [
                st.Page("viz/views/attention.py", title=say("nav.attention")),
                st.Page("viz/views/block.py", title=say("nav.block")),
                st.Page("viz/views/positions.py", title=say("nav.positions")),
                st.Page("viz/views/masks.py", title=say("nav.masks")),
                st.Page("viz/views/decoding.py", title=say("nav.decoding")),
                st.Page("viz/views/history.py", title=say("nav.history")),
            ],
            say("nav.explore"): [
                st.Page("viz/views/heads.py", title=say("nav.heads")),
                st.Page("viz/views/compare.py", title=say("nav.compare")),
                st.Page("viz/views/neuron.py", title=say("nav.neuron")),
                st.Page("viz/views/roles.py", title=say("nav.roles")),
                st.Page("viz/views/hidden.py", title=say("nav.hidden")),
                st.Page("viz/views/lab.py", title=say("nav.lab")),
            ],
            say("nav.try"): [
                st.Page("viz/views/whatif.py", title=say("nav.whatif")),
                st.Page("viz/views/calculator.py", title=say("nav.calculator")),
            ],
            say("nav.train"): [st.Page("viz/views/training.py", title=say("nav.training"))],
        },
        position="top",
    )
    state.arrive(page.url_path)
    with st.container(key="masthead", horizontal=True, vertical_alignment="center"):
        st.markdown("**Jumok** 주목", width="content")
        with st.container(key="motto"):
            st.caption(say("app.motto"))
        _model_picker(say, cache.checkpoints())
        _language_switch(say)
    page.run()


def _model_picker(say: Say, names: list[str]) -> None:
    asked, shown = st.query_params.get("model"), state.model_name(names)
    if asked is not None and asked != shown:
        st.warning(say.markdown("app.model_unknown", name=asked, shown=shown))
    state.follow("model", shown)
    st.selectbox(
        say("app.model"),
        names or [shown],
        key="model",
        on_change=_into_link,
        args=("model",),
        label_visibility="collapsed",
        width=150,
    )


def _language_switch(say: Say) -> None:
    state.follow("lang", say.lang)
    st.segmented_control(
        say("app.language"),
        LANGS,
        format_func={"ko": "한국어", "en": "English"}.__getitem__,
        key="lang",
        required=True,
        on_change=_into_link,
        args=("lang",),
        label_visibility="collapsed",
    )


def _into_link(name: str) -> None:
    st.query_params[name] = st.session_state[name]
    state.change()


# Streamlit runs this file once for each visit, as `__main__`; the server imports it once, at its
# start, and finds here what to do before the first visitor comes.
if __name__ == "__main__":
    main()
else:
    app = st.App(__file__, lifespan=cache.lifespan)
