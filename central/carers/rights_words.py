"""What is known of a resident, in plain words: which data, what for, by which law, how long; what consents mean.

A data protection officer confirms purposes, bases and times for each service before it opens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from central.alarm_cases.rota import Share
from central.texts import later


class Category(NamedTuple):
    """A kind of data: its name, what it holds, what for, by which law, how long it is kept."""

    name: str
    holds: str
    purpose: str
    basis: str
    kept: str


_PUBLIC: Final = later("The public duty to offer this service (GDPR Art. 6(1)(e)); nobody needs to ask you for it.")
_HEALTH: Final = later("Care, and the protection of your life (GDPR Art. 9(2)(h) and 9(2)(c)).")
_AGREED: Final = later("Only because you agreed (GDPR Art. 6(1)(a)). You can take it back at any time.")
_LAW: Final = later("The law asks for it (GDPR Art. 5(2), security rules for public services).")
_SERVICE: Final = later("As long as you are with the service. You can ask for it to be erased afterwards.")

CATEGORIES: Final = (
    Category(
        later("Who you are"),
        later("Name, how you like to be called, year of birth, language, how well you hear and speak."),
        later("So that whoever answers knows you and speaks with you as you like."),
        _PUBLIC,
        _SERVICE,
    ),
    Category(
        later("Your home"),
        later("Address, telephone, door codes and where a key is."),
        later("So that help finds you and gets in."),
        _PUBLIC,
        _SERVICE,
    ),
    Category(
        later("Your health, as far as helpers must know it"),
        later("Conditions and aids that change what to do when something happens."),
        later("So that nobody does you harm by not knowing."),
        _HEALTH,
        _SERVICE,
    ),
    Category(
        later("Your people"),
        later("Family, neighbours and friends: name, number, when they can come, whether they have a key."),
        later("So that somebody whom you know comes when you need it."),
        _PUBLIC,
        _SERVICE,
    ),
    Category(
        later("Your alarms"),
        later("Each alarm and test: when, what, who answered, what was said and done, how it ended."),
        later("To help you, to explain afterwards what was done, and to do it better."),
        _PUBLIC,
        _SERVICE,
    ),
    Category(
        later("What the sensors tell"),
        later(
            "Movement in rooms, doors, bed, temperature, and measurements such as"
            " blood pressure if you have such a device. No pictures and no sound."
        ),
        later("To notice when something is wrong although nobody presses a button."),
        _HEALTH,
        later("Each reading for {days} days; after that only what was learned of your usual day."),
    ),
    Category(
        later("Your usual day"),
        later("At what times you are usually up and about; slow changes over weeks."),
        later("To know when a day is not like the others. A computer proposes, a person decides."),
        _HEALTH,
        _SERVICE,
    ),
    Category(
        later("Your weeks in numbers"),
        later("How often you go out, have visits and call, week by week."),
        later("So that the care team sees what changes and can ask you about it."),
        _AGREED,
        later("Until you take it back; then it is deleted."),
    ),
    Category(
        later("What you agreed to"),
        later("What you share with whom, since when, and when you took it back."),
        later("So that your word holds and can be shown."),
        _LAW,
        later("Always, as proof; nobody can change it."),
    ),
    Category(
        later("Who looked"),
        later("Who opened your file, when, and what for."),
        later("So that nobody looks without a reason, and you can see it."),
        _LAW,
        later("Always, as proof; nobody can change it."),
    ),
)


class Shared(NamedTuple):
    """A kind of data that can be shared with a contact: its name, what they see, what it means to take it back."""

    name: str
    sees: str
    without: str


SHARED: Final[Mapping[Share, Shared]] = {
    "alarms": Shared(
        later("My alarms"),
        later("Is asked to come when I need help, and sees what happened."),
        later("Then this person is not asked when you need help. The centre still comes to you."),
    ),
    "daily_line": Shared(
        later("How my day began"),
        later("Sees one line a day, such as “up at 8:10”."),
        later("Your safety stays the same: the centre still watches."),
    ),
    "location": Shared(
        later("Where I was noticed last"),
        later("Sees during an alarm in which room you moved last."),
        later("Then whoever comes may have to look for you a little longer."),
    ),
    "readings": Shared(
        later("Measurements and slow changes"),
        later("Sees alarms about measurements, and changes that last for weeks."),
        later("Your safety stays the same: the centre still sees them."),
    ),
    "history": Shared(
        later("Earlier alarms"),
        later("Is told and sees how alarms ended, and sees who opened your file."),
        later("Your safety stays the same."),
    ),
    "access_notes": Shared(
        later("Door code and key"),
        later("Sees how to get in, only while going to you, and it is noted."),
        later("Then this person must ask the centre how to get in, which takes longer."),
    ),
}

ROUTINE_NAME: Final = later("My weeks in numbers")
ROUTINE_SEES: Final = later("The care team sees how often you go out, have visits and call.")

KINDS: Final[Mapping[str, str]] = {
    "see": later("I want to see everything that is known of me"),
    "correct": later("Something is wrong: please correct it"),
    "erase": later("Please erase something"),
    "restrict": later("Please do not use something for now"),
    "object": later("I do not agree with how something is used"),
}
STATES: Final[Mapping[str, str]] = {
    "open": later("being worked on"),
    "done": later("done"),
    "refused": later("refused, with the reason"),
}
