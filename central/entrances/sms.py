"""`POST /sms/in`: where an SMS gateway delivers, as `docs/wire/sms.md` says. Not behind the operators' log-in."""

from __future__ import annotations

import hmac
import logging
import threading
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from central.console.rights import open_door
from central.entrances.limits import read_body
from central.sealing import SealError
from central.sms_intake import BODY_BYTES_MAX, SmsIntake, read_sms
from central.storage.database import DatabaseError, in_words
from devices.rejection import Rejection

AT_ONCE: Final = 8
"""Deliveries treated at a time: a flood must not take the threads that serve the operators. The others come again."""

log = logging.getLogger(__name__)
_BEARER: Final = "bearer "


class SmsEntrance:
    """The door and who may use it. `token` is the gateway's."""

    def __init__(self, intake: SmsIntake, token: str) -> None:
        assert token, "without a token anybody could deliver"
        self._intake = intake
        self._token = token.encode()
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def admits(self, authorization: str) -> bool:
        """Whether a request carries the gateway's token."""
        given = authorization[len(_BEARER) :].strip() if authorization[: len(_BEARER)].lower() == _BEARER else ""
        return hmac.compare_digest(given.encode(), self._token)

    def refuse(self, rejection: Rejection, now: float) -> None:
        """Counts what is not let in."""
        self._intake.refuse(rejection, now)

    def deliver(self, body: bytes, now: float) -> Response:
        """Takes one delivery; the answer for the gateway, given after the commit."""
        if not self._places.acquire(blocking=False):
            return Response(status_code=503)
        try:
            return self._deliver(body, now)
        finally:
            self._places.release()

    def _deliver(self, body: bytes, now: float) -> Response:
        sms = read_sms(body)
        if isinstance(sms, Rejection):
            self._intake.refuse(sms, now)
            return Response(status_code=400)
        try:
            reply = self._intake.take(sms, now)
        except DatabaseError as error:
            log.warning("an SMS cannot be stored, the gateway must deliver it again: %s", in_words(error))
            return Response(status_code=503)
        except SealError as error:
            log.critical("an SMS cannot be verified, the gateway must deliver it again: %s", error)
            return Response(status_code=503)
        except Exception:  # a fault of ours must not cost an alarm that a gateway could deliver again
            log.exception("an SMS cannot be treated")
            return Response(status_code=503)
        return JSONResponse({"reply": reply}) if reply else Response(status_code=200)


router = APIRouter(dependencies=[Depends(open_door)])


@router.post("/sms/in", include_in_schema=False)
async def receive(request: Request) -> Response:
    """One SMS from the gateway."""
    entrance: SmsEntrance | None = request.app.state.parts.sms
    now: float = request.app.state.clock()
    if entrance is None:
        return Response(status_code=404)
    if not entrance.admits(request.headers.get("authorization", "")):
        entrance.refuse(Rejection("wrong_token", "the gateway's token is missing or wrong"), now)
        return Response(status_code=401)
    body = await read_body(request, BODY_BYTES_MAX)
    if body is None:
        entrance.refuse(Rejection("too_large", f"more than {BODY_BYTES_MAX} bytes, or broken off"), now)
        return Response(status_code=400)
    return await run_in_threadpool(entrance.deliver, body, now)
