"""Everything that the pages do, the interface does: read, change with the version that was read, read again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from central.access_rules import Role
from central.storage import audit_log
from tests.central.conftest import NOON
from tests.central.every_route import Client, Everybody, everybody

CONSOLE = Path(__file__).resolve().parents[2] / "central" / "console"
CARERS = CONSOLE.parent / "carers"
HOME = "/api/homes/carme"
CARME = f"{HOME}/residents/carme"
HUB = "/api/hubs/hub-carme"
Change = tuple[str, str, dict[str, Any]]
"""Method, path and body."""


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everybody]:
    with everybody(tmp_path_factory.mktemp("file")) as opened:
        yield opened


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    answer = client.http.request(method, path, json=body, headers=client.headers)
    assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def refusal(client: Client, method: str, path: str, body: Any = None) -> tuple[int, str]:
    answer = client.http.request(method, path, json=body, headers=client.headers)
    return answer.status_code, answer.json()["reason"]


# what is on the pages is in the interface

_LATER = re.compile(r"\{\{.*?\}\}|\$\{[^}]*\}|\{\w+\}")


def asked_by_pages() -> set[str]:
    """The addresses that forms, buttons and scripts of the pages send to, with {x} where an id comes."""
    files = [*CONSOLE.rglob("*.html"), *CONSOLE.rglob("*.js"), *CARERS.rglob("*.html"), *CARERS.rglob("*.js")]
    found = set()
    for file in files:
        for address in re.findall(r"""["'`](/api/[^"'`\s?]+)""", _LATER.sub("{x}", file.read_text())):
            found.add(address.rstrip("/"))
    return found


def test_every_address_that_the_pages_send_to_is_described(centre: Everybody) -> None:
    described = [path.split("/") for path in centre.app.openapi()["paths"]]
    asked = asked_by_pages()
    assert len(asked) > 60
    missing = {path for path in asked - NOT_FOR_PROGRAMS if not any(_leads_to(path.split("/"), it) for it in described)}
    assert missing == set()


NOT_FOR_PROGRAMS = {"/api/docs", "/api/openapi.json"}
"""The description itself."""


def _leads_to(asked: list[str], described: list[str]) -> bool:
    """Whether an address is, or begins, one that is described; "{x}" may be any part of it."""
    together = zip(asked, described, strict=False)
    return len(asked) <= len(described) and all(one == other or "{" in one + other for one, other in together)


# what is read can be sent back

Step = Callable[[Callable[[str], Any]], Change]


def edited(path: str, get: str, pick: Callable[[Any], Any], method: str = "PUT", **changes: Any) -> Step:
    """A change of what `pick` finds in what was read, sent back whole."""
    return lambda read: (method, path, {**pick(read(get)), **changes})


def setting(name: str, **changes: Any) -> Step:
    def step(read: Callable[[str], Any]) -> Change:
        standing = read(f"/api/settings/{name}")
        return "PUT", f"/api/settings/{name}", {"version": standing["version"], "value": standing["value"] | changes}

    return step


HOOK = {"label": "p", "url": "https://p.example/", "events": ["case.opened"], "municipalities": ["Gràcia"]}


def corrected(condition: dict[str, Any]) -> Change:
    return "PUT", f"{CARME}/conditions/{condition['number']}", {**condition, "text": "Diabetis tipus 2"}


ENTERED: list[Change] = [
    ("POST", f"{CARME}/conditions", {"text": "Diabetis", "source": "CAP Gràcia"}),
    ("POST", f"{HOME}/keys", {"tag": "K-1", "kept": "team_safe"}),
    ("POST", f"{HOME}/agenda", {"kind": "courtesy", "starts_on": "2026-12-01"}),
    ("POST", f"{CARME}/absences", {"from_at": NOON, "until_at": NOON + 86_400, "reason": "family"}),
    ("POST", "/api/webhooks", HOOK),
]  # fmt: skip
TEMPLATE = {"name": "Error", "cause": "mistake", "action": "talked", "outcome": "resolved_by_talk"}
PERSON = {"called": "Nit", "channel": "sms", "address": "+34600111222"}


def over(listed: str, path: str, **body: Any) -> Step:
    return lambda read: ("POST", path, {"version": read(f"/api/settings/{listed}")["version"], **body})


CHANGES: dict[str, Step] = {
    "put /api/homes/{home_id}": edited(HOME, HOME, lambda home: home, phone="93 000 00 00"),
    "put /api/homes/{home_id}/access": edited(f"{HOME}/access", f"{HOME}/access", lambda way: way, door_code="1234"),
    "put /api/homes/{home_id}/residents/{resident_id}": edited(
        CARME, HOME, lambda home: home["residents"][0], birthday="05-06", speech="weak"
    ),
    "put /api/homes/{home_id}/contacts/{contact_id}": edited(
        f"{HOME}/contacts/joan", f"{HOME}/contacts", lambda it: it["contacts"][1], minutes_away=3
    ),
    "put /api/homes/{home_id}/residents/{resident_id}/conditions/{number}": lambda read: corrected(
        read(f"{HOME}/conditions")[0]
    ),
    "post /api/homes/{home_id}/plans": edited(
        f"{HOME}/plans", f"{HOME}/plans", lambda found: found["plans"][0], "POST", order="agreed"
    ),
    "put /api/homes/{home_id}/limits": lambda read: (
        "PUT",
        f"{HOME}/limits",
        {"version": read(f"{HOME}/plans")["limits_version"], "limits": {"inactivity_hours": 8}},
    ),
    "post /api/homes/{home_id}/keys/{key_id}/out": edited(
        f"{HOME}/keys/1/out", f"{HOME}/access", lambda way: way["keys"][0], "POST", to="Pol", back_by_at=NOON + 9_999
    ),
    "post /api/homes/{home_id}/keys/{key_id}/move": lambda read: (
        "POST",
        f"{HOME}/keys/1/move",
        {"version": read(f"{HOME}/access")["keys"][0]["version"], "what": "back"},
    ),
    "post /api/hubs/{hub_id}/settings": lambda read: (
        "POST",
        f"{HUB}/settings",
        {"version": read(HUB)["version"], "speaks": {"called": "Carme", "mistake_s": 20}},
    ),
    "put /api/settings/{name}": setting("targets", share_50=90.0),
    "post /api/settings/closings/templates": over("closings", "/api/settings/closings/templates", **TEMPLATE),
    "post /api/settings/closings/templates/remove": over(
        "closings", "/api/settings/closings/templates/remove", name="Error"
    ),
    "post /api/settings/on_call/people": over("on_call", "/api/settings/on_call/people", **PERSON),
    "post /api/settings/on_call/people/remove": over(
        "on_call", "/api/settings/on_call/people/remove", channel="sms", address="+34600111222"
    ),
    "put /api/webhooks/{hook_id}": edited(
        "/api/webhooks/1", "/api/webhooks", lambda found: found["webhooks"][0], label="other"
    ),
}
ELSEWHERE = {
    "post /api/homes/{home_id}/residents/{resident_id}/conditions": "something new has no version yet",
    "put /api/breaches/{breach_id}": "tests/central/test_breaches.py",
}


def test_whatever_asks_for_a_version_is_changed_with_the_one_that_was_read_and_no_page(centre: Everybody) -> None:
    office = centre.client(Role.COORDINATOR)
    schema = centre.app.openapi()
    for change in ENTERED:
        send(office, *change)
    assert versioned(schema) == CHANGES.keys() | ELSEWHERE.keys(), "each of them is tried here"
    for name, step in CHANGES.items():
        method, path, body = step(lambda address: send(office, "GET", address))
        send(office, method, path, body)
        late = refusal(office, method, path, body)
        assert late[0] in {404, 409, 422}, f"{name}: what was seen before is not written over: {late}"
    contact = send(office, "GET", f"{HOME}/contacts")["contacts"][1]
    assert (contact["minutes_away"], contact["consent"], contact["version"]) == (3, ["alarms"], 1)
    assert send(office, "GET", HOME)["residents"][0]["birthday"] == "05-06"
    assert send(office, "GET", HUB)["settings"] == {"called": "Carme", "mistake_s": "20.0"}
    page = office.http.get("/devices/hub-carme").text
    assert re.search(r'name="speaks.called" value="Carme"', page)
    assert re.search(r'name="speaks.mistake_s" value="20"', page)
    changes = send(office, "GET", f"{HOME}/history")["changes"]
    assert {"contact:joan", "access:carme", "condition:2"} <= {one["subject"] for one in changes}


def test_what_is_read_holds_all_that_a_change_writes_so_that_sending_it_back_erases_nothing(centre: Everybody) -> None:
    office = centre.client(Role.COORDINATOR)
    schema = centre.app.openapi()
    whole = [name for name in CHANGES if name.startswith(("put /api/homes/", "post /api/homes/{home_id}/plans"))]
    for name in whole:
        method, _, path = name.partition(" ")
        body = schema["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        fields = schema["components"]["schemas"][body.rpartition("/")[2]]["properties"]
        written = {field for field, kind in fields.items() if {"type": "null"} not in kind.get("anyOf", ())}
        _, _, sent = CHANGES[name](lambda address: send(office, "GET", address))
        assert written - sent.keys() == set(), f"{name}: what may be null stays as it is where it is left out"


def versioned(schema: dict[str, Any]) -> set[str]:
    """The changes whose body asks for a version."""
    found = set()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                name = content["schema"].get("$ref", "").rpartition("/")[2]
                if "version" in schema["components"]["schemas"].get(name, {}).get("properties", {}):
                    found.add(f"{method} {path}")
    return found


LISTED = {
    "home_id": "/api/residents",
    "resident_id": HOME,
    "contact_id": f"{HOME}/contacts",
    "subscription_id": f"{HOME}/contacts",
    "from_at": f"{HOME}/contacts",
    "number": f"{HOME}/conditions",
    "item_id": f"{HOME}/agenda",
    "call_id": f"{HOME}/agenda",
    "key_id": f"{HOME}/access",
    "device_id": f"{HOME}/devices",
    "hub_id": "/api/units?which=all",
    "case_id": "/api/queue",
    "account_id": "/api/accounts",
    "session_id": "/api/me/sessions",
    "hook_id": "/api/webhooks",
    "glass_id": "/api/glass",
    "audit_id": "/api/quality/audits?month=2026-11",
    "hold_id": "/api/retention",
    "breach_id": "/api/breaches",
    "request_id": "/api/requests",
}
"""What a change is made to -> where its id is read."""
BY_MESSAGE = {"token"}
"""What only whoever gets it by a message has."""


def test_whatever_is_changed_by_its_id_is_listed_with_its_id(centre: Everybody) -> None:
    office = centre.client(Role.COORDINATOR)
    for address in set(LISTED.values()):
        send(office, "GET", address)
    paths = centre.app.openapi()["paths"]
    changed = {
        name for path, methods in paths.items() if methods.keys() - {"get"} for name in re.findall(r"{(\w+)}", path)
    }
    assert changed - LISTED.keys() - BY_MESSAGE == {"name"}, "the settings, which are few"


# who may

PARTS = (
    "",
    "/contacts",
    "/access",
    "/conditions",
    "/plans",
    "/agenda",
    "/absences",
    "/devices",
    "/consents",
    "/history",
)
PARTS = {
    "people": "",
    "contacts": "/contacts",
    "access": "/access",
    "health": "/conditions",
    "plan": "/plans",
    "calls": "/agenda",
    "absences": "/absences",
    "devices": "/devices",
    "consents": "/consents",
    "history": "/history",
}
"""Tab of the page -> part of the file."""


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.API])
def test_a_part_opens_for_whom_its_tab_opens_and_its_reading_is_written_down(centre: Everybody, role: Role) -> None:
    client = centre.client(role)
    for tab, part in PARTS.items():
        opens = client.http.get(HOME + part).status_code == 200
        assert opens == (client.http.get(f"/residents/carme?tab={tab}").status_code == 200), (role, part)
    beyond = {client.http.get(f"/api/homes/pere{part}").status_code for part in PARTS.values()}
    assert 200 not in beyond
    with centre.setting.database.read() as conn:
        log = audit_log.find(conn, audit_log.Filter(account_id=f"x-{role}"), 500)
    read = {row.entry.what for row in log if row.entry.outcome == "allowed"}
    if role in {Role.OPERATOR, Role.SUPERVISOR, Role.COORDINATOR}:
        assert {f"GET {HOME}{part}" for part in ("", "/contacts", "/access", "/conditions", "/consents")} <= read
    if role in {Role.CARER, Role.RESIDENT, Role.AUDITOR}:
        assert not {what for what in read if what.startswith(f"GET {HOME}")}, "what was refused was not read"


