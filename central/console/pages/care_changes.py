"""Changes to health, care plans, limits, absences and consents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from central.agenda.rules import Kind, Rule
from central.alarm_cases.care_plan import CarePlan, as_body, read_plan
from central.console.access import Seat
from central.console.pages import agenda_words, file_words
from central.console.pages.editing import (
    Day,
    Kept,
    Line,
    Made,
    Moment,
    Seen,
    Text,
    check_entered_by,
    not_found,
    writing,
)
from central.console.problem import Problem
from central.console.rights import allowed
from central.detection.profile import Limits, limits_of
from central.storage import absences, agenda, care, conditions, file_edits, home_file, records, rota
from central.texts import later, translator
from gateway.contract.alarm_kinds import AlarmKind

router = APIRouter(tags=["care"])
MedicalWriter = Annotated[Seat, Depends(allowed("medical", "write"))]
PlanWriter = Annotated[Seat, Depends(allowed("care_plan", "write"))]
AbsenceWriter = Annotated[Seat, Depends(allowed("absences", "write"))]
ConsentWriter = Annotated[Seat, Depends(allowed("consents", "write"))]

ABSENCE_MAX_S = 366 * 86_400.0
HOME_AGAIN_S = 3_600.0
"""An hour after somebody wanted to be back, they are called."""


class ConditionBody(BaseModel):
    """What is known of somebody's health, and where it is known from."""

    version: Seen = 0
    text: Annotated[str, Field(min_length=2, max_length=500, pattern=r"^[^\x00]+$")]
    source: Annotated[str, Field(min_length=2, max_length=120, pattern=r"^[^\x00-\x1f]+$")]
    since: Day = ""
    valid_until: Day = ""


class PlanBody(BaseModel):
    """A care plan for a kind of alarm ("" all), of one resident ("" all who live there)."""

    version: Seen
    kind: Annotated[str, Field(max_length=20)] = ""
    resident: Annotated[str, Field(max_length=32)] = ""
    first: Literal["operator", "family"] = "operator"
    carers: Literal["first_then_all", "parallel", "in_turn"] = "first_then_all"
    order: Literal["best", "agreed"] = "best"
    after_s: dict[Annotated[str, Field(max_length=24)], float | None] = {}
    language: Literal["", "ca", "es", "en"] = ""
    protocol_text: Text = ""


class LimitsBody(BaseModel):
    """Limits that differ from everybody's, by name; null or "" is as for everybody."""

    version: Seen
    limits: Annotated[dict[str, float | str | None], Field(max_length=30)]


class WeeklyBody(BaseModel):
    """A call every so many days that belongs to the care plan; 0 is none."""

    every_days: Annotated[int, Field(ge=0, le=92)]
    at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "11:00"


class AbsenceBody(BaseModel):
    """Somebody will be away."""

    from_at: Moment
    until_at: Moment
    reason: Literal["holiday", "family", "hospital", "residence", "other"]
    note: Line = ""


class ConsentBody(BaseModel):
    """What somebody agrees to, or not any more; `given_by` is who said so."""

    what: Literal["routine"]
    given: bool
    given_by: Line = ""


@router.post("/api/homes/{home_id}/residents/{resident_id}/conditions")
def add_condition(request: Request, seat: MedicalWriter, home_id: str, resident_id: str, body: ConditionBody) -> Made:
    """A new condition."""
    with writing(request, seat) as (connection, now, by):
        _check_days(body)
        conditions.adopt(connection, resident_id, now)
        values = body.model_dump(exclude={"version"})
        number = conditions.add(connection, resident_id, values, now, by)
        file_edits.note_added(connection, f"condition:{number}", home_id, body.text, now, by)
        conditions.refresh(connection, resident_id, _today(connection, home_id, now))
    return Made(id=str(number))


