"""Whatever is sent to whatever route: a clear refusal, never a fault of ours, and nothing has changed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from central.access_rules import Role
from central.console.limits import BODY_BYTES_MAX
from gateway.contract.claim import CLAIM_PATH
from tests.central.every_route import HOST, Client, Everybody, everybody, filled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STAFF = (Role.OPERATOR, Role.SUPERVISOR, Role.COORDINATOR, Role.TECHNICIAN)
NOT_JSON = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b'"text"',
    b"17",
    b"true",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"NaN",
    b"\x00",
]
WRONG_KINDS = [
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "x" * 300,
    "",
]
FORGED = [
    "0",
    "-1",
    "9" * 40,
    "1e3",
    "%00",
    "..%2f..%2fetc%2fpasswd",
    "'%20OR%201=1--",
    "x" * 3000,
    "%F0%9F%92%A9",
    "%ff",
    "*",
]
FEW = 3
"""So many of the bodies and ids above each route is tried with by default: another few at the next route."""


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everybody]:
    with everybody(tmp_path_factory.mktemp("bad-input")) as opened:
        yield opened


@pytest.fixture(scope="module")
def clients(centre: Everybody) -> dict[Role, Client]:
    return {role: centre.client(role) for role in Role}


@pytest.fixture(autouse=True)
def nothing_changes(centre: Everybody, clients: dict[Role, Client]) -> Iterator[None]:
    assert clients
    before = centre.dump()
    yield
    after = centre.dump()
    changed = {name: (len(before[name]), len(rows)) for name, rows in after.items() if rows != before[name]}
    assert changed == {}


def changing(centre: Everybody) -> list[tuple[str, APIRoute]]:
    """Every method and route that may change something."""
    # the door of new hubs says that this centre gives none out, whatever is sent
    routes = [route for route in centre.routes() if route.path != CLAIM_PATH]
    found = [(method, route) for route in routes for method in route.methods - {"GET", "HEAD"}]
    assert len(found) > 40
    return found


def sane(answer: Any, what: object) -> None:
    """A refusal, with a body of its own shape wherever programs read it."""
    leads_to = answer.headers.get("location", "") if answer.status_code in {302, 303} else ""
    to_login = leads_to.startswith("/login") or leads_to.endswith("/log-in")
    # the door of log-in shows its page again, and the page of a language goes back to it
    assert 400 <= answer.status_code < 500 or to_login, (what, answer.status_code, answer.text[:300])
    if answer.headers.get("content-type", "").startswith("application/json") and "/api/" in str(answer.url):
        assert {"reason", "text"} <= set(answer.json()), (what, answer.text[:300])


def test_nobody_changes_anything_without_logging_in(centre: Everybody) -> None:
    client = centre.nobody()
    for method, route in changing(centre):
        sane(client.request(method, filled(route.path, centre.ids), json={}), (method, route.path))


def test_nobody_changes_anything_without_the_forms_token(centre: Everybody, clients: dict[Role, Client]) -> None:
    for headers in ({}, {"x-form-token": "0" * 64}, {"x-form-token": b"\xff\xfe"}):
        for method, route in changing(centre):
            if route.path.startswith("/api/"):
                answer = clients[Role.COORDINATOR].http.request(
                    method, filled(route.path, centre.ids), json={}, headers=headers
                )
                sane(answer, (method, route.path))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://desk.test.evil.example"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_other_sites_change_nothing(centre: Everybody, clients: dict[Role, Client], headers: dict[str, str]) -> None:
    client = clients[Role.COORDINATOR]
    for method, route in changing(centre):
        path = filled(route.path, centre.ids)
        answer = client.http.request(method, path, json={}, headers={**client.headers, **headers})
        assert (answer.status_code, answer.json()["reason"]) == (403, "other_site"), (method, route.path)


@pytest.mark.parametrize(
    ("role", "each"),
    [(Role.COORDINATOR, FEW), *(pytest.param(role, len(NOT_JSON), marks=pytest.mark.long) for role in STAFF)],
)
def test_what_is_no_json_is_refused(centre: Everybody, clients: dict[Role, Client], role: Role, each: int) -> None:
    client, bodies = clients[role], itertools.cycle(NOT_JSON)
    for method, route in changing(centre):
        if route.body_field is None:
            continue
        path = filled(route.path, centre.ids)
        for body in itertools.islice(bodies, each):
            headers = {**client.headers, "content-type": "application/json"}
            sane(client.http.request(method, path, content=body, headers=headers), (method, route.path, body[:20]))


@pytest.mark.parametrize("kind", WRONG_KINDS)
def test_another_content_type_is_refused(centre: Everybody, clients: dict[Role, Client], kind: str) -> None:
    client = clients[Role.COORDINATOR]
    for method, route in changing(centre):
        if route.body_field is None or not route.path.startswith("/api/"):
            continue
        path = filled(route.path, centre.ids)
        headers = {**client.headers, "content-type": kind}
        answer = client.http.request(method, path, content=b'{"text": "x", "reason": "x"}', headers=headers)
        sane(answer, (method, route.path))


def test_what_is_too_large_is_refused(centre: Everybody, clients: dict[Role, Client]) -> None:
    client = clients[Role.COORDINATOR]
    headers = {**client.headers, "content-type": "application/json"}
    most = BODY_BYTES_MAX + 1

    def pieces() -> Iterator[bytes]:
        for _ in range(most // 10_000 + 1):
            yield b" " * 10_000

    for method, route in changing(centre):
        path = filled(route.path, centre.ids)
        answer = client.http.request(method, path, content=b" " * most, headers=headers)
        assert answer.status_code == 413, (method, route.path, answer.status_code)
        if route.body_field is not None:
            sane(client.http.request(method, path, content=pieces(), headers=headers), (method, route.path))
            for size in ("-1", "x", "1" * 30):
                answer = client.http.request(method, path, content=b"", headers={**headers, "content-length": size})
                sane(answer, (method, route.path, size))


@pytest.mark.parametrize(
    ("role", "each"),
    [
        (Role.OPERATOR, FEW),
        *(pytest.param(role, len(FORGED), marks=pytest.mark.long) for role in (*STAFF, Role.AUDITOR, Role.API)),
    ],
)
def test_forged_ids_name_nothing(centre: Everybody, clients: dict[Role, Client], role: Role, each: int) -> None:
    client, ids = clients[role], itertools.cycle(FORGED)
    for route in centre.routes():
        names = [part.split(":")[0] for part in route.path.replace("}", "{").split("{")[1::2]]
        for name in names:
            for forged in itertools.islice(ids, each) if name.endswith("_id") or name in {"number", "code"} else ():
                path = filled(route.path, {**centre.ids, name: forged})
                for method in route.methods - {"HEAD"}:
                    answer = client.http.request(
                        method, path, headers=client.headers, **({} if method == "GET" else {"json": {}})
                    )
                    assert 300 < answer.status_code < 500, (method, route.path, forged, answer.status_code)


def test_nobody_reaches_beyond_their_own(centre: Everybody, clients: dict[Role, Client]) -> None:
    theirs = {"home_id": "pere", "case_id": str(centre.far), "resident_id": "pere-r", "contact_id": "laia"}
    ids = {**centre.ids, **theirs, "hub_id": "hub-pere"}
    for role in Role:
        client = clients[role]
        for route in centre.routes():
            if not any(f"{{{name}}}" in route.path for name in theirs) or "glass" in route.path:
                continue
            for method in route.methods - {"HEAD"}:
                body: dict[str, Any] = {} if method == "GET" else {"json": {"text": "x", "reason": "because of this"}}
                headers = {**client.headers, "accept": "application/json"}
                answer = client.http.request(method, filled(route.path, ids), headers=headers, **body)
                assert answer.status_code in {401, 403, 404, 405, 422, 303}, (
                    role,
                    method,
                    route.path,
                    answer.status_code,
                )
                assert "Miralles" not in answer.text
                assert "Sants 312" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": "llar_session=" + "x" * 8_000},
        {"cookie": "\xff=\xfe; llar_session=\xff"},
        {"cookie": "llar_session=a; llar_session=b; " * 50},
        {"authorization": "Bearer " + "x" * 8_000},
        {"authorization": "Bearer \xff\xfe"},
        {"authorization": "Basic eDp4"},
        {"authorization": "Bearer"},
        {"accept-language": "," * 5_000 + "ca;q=x"},
        {"accept": "\xff" * 100},
        {"host": "evil.example"},
        {"x-forwarded-for": "127.0.0.1", "x-forwarded-host": "evil.example"},
        {"range": "bytes=9999999-1"},
        {"if-none-match": "\xff"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_junk_in_headers_opens_and_breaks_nothing(centre: Everybody, headers: dict[str, str]) -> None:
    client = centre.nobody()
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    for route in centre.routes():
        if "GET" in route.methods:
            answer = client.get(filled(route.path, centre.ids), headers=raw)
            assert answer.status_code < 500, route.path
            assert "Puig" not in answer.text
            assert "evil.example" not in answer.headers.get("location", "")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../access.py",
        "/static/%2e%2e/access.py",
        "/static/..%2f..%2faccess.py",
        "/static/....//access.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/..\\access.py",
        "/static/css/%00",
        "/static/css",
        "/static/" + "x" * 3_000,
        "//static/../access.py",
        "/%2e%2e/",
        "/api/../static/../app.py",
    ],
)
def test_no_path_leads_out_of_the_static_folder(centre: Everybody, path: str) -> None:
    answer = centre.nobody().get(HOST + path)
    assert answer.status_code in {303, 307, 400, 403, 404, 405}, answer.status_code
    assert "import annotations" not in answer.text


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT", "OPTIONS", "TRACE", "FOO"])
def test_a_method_that_a_route_does_not_take_is_refused(
    centre: Everybody, clients: dict[Role, Client], method: str
) -> None:
    client = clients[Role.COORDINATOR]
    taken = {(m, route.path) for m, route in changing(centre)}
    for route in centre.routes():
        if all((method, other.path) not in taken for other in centre.routes() if other.path_regex.match(route.path)):
            answer = client.http.request(method, filled(route.path, centre.ids), headers=client.headers)
            sane(answer, (method, route.path))
