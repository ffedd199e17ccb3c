"""A press before the scripts of a page have run, or where none run, does what the button says or cannot be made."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from central.storage import cases, invitations, reach_tests
from tests.central.app_routes import routes_of
from tests.central.carers_setting import SITE, furnish_carers, link, log_in
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, open_setting

VOID = {"meta", "link", "input", "br", "img", "hr", "path", "col"}


class Pressed(HTMLParser):
    """What can be pressed on a page that does nothing by itself: `lost`; and where its forms go: `posts`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inside: list[tuple[str, dict[str, str | None]]] = []
        self.lost: list[str] = []
        self.posts: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        had = dict(attrs)
        around = [*self.inside, (tag, had)]
        if tag not in VOID:
            self.inside.append((tag, had))
        if tag == "form" and had.get("method") == "post":
            self.posts.add(had.get("action") or "")
        held = any("inert" in one or "hidden" in one or "disabled" in one for _, one in around)
        native = "popovertarget" in had or had.get("type") == "hidden"
        form = next((one for name, one in reversed(around) if name == "form"), None)
        sent = form is not None and bool(form.get("action"))
        if tag in {"button", "select", "input", "textarea"} and not (held or native or sent):
            self.lost.append(f"{tag} {had}")

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop()[0] != tag:
            pass


@pytest.fixture
def setting(tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock, with_store=False) as opened:
        furnish_carers(opened)
        yield opened


@pytest.fixture
def app(setting: Setting) -> FastAPI:
    return setting.app()


def test_nothing_can_be_pressed_in_vain(app: FastAPI, setting: Setting) -> None:
    case = setting.alarm("carme", place="bany")
    token = link(setting, case, "joan")
    with setting.database.begin() as conn:
        invitation = invitations.make(conn, "joan", "cap", NOON)
        reach_tests.queue(conn, "joan", "email", "desk", NOON)
    marta, carme, ana = (log_in(app, name) for name in ("marta-acc", "carme-acc", "ana"))
    browser = TestClient(app)
    pages = {
        "link": browser.get(f"/c/{token}"),
        "invitation": browser.get(f"/c/invite/{invitation}"),
        "invitation of a second person": marta.get(f"/c/invite/{invitation}"),
        "no connection": browser.get("/family/offline"),
        **{path: marta.get(path) for path in ("/family", "/family/rota", "/family/phone", f"/family/case/{case}")},
        **{path: carme.get(path) for path in ("/rights", "/rights/carme/export")},
        **{path: ana.get(path) for path in ("/", "/me", "/residents/carme?tab=contacts", "/agenda")},
    }
    served = [(route.path_regex, route.methods) for route in routes_of(app)]
    for name, page in pages.items():
        assert page.status_code == 200, name
        pressed = Pressed(page.text)
        assert pressed.lost == [], name
        for path in pressed.posts:
            answers = [regex for regex, methods in served if "POST" in methods and regex.match(path.partition("?")[0])]
            assert answers, (name, path, "a plain form goes nowhere")


def test_the_answers_of_a_carer_with_an_account_work_without_scripts(app: FastAPI, setting: Setting) -> None:
    case = setting.alarm("carme")
    marta = log_in(app, "marta-acc")
    path = f"/family/case/{case}"
    page = marta.get(path).text
    assert f'action="{path}"' in page
    assert f'name="form" value="{marta.form_token}"' in page

    def press(button: str, form: str = marta.form_token, where: str = path) -> int:
        code: int = marta.client.post(where, data={"answer": button, "form": form}, headers=SITE).status_code
        return code

    assert press("going15", form="forged") == 403
    assert press("rubbish") == 422
    assert press("going15", where="/family/case/999") == 404
    with setting.database.read() as conn:
        assert [one.type for one in cases.events_of(conn, case)] == ["opened"]
    assert press("going15") == 303
    with setting.database.read() as conn:
        known = cases.find(conn, case)
    assert known is not None
    assert (known.helper_id, known.eta_at) == ("marta", NOON + 900)
    assert "4412" in marta.get(path).text
    assert press("here") == 303
    assert press("well") == 303
    with setting.database.read() as conn:
        assert [one.type for one in cases.events_of(conn, case)][-2:] == ["arrived", "all_well"]
