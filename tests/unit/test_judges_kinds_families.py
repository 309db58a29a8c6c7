"""Families of models, who may judge whom, and how a preference for one's own is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from judges.panels.families import (
    excess_win_rate,
    family_of,
    independent,
    own_family,
    self_preference,
    without_names,
)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4-0125-preview", "openai"),
        ("openai/gpt-oss-120b", "openai"),
        ("o3-mini", "openai"),
        ("azure/gpt-4o", "openai"),
        ("claude-3-opus-20240229", "anthropic"),
        ("us.anthropic.claude-sonnet-4-v1:0", "anthropic"),
        ("models/gemini-2.5-pro", "google"),
        ("google/gemma-3-27b-it", "google"),
        ("meta-llama/Llama-3.3-70B-Instruct", "meta"),
        ("vicuna-13b", "meta"),
        ("mistralai/Mixtral-8x7B", "mistral"),
        ("Qwen/Qwen3-32B", "alibaba"),
        ("deepseek-ai/DeepSeek-V3", "deepseek"),
        ("grok-4", "xai"),
        ("command-r-plus", "cohere"),
        ("phi-4", "microsoft"),
        ("gpt4all-13b-snoozy", "gpt4all-13b-snoozy"),
        ("acme/extractor-2023-11", "extractor-2023-11"),
        ("photo3-captioner", "photo3-captioner"),
    ],
)
def test_a_family_is_read_from_a_models_name(model, family):
    """Vendors' prefixes, dates and letter case do not matter; an unknown name is its own family."""
    assert family_of(model) == family


def test_own_patterns_come_first():
    """A fine-tune of which only its owner knows the origin gets a line of its own."""
    assert family_of("gpt-mortgage", (("mistral", "^gpt-mortgage"),)) == "mistral"


def test_an_unknown_candidate_is_of_nobodys_family():
    """Without a model's name nothing can be said, and nothing is marked."""
    assert not own_family("gpt-5", "")
    assert own_family("gpt-5", "o4-mini")


@dataclass
class Panel:
    """A judge of several models."""

    models: tuple[str, ...]


def test_a_panel_is_left_out_for_any_of_its_models():
    """A jury with one juror of a candidate's family is no independent judge as a whole."""
    mixed, clean = Panel(("qwen3-32b", "gpt-5")), Panel(("qwen3-32b", "grok-4"))
    assert independent([mixed, clean], ["gpt-4o", "claude-opus-4"]) == (clean,)


def test_judges_stay_where_one_family_is_compared_with_itself():
    """Two releases of one vendor have the same family: a preference for it helps neither."""
    assert independent(["gpt-5"], ["gpt-4o", "gpt-4o-mini", ""]) == ("gpt-5",)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("I'm Claude 3.5 Sonnet, made by Anthropic.", "I'm [model] Sonnet, made by [model]."),
        ("As an OpenAI model, GPT-4o-mini says no.", "As an [model] model, [model] says no."),
        ("Claude Monet painted llamas under Gemini.", "Claude Monet painted llamas under Gemini."),
        ("I am Gemini, and my name is Claude.", "I am [model], and my name is [model]."),
        ("acme-7b here (not acme-7bx).", "[model] here (not acme-7bx)."),
    ],
)
def test_names_of_models_are_taken_out(text, shown):
    """What gives an author away goes; a painter, an animal and a constellation stay."""
    assert without_names(text, "acme/acme-7b") == shown


def test_names_that_are_the_topic_stay():
    """Where the input asks about models, their names are content."""
    said = "GPT-4 costs more than Claude 3, says acme-7b."
    assert without_names(said, "acme-7b", topic="Is GPT-4 dearer than claude 3?") == (
        "GPT-4 costs more than Claude 3, says [model]."
    )


def test_a_preference_for_ones_own_is_found_at_its_size():
    """A judge that gives its family 10 points more is told from one that is only harsher."""
    rng = np.random.default_rng(7)
    human = rng.integers(0, 2, 4000).astype(float)
    harsh = np.where(rng.random(4000) < 0.2, 0.0, human)
    fond = np.where(rng.random(4000) < 0.2, 1.0, human)
    lead = self_preference((fond[:2000], harsh[:2000]), (harsh[2000:], harsh[2000:]))
    assert abs(lead.value - 0.2) < 3 * lead.standard_error
    assert lead.value > 5 * lead.standard_error
    none = self_preference((harsh[:2000], human[:2000]), (harsh[2000:], human[2000:]))
    assert abs(none.value) < 3 * none.standard_error
    assert excess_win_rate(fond, human).value == pytest.approx(np.mean(fond - human))


def test_a_preference_needs_comparisons():
    """One comparison has no spread, and two lists of different length are not of the same items."""
    with pytest.raises(ValueError, match="two comparisons"):
        excess_win_rate([1], [0])
    with pytest.raises(ValueError):
        excess_win_rate([1, 0], [0])
