"""Models of devices are called by what they are, in each language; a code means something only to who wrote it."""

from __future__ import annotations

import pytest

from central.console.pages.device_words import model_names
from central.texts import LANGUAGES, translator
from devices.catalogue import CATALOGUE


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_model_has_a_name_of_its_own_in_words(language: str) -> None:
    named = model_names(translator(language))
    assert set(named) == set(CATALOGUE)
    assert [model for model, name in named.items() if "_" in name or name == model.replace("_", " ")] == []
    assert len(set(named.values())) == len(named)
