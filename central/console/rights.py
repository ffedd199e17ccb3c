"""What every route asks before it does anything: may this account do this here? And what is written down about it.

A route names its rule once: `seat: Annotated[Seat, Depends(allowed("resident_file", "read"))]`. From the names in its
path (`home_id`, `case_id`, `resident_id`, `contact_id`, `hub_id`) the home is found; `central.access_rules` decides.
What is granted and concerns a person is in the audit log before the handler begins, and when it cannot be written the
request fails. A handler whose ids come in a body or a list calls `admit` for each. A route that needs no account says
so with `Depends(open_door)`. A test walks all routes and fails when one has neither.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Final

from fastapi import Form, Request
from fastapi.exceptions import RequestValidationError

from central.access_rules import Action, Place, Resource, Role, Rule, Verdict, decide, listed, personal
from central.audit import AuditTrail, origin_of
from central.audit_chain import AuditEntry
from central.console import access
from central.console.access import Seat
from central.console.problem import Problem
from central.storage import accounts, reach
from central.texts import later

_NUMBERS: Final = frozenset({"case_id"})
_NO_SUCH: Final = {
    "home_id": ("no_such_home", later("There is no such home.")),
    "case_id": ("no_such_case", later("There is no such case.")),
    "resident_id": ("no_such_resident", later("There is no such resident.")),
    "contact_id": ("no_such_contact", later("There is no such contact.")),
    "hub_id": ("no_such_hub", later("There is no such unit.")),
}
_NOT_LOGGED: Final = frozenset({Resource.STATION, Resource.GLASS})
"""Changes that say nothing about anybody but the own console; and glass, which writes its reason down itself."""
_FIRST_PAGES: Final = {
    Role.TECHNICIAN: "/devices",
    Role.AUDITOR: "/audit",
    Role.CARER: "/family",
    Role.RESIDENT: "/rights",
}


class NeedsReason(Problem):
    """Refused until there is a written reason. Carries who asked, and for which home, so that a page can ask for it."""

    def __init__(self, seat: Seat, home_id: str, text: str) -> None:
        super().__init__(403, "needs_reason", text)
        self.seat = seat
        self.home_id = home_id


_RULES: dict[Callable[..., object], Rule] = {}


@cache
def allowed(resource: str, action: str) -> Callable[[Request], Seat]:
    """A dependency: gives the seat of who may do this to what the path names, and writes down that they did.

    Raises (when a request comes):
        Problem: 401 without a session; 403 `not_allowed`, or `needs_reason` where a written reason would open it;
            404 for what does not exist or is hidden from them.
        DatabaseError: the audit log cannot be written.
    """
    rule = Rule(Resource(resource), Action(action))

    def needed(request: Request) -> Seat:
        return _admitted(request, rule, access.seat(request))

    _RULES[needed] = rule
    return needed


@cache
def allowed_by_form(resource: str, action: str) -> Callable[..., Seat]:
    """The same for a plain form of a page without its script, which carries its token in the field `form`."""
    rule = Rule(Resource(resource), Action(action))

    def needed(request: Request, form: Annotated[str, Form(max_length=64)] = "") -> Seat:
        return _admitted(request, rule, access.seat(request, form))

    _RULES[needed] = rule
    return needed


@cache
def of_the_file(resource: str) -> Callable[[Request], Seat]:
    """The same for reading a part of a home's file as its page shows it: for staff and programs. Contacts, residents
    and auditors have pages of their own, on which consent decides what they see."""
    rule = Rule(Resource(resource), Action.READ)

    def needed(request: Request) -> Seat:
        seat = access.seat(request)
        if seat.who.role is Role.RESIDENT or not listed(seat.who.role, Resource.RESIDENT_FILE, Action.READ):
            raise _refused()
        return _admitted(request, rule, seat)

    _RULES[needed] = rule
    return needed


def _admitted(request: Request, rule: Rule, seat: Seat) -> Seat:
    if rule.resource is not Resource.ME:
        _refuse_unfinished(request, seat)
    _refuse_beyond_numbers(request)
    ids = {name: _id(name, value) for name, value in request.path_params.items() if name in reach.NAMES}
    return admit(request, seat, rule.resource, rule.action, **ids)


def open_door() -> None:
    """A dependency that says: this route is for everybody, or checks by itself who comes (log-in, machines' doors)."""


def rule_of(dependency: object) -> Rule | None:
    """The rule that a dependency made by `allowed` stands for."""
    return _RULES.get(dependency) if callable(dependency) else None


def admit(request: Request, seat: Seat, resource: str, action: str, **ids: str | int) -> Seat:
    """Asks the rules, writes down the answer, and gives the seat with its place; refuses as `allowed` does.

    `ids` are named as in paths; without any, it is about no home in particular.
    """
    rule = Rule(Resource(resource), Action(action))
    state = request.app.state
    now: float = state.clock()
    place, missing, opened = None, "", ""
    if ids:
        with state.parts.database.read() as conn:
            place, missing = reach.place_of(conn, ids, seat.who, now)
            opened = accounts.reason_given(conn, seat.who.account_id, place.home_id, now) if place else ""
    if place is None and missing:
        # what a role may not do at all is refused alike, whether or not the thing exists
        if not listed(seat.who.role, rule.resource, rule.action):
            raise _refused()
        raise _no_such(missing)
    verdict = decide(seat.who, rule.resource, rule.action, place, opened=opened != "")
    if place is not None or verdict.granted:
        _write_down(request, seat, rule, place, verdict, opened)
    if verdict is Verdict.HIDDEN:
        raise _no_such(next(name for name in reach.NAMES if name in ids))
    if verdict is Verdict.NEEDS_GLASS:
        text = later("This is beyond your area. It opens for an hour with a written reason, which is reviewed.")
        raise NeedsReason(seat, place.home_id if place else "", text)
    if verdict is Verdict.REFUSED:
        raise _refused()
    if missing:
        raise _no_such(missing)
    return replace(seat, place=place, opened=opened)


def needs_second_factor(request: Request, seat: Seat) -> bool:
    """Whether the configuration asks a second factor of this account; programs have a long key instead."""
    asked: tuple[Role, ...] = request.app.state.parts.config.second_factor
    return seat.who.role in asked and seat.who.role is not Role.API


def may_read(seat: Seat) -> Callable[[str], bool]:
    """Whether the role lists reading a resource at all: for what a menu offers."""
    return lambda resource: listed(seat.who.role, Resource(resource), Action.READ)


def first_page(seat: Seat, served: Collection[str]) -> str:
    """Where somebody without a place at the console begins, of the pages that are served."""
    page = _FIRST_PAGES.get(seat.who.role, "/")
    return page if page in served and page != "/" else "/me"


def trail(request: Request) -> AuditTrail:
    """The audit log of this application."""
    found: AuditTrail = request.app.state.audit
    return found


def entry_for(request: Request, seat: Seat, rule: Rule, place: Place | None, **facts: Any) -> AuditEntry:
    """An entry of the audit log about this request."""
    what = f"{request.method} {request.url.path}"
    values: dict[str, Any] = {"what": what, **facts}
    if place is not None:
        values |= {"home_id": place.home_id, "resident_id": place.resident_id, "case_id": place.case_id}
    return AuditEntry(
        at=request.app.state.clock(),
        account_id=seat.who.account_id,
        role=seat.who.role.value,
        resource=rule.resource.value,
        action=rule.action.value,
        origin=origin_of(request.client.host if request.client else ""),
        **values,
    )


def _write_down(request: Request, seat: Seat, rule: Rule, place: Place | None, verdict: Verdict, opened: str) -> None:
    calls = f"case {place.calls}" if place is not None and place.calls else ""
    if not verdict.granted:
        trail(request).append_once(entry_for(request, seat, rule, place, outcome="refused"))
        return
    # while it stands open, everything is marked: it also shows what the role alone would not
    glass = opened != ""
    entry = entry_for(
        request, seat, rule, place, outcome="glass" if glass else "allowed", why=opened if glass else calls
    )
    if rule.action is not Action.READ:
        if rule.resource not in _NOT_LOGGED:
            trail(request).append(entry)
    elif personal(rule.resource) or glass or rule.resource is Resource.AUDIT_LOG:
        trail(request).append_once(entry)


def _refuse_beyond_numbers(request: Request) -> None:
    """A number in a path that is larger than any in the tables names nothing, and would trip the database."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    for wanted in getattr(dependant, "path_params", ()):
        value = str(request.path_params.get(wanted.name, ""))
        digits = value.removeprefix("-")
        is_number = wanted.field_info.annotation is int and digits.isascii() and digits.isdigit()
        if is_number and wanted.name not in _NUMBERS and (len(digits) > 10 or int(digits) > reach.NUMBER_MAX):
            raise Problem(404, "not_found", later("There is nothing here."))


def _refuse_unfinished(request: Request, seat: Seat) -> None:
    """Nothing but the own account opens while its password is somebody else's or its second factor is missing."""
    account = seat.operator
    if account.password_due:
        raise Problem(403, "password_due", later("Choose a password of your own first, under My account."))
    if needs_second_factor(request, seat) and not account.totp_sealed:
        raise Problem(403, "second_factor_due", later("Set up the second factor first, under My account."))


def _id(name: str, value: Any) -> str | int:
    if name not in _NUMBERS:
        return str(value)
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        fault = {"type": "int_parsing", "loc": ("path", name), "msg": "not a number", "input": text[:40]}
        raise RequestValidationError([fault])
    return int(text[:20])


def _no_such(name: str) -> Problem:
    return Problem(404, *_NO_SUCH[name])


def _refused() -> Problem:
    return Problem(403, "not_allowed", later("Your account may not do this."))
