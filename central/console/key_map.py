"""The keys of the console: the usual ones, and what an operator may put in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from central.texts import later

USUAL: Final[Mapping[str, str]] = {
    "take": "F2",
    "card": "F4",
    "next-contact": "F8",
    "talk": "s",
    "triage-1": "1",
    "triage-2": "2",
    "triage-3": "3",
    "triage-4": "4",
    "triage-5": "5",
    "step-done": "d",
    "step-skip": "k",
    "call-answered": "a",
    "call-no_answer": "x",
    "call-busy": "b",
    "to-note": "n",
    "park": "p",
    "close": "Ctrl+Enter",
    "to-queue": "q",
    "help": "?",
}
"""Action -> key. A letter means the same with and without Shift."""
ACTIONS: Final[Mapping[str, str]] = {
    "take": later("Take the chosen case, or the most urgent one"),
    "card": later("Emergency card to read aloud"),
    "next-contact": later("Call the next contact"),
    "talk": later("I am speaking with them"),
    "triage-1": later("Fine, or a mistake"),
    "triage-2": later("Somebody today"),
    "triage-3": later("Somebody now"),
    "triage-4": later("Emergency services"),
    "triage-5": later("No answer"),
    "step-done": later("The step at hand is done"),
    "step-skip": later("Skip the step at hand"),
    "call-answered": later("The contact answers"),
    "call-no_answer": later("The contact does not answer"),
    "call-busy": later("The contact is engaged"),
    "to-note": later("Write a note"),
    "park": later("Park the case"),
    "close": later("Close the case"),
    "to-queue": later("Back to the queue"),
    "help": later("The keys, and changing them"),
}
KEY_MAX: Final = 16
_KEY: Final = re.compile(r"(F([1-9]|1[0-2])|[^\s\x00-\x1f]|(Ctrl|Alt)\+(Enter|F([1-9]|1[0-2])|[a-z0-9]))")
_THE_BROWSERS: Final = frozenset(
    {"F1", "F3", "F5", "F6", "F7", "F10", "F11", "F12", "Alt+F4", "Ctrl+F4", "Ctrl+F5"}
    | {f"Ctrl+{letter}" for letter in "acdfhjlnoprstuvwxyz0123456789"}
)
"""Keys that browsers keep for themselves or that people need in a field."""
_NEVER_ALONE: Final = frozenset({"close"})
"""What ends something needs two keys at once."""


def merged(own: Mapping[str, str]) -> dict[str, str]:
    """The keys that hold: an operator's own, the usual ones where they have none."""
    return {action: own.get(action, usual) for action, usual in USUAL.items()}


def own_keys(keys: Mapping[str, str]) -> dict[str, str]:
    """Of a whole set of keys those that differ from the usual ones, letters as small ones."""
    plain = {action: key.lower() if len(key) == 1 else key for action, key in keys.items()}
    return {action: key for action, key in plain.items() if USUAL.get(action) != key}


def fault_of(own: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
    """Why keys cannot be taken: a message id and what fills it (actions as message ids); None when they can."""
    for action, key in own.items():
        if action not in USUAL:
            return later("There is no such action: {action}."), {"action": action}
        if not _KEY.fullmatch(key):
            return later("{key} cannot be used as a key."), {"key": key}
        if key in _THE_BROWSERS:
            return later("{key} belongs to the browser."), {"key": key}
        if action in _NEVER_ALONE and "+" not in key[1:]:
            return later("Closing a case needs two keys at once, such as Ctrl+Enter."), {}
    taken: dict[str, str] = {}
    for action, key in merged(own).items():
        if key in taken:
            text = later("{key} is used twice: for “{first}” and for “{second}”.")
            return text, {"key": key, "first": ACTIONS[taken[key]], "second": ACTIONS[action]}
        taken[key] = action
    return None
