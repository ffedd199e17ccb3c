"""The figures that speak for a fall, as an operator reads them."""

from __future__ import annotations

import pytest

from central.console.evidence_words import value_words
from central.texts import translator
from gateway.contract.messages import Record


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("impact", 40.1, "impacto 40.1 m/s²"),
        ("tilt", 1.5, "giro de 86°"),
        ("stir", 0.4, "movimiento posterior 0.4 m/s²"),
    ],
)
def test_the_figures_of_a_fall_are_said_in_words(kind: str, value: float, words: str) -> None:
    assert value_words(Record(n=f"belt/{kind}", v=value), kind, translator("es")) == words
