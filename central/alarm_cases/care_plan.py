"""What was agreed with a person for a kind of alarm: who is asked first, how fast, and what is read to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

PROTOCOL_TEXT_MAX: Final = 4_000
"""Longest text for an operator to follow, in characters: two screens."""

AFTER_S_BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "every_operator": (5.0, 120.0),
    "supervisor": (10.0, 600.0),
    "first_carer": (0.0, 600.0),
    "every_carer": (15.0, 900.0),
    "home_reassured": (15.0, 180.0),
}
"""How far a plan may move a step of the ladder, in seconds after ringing began. The second burst and the exception
record are promises to everybody and no plan moves them."""


class CarePlan(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A plan; what is not said is as for everybody.

    Attributes:
        version: 0 for the plan that holds where nobody made one.
        first: who hears of the alarm first; operators hear of every alarm, whoever is first.
        carers: the best contact first and soon all others; all at once; or each only when the one before cannot.
        order: contacts as they can be there soonest (`rota.contact_order`), or as agreed with the resident.
        after_s: steps of the ladder that come sooner or later, within `AFTER_S_BOUNDS`.
        step_s: times of the checklist (`protocol.STEP_S_BOUNDS`) that the service has set; no person's plan sets them.
        language: in which the resident is spoken to, "" for their own.
        protocol_text: what the operator reads and follows, in the service's own words.
    """

    version: int = 0
    first: Literal["operator", "family"] = "operator"
    carers: Literal["first_then_all", "parallel", "in_turn"] = "first_then_all"
    order: Literal["best", "agreed"] = "best"
    after_s: dict[str, float] = {}
    step_s: dict[str, float] = {}
    language: Literal["", "ca", "es", "en"] = ""
    protocol_text: Annotated[str, msgspec.Meta(max_length=PROTOCOL_TEXT_MAX)] = ""


STANDARD: Final = CarePlan()


class PlanRow(NamedTuple):
    """A version of a plan as it is kept; `kind` and `resident_id` are "" for all."""

    resident_id: str
    kind: str
    version: int
    from_at: float
    plan: CarePlan


def read_plan(body: object) -> CarePlan | str:
    """A plan from untrusted data, or in one sentence what is wrong with it."""
    try:
        plan = msgspec.convert(body, CarePlan)
    except msgspec.ValidationError as error:
        return str(error)
    return next(plan_faults(plan), plan)


def plan_faults(plan: CarePlan) -> Iterator[str]:
    """What is wrong with a plan that its types do not rule out."""
    if plan.step_s:
        yield "step_s: the times of the checklist are set for the whole service"
    for step, after_s in plan.after_s.items():
        bounds = AFTER_S_BOUNDS.get(step)
        if bounds is None:
            yield f"{step!r} is not a step that a plan may move"
        elif not bounds[0] <= after_s <= bounds[1]:
            yield f"{step}: {after_s:g} s is not between {bounds[0]:g} and {bounds[1]:g} s"


def plan_for(rows: Iterable[PlanRow], kind: str, now: float) -> CarePlan:
    """The plan that holds now for a kind of alarm: one for that kind before one for all kinds, one of a person before
    one of the home, the newest version that has begun; the standard one where there is none."""
    fits = [row for row in rows if row.kind in {kind, ""} and row.from_at <= now]
    best = max(fits, key=lambda row: (row.kind != "", row.resident_id != "", row.from_at, row.version), default=None)
    return STANDARD if best is None else msgspec.structs.replace(best.plan, version=best.version)


def for_log(plan: CarePlan) -> CarePlan:
    """What a case's log keeps of a plan: all that the ladder goes by; the text is found again by its version."""
    return msgspec.structs.replace(plan, protocol_text="")


def as_body(plan: CarePlan) -> dict[str, Any]:
    """A plan as it is stored."""
    body: dict[str, Any] = msgspec.to_builtins(plan)
    return body
