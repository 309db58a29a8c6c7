"""A wrong setting is refused at start, with its name, its problem and an example."""

from __future__ import annotations

from typing import Any

import pytest

from collector.masking import Masking
from monitor.exceptions import ConfigurationError
from monitor.settings import load_settings

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no expression": ({"mask_patterns": {"x": "("}}, "no RE2 expression"),
    "look-behind": ({"mask_patterns": {"x": "(?<=a)b"}}, "no look-around"),
    "back-reference": ({"mask_patterns": {"x": r"(a)\1"}}, "no RE2 expression"),
    "the empty text": ({"mask_patterns": {"x": "a*"}}, "matches the empty text"),
    "a boundary alone": ({"mask_patterns": {"x": r"\b"}}, "matches the empty text"),
    "an end alone": ({"mask_patterns": {"x": "$"}}, "matches the empty text"),
    "two groups": ({"mask_patterns": {"x": "(a)(b)"}}, "several groups"),
    "a bad name": ({"mask_patterns": {"My Id": "a"}}, "small letters"),
    "a built-in name": ({"mask_patterns": {"email": "a"}}, "is a built-in"),
    "unknown recogniser": ({"mask_recognisers": ["emails"]}, "no recogniser 'emails'"),
    "unknown region": ({"mask_phone_regions": ["XX"]}, "XX is no region"),
    "no data directory": ({"mask_secret": None, "data_dir": "/proc/none"}, "OUTERLOOP_MASK_SECRET"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_refused(case: str) -> None:
    """The message names the problem and what to write instead."""
    settings, said = WRONG[case]
    with pytest.raises(ConfigurationError, match=said):
        Masking.from_settings(load_settings(**{"mask": "on", "mask_secret": "s", **settings}))


def test_settings_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists by commas, patterns by lines, services as JSON."""
    monkeypatch.setenv("OUTERLOOP_MASK", "on")
    monkeypatch.setenv("OUTERLOOP_MASK_RECOGNISERS", "email, card")
    monkeypatch.setenv("OUTERLOOP_MASK_PATTERNS", "employee=E-\\d{6}\nbadge = B{1,2}=\\d+")
    monkeypatch.setenv(
        "OUTERLOOP_MASK_SERVICES", '{"pay": {"mask": "drop-content", "allow": "a,b"}}'
    )
    settings = load_settings()
    assert settings.mask_recognisers == ["email", "card"]
    assert settings.mask_patterns == {"employee": r"E-\d{6}", "badge": r"B{1,2}=\d+"}
    assert settings.mask_services["pay"].mask == "drop-content"
    assert settings.mask_services["pay"].allow == ["a", "b"]


def test_settings_by_file(tmp_path: Any) -> None:
    """The same as tables of `outerloop.toml`."""
    (tmp_path / "outerloop.toml").write_text(
        'mask = "on"\n[mask_patterns]\nemployee = \'E-\\d{6}\'\n[mask_services.pay]\nmask = "off"\n'
    )
    settings = load_settings()
    assert settings.mask_patterns == {"employee": r"E-\d{6}"}
    assert settings.mask_services["pay"].mask == "off"


@pytest.mark.parametrize(("name", "value"), [
    ("OUTERLOOP_MASK", "yes"), ("OUTERLOOP_MASK_PATTERNS", "employee"), ("OUTERLOOP_MASK_DROP_OVER_CHARS", "-1"),
])  # fmt: skip
def test_a_value_of_the_wrong_kind_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the settings themselves, with the variable's name."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        load_settings()
