"""Settings of the service: what it may settle for itself, each with a real effect at once; the file's, to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from central.alarm_cases.care_plan import AFTER_S_BOUNDS
from central.alarm_cases.escalation import built_in_after_s
from central.alarm_cases.protocol import BUILT_IN_S, STEP_S_BOUNDS
from central.console import wording
from central.console.access import Seat
from central.console.desk_words import PROTOCOL_STEPS
from central.console.finding_words import KIND_WORDS
from central.console.pages import file_shown
from central.console.problem import Problem
from central.console.rights import admit, allowed
from central.console.templating import office_page
from central.service_settings import TYPES, as_body, read_setting
from central.storage import pages, settings
from central.storage.settings import StaleSetting
from central.texts import later, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("settings", "read"))]
Writer = Annotated[Seat, Depends(allowed("settings", "write"))]
Operator = Annotated[Seat, Depends(allowed("station", "read"))]

STEPS: Final = {
    "every_operator": later("Every operator hears it"),
    "supervisor": later("Whoever is on call is called"),
    "first_carer": later("The first contact is told"),
    "every_carer": later("All contacts are told"),
    "home_reassured": later('The home is asked to say: "We have not forgotten you."'),
}
LABELS: Final = {"": later("not said"), "true": later("the alarm was right"), "false": later("the alarm was false")}
NUMBERS: Final = {
    "flood_homes": (later("Silent homes that are one technical incident"), (3, 100), later("within five minutes")),
    "ring_limit_s": (later("Seconds that a contact's telephone rings"), (15, 120), later("then the next is rung")),
    "wrap_up_s": (later("Seconds to write a case up"), (0, 600), later("before the next is offered")),
    "reach_test_days": (
        later("Days between two test messages to a contact"),
        (0, 366),
        later("0: only when somebody asks"),
    ),
}
"""Of the setting "desk": what each is, its bounds, and what follows from it."""
CHECKLIST: Final = {
    **{name: PROTOCOL_STEPS.get(name, "") for name in STEP_S_BOUNDS},
    "silent_response_team": later("Send the response team, where the line is open and silent"),
    "silent_contacts": later("Call the contacts, where the line is open and silent"),
}
"""Steps of the checklist whose times are set."""
ON_CALL_WAYS: Final = ("voice", "sms", "apprise", "email")
HISTORY_SHOWN: Final = 10


class SettingBody(BaseModel):
    """A setting as it shall be, over the version that its writer has seen (0 for none)."""

    version: Annotated[int, Field(ge=0, le=10_000_000)]
    value: dict[str, Any] = {}


class TemplateBody(BaseModel):
    """A template for closing, over the version of the list that its writer has seen."""

    version: Annotated[int, Field(ge=0, le=10_000_000)]
    name: Annotated[str, Field(min_length=1, max_length=60)]
    cause: Annotated[str, Field(max_length=20)]
    action: Annotated[str, Field(max_length=20)]
    outcome: Annotated[str, Field(max_length=20)]
    label: Annotated[str, Field(max_length=8)] = ""
    note: Annotated[str, Field(max_length=300)] = ""


class OnCallBody(BaseModel):
    """Somebody who is called when no operator takes a case, over the version of the list that its writer has seen."""

    version: Annotated[int, Field(ge=0, le=10_000_000)]
    called: Annotated[str, Field(min_length=1, max_length=60)]
    channel: Annotated[str, Field(max_length=12)]
    address: Annotated[str, Field(min_length=3, max_length=200)]
    language: Annotated[str, Field(max_length=2)] = "ca"


class OnCallEndBody(BaseModel):
    """Who is on call no longer, over the version of the list that its writer has seen."""

    version: Annotated[int, Field(ge=0, le=10_000_000)]
    channel: Annotated[str, Field(max_length=12)]
    address: Annotated[str, Field(max_length=200)]


class RemoveBody(BaseModel):
    """Which template goes, over the version of the list that its writer has seen."""

    version: Annotated[int, Field(ge=0, le=10_000_000)]
    name: Annotated[str, Field(max_length=60)]


@dataclass(frozen=True, slots=True)
class Standing:
    """A setting as it holds; version 0 is as built in."""

    name: str
    version: int
    value: dict[str, Any]
    set_at: float | None
    set_by: str


@router.get("/settings", include_in_schema=False)
def show(request: Request, seat: Reader) -> Response:
    """The page."""
    state = request.app.state
    with state.parts.database.read() as conn:
        standing = {name: _standing(conn, name) for name in TYPES}
        history = sorted(
            (version for name in TYPES for version in settings.versions(conn, name)), key=lambda one: -one.set_at
        )[:HISTORY_SHOWN]
        names = pages.operator_names(conn)
    words = translator(seat.operator.language)
    whole_config = state.parts.whole_config
    return office_page(
        request,
        seat,
        "settings.html",
        "/settings",
        standing=standing,
        history=history,
        names={**names, settings.INSTALLED: words.gettext(later("set at installation"))},
        installed=settings.INSTALLED,
        steps={name: (text, AFTER_S_BOUNDS[name], built_in_after_s(name)) for name, text in STEPS.items()},
        kinds=KIND_WORDS,
        causes=wording.CAUSES,
        actions=wording.ACTIONS,
        outcomes=wording.OUTCOMES,
        labels=LABELS,
        may_write=seat.may("settings", "write"),
        from_file=file_shown.shown(whole_config, words) if whole_config else [],
        numbers=NUMBERS,
        checklist={name: (text, STEP_S_BOUNDS[name], BUILT_IN_S[name]) for name, text in CHECKLIST.items()},
        setting_names={
            "targets": later("Aims of the service"),
            "ladder": later("When the next are asked"),
            "protocols": later("Texts to follow"),
            "closings": later("Templates for closing"),
            "on_call": later("Who is on call"),
            "desk": later("Numbers of daily work"),
            "team": later("Response team"),
            "retention": later("How long records are kept"),
        },
        ways={name: text for name, text in wording.CHANNELS.items() if name in ON_CALL_WAYS},
        set_up=state.parts.health().channels,
    )


@router.get("/api/settings/{name}", tags=["settings"])
def read(request: Request, seat: Reader, name: str) -> Standing:
    """A setting as it holds: targets, ladder, protocols, closings, on_call, team, retention or desk."""
    _known(name)
    with request.app.state.parts.database.read() as conn:
        return _standing(conn, name)


@router.get("/api/closings", tags=["settings"])
def closings(request: Request, seat: Operator) -> list[dict[str, Any]]:
    """The templates for closing, as the console offers them."""
    with request.app.state.parts.database.read() as conn:
        return [dict(one) for one in as_body(settings.current(conn).closings)["templates"]]


@router.put("/api/settings/{name}", tags=["settings"])
def change(request: Request, seat: Writer, name: str, body: SettingBody) -> Standing:
    """Sets it, from now on and for every new case; somebody else's change meanwhile is not overwritten."""
    _known(name)
    if name == "retention":
        admit(request, seat, "retention", "write")
    return _keep(request, seat, name, body.value, body.version)


