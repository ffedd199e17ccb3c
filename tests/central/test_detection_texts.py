"""Whatever a detector finds can be said to a person, in every language."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from central.console import finding_words
from central.detection import detectors
from central.texts import LANGUAGES, translator

OF_OTHERS = {"fall_suspected", "fall_confirmed", "radio_deaf"}
"""Found in movement, by `devices.wearable`, or by the desk in what units say, and not by a detector of the engine."""


def reasons() -> set[str]:
    """The words that stand as `reason` in the detectors' files: those that look like `sentence_keys`."""
    found: set[str] = set()
    for path in Path(detectors.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in finding_words.REASONS:
                found.add(node.value)
    return found


def test_the_sentences_are_those_of_the_detectors() -> None:
    assert reasons() == set(finding_words.REASONS) - OF_OTHERS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_its_sentence(language: str) -> None:
    for reason in finding_words.REASONS:
        sentence = finding_words.REASONS[reason]
        assert translator(language).catalogue.get(sentence), f"{reason} has no sentence in {language}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fixed_limit_of_the_first_weeks_is_not_told_as_a_habit(language: str) -> None:
    said = translator(language).gettext(finding_words.REASONS["quiet_too_long"])
    assert not [word for word in ("habitual", "normal", "usual", "ever") if word in said]
