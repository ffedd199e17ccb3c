"""An operator's own place: keys and languages kept on their account, and handing over what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from central.access_rules import Action, Resource, Role, listed
from central.case_desk import CaseDesk, Done
from central.console import key_map
from central.console.access import Seat
from central.console.problem import Problem
from central.console.rights import allowed
from central.storage import operator_settings, people
from central.storage.operator_settings import OperatorSettings
from central.texts import later, translator

router = APIRouter(tags=["me"])

Own = Annotated[Seat, Depends(allowed("me", "read"))]
OwnChange = Annotated[Seat, Depends(allowed("me", "write"))]
Worker = Annotated[Seat, Depends(allowed("station", "work"))]
LANGUAGES_MAX: Final = 20
Key = Annotated[str, Field(min_length=1, max_length=key_map.KEY_MAX)]
LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """The keys that hold (action -> key), the usual ones, the languages spoken with residents, and the telephone at
    which one sits, "" for none (`PUT /api/me/telephone`)."""

    keys: dict[str, str]
    usual: dict[str, str]
    speaks: list[str]
    telephone: str


class DeskSettingsBody(BaseModel):
    """Keys by action; those left out are the usual ones. Languages spoken with residents, as codes."""

    keys: Annotated[dict[str, Key], Field(max_length=len(key_map.USUAL))] = {}
    speaks: Annotated[list[LanguageCode], Field(max_length=LANGUAGES_MAX)] = []


class HandOverBody(BaseModel):
    """To whom, "" for whoever takes them first; and why."""

    to: Annotated[str, Field(max_length=32)] = ""
    reason: Annotated[str, Field(max_length=300)] = ""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """How many cases ring now for a colleague."""

    cases: int


@router.get("/api/me/desk")
def show(request: Request, seat: Own) -> DeskSettings:
    """How this operator works at the console."""
    return _shown(_settings(request, seat), seat)


@router.put("/api/me/desk")
def change(request: Request, seat: OwnChange, body: DeskSettingsBody) -> DeskSettings:
    """Sets the keys and languages; 422 `bad_keys` where two actions share a key or a key cannot be used."""
    words = translator(seat.operator.language)
    own = key_map.own_keys(body.keys)
    fault = key_map.fault_of(own)
    if fault is not None:
        text, facts = fault
        raise Problem(422, "bad_keys", words.say(text, **{name: words.gettext(fact) for name, fact in facts.items()}))
    settings = OperatorSettings(own, tuple(dict.fromkeys(body.speaks)))
    with request.app.state.parts.database.begin() as conn:
        operator_settings.keep_settings(conn, seat.operator.id, settings, request.app.state.clock())
    return _shown(_settings(request, seat), seat)


@router.post("/api/me/hand-over")
def hand_over(request: Request, seat: Worker, body: HandOverBody) -> HandedOver:
    """Everything that this operator holds rings for a colleague, or for all: the shift ends."""
    state = request.app.state
    if not body.reason.strip():
        raise Problem(422, "no_reason", later("Write down why, or how things stand."))
    if body.to:
        with state.parts.database.read() as conn:
            colleague = people.operator(conn, body.to)
        works = colleague is not None and listed(Role(colleague.role), Resource.CASE, Action.WORK)
        if colleague is None or colleague.disabled or not works:
            raise Problem(422, "no_such_operator", later("There is no such colleague."))
    desk: CaseDesk = state.parts.desk
    results = desk.hand_over(seat.operator.id, body.reason, state.clock(), by=seat.operator.id, to=body.to)
    return HandedOver(sum(isinstance(result, Done) for result in results))


def keys_of(request: Request, seat: Seat) -> dict[str, str]:
    """The keys that hold for an operator."""
    return key_map.merged(_settings(request, seat).keys)


def telephone_of(request: Request, seat: Seat) -> str | None:
    """At which telephone an operator sits, "" for none; None where the centre places no calls."""
    return None if request.app.state.parts.calls is None else _settings(request, seat).telephone


def _settings(request: Request, seat: Seat) -> OperatorSettings:
    with request.app.state.parts.database.read() as conn:
        return operator_settings.settings_of(conn, seat.operator.id)


def _shown(settings: OperatorSettings, seat: Seat) -> DeskSettings:
    speaks = list(settings.speaks) or [seat.operator.language]
    return DeskSettings(key_map.merged(settings.keys), dict(key_map.USUAL), speaks, settings.telephone)
