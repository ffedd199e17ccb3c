"""The home's page: one sentence across the room, fed by server-sent events. Imported only when configured."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.resources import files
from typing import Final

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from edge.config import LANGUAGES, ScreenConfig
from edge.home.presence import Presence
from edge.home.question import Answer
from edge.home.voice import PHRASES, SUFFIXES, Recordings, missing, phrase_of, recordings
from edge.home.wording import phrases, put_in_words

log = logging.getLogger(__name__)

SPEAK_EVERY_S: Final = 5.0
"""The page hears something this often, so that it notices when the agent is gone."""
GOODBYE_S: Final = 2
"""A viewer that does not let go by then is cut off."""
VIEWERS_MAX: Final = 16
"""Screens and telephones that look at once."""
ANSWER_BYTES_MAX: Final = 200

_FILES: Final = {
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "connect-src 'self'; media-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class _AnswerBody(msgspec.Struct, forbid_unknown_fields=True):
    """What the page sends when somebody answers."""

    question: str
    answer: Answer


class _SaidBody(msgspec.Struct, forbid_unknown_fields=True):
    """What the page sends when it has said a phrase aloud to its end."""

    phrase: str


class _Server(uvicorn.Server):
    """Signals belong to the agent."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def create_app(presence: Presence, language: Callable[[], str], voice: str = "") -> Starlette:
    """The page in what `language` says at the moment; `?lang=es` shows another. `voice`: the folder of recordings, read
    once."""
    viewers = 0
    recorded = {each: recordings(voice, each) for each in LANGUAGES}

    def chosen(request: Request) -> str:
        asked = request.query_params.get("lang", "")
        return asked if asked in LANGUAGES else language()

    async def stream(request: Request) -> AsyncIterator[str]:
        nonlocal viewers
        viewers += 1
        is_here = _is_of_this_machine(request)
        try:
            # what looks on from elsewhere cannot answer
            speaks = request.query_params.get("voice") == "yes"
            with presence.attached(speaks=speaks) if is_here else nullcontext():
                greeted = ""
                while not app.state.closing and not await request.is_disconnected():
                    if (lang := chosen(request)) != greeted:
                        greeted = lang
                        yield _event("hello", _hello(lang, recorded[lang]))
                    yield _event("scene", _scene(presence, lang, recorded[lang], may_answer=is_here))
                    await presence.wait(SPEAK_EVERY_S)
        finally:
            viewers -= 1

    async def events(request: Request) -> Response:
        if viewers >= VIEWERS_MAX:
            return Response("too many screens are looking", status_code=503)
        return StreamingResponse(stream(request), media_type="text/event-stream", headers=_HEADERS)

    async def page(request: Request) -> Response:
        lang = chosen(request)
        scene = _scene(presence, lang, recorded[lang], may_answer=_is_of_this_machine(request))
        start = json.dumps({"hello": _hello(lang, recorded[lang]), "scene": scene}, ensure_ascii=False)
        body = template.replace("{{language}}", lang).replace("{{start}}", start.replace("<", "\\u003c"))
        return Response(body, media_type="text/html", headers=_HEADERS)

    template = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    own = [
        Route("/", page),
        Route("/events", events),
        Route("/answer", _answer, methods=["POST"]),
        Route("/said", _said, methods=["POST"]),
        Route("/voice/{language}/{phrase}", _recording),
    ]
    app = Starlette(routes=[*own, *(_file_route(path) for path in _FILES)])
    app.state.closing = False
    app.state.presence = presence
    app.state.recorded = recorded
    return app


async def _answer(request: Request) -> Response:
    if not (_is_of_this_machine(request) and _is_from_our_page(request)):
        return Response("an answer counts only from the page on the hub itself", status_code=403)
    try:
        given = msgspec.json.decode(await _body(request), type=_AnswerBody)
    except msgspec.DecodeError:
        return Response("not an answer", status_code=400)
    taken = request.app.state.presence.answer(given.question, given.answer)
    return Response(status_code=204 if taken else 409, headers=_HEADERS)


async def _said(request: Request) -> Response:
    if not (_is_of_this_machine(request) and _is_from_our_page(request)):
        return Response("what is said counts only from the page on the hub itself", status_code=403)
    try:
        given = msgspec.json.decode(await _body(request), type=_SaidBody)
    except msgspec.DecodeError:
        return Response("not a phrase", status_code=400)
    if given.phrase not in PHRASES:
        return Response("no such phrase", status_code=400)
    request.app.state.presence.on_said(given.phrase)
    return Response(status_code=204, headers=_HEADERS)


async def _recording(request: Request) -> Response:
    recorded: Mapping[str, Recordings] = request.app.state.recorded
    path = recorded.get(request.path_params["language"], {}).get(request.path_params["phrase"])
    if path is None:
        return Response("nobody has recorded this", status_code=404)
    return FileResponse(path, media_type=SUFFIXES[path.suffix], headers=_HEADERS)


async def serve(config: ScreenConfig, app: Starlette) -> None:
    """Serves until cancelled.

    Raises:
        OSError: the port cannot be used.
    """
    settings = uvicorn.Config(
        app, lifespan="off", log_level="warning", access_log=False, timeout_graceful_shutdown=GOODBYE_S
    )
    server = _Server(settings)
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.create_server((config.host, config.port), family=family) as listening:
        log.info("the home's page is at http://%s:%d/", config.host, listening.getsockname()[1])
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            app.state.closing = True
            app.state.presence.wake()
            await serving


def _file_route(path: str) -> Route:
    name, kind = _FILES[path]
    body = files(__package__).joinpath(name).read_bytes()

    async def answer(_request: Request) -> Response:
        return Response(body, media_type=kind, headers=_HEADERS)

    return Route(path, answer)


def _is_of_this_machine(request: Request) -> bool:
    return request.client is not None and _is_loopback(request.client.host)


def _is_from_our_page(request: Request) -> bool:
    """Not from a page of somebody else's that the hub's browser shows, nor under a name that was bent to this machine.

    A browser says truthfully where a request with JSON comes from, and asks before it sends one elsewhere (Fetch
    standard, "CORS-preflight fetch"), which nobody answers here.
    """
    host = request.headers.get("host", "")
    name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
    return (
        (name == "localhost" or _is_loopback(name))
        and request.headers.get("origin") == f"http://{host}"
        and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
        and request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"
    )


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            return b""
    return body


def _scene(presence: Presence, language: str, recorded: Recordings, *, may_answer: bool) -> dict[str, object]:
    scene = presence.scene()
    words, phrase = put_in_words(scene, language, presence.called), phrase_of(scene)
    shown: dict[str, object] = {**msgspec.to_builtins(words), "connected": scene.connected, "phrase": phrase}
    if phrase in recorded:
        shown["voice"] = f"voice/{language}/{phrase}"
    if scene.question and may_answer:
        shown |= {"question": scene.question, "left_s": round(scene.left_s, 1)}
    return shown


def _hello(language: str, recorded: Recordings) -> dict[str, object]:
    words = phrases(language)
    lost = {"scene": "lost", "tone": "calm", "label": "", **words["lost"]}
    return {"language": language, "day": words["day"], "lost": lost, "recorded": not missing(recorded)}


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
