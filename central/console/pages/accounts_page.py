"""Accounts: who may log in as what and for which municipalities; kept by coordinators and supervisors."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from central.access_rules import EVERYWHERE, Action, Resource, Role, Rule, given_by, may_give
from central.console import access, second_factor
from central.console.access import Seat
from central.console.pages.account_words import ROLES
from central.console.pages.file_words import RELATIONS, choices
from central.console.problem import Problem
from central.console.rights import allowed, entry_for, trail
from central.console.templating import office_page
from central.reach_watch import ReachWatch
from central.storage import accounts, people, push, reach
from central.storage.people import Operator
from central.texts import LANGUAGES, later, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("accounts", "read"))]
Writer = Annotated[Seat, Depends(allowed("accounts", "write"))]

PAGE: Final = 60
READ_AT_ONCE: Final = 300
"""Accounts read at a time while a page is filled with those that may be seen."""
KEY_S: Final = 365 * 86_400.0
"""How long a program's key is good."""
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_NOT_PERSONS: Final = frozenset({"desk", "hub"})
"""Names by which a case's log means no person."""
_CHANGED: Final = Rule(Resource.ACCOUNTS, Action.WRITE)

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Words = Annotated[str, Query(max_length=80, pattern=r"^[^\x00]*$")]
After = Annotated[str, Query(max_length=32, pattern=r"^[^\x00]*$")]
Ids = Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=200)]


class AccountBody(BaseModel):
    """What an account is. `municipalities` holds "*" for all; `contacts` are a carer's, `resident` a resident's own."""

    called: Name
    role: Role
    language: str = "ca"
    municipalities: Ids = [EVERYWHERE]
    contacts: Ids = []
    resident: Annotated[str, Field(max_length=32)] = ""


class NewAccountBody(AccountBody):
    """A new account and the name that it logs in with."""

    id: Id


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account as the list shows it; never its secrets."""

    id: str
    called: str
    role: str
    language: str
    municipalities: list[str]
    contacts: list[str]
    resident: str
    disabled: bool
    password_due: bool
    second_factor: bool
    locked_until_at: float
    mine: bool


@dataclass(frozen=True, slots=True)
class Handed:
    """A first password, or a program's key: shown once, to be handed over. `phones` is on how many telephones and
    browsers notifications have ended."""

    id: str
    secret: str
    phones: int = 0


@dataclass(frozen=True, slots=True)
class Accounts:
    """A page of accounts by their ids; `following` is what the next page begins `after`, "" on the last."""

    accounts: list[AccountLine]
    following: str


@router.get("/accounts", include_in_schema=False)
def show(request: Request, seat: Reader, q: Words = "", after: After = "") -> Response:
    """The page."""
    state = request.app.state
    found = list_accounts(request, seat, q, after)
    with state.parts.database.read() as conn:
        places = reach.municipalities(conn, seat.who)
        whom = accounts.whom_of(conn, [one.id for one in found.accounts])
    words = translator(seat.operator.language)
    given = [role for role in Role if may_give(seat.who, role, frozenset())]
    return office_page(
        request,
        seat,
        "accounts.html",
        "/accounts",
        accounts=found.accounts,
        following=found.following,
        q=q,
        whom=whom,
        relations=choices(RELATIONS, words),
        roles={role.value: words.gettext(ROLES[role]) for role in Role},
        given=given,
        places=places,
        everywhere=EVERYWHERE in seat.who.municipalities,
        may_write=seat.may("accounts", "write"),
        now=state.clock(),
    )


@router.get("/api/accounts", tags=["accounts"])
def list_accounts(request: Request, seat: Reader, q: Words = "", after: After = "") -> Accounts:
    """The accounts that one may keep, and one's own; all of them for an auditor. `q`: a part of an id or a name."""
    with request.app.state.parts.database.read() as conn:
        found = list(islice(_seen(conn, seat, q.strip(), after), PAGE + 1))
        shown = found[:PAGE]
        contacts = accounts.contacts_of_accounts(conn, [account.id for account, _ in shown])
    lines = [_line(seat, account, contacts[account.id], keepable=keepable) for account, keepable in shown]
    return Accounts(lines, shown[-1][0].id if len(found) > PAGE else "")


