"""`POST /phone/report`: where the phone gateway tells, as `docs/wire/phone-gateway.md` says. Not behind the log-in."""

from __future__ import annotations

import hmac
import logging
import re
import threading
from typing import Final

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from central.console.rights import open_door
from central.entrances.limits import read_body
from central.phone_desk import BODY_BYTES_MAX, PhoneDesk, read_report
from central.refusals import RefusalCounter
from central.storage.database import DatabaseError, in_words
from devices.rejection import Rejection

AT_ONCE: Final = 8
"""Reports treated at a time: a flood must not take the threads that serve the operators. The others come again."""
SIGNED_WITHIN_S: Final = 300.0
"""How old a signature may be: a copy of a request is of no use later."""
HEADER: Final = "llar-signature"

log = logging.getLogger(__name__)
_SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})\Z")


class PhoneEntrance:
    """The door and who may use it. `key` is shared with the gateway."""

    def __init__(self, desk: PhoneDesk, refusals: RefusalCounter, key: str) -> None:
        assert key, "without a key anybody could report"
        self._desk, self._refusals, self._key = desk, refusals, key.encode()
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def admits(self, signature: str, body: bytes, now: float) -> bool:
        """Whether the gateway has signed this body lately."""
        found = _SIGNATURE.match(signature)
        if found is None or abs(now - int(found[1])) > SIGNED_WITHIN_S:
            return False
        return hmac.compare_digest(sign(self._key, int(found[1]), body), found[2])

    def refuse(self, rejection: Rejection, now: float) -> None:
        """Counts what is not let in."""
        self._refusals.count("phone", rejection, now)

    def report(self, body: bytes, now: float) -> Response:
        """Takes one report; the answer for the gateway, given after the commit."""
        if not self._places.acquire(blocking=False):
            return Response(status_code=503)
        try:
            return self._report(body, now)
        finally:
            self._places.release()

    def _report(self, body: bytes, now: float) -> Response:
        report = read_report(body)
        if isinstance(report, Rejection):
            self.refuse(report, now)
            return Response(status_code=400)
        try:
            said = self._desk.take(report, now)
        except DatabaseError as error:
            log.warning("a report of the phone gateway cannot be stored, it must come again: %s", in_words(error))
            return Response(status_code=503)
        if isinstance(said, Rejection):
            self.refuse(said, now)
            return Response(status_code=404)
        return Response(msgspec.json.encode(said), media_type="application/json")


def sign(key: bytes, at_s: int, body: bytes) -> str:
    """HMAC-SHA-256 over the time and the body, in hex."""
    return hmac.digest(key, b"%d." % at_s + body, "sha256").hex()


router = APIRouter(dependencies=[Depends(open_door)])


@router.post("/phone/report", include_in_schema=False)
async def report(request: Request) -> Response:
    """One report of the gateway."""
    entrance: PhoneEntrance | None = request.app.state.parts.phone
    now: float = request.app.state.clock()
    if entrance is None:
        return Response(status_code=404)
    body = await read_body(request, BODY_BYTES_MAX)
    if body is None:
        entrance.refuse(Rejection("too_large", f"more than {BODY_BYTES_MAX} bytes, or broken off"), now)
        return Response(status_code=400)
    if not entrance.admits(request.headers.get(HEADER, ""), body, now):
        entrance.refuse(Rejection("wrong_signature", "the gateway's signature is missing, old or wrong"), now)
        return Response(status_code=401)
    return await run_in_threadpool(entrance.report, body, now)
