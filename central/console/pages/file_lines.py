"""Lines of a resident's file: contacts, gaps in the rota, cases, and when devices were heard."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from sqlalchemy import Connection

from central.alarm_cases.rota import RotaContact, availability
from central.console import wording
from central.console.finding_words import KIND_WORDS
from central.console.hub_troubles import raises_alarms
from central.console.pages import file_words
from central.reach_watch import gaps_of
from central.storage import drills, home_file
from central.storage.homes import DeviceAtHome
from central.telemetry.store import StoreUnavailable
from central.texts import Words, later, say_duration, say_moment


def contact_line(one: RotaContact, now: float, timezone: str, words: Words) -> dict[str, Any]:
    """A contact, and whether they can be asked now."""
    able = availability(one, now, timezone)
    return {
        "id": one.id,
        "called": one.called,
        "can": able.can,
        "state": words.gettext(file_words.WHY_NOT.get(able.why_not, able.why_not)),
        "minutes_away": one.minutes_away,
        "has_key": one.has_key,
    }


def one_earlier(ids: list[str], contact_id: str) -> list[str]:
    """The contacts with one of them a place earlier."""
    at = ids.index(contact_id)
    return [*ids[: max(0, at - 1)], contact_id, *(one for one in ids[max(0, at - 1) :] if one != contact_id)]


def say_gaps(connection: Connection, home_id: str, channels: tuple[str, ...], now: float, words: Words) -> str:
    """When nobody of a home can be reached in the coming week, "" for never."""
    gaps = gaps_of(connection, home_id, channels, now)
    if not gaps:
        return ""
    total = sum(gap.until_at - gap.from_at for gap in gaps)
    return words.say(
        later("In the coming week nobody can be reached for {span}, first from {time}."),
        span=say_duration(total, words.language),
        time=say_moment(gaps[0].from_at, now, words.language),
    )


def case_line(one: home_file.CaseLine, now: float, words: Words) -> dict[str, Any]:
    """A case in a line."""
    return {
        "id": one.id,
        "mark": one.mark,
        "kind": words.gettext(KIND_WORDS.get(one.kind, one.kind)),
        "place": one.place,
        "opened_at": one.opened_at,
        "open": one.closed_at is None,
        "cause": words.gettext(wording.CAUSES.get(one.cause, one.cause)) if one.cause else "",
        "outcome": words.gettext(wording.OUTCOMES.get(one.outcome, one.outcome)) if one.outcome else "",
        "false": one.label == "false",
        "note": one.note,
    }


def heard_of(request: Request, home_id: str) -> tuple[dict[str, float], dict[str, float]]:
    """Device -> when it was heard last, and its battery in percent, by the store of measurements."""
    store = request.app.state.parts.telemetry
    if store is None:
        return {}, {}
    try:
        rows = store.last(home_id)
    except StoreUnavailable:
        return {}, {}
    heard: dict[str, float] = {}
    for row in rows:
        heard[row.device] = max(row.at, heard.get(row.device, 0.0))
    return heard, {row.device: float(row.value) for row in rows if row.kind == "battery"}


def proven_of(connection: Connection, home_id: str, devices: Iterable[DeviceAtHome]) -> dict[str, float]:
    """Device -> when a call from it last reached a person, 0 for never; only of those that call or warn."""
    found = drills.devices_proven(connection, home_id)
    return {one.id: found.get(one.id, 0.0) for one in devices if one.id in found or raises_alarms(one.model)}


def say_minutes(minutes: int) -> str:
    """Minutes from midnight as a time of day."""
    return "23:59" if minutes >= 1440 else f"{minutes // 60:02}:{minutes % 60:02}"


def local_time(at: float, timezone: str) -> datetime:
    """A moment on the wall clock of a place."""
    try:
        return datetime.fromtimestamp(at, ZoneInfo(timezone))
    except (ValueError, OSError, KeyError):
        return datetime.fromtimestamp(at, ZoneInfo("Europe/Madrid"))
