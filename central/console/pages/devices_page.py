"""Units over all homes: silent, with low batteries, not proven, waiting to be installed; codes and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import segno
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from central import settings_desk
from central.console import hub_troubles
from central.console.access import Seat
from central.console.hub_troubles import TroubledHome
from central.console.pages.editing import Seen, not_found, writing
from central.console.pages.file_words import choices
from central.console.problem import Problem
from central.console.rights import allowed
from central.console.templating import office_page
from central.hub_chores import ChoreError, print_claim
from central.storage import device_list, file_edits, home_facts, home_list, homes, hub_settings, pages
from central.storage.device_list import UnitLine
from central.storage.homes import DeviceAtHome
from central.texts import LANGUAGES, later, translator
from devices.catalogue import CATALOGUE
from devices.vocabulary import valid_device_id
from gateway.contract.messages import ProblemCode
from gateway.contract.settings import CALLED_MAX, MISTAKE_MAX_S

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("devices", "read"))]
HubReader = Annotated[Seat, Depends(allowed("hubs", "read"))]
HubWriter = Annotated[Seat, Depends(allowed("hubs", "write"))]
DeviceWriter = Annotated[Seat, Depends(allowed("devices", "write"))]
Which = Literal["trouble", "silent", "battery", "unproven", "installing", "settings", "all"]
WHICH = {
    "trouble": later("In trouble"),
    "silent": later("Silent"),
    "battery": later("Low battery"),
    "unproven": later("Path not proven for 30 days"),
    "installing": later("Waiting for installation"),
    "settings": later("Settings not in force"),
    "all": later("All"),
}
SETTINGS_NAMES = {
    "language": later("The home speaks"),
    "called": later("The home calls them"),
    "mistake_s": later("Seconds in which a press can be taken back"),
    "centre_number": later("The centre's number for alarms by SMS"),
    "contacts": later("Who gets an SMS from the unit itself"),
    "detail_until": later("Writes a detailed log until"),
}
Question = Annotated[str, Query(max_length=80, pattern=r"^[^\x00]*$")]


class ClaimBody(BaseModel):
    """For how long a code is good."""

    hours: Annotated[int, Field(ge=1, le=720)] = 48


class HomeSpeaks(BaseModel):
    """How the home speaks; what is empty is left out: there the unit's own files hold.

    `called` is the name by which it speaks to whoever lives there, `mistake_s` for how long after a press it offers to
    say that it was a mistake: 0 is never.
    """

    language: Literal["", "ca", "es", "en"] = ""
    called: Annotated[str, Field(max_length=CALLED_MAX, pattern=r"^[^\x00-\x1f]*$")] = ""
    mistake_s: Annotated[float, Field(ge=0, le=MISTAKE_MAX_S)] | None = None


class SettingsBody(BaseModel):
    """Settings to change (name and value as `llar-central settings` takes them) and names to leave out again.

    `speaks`: all of how the home speaks; without it that stays as it is.
    """

    version: Seen
    speaks: HomeSpeaks | None = None
    set: Annotated[list[Annotated[str, Field(max_length=600)]], Field(max_length=80)] = []
    unset: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=80)] = []


class DeviceBody(BaseModel):
    """A device of a home. `silence_max_s` 0 means what its model says."""

    model: Annotated[str, Field(max_length=40)]
    room: Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f]*$")] = ""
    address: Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f]*$")] = ""
    place_code: Annotated[int, Field(ge=0, le=999)] = 0
    silence_max_s: Annotated[float, Field(ge=0, le=2_592_000)] = 0.0


@dataclass(frozen=True, slots=True)
class Units:
    """Units, and what the troubled ones among them say; `following` is what the next page begins `after`."""

    units: list[UnitLine]
    said: list[TroubledHome]
    following: str


@dataclass(frozen=True, slots=True)
class UnitOnFile:
    """A unit: what it says, and what it should go by.

    Attributes:
        heard_at: when it was heard last since this desk started; None when not.
        settings: name and value as `llar-central settings` takes them. `version`: what a change of them asks for.
        in_force: the version that the unit says it goes by, 0 for not known; refused: it took these settings back.
        claim_until_at, claimed_at: until when a code waits for it, and when one was used.
    """

    hub: str
    home_id: str
    address: str
    said: TroubledHome
    heard_at: float | None
    version: int
    settings: dict[str, str]
    in_force: int
    refused: bool
    claim_until_at: float | None
    claimed_at: float | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A code for a new unit, shown once; `svg` is its picture for a camera."""

    code: str
    link: str
    until_at: float
    unheard: list[str]
    svg: str