@router.post("/api/accounts", tags=["accounts"], status_code=201)
def add(request: Request, seat: Writer, body: NewAccountBody) -> Handed:
    """A new account; its first password must be changed when it first logs in. Programs get a key later instead."""
    if body.id in _NOT_PERSONS:
        raise Problem(409, "taken_name", later("There is an account of this name already."))
    password = _new_password()
    hashed = access.hash_password(password) if body.role is not Role.API else "-"
    with request.app.state.parts.database.begin() as conn:
        _check(conn, seat, body)
        account = Operator(body.id, body.called, hashed, body.role, body.language, password_due=body.role != Role.API)
        if people.operator(conn, body.id) is not None:
            raise Problem(409, "taken_name", later("There is an account of this name already."))
        people.add_operator(conn, account)
        _furnish(conn, body.id, body)
    trail(request).append(entry_for(request, seat, _CHANGED, None, what=f"new account {body.id}: {body.role.value}"))
    return Handed(body.id, "" if body.role is Role.API else password)


@router.post("/api/accounts/{account_id}", tags=["accounts"], status_code=204)
def change(request: Request, seat: Writer, account_id: str, body: AccountBody) -> Response:
    """Changes name, role or reach; the account's sessions end, so that it holds at once. Of who is a carer no longer
    notifications end too."""
    with request.app.state.parts.database.begin() as conn:
        _keepable(conn, seat, account_id)
        _check(conn, seat, body)
        phones = _Phones() if body.role is Role.CARER else _end_phones(conn, account_id)
        accounts.change(conn, account_id, called=body.called, role=body.role.value, language=body.language)
        _furnish(conn, account_id, body)
        ended = accounts.end_sessions(conn, account_id)
    _tell_phones(request, seat, account_id, phones)
    return _closed(request, ended)


@router.post("/api/accounts/{account_id}/disable", tags=["accounts"], status_code=204)
def disable(request: Request, seat: Writer, account_id: str) -> Response:
    """Nobody logs in by it any more; whoever is logged in is out at once, and notifications end on every telephone."""
    with request.app.state.parts.database.begin() as conn:
        _keepable(conn, seat, account_id)
        accounts.change(conn, account_id, disabled=True)
        ended = accounts.end_sessions(conn, account_id)
        phones = _end_phones(conn, account_id)
    _tell_phones(request, seat, account_id, phones)
    return _closed(request, ended)


@router.post("/api/accounts/{account_id}/enable", tags=["accounts"], status_code=204)
def enable(request: Request, seat: Writer, account_id: str) -> Response:
    """May log in again."""
    with request.app.state.parts.database.begin() as conn:
        _keepable(conn, seat, account_id)
        accounts.change(conn, account_id, disabled=False, failed_logins=0, locked_until_at=0.0)
    return Response(status_code=204)


@router.post("/api/accounts/{account_id}/reset", tags=["accounts"])
def reset(request: Request, seat: Writer, account_id: str) -> Handed:
    """A new first password, for somebody who forgot theirs or lost their telephone; lifts a lock, ends sessions and
    notifications: whoever has the old telephone must not hear of the next alarm."""
    password = _new_password()
    hashed = access.hash_password(password)
    database = request.app.state.parts.database
    with database.begin() as conn:
        account = _keepable(conn, seat, account_id)
        if account.role == Role.API:
            raise Problem(409, "not_possible", later("A program has a key and no password."))
        people.set_password(conn, account_id, hashed)
        accounts.change(conn, account_id, password_due=True)
        ended = accounts.end_sessions(conn, account_id)
        phones = _end_phones(conn, account_id)
    second_factor.end(database, account_id)
    _tell_phones(request, seat, account_id, phones)
    _closed(request, ended)
    return Handed(account_id, password, phones.ended)


@router.post("/api/accounts/{account_id}/key", tags=["accounts"])
def new_key(request: Request, seat: Writer, account_id: str) -> Handed:
    """A new key for a program, sent as `Authorization: Bearer`; those before it end."""
    token = secrets.token_urlsafe(32)
    now: float = request.app.state.clock()
    with request.app.state.parts.database.begin() as conn:
        account = _keepable(conn, seat, account_id)
        if account.role != Role.API:
            raise Problem(409, "not_possible", later("Only programs have keys."))
        accounts.end_sessions(conn, account_id)
        people.start_session(conn, access.token_hash(token), account_id, now, now + KEY_S, kind="key")
    return Handed(account_id, token)


def _seen(conn: Connection, seat: Seat, words: str, after: str) -> Iterator[tuple[Operator, bool]]:
    """The accounts that somebody may see from behind `after` on, and whether they may keep them."""
    auditor = seat.who.role is Role.AUDITOR
    roles = set(Role) if auditor else given_by(seat.who.role) | {seat.who.role}
    while found := accounts.list_accounts(conn, roles, words=words, after=after, limit=READ_AT_ONCE):
        towns = accounts.towns_of(conn, found)
        for account in found:
            keepable = may_give(seat.who, Role(account.role), towns[account.id])
            if account.id == seat.operator.id or auditor or keepable:
                yield account, keepable
        after = found[-1].id


