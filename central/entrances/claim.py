"""`POST /claim`: where a new hub redeems its code, as `docs/wire/README.md` says. Not behind the operators' log-in."""

from __future__ import annotations

import logging
import threading
from typing import Final

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from central.claim_desk import NOT_READY_WAIT_S, ClaimDesk
from central.console.access import language_of
from central.console.rights import open_door
from central.console.templating import page
from central.entrances.limits import read_body
from central.storage.database import DatabaseError, in_words
from gateway.contract.claim import CLAIM_PATH, REQUEST_BYTES_MAX, STATUS_OF, ClaimAnswer, ClaimRefusal

AT_ONCE: Final = 4
"""Claims treated at a time; hubs try again, operators do not wait."""

log = logging.getLogger(__name__)
router = APIRouter(dependencies=[Depends(open_door)])
_places = threading.BoundedSemaphore(AT_ONCE)


@router.get(CLAIM_PATH, include_in_schema=False)
def explain(request: Request) -> Response:
    """For a person whose telephone read the QR code: what it is for. The code after `#` never reaches us."""
    return page("claim.html", language_of(request))


@router.post(CLAIM_PATH, include_in_schema=False)
async def claim(request: Request) -> Response:
    """Redeems a code."""
    desk: ClaimDesk | None = request.app.state.parts.claims
    if desk is None:
        return _said(ClaimRefusal("not_ready", "this centre gives no hubs out: [claims] is not configured"))
    body = await read_body(request, REQUEST_BYTES_MAX)
    address = request.client.host if request.client else ""
    now: float = request.app.state.clock()
    # what is too large stays too large for the desk, which counts it
    return await run_in_threadpool(_redeem, desk, bytes(REQUEST_BYTES_MAX + 1) if body is None else body, address, now)


def _redeem(desk: ClaimDesk, body: bytes, address: str, now: float) -> Response:
    if not _places.acquire(blocking=False):
        return _said(ClaimRefusal("not_ready", "too many at once", 1.0))
    try:
        return _said(desk.redeem(body, address, now))
    except DatabaseError as error:
        log.warning("a claim cannot be redeemed: %s", in_words(error))
        return _said(ClaimRefusal("not_ready", "the database does not answer", NOT_READY_WAIT_S))
    finally:
        _places.release()


def _said(answer: ClaimAnswer | ClaimRefusal) -> Response:
    status = STATUS_OF[answer.reason] if isinstance(answer, ClaimRefusal) else 200
    return Response(msgspec.json.encode(answer), status, media_type="application/json")