@router.get("/api/units", tags=["devices"])
def listed(request: Request, seat: Reader, which: Which = "trouble", q: Question = "", after: Question = "") -> Units:
    """Units within reach, by what is to be done about them."""
    state = request.app.state
    now, states = state.clock(), state.parts.states
    words = translator(seat.operator.language)
    with state.parts.database.read() as connection:
        unsettled = {one.hub_id: one for one in hub_settings.not_in_force(connection)}
        heard = states.complaining()
        only: set[str] | None = None
        if which == "trouble":
            only = {hub for _, hub in hub_troubles.in_trouble(heard, unsettled, now)} | set(states.silent())
        elif which == "silent":
            only = set(states.silent())
        elif which == "battery":
            code = ProblemCode.DEVICE_BATTERY_LOW.value
            only = {hub for hub, one in heard.items() if any(it.code == code for it in one.state.problems)}
        elif which == "settings":
            only = set(unsettled)
        found = device_list.units(
            connection,
            seat.who,
            only=None if q else only,
            question=q,
            waiting=which == "installing" and not q,
            unproven_before=now - home_list.UNPROVEN_S if which == "unproven" and not q else None,
            after=after,
        )
        shown = found[: device_list.PAGE]
        where = pages.homes_of_hubs(connection, [one.hub for one in shown])
        said = [
            hub_troubles.describe(one.hub, where[one.hub], states.of(one.hub), unsettled.get(one.hub), now, words)
            for one in shown
        ]
    return Units(shown, said, shown[-1].hub if len(found) > len(shown) else "")


@router.get("/devices", include_in_schema=False)
def show(request: Request, seat: Reader, which: Which = "trouble", q: Question = "", after: Question = "") -> Response:
    """The page."""
    found = listed(request, seat, which, q, after)
    words = translator(seat.operator.language)
    states = request.app.state.parts.states
    return office_page(
        request,
        seat,
        "devices.html",
        "/devices",
        lines=[(unit, said, states.of(unit.hub)) for unit, said in zip(found.units, found.said, strict=True)],
        following=found.following,
        which=which,
        whiches=choices(WHICH, words),
        q=q,
        now=request.app.state.clock(),
    )


@router.get("/api/hubs/{hub_id}", tags=["devices"])
def read_unit(request: Request, seat: HubReader, hub_id: str) -> UnitOnFile:
    """One unit: what it says, and its settings with the version that a change of them asks for."""
    state = request.app.state
    with state.parts.database.read() as connection:
        where = pages.homes_of_hubs(connection, [hub_id]).get(hub_id)
        if where is None or homes.is_unknown(where.home):
            raise not_found()
        desired = hub_settings.desired_of(connection, hub_id)
        line = next(iter(device_list.units(connection, seat.who, only=[hub_id])), None)
    heard = state.parts.states.of(hub_id)
    words = translator(seat.operator.language)
    return UnitOnFile(
        hub=hub_id,
        home_id=where.home,
        address=where.address,
        said=hub_troubles.describe(hub_id, where, heard, desired, state.clock(), words),
        heard_at=None if heard is None else heard.received_at,
        version=desired.settings.version if desired else 0,
        settings=dict(settings_desk.flat(desired.settings)) if desired else {},
        in_force=desired.in_force if desired else 0,
        refused=heard is not None and settings_desk.not_taken(heard.state),
        claim_until_at=line.claim_until_at if line else None,
        claimed_at=line.claimed_at if line else None,
    )


@router.get("/devices/{hub_id}", include_in_schema=False)
def unit(request: Request, seat: HubReader, hub_id: str) -> Response:
    """The page of one unit: what it says, its settings, its codes."""
    state = request.app.state
    found = read_unit(request, seat, hub_id)
    with state.parts.database.read() as connection:
        facts = home_facts.facts_of(connection, found.home_id)
        board = next((one.board for one in device_list.units(connection, seat.who, only=[hub_id])), "")
    return office_page(
        request,
        seat,
        "unit.html",
        "/devices",
        unit=found,
        board=board,
        heard=state.parts.states.of(hub_id),
        names=choices(SETTINGS_NAMES, translator(seat.operator.language)),
        choices_of_language={"": "–", **LANGUAGES},
        mistake_max_s=MISTAKE_MAX_S,
        called_max=CALLED_MAX,
        facts=facts,
        gives_codes=_claims_config(request) is not None,
        may_write=seat.may("hubs", "write"),
        now=state.clock(),
    )


