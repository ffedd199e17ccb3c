"""How long each class of records is kept, and what becomes of it then. Pure.

A term is counted in calendar months from the moment that `begins` names. The terms are defaults, within bounds; a
service settles its own (`central.service_settings.Retention`), after asking its data-protection officer. What is under
a legal hold is kept whatever the term says (GDPR Art. 17(3)(e), Art. 18(2)).

Sources of the defaults: the five years of Spanish Civil Code Art. 1964(2), in which claims from a contract of service
lapse; the three years of Organic Law 3/2018 (LOPDGDD) Art. 72, in which the gravest infringements of data protection
lapse. Where neither asks for it, the shortest term with which the work can be done. They are proposals: law and
contract of a city go before them.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from central.texts import later

TIMEZONE: Final = "Europe/Madrid"
"""On whose calendar months are counted and nights begin."""
NIGHT_HOUR, NIGHT_MINUTE = 3, 30
"""When the purge begins: after the nightly work of others, and hours before the morning's calls."""


@dataclass(frozen=True, slots=True)
class RecordClass:
    """A class of records with one term.

    Attributes:
        title, holds, begins, reason: for people; message ids.
        months: the default; `least` and `most` are its bounds.
        then: "deleted", or "anonymised" where figures must stay.
    """

    title: str
    holds: str
    begins: str
    then: Literal["deleted", "anonymised"]
    months: int
    least: int
    most: int
    reason: str


CLASSES: Final[Mapping[str, RecordClass]] = {
    "cases": RecordClass(
        later("Closed cases"),
        later("The case with its log, alarms and raw messages, what detectors found, reasons and audits of calls"),
        later("the case was closed"),
        "anonymised",
        60,
        6,
        240,
        later("Claims from a service lapse after five years (Civil Code, Art. 1964). The figures of each month stay."),
    ),
    "deliveries": RecordClass(
        later("Messages and calls to contacts"),
        later("To whom a message or call of a case went, by which way, and what became of it"),
        later("the message was last reported on"),
        "anonymised",
        24,
        3,
        240,
        later("Long enough to settle a complaint about who was told when. How many arrived stays."),
    ),
    "calls": RecordClass(
        later("Calls of the agenda"),
        later("Calls made to residents: when, by whom, what was noted"),
        later("the call was made or called off"),
        "deleted",
        24,
        3,
        240,
        later("Two years show how somebody has been; older notes help nobody."),
    ),
    "weeks": RecordClass(
        later("Slow changes and weeks in numbers"),
        later("What is worked out from measurements over weeks"),
        later("it was worked out"),
        "deleted",
        24,
        4,
        120,
        later("Two years, so that a season can be compared with the one before."),
    ),
    "access": RecordClass(
        later("Sessions, links and codes"),
        later("Ended log-ins, links of messages, invitations, tests of reach, notifications of closed accounts"),
        later("it ended"),
        "deleted",
        3,
        1,
        24,
        later("Needed only while somebody may still ask what a link was."),
    ),
    "files": RecordClass(
        later("Files of who has left the service"),
        later("Everything on record of the person; of the home and its contacts too when nobody else lives there"),
        later("the service ended, and the last of the home's cases has gone"),
        "deleted",
        60,
        12,
        240,
        later("Claims from a service lapse after five years (Civil Code, Art. 1964)."),
    ),
    "exports": RecordClass(
        later("Pseudonymised exports"),
        later("Files for research that lie in the centre's own folder"),
        later("it was written"),
        "deleted",
        1,
        1,
        12,
        later("Long enough to be handed over."),
    ),
    "audit": RecordClass(
        later("Audit log and emergency access"),
        later("Who read or changed what of whom, and why"),
        later("it was written"),
        "deleted",
        60,
        36,
        240,
        later("Longer than the three years in which the gravest infringements lapse (LOPDGDD, Art. 72)."),
    ),
}
"""In the order in which they are worked: cases before the files that must outlive them, the audit log last."""


def cut(now: float, months: int) -> float:
    """The moment so many calendar months ago: what began to be kept before it is due. The 31st becomes the last day of
    a shorter month."""
    local = datetime.fromtimestamp(now, ZoneInfo(TIMEZONE))
    year, month = divmod(local.year * 12 + local.month - 1 - months, 12)
    last_day = monthrange(year, month + 1)[1]
    return local.replace(year=year, month=month + 1, day=min(local.day, last_day)).timestamp()


def next_night(now: float) -> float:
    """When the next purge begins."""
    local = datetime.fromtimestamp(now, ZoneInfo(TIMEZONE))
    night = local.replace(hour=NIGHT_HOUR, minute=NIGHT_MINUTE, second=0, microsecond=0)
    return (night if night > local else night + timedelta(days=1)).timestamp()
