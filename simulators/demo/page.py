"""The demo's page: what is running, what can be done to it, what has happened, and the mailbox. Loopback only."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from importlib.resources import files
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from simulators.demo import city
from simulators.demo.actions import do
from simulators.demo.stage import Entry, Stage
from simulators.demo.state_folder import LOGIN_PASSWORD

BEAT_S: Final = 1.0
"""An open page hears the state at least so often."""
VIEWERS_MAX: Final = 32

_FILES: Final = {
    "/": ("page.html", "text/html"),
    "/mail": ("mail.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/mail.js": ("mail.js", "text/javascript"),
    "/words.js": ("words.js", "text/javascript"),
}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class _Server(uvicorn.Server):
    """Signals belong to the demo."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Page:
    """What the page of a stage is asked for."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._viewers = 0

    def _whole_state(self) -> dict[str, Any]:
        console = f"http://127.0.0.1:{self._stage.ports.console}"
        links = {
            "console": f"{console}/",
            "home": f"http://127.0.0.1:{self._stage.ports.home_screen}/",
            "password": LOGIN_PASSWORD,
            "people": [{"name": name, "url": console + path} for name, _, path in city.SURFACES],
        }
        return {**self._stage.state(), "links": links}

    async def state(self, _request: Request) -> Response:
        log = [_as_json(entry) for entry in self._stage.entries]
        return JSONResponse({**self._whole_state(), "log": log}, headers=_HEADERS)

    async def mails(self, _request: Request) -> Response:
        return JSONResponse([asdict(mail) for mail in reversed(self._stage.mail.mails)], headers=_HEADERS)

    async def act(self, request: Request) -> Response:
        if not _from_here(request):
            return JSONResponse({"reason": "other_site"}, 403, headers=_HEADERS)
        done = await do(self._stage, request.path_params["action"])
        return JSONResponse({"done": done}, 200 if done else 404, headers=_HEADERS)

    async def phone(self, request: Request) -> Response:
        if not _from_here(request):
            return JSONResponse({"reason": "other_site"}, 403, headers=_HEADERS)
        done = await self._stage.carers_phones.do(request.path_params["phone"], request.path_params["what"])
        self._stage.changed.set()
        return JSONResponse({"done": done}, 200 if done else 404, headers=_HEADERS)

    async def events(self, _request: Request) -> Response:
        if self._viewers >= VIEWERS_MAX:
            return JSONResponse({"reason": "too_many_viewers"}, 503, headers=_HEADERS)
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers=_HEADERS)

    async def _stream(self) -> AsyncIterator[str]:
        self._viewers += 1
        told, shown = 0, ""
        try:
            while True:
                for entry in [entry for entry in self._stage.entries if entry.number > told]:
                    told = entry.number
                    yield _event("entry", _as_json(entry))
                if (now := json.dumps(self._whole_state(), ensure_ascii=False)) != shown:
                    shown = now
                    yield f"event: state\ndata: {now}\n\n"
                self._stage.changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await self._stage.changed.wait()
                    continue
                yield _event("beat", {})
        finally:
            self._viewers -= 1


def create_app(stage: Stage) -> Starlette:
    """The page of a stage."""
    page = _Page(stage)
    return Starlette(
        routes=[
            Route("/api/state", page.state),
            Route("/api/mails", page.mails),
            Route("/api/do/{action}", page.act, methods=["POST"]),
            Route("/api/phones/{phone}/{what}", page.phone, methods=["POST"]),
            Route("/events", page.events),
            *(_file_route(path) for path in _FILES),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


def _from_here(request: Request) -> bool:
    return request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


async def serve(stage: Stage, port: int) -> None:
    """Serves until cancelled."""
    config = uvicorn.Config(
        create_app(stage), log_level="warning", access_log=False, timeout_graceful_shutdown=1, lifespan="off"
    )
    listener = socket.create_server(("127.0.0.1", port))
    try:
        await _Server(config).serve(sockets=[listener])
    finally:
        listener.close()


def _as_json(entry: Entry) -> dict[str, Any]:
    return {"n": entry.number, "at": entry.at, "source": entry.source, "key": entry.key, "facts": entry.facts}


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _file_route(path: str) -> Route:
    name, kind = _FILES[path]
    body = files(__package__).joinpath("static", name).read_bytes()

    async def answer(_request: Request) -> Response:
        return Response(body, media_type=kind, headers=_HEADERS)

    return Route(path, answer)