@router.put("/api/homes/{home_id}/residents/{resident_id}/conditions/{number}")
def change_condition(
    request: Request, seat: MedicalWriter, home_id: str, resident_id: str, number: int, body: ConditionBody
) -> Kept:
    """A condition is corrected."""
    with writing(request, seat) as (connection, now, by):
        _check_days(body)
        before = _condition(connection, resident_id, number)
        values = body.model_dump(exclude={"version"})
        fields = records.difference({name: getattr(before, name) for name in values}, values)
        version = records.note(connection, f"condition:{number}", home_id, body.version, fields, now, by)
        if fields:
            conditions.change(connection, number, **values)
        conditions.refresh(connection, resident_id, _today(connection, home_id, now))
    return Kept(version=version)


@router.post("/api/homes/{home_id}/residents/{resident_id}/conditions/{number}/end", status_code=204)
def end_condition(request: Request, seat: MedicalWriter, home_id: str, resident_id: str, number: int) -> None:
    """A condition does not hold any more; it stays readable."""
    with writing(request, seat) as (connection, now, by):
        if _condition(connection, resident_id, number).ended_at is not None:
            return
        subject = f"condition:{number}"
        records.note(
            connection, subject, home_id, records.version_of(connection, subject), {"ended": ("", now)}, now, by
        )
        conditions.change(connection, number, ended_at=now, ended_by=by)
        conditions.refresh(connection, resident_id, _today(connection, home_id, now))


@router.post("/api/homes/{home_id}/plans")
def write_plan(request: Request, seat: PlanWriter, home_id: str, body: PlanBody) -> Kept:
    """A new version of a care plan; earlier ones stay readable for ever."""
    moved = {step: value for step, value in body.after_s.items() if value is not None}
    given = body.model_dump(exclude={"version", "kind", "resident", "after_s"}) | {"after_s": moved}
    plan = read_plan(given)
    if isinstance(plan, str):
        words, step = translator(seat.operator.language), plan.partition(":")[0]
        name = words.gettext(agenda_words.STEPS[step]) if step in agenda_words.STEPS else step[:40]
        raise Problem(422, "bad_plan", words.say(later("{name}: this value cannot be used."), name=name))
    if body.kind and body.kind not in {kind.value for kind in AlarmKind}:
        raise Problem(422, "no_such_kind", later("There is no such kind of alarm."))
    subject = f"plan:{home_id}:{body.kind}:{body.resident}"[:80]
    with writing(request, seat) as (connection, now, by):
        mine = [
            row
            for row in rota.plans_of(connection, home_id)
            if (row.kind, row.resident_id) == (body.kind, body.resident)
        ]
        before = max(mine, key=lambda row: row.version).plan if mine else CarePlan()
        fields = records.difference(_whole(before), _whole(plan))
        version = records.note(connection, subject, home_id, body.version, fields, now, by)
        if fields or not mine:
            facts: dict[str, Any] = {"kind": body.kind, "resident_id": body.resident}
            rota.add_plan(connection, home_id, plan, now=now, by=seat.operator.called, **facts)
    return Kept(version=version)


@router.put("/api/homes/{home_id}/limits")
def write_limits(request: Request, seat: PlanWriter, home_id: str, body: LimitsBody) -> Kept:
    """What counts as unusual in this home, where it differs from everybody's."""
    unknown = sorted(set(body.limits) - set(file_words.LIMITS))
    words = translator(seat.operator.language)
    if unknown:
        raise Problem(422, "no_such_limit", words.say(later("There is no limit {name}."), name=unknown[0][:40]))
    given = {name: value for name, value in body.limits.items() if value not in (None, "")}
    _, faults = limits_of(Limits(), given, "Europe/Madrid", {})
    if faults:
        name = file_words.field_name(faults[0].partition(":")[0], words)
        raise Problem(422, "bad_limit", words.say(later("{name}: this value cannot be used."), name=name))
    with writing(request, seat) as (connection, now, by):
        home = home_file.home_of(connection, home_id)
        if home is None:
            raise not_found()
        kept = {name: value for name, value in home.care_plan.items() if name not in body.limits}
        version = file_edits.edit_home(connection, home_id, body.version, {"care_plan": kept | given}, now, by)
    return Kept(version=version)


