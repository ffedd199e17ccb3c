"""Webhooks: who hears of alarms, what they heard, and what was refused."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from central.access_rules import EVERYWHERE
from central.console.access import Seat
from central.console.problem import Problem
from central.console.rights import allowed
from central.storage import webhooks
from central.storage.reach import NUMBER_MAX
from central.storage.webhooks import HookDelivery, Webhook
from central.texts import later
from central.webhooks.rules import SECRET_BYTES, TEST, URL_MAX, Topic, address_fault, secret_text, url_fault
from central.webhooks.sender import message_id_of, owner_of

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])
Reader = Annotated[Seat, Depends(allowed("webhooks", "read"))]
Writer = Annotated[Seat, Depends(allowed("webhooks", "write"))]
Remover = Annotated[Seat, Depends(allowed("webhooks", "delete"))]

HOOKS_MAX: Final = 50
"""Receivers of a centre: each event costs a row for each."""
LOG_SHOWN: Final = 50
HookId = Annotated[int, Field(ge=1, le=NUMBER_MAX)]

TOPICS: Final = {
    Topic.OPENED: later("Alarm opened"),
    Topic.TAKEN: later("Alarm taken"),
    Topic.WAITING: later("Alarm waiting"),
    Topic.RINGING: later("Alarm rings again"),
    Topic.CLOSED: later("Alarm closed"),
    Topic.REOPENED: later("Alarm opened again"),
    Topic.DELIVERY: later("Message to a contact changed"),
    Topic.COMING: later("Somebody is on the way"),
    Topic.ARRIVED: later("Somebody has arrived"),
    Topic.INSIDE: later("Somebody is inside the home"),
    Topic.RUNG: later("The resident's telephone was rung"),
    TEST: later("Test"),
}
STATES: Final = {
    "waiting": later("waiting"),
    "delivered": later("delivered"),
    "given_up": later("given up"),
}


class HookBody(BaseModel):
    """A receiver: where, of what, and of which municipalities ("*" for all)."""

    label: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
    url: Annotated[str, Field(min_length=8, max_length=URL_MAX)]
    events: Annotated[list[Topic], Field(min_length=1, max_length=len(Topic))]
    municipalities: Annotated[
        list[Annotated[str, Field(max_length=80, pattern=r"^[^\x00]+$")]], Field(min_length=1, max_length=200)
    ] = [EVERYWHERE]


class HookChange(HookBody):
    """A receiver as it shall be. `version` is the one that the editor has seen."""

    version: Annotated[int, Field(ge=1, le=NUMBER_MAX)]
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class HookLine:
    """A receiver as the list shows it; its secret is shown once, when it is made."""

    id: int
    label: str
    url: str
    events: list[str]
    municipalities: list[str]
    version: int
    enabled: bool
    stopped_why: str
    failures: int
    failing_since_at: float | None
    retry_at: float
    waiting: int


@dataclass(frozen=True, slots=True)
class Hooks:
    """All receivers within one's municipalities."""

    webhooks: list[HookLine]


@dataclass(frozen=True, slots=True)
class HookMade:
    """A new receiver, and the secret by which it knows us: shown once."""

    id: int
    version: int
    secret: str


@dataclass(frozen=True, slots=True)
class HookVersion:
    """A change that is stored, and the version to send with the next one."""

    version: int


@dataclass(frozen=True, slots=True)
class HookDeliveryLine:
    """One event for one receiver. `id` is what the receiver sees as `webhook-id`; `status` 0: no HTTP answer came."""

    number: int
    id: str
    event: str
    case_id: int
    at: float
    state: str
    attempts: int
    due_at: float | None
    done_at: float | None
    status: int
    fault: str


@dataclass(frozen=True, slots=True)
class HookLog:
    """A page of deliveries, the newest first; `following` is what the next page begins `after`, "" on the last."""

    deliveries: list[HookDeliveryLine]
    following: str


@router.get("")
def list_webhooks(request: Request, seat: Reader) -> Hooks:
    """The receivers, how they do, and how much waits for each."""
    return Hooks(lines(request, seat))


@router.post("", status_code=201)
def add_webhook(request: Request, seat: Writer, body: HookBody) -> HookMade:
    """A new receiver. It must answer each message with 2xx within 10 s; `docs/api.md` says how it checks signatures."""
    _check(request, seat, body)
    state = request.app.state
    secret = secrets.token_bytes(SECRET_BYTES)
    with state.parts.database.begin() as conn:
        if len(webhooks.everything(conn)) >= HOOKS_MAX:
            raise Problem(409, "too_many_webhooks", later("There are too many webhooks. Remove one first."))
        values = _values(body) | {"made_by": seat.operator.id, "made_at": state.clock(), "secret_sealed": ""}
        hook_id = webhooks.add(conn, **values)
        webhooks.change(conn, hook_id, secret_sealed=state.parts.sealer.seal(secret, owner_of(hook_id)))
    return HookMade(hook_id, 1, secret_text(secret))


@router.put("/{hook_id}")
def change_webhook(request: Request, seat: Writer, hook_id: HookId, body: HookChange) -> HookVersion:
    """Changes a receiver, or sets it going again; what waits for it is sent then. 409 on an old version."""
    _check(request, seat, body)
    with request.app.state.parts.database.begin() as conn:
        hook = _found(conn, seat, hook_id)
        if hook.version != body.version:
            raise Problem(409, "changed_meanwhile", later("Somebody has changed this meanwhile. Load the page again."))
        again = {"failures": 0, "failing_since_at": None, "retry_at": 0.0, "stopped_why": ""} if body.enabled else {}
        values = _values(body) | again | {"enabled": body.enabled, "version": hook.version + 1}
        webhooks.change(conn, hook_id, **values)
    request.app.state.parts.wake_webhooks()
    return HookVersion(body.version + 1)


