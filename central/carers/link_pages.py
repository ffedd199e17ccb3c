"""The carer without an account: `/c/<token>` from a message opens one alarm, for a day, and takes their answer.

Opening the address changes nothing: mail programs and messengers fetch links by themselves. What counts as "opened" is
sent by the page when a person touches it; answers are posts.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from central.carers.alert import ETA_CHOICES_MIN, AlertView
from central.carers.phone_pages import manifest_of
from central.carers.speaker import AnswerBody, Speaker, look, say, say_plainly
from central.carers.web import carer_page, fragment_answer
from central.console import access
from central.console.problem import Problem
from central.console.rights import open_door
from central.storage import reach_tests
from central.texts import later, translator

router = APIRouter()
Public = [Depends(open_door)]
Token = Annotated[str, Path(max_length=64)]


def speaker_of(request: Request, token: str) -> Speaker:
    """Who came by this link.

    Raises:
        Problem: 404 for one that is unknown or has run out.
    """
    state = request.app.state
    found = state.carers.linked(token, state.clock())
    if found is None:
        raise Problem(
            404, "no_such_link", later("This link is not good any more. If you are worried, call the centre.")
        )
    return Speaker(found.case_id, found.contact_id, found.language, "", found.delivery_id)


@router.get("/c/{token}", include_in_schema=False, dependencies=Public)
def show(request: Request, token: Token) -> Response:
    """The page of one alarm."""
    try:
        speaker = speaker_of(request, token)
        view = look(request, speaker)
    except Problem as problem:
        return _gone(request, problem)
    return _page(request, token, speaker, view)


@router.get("/c/{token}/now", include_in_schema=False, dependencies=Public)
def now(request: Request, token: Token) -> Response:
    """The changing part of the page, as it stands now; 304 while nothing has changed."""
    speaker = speaker_of(request, token)
    view = look(request, speaker)
    return fragment_answer(
        request, "alert_now.html", speaker.language, view=view, acts=_acts(token), going=ETA_CHOICES_MIN
    )


@router.get("/c/{token}/app.webmanifest", include_in_schema=False, dependencies=Public)
def manifest(request: Request, token: Token) -> Response:
    """Installed from a link's page, the app opens at that link: there an iPhone lets notifications be turned on."""
    words = translator(speaker_of(request, token).language)
    return JSONResponse(manifest_of(words, f"/c/{token}"), media_type="application/manifest+json")


@router.post("/c/{token}", include_in_schema=False, dependencies=Public)
def answer_without_script(request: Request, token: Token, answer: Annotated[str, Form(max_length=20)] = "") -> Response:
    """An answer from a browser without scripts; shows the page anew."""
    speaker = speaker_of(request, token)
    say_plainly(request, speaker, answer)
    return RedirectResponse(f"/c/{token}", status_code=303)


@router.get("/api/links/{token}", tags=["carers"], dependencies=Public)
def read(request: Request, token: Token) -> AlertView:
    """The alarm that a link opens."""
    return look(request, speaker_of(request, token))


@router.post("/api/links/{token}/answers", tags=["carers"], dependencies=Public)
def answer(request: Request, token: Token, body: AnswerBody) -> AlertView:
    """What the carer says; the alarm as it stands then. 409 `already_going` when somebody else goes already."""
    speaker = speaker_of(request, token)
    say(request, speaker, body)
    return look(request, speaker)


@router.get("/c/test/{token}", include_in_schema=False, dependencies=Public)
def show_test(request: Request, token: Token) -> Response:
    """The page of a reachability test: one button."""
    state = request.app.state
    with state.parts.database.read() as conn:
        found = reach_tests.linked(conn, token, state.clock())
    if found is None:
        text = later("This link is not good any more. If you are worried, call the centre.")
        return _gone(request, Problem(404, "no_such_link", text))
    return carer_page(request, "reach_test.html", found.language, tested=found, token=token)


@router.post("/c/test/{token}", include_in_schema=False, dependencies=Public)
def answer_test_without_script(request: Request, token: Token) -> Response:
    """The tap, from a form."""
    answer_test(request, token)
    return RedirectResponse(f"/c/test/{token}", status_code=303)


@router.post("/api/reach-tests/{token}", tags=["carers"], status_code=204, dependencies=Public)
def answer_test(request: Request, token: Token) -> Response:
    """The tap by which a carer shows that a test message has reached them."""
    state = request.app.state
    now_at: float = state.clock()
    with state.parts.database.begin() as conn:
        found = reach_tests.linked(conn, token, now_at)
        if found is None:
            raise Problem(
                404, "no_such_link", later("This link is not good any more. If you are worried, call the centre.")
            )
        reach_tests.answer(conn, found.test_id, now_at)
    return Response(status_code=204)


def _acts(token: str) -> dict[str, str]:
    return {"token": "", "api": f"/api/links/{token}/answers", "form": f"/c/{token}", "now": f"/c/{token}/now"}


def _page(request: Request, token: str, speaker: Speaker, view: AlertView) -> Response:
    return carer_page(
        request,
        "alert.html",
        speaker.language,
        view=view,
        acts=_acts(token),
        going=ETA_CHOICES_MIN,
        push_token=token,
        manifest=f"/c/{token}/app.webmanifest",
    )


def _gone(request: Request, problem: Problem) -> Response:
    language = access.language_of(request)
    text = translator(language).gettext(problem.text)
    return carer_page(request, "carer_message.html", language, status=problem.status, text=text)
