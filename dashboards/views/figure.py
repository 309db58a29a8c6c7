"""One figure of a row of them: what it is, its value, and what stands below it."""

from __future__ import annotations

import streamlit as st

from dashboards.words import plain

__all__ = ["figure"]


def figure(label: str, value: str, below: str, *, width: int = 184) -> None:
    """Draw it; texts may be a stranger's."""
    with st.container(width=width, gap="xxsmall"):
        st.caption(plain(label))
        st.markdown(f"**{plain(value)}**")
        st.caption(plain(below))