@router.post("/{hook_id}/secret")
def new_secret(request: Request, seat: Writer, hook_id: HookId) -> HookMade:
    """A new secret, which holds at once; the one before is forgotten."""
    state = request.app.state
    secret = secrets.token_bytes(SECRET_BYTES)
    with state.parts.database.begin() as conn:
        hook = _found(conn, seat, hook_id)
        sealed = state.parts.sealer.seal(secret, owner_of(hook_id))
        webhooks.change(conn, hook_id, secret_sealed=sealed, version=hook.version + 1)
    return HookMade(hook_id, hook.version + 1, secret_text(secret))


@router.post("/{hook_id}/test", status_code=202)
def send_test(request: Request, seat: Writer, hook_id: HookId) -> HookDeliveryLine:
    """Sends a test soon; what became of it stands in the log."""
    state = request.app.state
    with state.parts.database.begin() as conn:
        if not _found(conn, seat, hook_id).enabled:
            raise Problem(409, "stopped", later("This webhook is stopped. Set it going first."))
        webhooks.queue_test(conn, hook_id, state.clock())
        queued = webhooks.log_of(conn, hook_id, 1)[0]
    state.parts.wake_webhooks()
    return _delivery(queued)


@router.get("/{hook_id}/deliveries")
def read_deliveries(
    request: Request, seat: Reader, hook_id: HookId, after: Annotated[str, Query(max_length=10)] = ""
) -> HookLog:
    """What was sent to a receiver in the last 30 days and what waits, with the last answer to each."""
    before = int(after) if after.isascii() and after.isdigit() else None
    with request.app.state.parts.database.read() as conn:
        _found(conn, seat, hook_id)
        found = webhooks.log_of(conn, hook_id, LOG_SHOWN + 1, before)
    shown = found[:LOG_SHOWN]
    return HookLog([_delivery(one) for one in shown], str(shown[-1].id) if len(found) > LOG_SHOWN else "")


@router.delete("/{hook_id}", status_code=204)
def remove_webhook(request: Request, seat: Remover, hook_id: HookId) -> Response:
    """Removes a receiver and all that waited for it."""
    with request.app.state.parts.database.begin() as conn:
        _found(conn, seat, hook_id)
        webhooks.remove(conn, hook_id)
    return Response(status_code=204)


def lines(request: Request, seat: Seat) -> list[HookLine]:
    """The receivers that somebody may see."""
    with request.app.state.parts.database.read() as conn:
        waiting = webhooks.waiting(conn)
        return [_line(hook, waiting.get(hook.id, 0)) for hook in webhooks.everything(conn) if _within(seat, hook)]


def _line(hook: Webhook, waiting: int) -> HookLine:
    return HookLine(
        id=hook.id,
        label=hook.label,
        url=hook.url,
        events=list(hook.events),
        municipalities=list(hook.municipalities),
        version=hook.version,
        enabled=hook.enabled,
        stopped_why=hook.stopped_why,
        failures=hook.failures,
        failing_since_at=hook.failing_since_at,
        retry_at=hook.retry_at,
        waiting=waiting,
    )


def _delivery(one: HookDelivery) -> HookDeliveryLine:
    return HookDeliveryLine(
        number=one.id,
        id=message_id_of(one),
        event=one.event,
        case_id=one.case_id,
        at=one.at,
        state=one.state,
        attempts=one.attempts,
        due_at=one.due_at,
        done_at=one.done_at,
        status=one.status,
        fault=one.fault,
    )


def _within(seat: Seat, hook: Webhook) -> bool:
    reach = seat.who.municipalities
    return EVERYWHERE in reach or set(hook.municipalities) <= reach


def _found(conn: Connection, seat: Seat, hook_id: int) -> Webhook:
    hook = webhooks.find(conn, hook_id)
    if hook is None or not _within(seat, hook):
        raise Problem(404, "no_such_webhook", later("There is no such webhook."))
    return hook


def _values(body: HookBody) -> dict[str, Any]:
    return {
        "label": body.label,
        "url": body.url,
        "events": sorted({topic.value for topic in body.events}),
        "municipalities": sorted(set(body.municipalities)),
    }


def _check(request: Request, seat: Seat, body: HookBody) -> None:
    reach = seat.who.municipalities
    if EVERYWHERE not in reach and not set(body.municipalities) <= reach:
        raise Problem(403, "not_yours_to_give", later("You may not give this role, or not for these municipalities."))
    if url_fault(body.url):
        raise Problem(422, "bad_address", later("This is not an address that can be sent to."))
    parts = urlsplit(body.url)
    try:
        ipaddress.ip_address(parts.hostname or "")
    except ValueError:  # a name: looked up and judged each time that something is sent
        fault = "" if parts.scheme == "https" or request.app.state.parts.webhook_networks else "without TLS"
    else:
        networks = request.app.state.parts.webhook_networks
        fault = address_fault(parts.hostname or "", tls=parts.scheme == "https", networks=networks)
    if fault:
        text = later(
            "Nothing is sent to this address: only to the public Internet by https, or where the centre allows."
        )
        raise Problem(422, "address_not_allowed", text)
