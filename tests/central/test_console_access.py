"""Who gets in, who is kept out, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from fastapi.testclient import TestClient
from sqlalchemy import select

from central.console.access import FAILURES_MAX, IDLE_S, LOCK_S, SESSION_COOKIE, SESSION_S
from central.console.rights import open_door
from central.storage import people
from central.storage.people import Operator
from central.storage.tables import operators, sessions
from tests.central.app_routes import dependencies, routes_of
from tests.central.console_setting import FULL_STRENGTH, PASSWORD, Clock, Setting, open_setting
from tests.central.desk_people import HOST, form_token, log_in


@pytest.fixture
def setting(tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def client(setting: Setting) -> Iterator[TestClient]:
    with TestClient(setting.app(), base_url=HOST, follow_redirects=False) as opened:
        yield opened


def test_right_name_and_password_open_the_console(client: TestClient) -> None:
    answer = log_in(client, "Ana ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Esperen" not in client.get("/login").text
    assert client.get("/").status_code == 200
    assert client.get("/api/me").json()["called"] == "Ana"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(setting: Setting) -> None:
    with TestClient(setting.app(cookie_secure=True), base_url="https://desk.test", follow_redirects=False) as client:
        cookie = next(c for c in log_in(client).headers.get_list("set-cookie") if c.startswith(SESSION_COOKIE))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" in cookie


def test_passwords_are_hashed_at_the_recommended_strength_and_a_log_in_renews_a_hash_of_another(
    client: TestClient, setting: Setting
) -> None:
    strong = FULL_STRENGTH.hash(PASSWORD)
    assert extract_parameters(strong) == RFC_9106_LOW_MEMORY
    with setting.database.begin() as conn:
        people.set_password(conn, "ana", strong)
    assert log_in(client).status_code == 303
    with setting.database.read() as conn:
        ana = people.operator(conn, "ana")
    assert ana is not None
    assert ana.password_hash != strong
    client.cookies.clear()
    assert log_in(client).status_code == 303


def test_the_database_never_holds_what_would_open_a_session(client: TestClient, setting: Setting) -> None:
    log_in(client)
    with setting.database.read() as conn:
        kept = conn.execute(select(sessions.c.token_hash)).scalar_one()
        password_hash = conn.execute(select(operators.c.password_hash)).scalars().first()
    assert client.cookies[SESSION_COOKIE] != kept
    assert password_hash is not None
    assert password_hash.startswith("$argon2id$")


def test_too_many_wrong_passwords_lock_the_name_for_a_while(client: TestClient, clock: Clock) -> None:
    for _ in range(FAILURES_MAX):
        assert log_in(client, password="wrong").status_code == 403
    refused = log_in(client)
    assert refused.status_code == 403
    assert "Massa contrasenyes errònies. Torneu-ho a provar a partir de les 13:05" in refused.text
    clock.now += LOCK_S + 1
    assert log_in(client).status_code == 303


def test_a_right_password_forgets_the_wrong_ones_before(client: TestClient) -> None:
    for _ in range(2):
        for _ in range(FAILURES_MAX - 1):
            log_in(client, password="wrong")
        assert log_in(client).status_code == 303
        client.cookies.clear()


def test_an_unknown_name_is_answered_as_a_wrong_password(client: TestClient) -> None:
    assert "El nom o la contrasenya no són correctes." in log_in(client, "nobody").text
    assert "El nom o la contrasenya no són correctes." in log_in(client, "ana", "x" * 5000).text


def test_a_disabled_operator_is_kept_out_and_thrown_out(client: TestClient, setting: Setting) -> None:
    log_in(client)
    with setting.database.begin() as conn:
        conn.execute(operators.update().where(operators.c.id == "ana").values(disabled=True))
    assert client.get("/api/queue").status_code == 401
    client.cookies.clear()
    assert log_in(client).status_code == 403


def test_a_session_ends_by_log_out_and_cannot_be_used_again(client: TestClient) -> None:
    log_in(client)
    token = client.cookies[SESSION_COOKIE]
    assert client.post("/api/logout", headers=form_token(client)).status_code == 204
    client.cookies.set(SESSION_COOKIE, token)
    assert client.get("/api/queue").status_code == 401


def test_a_session_ends_after_a_shift_and_earlier_when_the_console_was_closed(client: TestClient, clock: Clock) -> None:
    log_in(client)
    begin = clock.now
    while clock.now + IDLE_S / 2 < begin + SESSION_S:
        clock.now += IDLE_S / 2
        assert client.get("/api/me").status_code == 200
    clock.now = begin + SESSION_S + 1
    assert client.get("/api/me").status_code == 401
    client.cookies.clear()
    log_in(client)
    clock.now += IDLE_S + 61
    assert client.get("/api/me").status_code == 401


def test_every_page_and_api_needs_a_session(client: TestClient, setting: Setting) -> None:
    for path in ("/", "/health"):
        assert client.get(path).headers["location"] == "/login"
    app = setting.app()
    doors = {route.path for route in routes_of(app) if any(call is open_door for call in dependencies(route))}
    client_routes = app.openapi()["paths"]
    assert len(client_routes) > 40
    for path, methods in client_routes.items():
        if path in doors:
            continue
        for method in methods:
            url = path.replace("{case_id}", "1").replace("{home_id}", "carme").replace("{contact_id}", "marta")
            answer = client.request(method, url, json={})
            assert (url, answer.status_code) == (url, 401)
            assert answer.json()["reason"] == "not_logged_in"
    assert client.get("/live").status_code == 401
    assert client.get("/api/openapi.json").status_code == 401


def test_no_change_without_the_token_of_the_form(client: TestClient) -> None:
    log_in(client)
    refused = client.post("/api/cases/1/take")
    assert (refused.status_code, refused.json()["reason"]) == (403, "wrong_form_token")
    assert client.post("/api/cases/1/take", headers={"x-form-token": "0" * 64}).status_code == 403
    assert client.post("/api/cases/1/take", headers=form_token(client)).json()["reason"] == "no_such_case"


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_no_change_at_the_bidding_of_another_site(client: TestClient, headers: dict[str, str]) -> None:
    log_in(client)
    token = form_token(client)
    refused = client.post("/api/cases/1/take", headers=token | headers)
    assert (refused.status_code, refused.json()["reason"]) == (403, "other_site")
    client.cookies.clear()
    spoken = client.post("/api/cases/1/take", headers=token | headers | {"accept-language": "es"})
    assert spoken.json()["text"] == "La petición venía de otro sitio web."
    assert log_in(client, **headers).status_code == 403
    assert client.post("/api/cases/1/take", headers=token | {"origin": HOST}).status_code == 401


def test_a_log_in_without_its_own_page_is_refused(client: TestClient) -> None:
    assert client.post("/login", data={"name": "ana", "password": PASSWORD, "form": "x"}).status_code == 403
    client.get("/login")
    assert client.post("/login", data={"name": "ana", "password": PASSWORD, "form": ""}).status_code == 403


def test_pages_forbid_foreign_scripts_frames_and_keeping(client: TestClient) -> None:
    headers = client.get("/login").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert client.get("/static/js/desk.js").headers["cache-control"] == "no-cache"


def test_a_name_cannot_break_out_of_the_page(client: TestClient, setting: Setting) -> None:
    with setting.database.begin() as conn:
        password_hash = people.operator(conn, "ana")
        assert password_hash
        person = Operator("eva", "</script><script>alert(1)</script>", password_hash.password_hash)
        people.add_operator(conn, person)
    log_in(client, "eva")
    assert "<script>alert(1)" not in client.get("/").text
