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


def create_app(stage: Stage) -> Starlette:
    """The page of a stage."""
    viewers = 0

    def whole_state() -> dict[str, Any]:
        links = {
            "console": f"http://127.0.0.1:{stage.ports.console}/",
            "home": f"http://127.0.0.1:{stage.ports.home_screen}/",
            "password": LOGIN_PASSWORD,
            "people": [
                {"name": name, "url": f"http://127.0.0.1:{stage.ports.console}{path}"}
                for name, _, path in city.SURFACES
            ],
        }
        return {**stage.state(), "links": links}

    async def state(_request: Request) -> Response:
        return JSONResponse({**whole_state(), "log": [_as_json(entry) for entry in stage.entries]}, headers=_HEADERS)

    async def mails(_request: Request) -> Response:
        return JSONResponse([asdict(mail) for mail in reversed(stage.mail.mails)], headers=_HEADERS)

    async def act(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return JSONResponse({"reason": "other_site"}, 403, headers=_HEADERS)
        done = await do(stage, request.path_params["action"])
        return JSONResponse({"done": done}, 200 if done else 404, headers=_HEADERS)

    async def phone(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return JSONResponse({"reason": "other_site"}, 403, headers=_HEADERS)
        done = await stage.carers_phones.do(request.path_params["phone"], request.path_params["what"])
        stage.changed.set()
        return JSONResponse({"done": done}, 200 if done else 404, headers=_HEADERS)

    async def stream() -> AsyncIterator[str]:
        nonlocal viewers
        viewers += 1
        told, shown = 0, ""
        try:
            while True:
                for entry in [entry for entry in stage.entries if entry.number > told]:
                    told = entry.number
                    yield _event("entry", _as_json(entry))
                if (now := json.dumps(whole_state(), ensure_ascii=False)) != shown:
                    shown = now
                    yield f"event: state\ndata: {now}\n\n"
                stage.changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stage.changed.wait(), BEAT_S)
                    continue
                yield _event("beat", {})
        finally:
            viewers -= 1

    async def events(_request: Request) -> Response:
        if viewers >= VIEWERS_MAX:
            return JSONResponse({"reason": "too_many_viewers"}, 503, headers=_HEADERS)
        return StreamingResponse(stream(), media_type="text/event-stream", headers=_HEADERS)

    return Starlette(
        routes=[
            Route("/api/state", state),
            Route("/api/mails", mails),
            Route("/api/do/{action}", act, methods=["POST"]),
            Route("/api/phones/{phone}/{what}", phone, methods=["POST"]),
            Route("/events", events),
            *(_file_route(path) for path in _FILES),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


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
