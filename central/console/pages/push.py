"""Notifications of browsers: the centre's key, beginning and ending them, and a service worker's word that one came.

Who is logged in takes them for all homes whose contact they are; who came by the link of a message, with its token,
for that home's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from central.console.access import Seat, browser_of
from central.console.problem import Problem
from central.console.rights import allowed, open_door
from central.notification.channels.webpush import Subscription, SubscriptionKeys
from central.push_desk import PushDesk
from central.storage.carer_links import TOKEN_LENGTH_MAX
from central.texts import later

router = APIRouter(tags=["push"])
Own = Annotated[Seat, Depends(allowed("me", "write"))]
Public = [Depends(open_door)]
Token = Annotated[str, Field(min_length=1, max_length=TOKEN_LENGTH_MAX)]
Endpoint = Annotated[str, Field(min_length=1, max_length=1_000)]


class KeysBody(BaseModel):
    """The browser's keys, base64url."""

    p256dh: Annotated[str, Field(max_length=100)]
    auth: Annotated[str, Field(max_length=40)]


class SubscriptionBody(BaseModel):
    """`PushSubscription.toJSON()` of a browser."""

    endpoint: Endpoint
    keys: KeysBody


class LinkedSubscriptionBody(SubscriptionBody):
    """The same, and the token of the link by which the carer came."""

    token: Token


class EndpointBody(BaseModel):
    """Which browser."""

    endpoint: Endpoint


class LinkedEndpointBody(EndpointBody):
    """Which browser, and the token of the link by which the carer came."""

    token: Token


class ReceivedBody(BaseModel):
    """The token at the end of a notification's url."""

    token: Token


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`applicationServerKey` of `PushManager.subscribe`, base64url; "" when this centre sends no notifications."""

    key: str


@router.get("/api/push/key", dependencies=Public)
def key(request: Request) -> PublicKey:
    """The centre's public key."""
    desk: PushDesk | None = request.app.state.parts.push
    return PublicKey(desk.public_key if desk else "")


@router.post("/api/push/subscriptions", status_code=204)
def subscribe(request: Request, seat: Own, body: SubscriptionBody) -> Response:
    """Takes notifications on this browser for one's own account."""
    return _keep(request, body, account_id=seat.operator.id)


@router.post("/api/push/subscriptions/end", status_code=204)
def unsubscribe(request: Request, seat: Own, body: EndpointBody) -> Response:
    """Ends them. One that is not there has ended already."""
    _desk(request).unsubscribe(body.endpoint, request.app.state.clock(), account_id=seat.operator.id)
    return Response(status_code=204)


@router.post("/push/subscriptions", status_code=204, dependencies=Public)
def subscribe_by_link(request: Request, body: LinkedSubscriptionBody) -> Response:
    """Takes notifications on this browser for the contact whose link it is."""
    return _keep(request, body, token=body.token)


@router.post("/push/subscriptions/end", status_code=204, dependencies=Public)
def unsubscribe_by_link(request: Request, body: LinkedEndpointBody) -> Response:
    """Ends them. One that is not there has ended already."""
    _desk(request).unsubscribe(body.endpoint, request.app.state.clock(), token=body.token)
    return Response(status_code=204)


@router.post("/push/received", status_code=204, dependencies=Public)
def received(request: Request, body: ReceivedBody) -> Response:
    """A service worker has shown the notification with that link: the operator sees that it came."""
    if not _desk(request).received(body.token, request.app.state.clock()):
        raise _no_such_link()
    return Response(status_code=204)


def _keep(request: Request, body: SubscriptionBody, account_id: str = "", token: str = "") -> Response:
    subscription = Subscription(body.endpoint, SubscriptionKeys(body.keys.p256dh, body.keys.auth))
    browser = browser_of(request.headers.get("user-agent", "")[:400])
    now: float = request.app.state.clock()
    fault = _desk(request).subscribe(subscription, now, account_id=account_id, token=token, browser=browser)
    if fault == "no_such_link":
        raise _no_such_link()
    if fault:
        raise Problem(422, fault, later("This browser's notifications come from a service that is not used here."))
    return Response(status_code=204)


def _desk(request: Request) -> PushDesk:
    desk: PushDesk | None = request.app.state.parts.push
    if desk is None:
        raise Problem(404, "not_set_up", later("This centre sends no notifications to browsers."))
    return desk


def _no_such_link() -> Problem:
    return Problem(404, "no_such_link", later("This link is not valid any more."))