@router.put("/api/homes/{home_id}/regular-call", status_code=204)
def regular_call(request: Request, seat: PlanWriter, home_id: str, body: WeeklyBody) -> None:
    """A call that belongs to the care plan: the agenda makes it by itself."""
    with writing(request, seat) as (connection, now, by):
        home = home_file.home_of(connection, home_id)
        if home is None:
            raise not_found()
        before = agenda.item_from(connection, home_id, "plan")
        if before is not None:
            agenda.end_item(connection, before.id, now, by)
        if body.every_days:
            starts = _today(connection, home_id, now).isoformat()
            rule = Rule(starts_on=starts, repeat="days", every=body.every_days, at=body.at, window_min=240)
            agenda.add_item(
                connection, home_id, Kind.FOLLOW_UP.value, rule, now=now, by=by, timezone=home.timezone, source="plan"
            )


@router.post("/api/homes/{home_id}/residents/{resident_id}/absences")
def announce(request: Request, seat: AbsenceWriter, home_id: str, resident_id: str, body: AbsenceBody) -> Made:
    """Somebody will be away: what they leave undone meanwhile is no alarm, and they are called when they are back."""
    with writing(request, seat) as (connection, now, by):
        if not (body.from_at < body.until_at <= body.from_at + ABSENCE_MAX_S) or body.until_at <= now:
            raise Problem(422, "bad_time", later("An absence must end after it begins, in the future, within a year."))
        if absences.overlapping(connection, resident_id, body.from_at, body.until_at):
            raise Problem(409, "overlaps", later("There is an absence in this time already."))
        facts = body.model_dump()
        number = absences.announce(connection, resident_id, **facts, now=now, by=by)
        home = home_file.home_of(connection, home_id)
        assert home is not None
        at = datetime.fromtimestamp(body.until_at + HOME_AGAIN_S, ZoneInfo(home.timezone))
        rule = Rule(starts_on=at.date().isoformat(), at=at.strftime("%H:%M"), window_min=120)
        place: dict[str, Any] = {"resident_id": resident_id, "source": f"absence:{number}", "timezone": home.timezone}
        agenda.add_item(connection, home_id, Kind.ABSENCE.value, rule, now=now, by=by, **place)
    return Made(id=str(number))


@router.post("/api/homes/{home_id}/residents/{resident_id}/absences/{number}/end", status_code=204)
def end_absence(request: Request, seat: AbsenceWriter, home_id: str, resident_id: str, number: int) -> None:
    """Somebody is back early, or stays after all; a program says so only of what it has announced itself."""
    with writing(request, seat) as (connection, now, by):
        absence = absences.find(connection, resident_id, number)
        if absence is None:
            raise not_found()
        check_entered_by(seat, absence.announced_by)
        if absences.end(connection, absence, now, by) and (
            item := agenda.item_from(connection, home_id, f"absence:{number}")
        ):
            agenda.end_item(connection, item.id, now, by)


@router.post("/api/homes/{home_id}/residents/{resident_id}/consents", status_code=204)
def consent(request: Request, seat: ConsentWriter, home_id: str, resident_id: str, body: ConsentBody) -> None:
    """Somebody agrees, or does not any more."""
    with writing(request, seat) as (connection, now, by):
        said = f"{by}: {body.given_by}"[:80] if body.given_by else by
        change = care.give_consent if body.given else care.withdraw_consent
        change(connection, resident_id, body.what, now, said)


def _whole(plan: CarePlan) -> dict[str, Any]:
    standard = {name: getattr(CarePlan(), name) for name in CarePlan.__struct_fields__ if name != "version"}
    return standard | {name: value for name, value in as_body(plan).items() if name != "version"}


def _condition(connection: Connection, resident_id: str, number: int) -> conditions.Condition:
    found = conditions.find(connection, resident_id, number) if 0 < number < 2**31 else None
    if found is None:
        raise not_found()
    return found


def _check_days(body: ConditionBody) -> None:
    try:
        days = [date.fromisoformat(day) for day in (body.since, body.valid_until) if day]
    except ValueError:
        raise Problem(422, "bad_day", later("There is no such day.")) from None
    if len(days) == 2 and days[0] > days[1]:
        raise Problem(422, "bad_day", later("The last day comes before the first."))


def _today(connection: Connection, home_id: str, now: float) -> date:
    return datetime.fromtimestamp(now, ZoneInfo(rota.timezone_of(connection, home_id))).date()
