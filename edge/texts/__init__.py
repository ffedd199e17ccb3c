"""What the commands say to an installer, in the hub's language: one TOML file a language, the same keys in each."""

from __future__ import annotations

import locale
import os
import tomllib
from functools import cache
from importlib.resources import files

from edge.config import LANGUAGES


class Texts:
    """The sentences of one language."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._sentences = _read(self.language)

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence called `key` ("claim.done") with its blanks filled in."""
        table, _, name = key.partition(".")
        return self._sentences[table][name].format(**values)

    def has(self, key: str) -> bool:
        """Whether there is a sentence of that name."""
        table, _, name = key.partition(".")
        return name in self._sentences.get(table, {})

    def link(self, link: str) -> str:
        """A radio or wire, as people call it."""
        return self(f"link.{link}") if self.has(f"link.{link}") else link

    def ago(self, seconds: float) -> str:
        """How long ago, as people say it."""
        for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
            if seconds >= 2 * length:
                return self(f"ago.{unit}", count=int(seconds // length))
        return self("ago.seconds", count=int(seconds))

    def span(self, seconds: float) -> str:
        """A length of time."""
        for unit, length in (("days", 86_400), ("hours", 3_600)):
            if seconds >= 2 * length:
                return self(f"span.{unit}", count=f"{seconds / length:.3g}")
        return self("span.minutes", count=f"{seconds / 60:.3g}")


def language_of_this_terminal() -> str:
    """What the installer's terminal speaks, when it is one of ours; else English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            tongue = locale.normalize(value)[:2].lower()
            return tongue if tongue in LANGUAGES else "en"
    return "en"


@cache
def _read(language: str) -> dict[str, dict[str, str]]:
    return tomllib.loads(files("edge.texts").joinpath(f"{language}.toml").read_text(encoding="utf-8"))
