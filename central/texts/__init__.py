"""What people read, in Catalan, Spanish and English: gettext catalogues, and times and durations as people say them.

A message id is the English sentence. Catalogues are read as text (`ca.po`, `es.po`, `en.po`), so that a translator's
correction needs no build step. A sentence with facts has `{named}` places, filled by `str.format_map`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime, format_skeleton, format_time, format_timedelta
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES: Final[Mapping[str, str]] = {"ca": "Català", "es": "Castellano", "en": "English"}
"""Language -> its own name for itself."""
DEFAULT_LANGUAGE: Final = "ca"

SAME_SHIFT_S: Final = 12 * 3600.0
"""Within a shift the time alone says enough, on either side of midnight."""

_FOLDER = Path(__file__).parent


def later(text: str) -> str:
    """Marks a message id in a table; it is translated where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language."""

    language: str
    catalogue: Mapping[str, str]

    def gettext(self, text: str) -> str:
        """The translation of a message id; the id itself when there is none."""
        return self.catalogue.get(text) or text

    def say(self, text: str, /, **facts: object) -> str:
        """A translated sentence filled with facts; a fact that is missing is left out rather than raised."""
        said = self.gettext(text).format_map(_Facts(facts))
        return _ARTICLE.sub(lambda found: _ELIDED[found[0]], said) if self.language == "ca" else said


_ARTICLE: Final = re.compile(r"\b(?:[Ee]l|del|al) (?=11? d)")
_ELIDED: Final = {"el ": "l'", "El ": "L'", "del ": "de l'", "al ": "a l'"}
"""Catalan elides the article before the days that begin with a vowel: "el 2 de maig", "l'11 de maig"."""


class _Facts(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "…"


@cache
def translator(language: str) -> Words:
    """The texts of `language`; those of the default language when it is not spoken here."""
    spoken = language if language in LANGUAGES else DEFAULT_LANGUAGE
    with (_FOLDER / f"{spoken}.po").open("rb") as file:
        catalogue = read_po(file, locale=spoken)
    return Words(
        spoken,
        {
            message.id: message.string
            for message in catalogue
            if isinstance(message.id, str) and message.id and isinstance(message.string, str) and not message.fuzzy
        },
    )


def local(at: float, timezone: str) -> datetime:
    """A moment on the wall clock of a place; of Madrid when the place is unknown."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("Europe/Madrid")
    return datetime.fromtimestamp(at, zone)


def say_clock(at: float, language: str, timezone: str = "Europe/Madrid") -> str:
    """The time of day: "14:03"."""
    return format_time(local(at, timezone), "HH:mm", locale=language)


def say_moment(
    at: float, now: float, language: str, timezone: str = "Europe/Madrid", *, shift_s: float = SAME_SHIFT_S
) -> str:
    """A moment as it is said now: "14:03", or "12 May, 14:03" when it is another day and further than `shift_s`."""
    moment = local(at, timezone)
    if abs(now - at) < shift_s or moment.date() == local(now, timezone).date():
        return say_clock(at, language, timezone)
    return f"{format_date(moment, 'd MMM', locale=language)}, {say_clock(at, language, timezone)}"


def say_day(at: float, language: str, timezone: str = "Europe/Madrid") -> str:
    """A day: "Monday, 12 May"."""
    return format_datetime(local(at, timezone), "EEEE, d MMMM", locale=language)


def say_date(day: date | str, language: str) -> str:
    """A day of a year, given as such or as "2026-11-09": "9 November 2026"."""
    return format_date(_as_day(day), "long", locale=_dated(language))


def say_month(month: date | str, language: str) -> str:
    """A month, given by a day of it or as "2026-11": "November 2026"."""
    return format_skeleton("yMMMM", _as_day(month), locale=_dated(language))


def say_day_of_year(day: date | str, language: str) -> str:
    """A day as it comes every year: "9 November"."""
    return format_skeleton("MMMMd", _as_day(day), locale=_dated(language))


def _as_day(day: date | str) -> date:
    return day if isinstance(day, date) else date.fromisoformat(f"{day}-01" if len(day) == len("2026-11") else day)


def _dated(language: str) -> str:
    return "en_GB" if language == "en" else language


def say_number(value: float, language: str, digits: int = 0) -> str:
    """A number with so many decimals: "0,4", "48.210"."""
    return format_decimal(value, "#,##0" + ("." + "0" * digits if digits else ""), locale=language)


def say_duration(seconds: float, language: str) -> str:
    """A span in its largest unit that says enough: "40 seconds", "3 minutes", "5 hours"."""
    return format_timedelta(timedelta(seconds=round(seconds)), threshold=1.5, locale=language)