def test_a_reason_written_down_opens_the_parts_of_a_home_beyond_reach(centre: Everybody) -> None:
    tec = centre.client(Role.TECHNICIAN)
    assert refusal(tec, "GET", f"{HOME}/conditions") == (403, "needs_reason")
    send(tec, "POST", f"{HOME}/glass", {"reason": "Heard a call for help from inside"})
    assert tec.http.get(f"{HOME}/conditions").status_code == 200
    assert refusal(tec, "POST", f"{CARME}/conditions", {"text": "xx", "source": "yy"})[0] == 403


# programs


def program(centre: Everybody, *scopes: str) -> Client:
    """A program with a new key that opens this."""
    office = centre.client(Role.COORDINATOR)
    made = send(office, "POST", "/api/accounts/x-api/keys", {"label": "city", "scopes": list(scopes), "days": 30})
    client = centre.client(Role.API)
    client.headers = {"authorization": f"Bearer {made['secret']}"}
    return client


def test_a_city_s_program_plans_calls_and_absences_in_its_places_as_far_as_its_key_says(centre: Everybody) -> None:
    city = program(centre, "agenda:read", "agenda:write", "absences:read", "absences:write")
    call = {"kind": "alert", "starts_on": "2026-12-24", "note": "Onada de fred"}
    away = {"from_at": NOON + 9 * 86_400, "until_at": NOON + 10 * 86_400, "reason": "hospital"}
    number = send(city, "POST", f"{HOME}/agenda", call)["id"]
    absence = send(city, "POST", f"{CARME}/absences", away)["id"]
    mine = next(one for one in send(city, "GET", f"{HOME}/agenda")["items"] if str(one["id"]) == number)
    assert (mine["made_by"], mine["rule"]["note"]) == ("x-api", "Onada de fred")
    assert [one["announced_by"] for one in send(city, "GET", f"{HOME}/absences") if str(one["id"]) == absence] == [
        "x-api"
    ]
    assert refusal(city, "POST", "/api/homes/pere/agenda", call)[0] == 404, "beyond its municipalities"
    assert refusal(city, "POST", "/api/homes/pere/residents/pere-r/absences", away)[0] == 404
    with centre.setting.database.read() as conn:
        log = audit_log.find(conn, audit_log.Filter(account_id="x-api"), 500)
    done = {(row.entry.what, row.entry.outcome) for row in log if row.entry.action == "write"}
    assert {(f"POST {HOME}/agenda", "allowed"), (f"POST {CARME}/absences", "allowed")} <= done
    assert ("POST /api/homes/pere/agenda", "refused") in done
    send(city, "POST", f"{HOME}/agenda/{number}/end", {"reason": "the cold is over"})
    send(city, "POST", f"{CARME}/absences/{absence}/end")