@router.post("/api/settings/closings/templates", tags=["settings"])
def add_template(request: Request, seat: Writer, body: TemplateBody) -> Standing:
    """One template more, at the end of the list."""
    templates = [*_listed(request, "closings", "templates"), body.model_dump(exclude={"version"})]
    return _keep(request, seat, "closings", {"templates": templates}, body.version)


@router.post("/api/settings/closings/templates/remove", tags=["settings"])
def remove_template(request: Request, seat: Writer, body: RemoveBody) -> Standing:
    """One template less."""
    left = [one for one in _listed(request, "closings", "templates") if one["name"] != body.name]
    return _keep(request, seat, "closings", {"templates": left}, body.version)


@router.post("/api/settings/on_call/people", tags=["settings"])
def add_on_call(request: Request, seat: Writer, body: OnCallBody) -> Standing:
    """Somebody more on call, called after the others."""
    people = [*_listed(request, "on_call", "people"), body.model_dump(exclude={"version"})]
    return _keep(request, seat, "on_call", {"people": people}, body.version)


@router.post("/api/settings/on_call/people/remove", tags=["settings"])
def remove_on_call(request: Request, seat: Writer, body: OnCallEndBody) -> Standing:
    """Somebody less."""
    whom = body.channel, body.address
    left = [one for one in _listed(request, "on_call", "people") if (one["channel"], one["address"]) != whom]
    return _keep(request, seat, "on_call", {"people": left}, body.version)


def _listed(request: Request, name: str, key: str) -> list[dict[str, Any]]:
    with request.app.state.parts.database.read() as conn:
        return list(as_body(getattr(settings.current(conn), name))[key])


def _keep(request: Request, seat: Seat, name: str, value: dict[str, Any], seen_version: int) -> Standing:
    setting = read_setting(name, value)
    words = translator(seat.operator.language)
    if isinstance(setting, str):
        raise Problem(422, "bad_setting", words.say(later("This cannot be set: {fault}"), fault=setting))
    state = request.app.state
    with state.parts.database.begin() as conn:
        try:
            settings.keep(conn, name, setting, state.clock(), seat.operator.id, seen_version)
        except StaleSetting as stale:
            by = stale.standing.set_by
            installation = words.gettext(later("The installation"))
            who = installation if by == settings.INSTALLED else pages.operator_names(conn).get(by, by)
            text = later("{who} has changed this meanwhile. Load the page anew and look at it first.")
            raise Problem(409, "changed_meanwhile", words.say(text, who=who), who) from None
        standing = _standing(conn, name)
    if name == "desk":
        state.parts.live.publish("reload", {})
    return standing


def _known(name: str) -> None:
    if name not in TYPES:
        raise Problem(404, "no_such_setting", later("There is no such setting."))


def _standing(conn: Connection, name: str) -> Standing:
    versions = settings.versions(conn, name)
    value = as_body(getattr(settings.current(conn), name))
    if not versions:
        return Standing(name, 0, value, None, "")
    newest = versions[0]
    return Standing(name, newest.version, value, newest.set_at, newest.set_by)
