"""What is said of keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from central.storage.key_register import HouseKey, KeyMove
from central.texts import Words, later

KEPT: Final[Mapping[str, str]] = {
    "team_safe": later("In the team's safe"),
    "key_safe": later("In the key safe at the home"),
    "contact": later("With a contact"),
}
STATES: Final[Mapping[str, str]] = {
    "in_place": later("in its place"),
    "out": later("handed out"),
    "lost": later("lost"),
    "retired": later("out of use"),
}
MOVES: Final[Mapping[str, str]] = {
    "registered": later("registered"),
    "out": later("handed out"),
    "back": later("came back"),
    "moved": later("moved"),
    "lost": later("lost"),
    "found": later("found"),
    "retired": later("taken out of use"),
}


def line(key: HouseKey, log: list[KeyMove], names: Mapping[str, str], now: float, words: Words) -> dict[str, Any]:
    """A key with its log, in a line."""
    place = words.gettext(KEPT.get(key.kept, key.kept))
    detail = key.holder if key.kept == "contact" else key.place
    return {
        "key": key,
        "place": f"{place}: {detail}" if detail else place,
        "state": words.gettext(STATES[key.state]),
        "overdue": key.state == "out" and key.back_by_at is not None and key.back_by_at < now,
        "log": [
            {
                "at": one.at,
                "by": names.get(one.by, one.by),
                "what": words.gettext(MOVES.get(one.what, one.what)),
                "whom": names.get(one.whom, one.whom),
                "note": one.note,
                "back_by_at": one.back_by_at,
            }
            for one in log
        ],
    }