def test_a_program_changes_nothing_else_and_ends_nothing_of_others(centre: Everybody) -> None:
    office, city = centre.client(Role.COORDINATOR), program(centre, "agenda:write", "absences:write")
    call = {"kind": "medication", "repeat": "days", "starts_on": "2026-12-01"}
    number = send(office, "POST", f"{HOME}/agenda", call)["id"]
    away = {"from_at": NOON + 20 * 86_400, "until_at": NOON + 21 * 86_400, "reason": "family"}
    absence = send(office, "POST", f"{CARME}/absences", away)["id"]
    assert refusal(city, "POST", f"{HOME}/agenda/{number}/end", {"reason": "a fault"}) == (403, "not_yours")
    assert refusal(city, "POST", f"{CARME}/absences/{absence}/end") == (403, "not_yours")
    assert refusal(city, "GET", f"{HOME}/agenda") == (403, "not_allowed"), "its key does not name reading"
    assert refusal(city, "POST", f"{HOME}/calls/1/take") == (403, "not_allowed")
    assert refusal(city, "PUT", HOME, send(office, "GET", HOME)) == (403, "not_allowed")
    reads = program(centre, "agenda:read")
    assert refusal(reads, "POST", f"{HOME}/agenda", call) == (403, "not_allowed")


def test_a_key_of_which_nobody_said_what_it_opens_reads_and_changes_nothing(centre: Everybody) -> None:
    office, old = centre.client(Role.COORDINATOR), centre.client(Role.API)
    old.headers = {"authorization": f"Bearer {send(office, 'POST', '/api/accounts/x-api/key')['secret']}"}
    assert send(old, "GET", f"{HOME}/agenda")["items"] is not None
    call = {"kind": "alert", "starts_on": "2026-12-24"}
    assert refusal(old, "POST", f"{HOME}/agenda", call) == (403, "not_allowed")
    key = next(one for one in send(office, "GET", "/api/keys-of-programs")["keys"] if not one["label"])
    assert all(scope.endswith(":read") for scope in key["scopes"])


def test_changes_on_record_are_told_to_programs_as_far_as_they_may_read_what_changed(centre: Everybody) -> None:
    office, city = centre.client(Role.COORDINATOR), program(centre, "case:read", "resident_file:read")
    home, way = send(office, "GET", HOME), send(office, "GET", f"{HOME}/access")
    send(office, "PUT", HOME, {**home, "district": "Vila de Gràcia"})
    send(office, "PUT", f"{HOME}/access", {**way, "pets": "gos"})
    told = {one["subject"].partition(":")[0] for one in send(city, "GET", f"{HOME}/history")["changes"]}
    assert told == {"home"}
    person = send(city, "GET", HOME)["residents"][0]
    assert person["flags"] is None