def _line(seat: Seat, account: Operator, contacts: list[str], *, keepable: bool) -> AccountLine:
    return AccountLine(
        id=account.id,
        called=account.called,
        role=account.role,
        language=account.language,
        municipalities=list(account.municipalities),
        contacts=contacts if account.role == Role.CARER else [],
        resident=account.resident_id,
        disabled=account.disabled,
        password_due=account.password_due,
        second_factor=account.totp_sealed != "",
        locked_until_at=account.locked_until_at,
        mine=account.id == seat.operator.id or not keepable,
    )


def _keepable(conn: Connection, seat: Seat, account_id: str) -> Operator:
    """An account that who asks may keep; any other is not found, and one's own is kept by somebody else."""
    account = people.operator(conn, account_id) if "\x00" not in account_id else None
    if account is None or not may_give(seat.who, Role(account.role), accounts.towns_of(conn, [account])[account_id]):
        raise Problem(404, "no_such_account", later("There is no such account."))
    if account.id == seat.operator.id:
        raise Problem(409, "own_account", later("Somebody else must change your own account."))
    return account


def _check(conn: Connection, seat: Seat, body: AccountBody) -> None:
    """Refuses what may not be given, or points at nobody."""
    if body.language not in LANGUAGES:
        raise Problem(422, "unknown_language", later("This language is not spoken here."))
    unstorable = any("\x00" in text for text in (body.called, body.resident, *body.contacts, *body.municipalities))
    if unstorable or (body.role is Role.CARER and not body.contacts):
        raise Problem(422, "no_contact", later("Say of which homes this person is a contact."))
    if body.role is Role.CARER and accounts.known_contacts(conn, body.contacts) != set(body.contacts):
        raise Problem(422, "no_such_contact", later("There is no such contact."))
    if body.role is Role.RESIDENT and not reach.homes_of_resident(conn, body.resident):
        raise Problem(422, "no_such_resident", later("There is no such resident."))
    if body.role not in {Role.CARER, Role.RESIDENT} and not body.municipalities:
        raise Problem(422, "no_municipality", later("Say for which municipalities."))
    if not may_give(seat.who, body.role, _reach_of(conn, body)):
        raise Problem(403, "not_yours_to_give", later("You may not give this role, or not for these municipalities."))


def _reach_of(conn: Connection, body: AccountBody) -> frozenset[str]:
    if body.role is Role.CARER:
        homes = accounts.homes_of_contacts(conn, body.contacts)
    elif body.role is Role.RESIDENT:
        homes = reach.homes_of_resident(conn, body.resident)
    else:
        return frozenset(body.municipalities)
    return frozenset(filter(None, (reach.municipality_of(conn, home) for home in homes)))


def _furnish(conn: Connection, account_id: str, body: AccountBody) -> None:
    own = body.role in {Role.CARER, Role.RESIDENT}
    accounts.change(
        conn,
        account_id,
        municipalities=[] if own else sorted(set(body.municipalities)),
        resident_id=body.resident if body.role is Role.RESIDENT else "",
    )
    try:
        accounts.link_contacts(conn, account_id, body.contacts if body.role is Role.CARER else [])
    except IntegrityError:
        raise Problem(422, "no_such_contact", later("There is no such contact.")) from None


def _new_password() -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


class _Phones(NamedTuple):
    """On how many telephones and browsers notifications have ended, and for whose homes they were."""

    ended: int = 0
    homes: frozenset[str] = frozenset()


def _end_phones(conn: Connection, account_id: str) -> _Phones:
    homes = accounts.homes_of_carer(conn, account_id)
    return _Phones(push.end_of_account(conn, account_id), homes)


def _tell_phones(request: Request, seat: Seat, account_id: str, phones: _Phones) -> None:
    """Notifications that have ended are written down, and homes for which nobody can be reached now are looked at."""
    if not phones.ended:
        return
    what = f"account {account_id}: notifications ended on {phones.ended}"
    trail(request).append(entry_for(request, seat, _CHANGED, None, what=what))
    state = request.app.state
    for home_id in sorted(phones.homes):
        ReachWatch(state.parts.desk).look(home_id, state.clock())


def _closed(request: Request, ended: list[str]) -> Response:
    for session in ended:
        request.app.state.parts.live.close_session(session)
    return Response(status_code=204)
