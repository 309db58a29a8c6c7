"""What stands in the address of a page: short values that are read back as they were written."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.filterwarnings("default")  # Streamlit's own warnings are its affair


def page() -> None:
    """A page with one choice, as the filters draw it."""
    import streamlit as st

    from dashboards.address import choose

    shown = {"7d": "7 days", "30d": "30 days", "all": "All"}
    choose(st.selectbox, "Time", shown, name="range", default="7d", shown=shown.__getitem__)


def opened(**query: str) -> AppTest:
    """The page as it stands after opening an address."""
    app = AppTest.from_function(page)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def written(app: AppTest) -> str:
    """The address's range."""
    value = app.query_params.get("range", "")
    return value if isinstance(value, str) else "".join(value)


def test_an_address_is_kept() -> None:
    """A link's `range=30d` is chosen, shown in words, and stays what it is."""
    app = opened(range="30d")
    assert (app.selectbox[0].value, app.selectbox[0].options[1]) == ("30d", "30 days")
    assert written(app) == written(app.run()) == "30d"


def test_what_a_person_chooses_is_written_and_read_back() -> None:
    """The address says the short value, and opening it again chooses the same."""
    app = opened(range="30d")
    app.selectbox[0].set_value("all").run()
    assert (app.selectbox[0].value, written(app)) == ("all", "all")
    assert opened(range=written(app)).selectbox[0].value == "all"
    app.selectbox[0].set_value("7d").run()
    assert (app.selectbox[0].value, written(app)) == ("7d", "")


def test_what_is_no_choice_is_the_usual_one() -> None:
    """A range that does not exist, or a label of one, is no error: the usual range is shown."""
    for wrong in ("nonsense", "30 days", ""):
        app = opened(range=wrong)
        assert (app.selectbox[0].value, written(app)) == ("7d", "")


def test_a_choice_outlives_an_address_without_it() -> None:
    """A page of the menu opens without parameters: the choice is kept and stands in its address too."""
    app = opened(range="30d")
    del app.query_params["range"]
    app.run()
    assert (app.selectbox[0].value, written(app)) == ("30d", "30d")