@router.post("/api/hubs/{hub_id}/claim", tags=["devices"])
def claim(request: Request, seat: HubWriter, hub_id: str, body: ClaimBody) -> Claimed:
    """A code for a new unit; what was printed for it before is void."""
    config = _claims_config(request)
    parts = request.app.state.parts
    if config is None:
        raise Problem(409, "no_claims", later("This centre gives no units out: [claims] is not set up."))
    try:
        now = request.app.state.clock()
        made = print_claim(parts.database, config, parts.sealer, hub_id, body.hours * 3_600.0, now)
    except ChoreError as error:
        words = translator(seat.operator.language)
        raise Problem(409, "no_claim", words.say(later("No code was made: {why}"), why=str(error))) from None
    picture: Any = segno.make(made.link, error="m")
    svg = picture.svg_inline(scale=6, border=3, light="#fff")
    return Claimed(made.code, made.link, made.until_at, made.unheard, svg)


@router.post("/api/hubs/{hub_id}/settings", status_code=204, tags=["devices"])
def settings(request: Request, seat: HubWriter, hub_id: str, body: SettingsBody) -> None:
    """What a unit should go by; it is told at once, and says itself when it does."""
    words = translator(seat.operator.language)
    with writing(request, seat) as (connection, now, _by):
        home = homes.find_by_hub(connection, hub_id)
        if home is None:
            raise not_found()
        before = hub_settings.desired_of(connection, hub_id)
        if body.version != (before.settings.version if before else 0):
            raise Problem(409, "changed", later("Somebody else was faster. Look again."))
        try:
            wanted = settings_desk.change(settings_desk.body_of(before), body.set, body.unset)
            if body.speaks is not None:
                wanted = {name: value for name, value in wanted.items() if name not in HomeSpeaks.model_fields}
                wanted |= {name: value for name, value in body.speaks.model_dump().items() if value not in ("", None)}
            known = [one.id for one in homes.devices_of(connection, home.home_id)]
            made = settings_desk.checked(wanted, known, hub_settings.next_version(before))
        except settings_desk.BadSettings as error:
            text = words.say(later("These settings cannot be given: {why}"), why=str(error))
            raise Problem(422, "bad_settings", text) from None
        if before is None or settings_desk.body_of(before) != wanted:
            hub_settings.keep(connection, hub_id, made, now)


@router.put("/api/homes/{home_id}/devices/{device_id}", status_code=204, tags=["devices"])
def put_device(request: Request, seat: DeviceWriter, home_id: str, device_id: str, body: DeviceBody) -> None:
    """A device is added, or moved to another room."""
    if not valid_device_id(device_id) or body.model not in CATALOGUE:
        raise Problem(422, "no_such_model", later("There is no such model, or this name cannot be a device's."))
    silence = body.silence_max_s or CATALOGUE[body.model].silence_max_s
    device = DeviceAtHome(device_id, body.model, body.room, silence, body.address, body.place_code)
    with writing(request, seat) as (connection, now, by):
        before = next((one for one in homes.devices_of(connection, home_id) if one.id == device_id), None)
        old = before._asdict() if before else {}
        fields = {
            name: (old.get(name), value)
            for name, value in device._asdict().items()
            if old.get(name) != value and name in {"model", "room"}
        }
        homes.enrol_devices(connection, home_id, [device], now)
        file_edits.note_device(connection, home_id, device_id, fields, now, by)


@router.delete("/api/homes/{home_id}/devices/{device_id}", status_code=204, tags=["devices"])
def remove_device(request: Request, seat: DeviceWriter, home_id: str, device_id: str) -> None:
    """A device leaves a home."""
    with writing(request, seat) as (connection, now, by):
        if not file_edits.remove_device(connection, home_id, device_id, now, by):
            raise not_found()


def _claims_config(request: Request) -> Any:
    return request.app.state.parts.claims_config
