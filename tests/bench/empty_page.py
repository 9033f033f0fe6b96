"""The smallest page with a choice in a fragment, under the app's own settings and warm-up."""

import streamlit as st

from viz import cache


@st.fragment
def choice() -> None:
    """A choice, and a heading that repeats it."""
    st.subheader(st.segmented_control("choice", ["one", "two"], default="one", key="choice"))


if __name__ == "__main__":
    cache.warm_up()
    choice()
else:
    app = st.App(__file__, lifespan=cache.lifespan)
