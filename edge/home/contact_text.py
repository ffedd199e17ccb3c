"""The SMS to a contact, in that contact's language: what happened, when, and the truth about the centre. Pure."""

from __future__ import annotations

from typing import Final

from edge.home.wording import phrases
from gateway.contract.alarm_kinds import AlarmKind

NOW_S: Final = 90.0
HOUR_S: Final = 3_600.0


def contact_text(kind: AlarmKind, age_s: float | None, person: str, language: str) -> str:
    """The text.

    Args:
        kind: what happened.
        age_s: seconds since then, None when nobody knows.
        person: what the contacts call whoever lives there, "" when that is not configured.
        language: the contact's.
    """
    words = phrases(language)["sms"]
    sentence = words.get(kind.value, words["other"])
    return sentence.format(who=person or words["somebody"], ago=_ago(age_s, language))


def answered_text(person: str, language: str) -> str:
    """What a contact who was written to is told when the centre has the call: that, and no more."""
    words = phrases(language)["sms"]
    return words["answered"].format(who=person or words["somebody"])


def _ago(age_s: float | None, language: str) -> str:
    words = phrases(language)["sms"]
    if age_s is None:
        return words["unknown"]
    if age_s < NOW_S:
        return words["now"]
    unit, size = ("minutes", 60.0) if age_s < HOUR_S else ("hours", HOUR_S)
    return words[unit].format(number=int(age_s // size))
