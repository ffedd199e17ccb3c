"""Keys of programs: made and revoked, each with what it opens; and the page of everything that other programs use."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from central.access_rules import EVERYWHERE, TABLE, Action, Resource, Role, Rule, may_give
from central.console import access
from central.console.access import Seat
from central.console.limits import KEY_BURST, KEY_REQUESTS_PER_S
from central.console.pages import webhooks_page
from central.console.pages.account_words import RESOURCES
from central.console.pages.accounts_page import Handed
from central.console.pages.webhooks_page import HookId
from central.console.problem import Problem
from central.console.rights import allowed, entry_for, trail
from central.console.templating import office_page
from central.storage import accounts, api_keys, people, reach
from central.storage.api_keys import ApiKey
from central.texts import Words, later, translator

router = APIRouter()
Reader = Annotated[Seat, Depends(allowed("accounts", "read"))]
Writer = Annotated[Seat, Depends(allowed("accounts", "write"))]
PageReader = Annotated[Seat, Depends(allowed("webhooks", "read"))]

KEY_DAYS_MAX: Final = 730
"""Longest life of a key: somebody must ask every other year whether it is still needed."""
KEYS_MAX: Final = 20
"""Keys of one account: an old and a new one for each of its programs while they are exchanged."""
SCOPES: Final = sorted(f"{rule.resource}:{rule.action}" for rule in TABLE[Role.API].plain)
"""All that a program may be given, as "resource:action"."""
READ_SCOPES: Final = sorted(f"{rule.resource}:{rule.action}" for rule in access.READS_ONLY)


class KeyBody(BaseModel):
    """A key: what it is for, what it opens (of what programs may at all), and for how many days."""

    label: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
    scopes: Annotated[list[Annotated[str, Field(max_length=40)]], Field(min_length=1, max_length=100)]
    days: Annotated[int, Field(ge=1, le=KEY_DAYS_MAX)] = 365


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key as the list shows it; never the key itself. `id` is the beginning of its hash."""

    id: str
    account_id: str
    label: str
    scopes: list[str]
    made_by: str
    made_at: float
    seen_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys that one may keep."""

    keys: list[KeyLine]


@router.get("/settings/api", include_in_schema=False)
def show(request: Request, seat: PageReader) -> Response:
    """The page: keys, and webhooks."""
    state = request.app.state
    hooks = webhooks_page.lines(request, seat)
    sees_keys = seat.may("accounts", "read")
    with state.parts.database.read() as conn:
        programs = [one for one in accounts.list_accounts(conn, [Role.API]) if _keeps(seat, one)] if sees_keys else []
        keys = _lines(conn, seat) if sees_keys else []
        places = reach.municipalities(conn, seat.who)
    words = translator(seat.operator.language)
    return office_page(
        request,
        seat,
        "interfaces.html",
        "/settings/api",
        keys=keys,
        programs=[one for one in programs if not one.disabled],
        scopes={scope: _scope_words(scope, words) for scope in SCOPES},
        hooks=hooks,
        topics={topic: words.gettext(text) for topic, text in webhooks_page.TOPICS.items()},
        states={code: words.gettext(text) for code, text in webhooks_page.STATES.items()},
        places=places,
        everywhere=EVERYWHERE in seat.who.municipalities,
        may_keys=seat.may("accounts", "write"),
        may_hooks=seat.may("webhooks", "write"),
        sees_keys=sees_keys,
        pace=(round(KEY_REQUESTS_PER_S), KEY_BURST),
        now=state.clock(),
    )


@router.get("/settings/api/webhooks/{hook_id}", include_in_schema=False)
def show_webhook(
    request: Request, seat: PageReader, hook_id: HookId, after: Annotated[str, Query(max_length=10)] = ""
) -> Response:
    """What one webhook was sent."""
    log = webhooks_page.read_deliveries(request, seat, hook_id, after)
    hook = next(one for one in webhooks_page.lines(request, seat) if one.id == hook_id)
    words = translator(seat.operator.language)
    return office_page(
        request,
        seat,
        "webhook.html",
        "/settings/api",
        hook=hook,
        log=log,
        topics={topic: words.gettext(text) for topic, text in webhooks_page.TOPICS.items()},
        states={code: words.gettext(text) for code, text in webhooks_page.STATES.items()},
    )


@router.get("/api/keys-of-programs", tags=["access"])
def list_keys(request: Request, seat: Reader) -> Keys:
    """The keys of the programs that one may keep, with when each was last used."""
    with request.app.state.parts.database.read() as conn:
        return Keys(_lines(conn, seat))


@router.post("/api/accounts/{account_id}/keys", tags=["access"], status_code=201)
def make_key(request: Request, seat: Writer, account_id: str, body: KeyBody) -> Handed:
    """A new key for a program, beside those that it has; shown once. Sent as `Authorization: Bearer`."""
    unknown = sorted(set(body.scopes) - set(SCOPES))
    if unknown:
        raise Problem(422, "unknown_scope", later("Programs cannot be given this."))
    token = secrets.token_urlsafe(32)
    now: float = request.app.state.clock()
    key = access.token_hash(token)
    with request.app.state.parts.database.begin() as conn:
        account = people.operator(conn, account_id) if "\x00" not in account_id else None
        if account is None or not _keeps(seat, account):
            raise Problem(404, "no_such_account", later("There is no such account."))
        if len(api_keys.of_account(conn, account_id, now)) >= KEYS_MAX:
            raise Problem(409, "too_many_keys", later("This program has too many keys. Revoke one first."))
        people.start_session(conn, key, account_id, now, now + body.days * 86_400.0, kind="key")
        api_keys.add(conn, key, body.label, sorted(set(body.scopes)), seat.operator.id)
    _note(request, seat, f"new key {key[:16]} of {account_id}: {' '.join(sorted(set(body.scopes)))}")
    return Handed(account_id, token)


@router.delete("/api/keys-of-programs/{key_id}", tags=["access"], status_code=204)
def revoke_key(request: Request, seat: Writer, key_id: str) -> Response:
    """Ends a key at once."""
    now: float = request.app.state.clock()
    with request.app.state.parts.database.begin() as conn:
        found = next((key for key in api_keys.everything(conn, now) if key.id == key_id), None)
        account = people.operator(conn, found.account_id) if found else None
        if found is None or account is None or not _keeps(seat, account):
            raise Problem(404, "no_such_key", later("There is no such key."))
        accounts.end_sessions(conn, found.account_id, only=found.id)
    _note(request, seat, f"revoked key {found.id} of {found.account_id}")
    return Response(status_code=204)


def _keeps(seat: Seat, account: people.Operator) -> bool:
    """Whether an account is a program's that one may keep, or may look at as an auditor."""
    if account.role != Role.API:
        return False
    return seat.who.role is Role.AUDITOR or may_give(seat.who, Role.API, frozenset(account.municipalities))


def _lines(conn: Connection, seat: Seat) -> list[KeyLine]:
    programs = {one.id for one in accounts.list_accounts(conn, [Role.API]) if _keeps(seat, one)}
    return [_line(key) for key in api_keys.everything(conn, 0.0) if key.account_id in programs]


def _line(key: ApiKey) -> KeyLine:
    return KeyLine(
        key.id,
        key.account_id,
        key.label,
        READ_SCOPES if key.scopes is None else list(key.scopes),
        key.made_by,
        key.made_at,
        key.seen_at,
        key.expires_at,
    )


def _scope_words(scope: str, words: Words) -> str:
    resource, _, action = scope.partition(":")
    name = words.gettext(RESOURCES[Resource(resource)])
    return name if action == Action.READ else words.say(later("enter and end: {what}"), what=name)


def _note(request: Request, seat: Seat, what: str) -> None:
    trail(request).append(entry_for(request, seat, Rule(Resource.ACCOUNTS, Action.WRITE), None, what=what[:200]))
