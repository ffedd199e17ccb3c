"""The first words to somebody who called, in their own language and by the name that they go by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.storage.pages import Card
from central.texts import Words, later, local

_MORNING_H, _AFTERNOON_H, _EVENING_H = 6, 14, 21
"""From which hour, at the home, one says good morning, good afternoon, good night."""

_HELLO: Final = (
    later("Good evening, {name}, this is {operator} from the alarm centre."),
    later("Good morning, {name}, this is {operator} from the alarm centre."),
    later("Good afternoon, {name}, this is {operator} from the alarm centre."),
)
_ABOUT: Final = {
    "help": later("I have your call. How are you?"),
    "fall": later("Have you fallen? Are you hurt?"),
    "smoke": later("Is there smoke at home? Are you safe?"),
    "gas": later("Is there a smell of gas? Do not light anything. Can you go outside?"),
    "co": later("There may be carbon monoxide. Can you open a window and go outside?"),
    "flood": later("Is there water on the floor?"),
    "inactivity": later("It has been quiet at your home. Are you well?"),
    "bathroom_stay": later("Are you well? Do you need help in the bathroom?"),
    "test": later("This is a test. Do you hear me well?"),
}
_ANYTHING: Final = later("Is everything well at home?")
STAY_SILENT: Final = later(
    "Do not speak into the home and do not ring it: whoever threatens them would hear. Nothing there shows that the"
    " call has come. Listen if you can, call the police (112), and ring a contact only if you know that it is not them."
)
"""Stands in the place of the first words where nobody may speak."""
_CANCELLED: Final = later("You cancelled the alarm; that is quite all right. Are you well?")


@dataclass(frozen=True, slots=True)
class Greeting:
    """A sentence to say, and the language that it is in."""

    language: str
    text: str


def greeting(card: Card, operator: str, words: Words, now: float, timezone: str) -> Greeting:
    """What the operator may say first; `words` are in the resident's language."""
    hour = local(now, timezone).hour
    part = 1 if _MORNING_H <= hour < _AFTERNOON_H else 2 if _AFTERNOON_H <= hour < _EVENING_H else 0
    name = card.person.called if card.person else "…"
    about = _CANCELLED if card.state == "withdrawn" else _ABOUT.get(card.kind, _ANYTHING)
    hello = words.say(_HELLO[part], name=name, operator=operator)
    return Greeting(words.language, f"{hello} {words.gettext(about)}")
