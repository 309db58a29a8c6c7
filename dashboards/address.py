"""Choices that stand in the address: by their own short values, not by the words that a person is shown.

Streamlit's own binding writes the displayed label, so that `range=30d` of an alert's link would be thrown away for
`30 days`, and a long value that is shown cut could not be read back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import streamlit as st

__all__ = ["asked", "choose", "drop", "put"]


def asked(name: str) -> str:
    """What the address asks for, else what was chosen before a person went to another page."""
    return str(st.query_params.get(name) or st.session_state.get(name) or "")


def choose(
    control: Callable[..., Any],
    label: str,
    options: Iterable[str],
    *,
    name: str,
    default: str = "",
    shown: Callable[[str], str] = str,
    then: Callable[[], None] | None = None,
    **look: Any,
) -> str:
    """One of `options`, chosen in the address or on the page; the address follows.

    Args:
        control: `st.selectbox`, `st.segmented_control`, or one in a column.
        label: what stands beside it.
        options: the values as they stand in the address.
        name: of the parameter in the address; the key of the widget too.
        default: what an address without the parameter, or with a value that is no option, means.
        shown: the words for a value.
        then: called after a person has chosen something else.
        look: the control's other arguments.
    """
    known = list(options)
    wanted = asked(name)
    st.session_state[name] = wanted if wanted in known else default
    chosen = control(
        label,
        known,
        format_func=shown,
        key=name,
        on_change=_follow,
        args=(name, default, then),
        **look,
    )
    _write(name, chosen, default)
    return str(chosen)


def put(name: str, value: str) -> None:
    """Choose for a person, before the control is drawn: from a callback of something else."""
    st.query_params[name] = value


def drop(name: str) -> None:
    """Take a choice back, before its control is drawn: here and in the address."""
    st.query_params.pop(name, None)
    st.session_state.pop(name, None)


def _follow(name: str, default: str, then: Callable[[], None] | None) -> None:
    """A person has chosen: the address must say so before it is read again."""
    _write(name, st.session_state[name], default)
    if then is not None:
        then()


def _write(name: str, value: str, default: str) -> None:
    if value == default:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value
