"""Accounts, second factors, sessions, municipalities: what each may and may not do, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from central.access_rules import Role
from central.case_change import CaseChange
from central.config import ConsoleConfig
from central.console.access import FAILURES_MAX, hash_password
from central.console.app import ConsoleParts, case_announcer, create_app
from central.console.health_view import HealthView
from central.console.live import Live
from central.console.pages import accounts_page, audit_page
from central.sealing import Sealer
from central.storage import accounts, audit_log, people
from central.storage.people import Contact, Operator, Resident
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.conftest import NOON
from tests.central.console_setting import PASSWORD, Clock, Setting, enrol, open_setting
from tests.central.desk_people import Person, log_in

_HASH = hash_password(PASSWORD)
OTHER = "una altra contrasenya bona"


@pytest.fixture
def setting(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    """Two municipalities: Carme in one, Pere in the other; an account of each role."""
    with open_setting(tmp_path, clock, url=database_url, with_store=False) as opened:
        pere = Resident("pere-r", "pere", "Pere", "Pere Miralles", 1934)
        enrol(opened, "pere", "Carrer de Sants 312", "", [pere], [Contact("laia", "pere", 1, "Laia")])
        with opened.database.begin() as conn:
            for home, municipality in (("carme", "Gràcia"), ("pere", "Sants")):
                conn.exec_driver_sql(f"UPDATE homes SET municipality = '{municipality}' WHERE id = '{home}'")
            for role in Role:
                own = role in {Role.CARER, Role.RESIDENT}
                reach = () if own else ("Gràcia",)
                resident = "pere-r" if role is Role.RESIDENT else ""
                people.add_operator(
                    conn, Operator(f"x-{role}", role.title(), _HASH, role, municipalities=reach, resident_id=resident)
                )
            accounts.link_contacts(conn, "x-carer", ["laia"])
        yield opened


def test_the_list_of_accounts_names_whom_a_carer_and_a_resident_stand_for(app: FastAPI) -> None:
    page = Person(app, "x-auditor").client.get("/accounts").text
    lines = {line.split("</span>", 1)[0]: line for line in page.split('<th scope="row">')}
    carer = next(line for name, line in lines.items() if "x-carer" in name)
    resident = next(line for name, line in lines.items() if "x-resident" in name)
    assert "Pere Miralles" in carer
    assert "Carrer de Sants 312" in carer
    assert "Pere Miralles" in resident


def test_each_role_gets_what_the_matrix_says_and_no_more(setting: Setting, app: FastAPI) -> None:
    case = setting.alarm("carme", AlarmKind.FLOOD)
    asked = {
        "/api/queue": {"operator", "supervisor", "coordinator"},
        f"/api/cases/{case}": {"operator", "supervisor", "coordinator"},
        "/api/homes/carme/card": {"operator", "supervisor", "coordinator", "technician"},
        "/api/homes/carme/rooms": {"operator", "supervisor", "coordinator"},
        "/api/health": {"operator", "supervisor", "coordinator", "technician", "auditor"},
        "/api/accounts": {"supervisor", "coordinator", "auditor"},
        "/api/audit": {"supervisor", "coordinator", "auditor"},
        "/api/openapi.json": {"operator", "supervisor", "coordinator", "technician", "auditor"},
        "/api/me": {role.value for role in Role},
    }
    for role in set(Role) - {Role.API}:
        person = Person(app, f"x-{role}")
        got = {path: person.get(path)[0] for path in asked}
        assert {path for path, status in got.items() if status == 200} == {
            path for path, roles in asked.items() if role in roles
        }, role
        assert set(got.values()) <= {200, 403, 404}
        status = person.post(f"/api/cases/{case}/note", text="x")[0]
        assert status == (200 if role in {"operator", "supervisor", "coordinator"} else 403)


def test_the_queue_holds_ones_own_municipalities_until_nobody_answers(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    near = setting.alarm("carme", AlarmKind.FLOOD)
    far = setting.alarm("pere", AlarmKind.HELP)
    stranger = setting.alarm("nobody-knows", AlarmKind.FLOOD)
    gracia = Person(app, "x-operator")

    def seen() -> set[int]:
        return {card["id"] for card in gracia.get("/api/queue")[1]["cards"]}

    assert seen() == {near, stranger}
    assert gracia.get(f"/api/cases/{far}")[1]["reason"] == "needs_reason"
    assert gracia.post(f"/api/cases/{far}/take")[1]["reason"] == "needs_reason"
    clock.now += 20
    assert seen() == {near, far, stranger}
    assert gracia.post(f"/api/cases/{far}/take")[0] == 200
    clock.now += 300
    assert gracia.get("/api/homes/pere/card")[0] == 200, "whoever holds the case needs the file"
    with setting.database.read() as conn:
        whys = {row.entry.why for row in audit_log.all_rows(conn) if row.entry.outcome == "allowed"}
    assert f"case {far}" in whys


def test_live_news_keeps_to_the_same_boundary(setting: Setting) -> None:
    sent: list[tuple[Any, Any, Any]] = []

    class Ear(Live):
        def clients(self) -> int:
            return 1

        def publish(self, event_name: str, data: object, sees: Any = None, instead: object = None) -> None:
            sent.append((data, sees, instead))

    case = setting.alarm("pere", AlarmKind.HELP)
    with setting.database.read() as conn:
        who = {}
        for name in ("x-operator", "x-carer", "ana"):
            account = people.operator(conn, name)
            assert account is not None
            from central.console.access import who_is

            who[name] = who_is(conn, account)
    tell = case_announcer(setting.database, Ear())
    template = setting.desk
    assert template
    for after_s, expected in ((0, {"x-carer", "ana"}), (20, {"x-carer", "ana", "x-operator"})):
        tell(_change(case, "pere", NOON + after_s))
        _, sees, instead = sent[-1]
        assert {name for name, one in who.items() if sees(one)} == expected
        assert "Pere" not in str(instead)


def _change(case: int, home: str, at: float) -> CaseChange:
    import inspect

    blank: dict[str, Any] = {}
    for name, field in inspect.signature(CaseChange).parameters.items():
        if field.default is inspect.Parameter.empty:
            blank[name] = {"case_id": case, "home_id": home, "at": at}.get(name, "")
    return CaseChange(**blank)


def test_other_peoples_things_look_as_if_they_did_not_exist(setting: Setting, app: FastAPI) -> None:
    case = setting.alarm("carme")
    for name in ("x-carer", "x-resident"):
        person = Person(app, name)
        for real, forged in ((f"/api/cases/{case}", "/api/cases/999"), ("/api/homes/carme/card", "/api/homes/no/card")):
            assert person.get(real) == person.get(forged)
            assert person.get(real)[0] in {403, 404}
    supervisor = Person(app, "x-supervisor")
    hidden = supervisor.post("/api/accounts/x-coordinator/disable")
    assert hidden == supervisor.post("/api/accounts/no-such/disable")
    assert hidden[0] == 404
    for path in ("/api/cases/99999999999999999999", "/api/cases/-1", "/api/cases/0", "/api/homes/%00/card"):
        assert supervisor.get(path)[0] in {404, 422}, path


def test_a_technician_reads_the_way_in_and_no_illness_without_a_reason(setting: Setting, app: FastAPI) -> None:
    technician = Person(app, "x-technician")
    card = technician.get("/api/homes/carme/card")[1]
    assert card["residents"][0]["called"] == "Carme"
    assert (card["residents"][0]["conditions"], card["residents"][0]["flags"]) == ("", [])
    assert card["last_cases"] == []
    assert card["home"]["access_notes"] != ""
    assert technician.post("/api/homes/carme/glass", reason="She lies on the floor")[0] == 200
    opened = technician.get("/api/homes/carme/card")[1]
    assert opened["residents"][0]["flags"] != []


def test_a_first_password_opens_nothing_but_the_page_to_change_it(setting: Setting, app: FastAPI) -> None:
    coordinator = Person(app, "x-coordinator")
    status, made = coordinator.post(
        "/api/accounts", id="pau", called="Pau", role="operator", municipalities=["Gràcia"], language="ca"
    )
    assert status == 201
    pau = Person(app, "pau", made["secret"])
    assert pau.get("/api/queue")[1]["reason"] == "password_due"
    assert pau.client.get("/", headers={"accept": "text/html"}).headers["location"] == "/me"
    assert pau.post("/api/me/password", old=made["secret"], new="short")[1]["reason"] == "weak_password"
    assert pau.post("/api/me/password", old=made["secret"], new=made["secret"])[1]["reason"] == "same_password"
    assert pau.post("/api/me/password", old="wrong", new=OTHER)[1]["reason"] == "wrong_password"
    assert pau.post("/api/me/password", old=made["secret"], new=OTHER)[0] == 204
    assert pau.get("/api/queue")[0] == 200
    assert log_in(TestClient(app, base_url="http://desk.test"), "pau", made["secret"]).status_code == 403


def test_a_disabled_or_changed_account_is_out_at_once(setting: Setting, app: FastAPI) -> None:
    coordinator = Person(app, "x-coordinator")
    for act, body in (
        ("disable", {}),
        ("", {"called": "O", "role": "operator", "municipalities": ["Gràcia"]}),
        ("reset", {}),
    ):
        operator = Person(app, "x-operator")
        assert coordinator.post(f"/api/accounts/x-operator{'/' + act if act else ''}", **body)[0] in {200, 204}
        assert operator.get("/api/me")[0] == 401
        assert coordinator.post("/api/accounts/x-operator/enable")[0] == 204


def test_nobody_gives_what_they_do_not_hold_or_changes_their_own_account(setting: Setting, app: FastAPI) -> None:
    supervisor = Person(app, "x-supervisor")
    for body in (
        {"role": "auditor", "municipalities": ["Gràcia"]},
        {"role": "operator", "municipalities": ["Sants"]},
        {"role": "operator", "municipalities": ["*"]},
        {"role": "carer", "contacts": ["laia"]},
    ):
        assert supervisor.post("/api/accounts", id="pau", called="Pau", **body)[1]["reason"] == "not_yours_to_give", (
            body
        )
    assert supervisor.post("/api/accounts", id="pau", called="Pau", role="carer", contacts=["marta"])[0] == 201
    assert (
        supervisor.post("/api/accounts", id="desk", called="Pau", role="operator", municipalities=["Gràcia"])[0] == 409
    )
    coordinator = Person(app, "x-coordinator")
    assert coordinator.post("/api/accounts/x-coordinator/enable")[1]["reason"] == "own_account"


def test_sessions_are_listed_and_ended_and_only_ones_own(setting: Setting, app: FastAPI) -> None:
    here, there = Person(app, "ana"), Person(app, "ana")
    other = Person(app, "marc")
    with setting.database.read() as conn:
        ids = {name: accounts.sessions_of(conn, name, NOON)[0].id for name in ("ana", "marc")}
        assert len(accounts.sessions_of(conn, "ana", NOON)) == 2
    assert here.post(f"/api/me/sessions/{ids['marc']}/end")[1]["reason"] == "no_such_session"
    assert other.get("/api/me")[0] == 200
    assert here.post("/api/me/sessions/end-others")[0] == 204
    assert (here.get("/api/me")[0], there.get("/api/me")[0]) == (200, 401)


def with_factor(person: Person, clock: Clock) -> tuple[pyotp.TOTP, list[str]]:
    status, made = person.post("/api/me/second-factor/new")
    assert status == 200
    assert made["picture"].startswith("data:image/svg+xml")
    totp = pyotp.TOTP(made["secret"])
    wrong = person.post("/api/me/second-factor", password=PASSWORD, secret=made["secret"], code="000000")
    assert wrong[1]["reason"] == "wrong_code"
    status, codes = person.post(
        "/api/me/second-factor", password=PASSWORD, secret=made["secret"], code=totp.at(int(clock.now))
    )
    assert status == 200
    return totp, codes["codes"]


def half_in(app: FastAPI) -> TestClient:
    client = TestClient(app, base_url="http://desk.test", follow_redirects=False)
    assert log_in(client).headers["location"] == "/login/code"
    assert client.get("/api/me").status_code == 401
    assert client.get("/api/queue").status_code == 401
    return client


def test_with_a_second_factor_the_password_alone_opens_nothing(app: FastAPI, clock: Clock) -> None:
    totp, codes = with_factor(Person(app, "ana"), clock)
    client = half_in(app)
    code = totp.at(int(clock.now))
    assert client.post("/login/code", data={"code": code}).status_code == 403, "the code of the enrolment was used"
    clock.now += 30
    code = totp.at(int(clock.now) + 30)
    assert client.post("/login/code", data={"code": code}).headers["location"] == "/"
    assert client.get("/api/queue").status_code == 200
    again = half_in(app)
    assert again.post("/login/code", data={"code": code}).status_code == 403
    assert again.post("/login/code", data={"code": totp.at(int(clock.now))}).status_code == 403, "an older one neither"
    assert again.post("/login/code", data={"code": totp.at(int(clock.now) + 300)}).status_code == 403
    assert again.post("/login/code", data={"code": codes[0].upper()}).status_code == 303
    assert half_in(app).post("/login/code", data={"code": codes[0]}).status_code == 403
    assert half_in(app).post("/login/code", data={"code": codes[1]}).status_code == 303


def test_telephones_go_by_the_true_time_where_the_desk_counts_on(setting: Setting, app: FastAPI, clock: Clock) -> None:
    totp, _ = with_factor(Person(app, "ana"), clock)
    clock.now += 3_660
    setting.health = HealthView(True, "", ahead_s=3_600)
    code = totp.at(int(clock.now) - 3_600)
    assert half_in(app).post("/login/code", data={"code": code}).headers["location"] == "/"


def test_guessing_codes_locks_the_account(app: FastAPI, clock: Clock) -> None:
    totp, _ = with_factor(Person(app, "ana"), clock)
    client = half_in(app)
    for _ in range(FAILURES_MAX):
        assert client.post("/login/code", data={"code": "123456"}).status_code == 403
    clock.now += 60
    assert client.post("/login/code", data={"code": totp.at(int(clock.now))}).headers["location"] == "/login"
    assert log_in(TestClient(app, base_url="http://desk.test")).status_code == 403


def test_the_secret_of_a_second_factor_is_sealed(setting: Setting, clock: Clock) -> None:
    parts = ConsoleParts(
        setting.desk, setting.database, None, setting.live, lambda: setting.health,
        ConsoleConfig(cookie_secure=False, second_factor=(Role.AUDITOR,)), sealer=Sealer(bytes(32)),
    )  # fmt: skip
    app = create_app(parts, clock)
    auditor = Person(app, "x-auditor")
    assert auditor.get("/api/audit")[1]["reason"] == "second_factor_due"
    totp, codes = with_factor(auditor, clock)
    assert auditor.get("/api/audit")[0] == 200
    assert auditor.post("/api/me/second-factor/end", password=PASSWORD)[0] == 409
    with setting.database.read() as conn:
        kept = str(conn.exec_driver_sql("SELECT totp_sealed FROM operators").fetchall())
        kept += str(conn.exec_driver_sql("SELECT code_hash FROM recovery_codes").fetchall())
    assert totp.secret not in kept
    assert codes[0] not in kept


def test_a_program_has_a_key_and_no_password(setting: Setting, app: FastAPI) -> None:
    case = setting.alarm("carme", AlarmKind.FLOOD)
    coordinator = Person(app, "x-coordinator")
    assert coordinator.post("/api/accounts/x-operator/key")[0] == 409
    key = coordinator.post("/api/accounts/x-api/key")[1]["secret"]
    program = TestClient(app, base_url="http://desk.test")
    headers = {"authorization": f"Bearer {key}"}
    assert program.get(f"/api/cases/{case}", headers=headers).status_code == 200
    assert program.post(f"/api/cases/{case}/take", headers=headers).status_code == 403
    assert program.get("/api/homes/pere/card", headers=headers).status_code == 404
    program.cookies.set("llar_session", key)
    assert program.get(f"/api/cases/{case}").status_code == 401
    assert coordinator.post("/api/accounts/x-api/disable")[0] == 204
    assert program.get(f"/api/cases/{case}", headers=headers).status_code == 401


def test_emergency_access_is_seen_and_reviewed_by_somebody_else(setting: Setting, app: FastAPI) -> None:
    supervisor = Person(app, "x-supervisor")
    assert supervisor.post("/api/homes/pere/glass", reason="Her neighbour smells gas")[0] == 200
    assert supervisor.post("/api/glass/1/review")[1]["reason"] == "no_such_access", "of another municipality"
    with setting.database.begin() as conn:
        people.add_operator(conn, Operator("head", "Cap", _HASH, "supervisor"))
        people.add_operator(conn, Operator("eye", "Ull", _HASH, "auditor"))
    for name in ("head", "eye"):
        page = Person(app, name).client.get("/audit").text
        assert "Her neighbour smells gas" in page
        assert "Pere Miralles" in page
    head = Person(app, "head")
    assert head.post("/api/glass/1/review")[0] == 204
    own = head.post("/api/homes/carme/glass", reason="Only to see what happens")
    assert own[0] == 200
    assert head.post("/api/glass/2/review")[1]["reason"] == "own_access"


def test_the_audit_page_finds_by_person_account_outcome_and_day(setting: Setting, app: FastAPI) -> None:
    ana = Person(app, "ana")
    ana.get("/api/homes/carme/card")
    ana.get("/api/homes/pere/card")
    Person(app, "x-operator").get("/api/homes/pere/card")
    with setting.database.begin() as conn:
        people.add_operator(conn, Operator("eye", "Ull", _HASH, "auditor"))
    eye = Person(app, "eye")

    def found(query: str) -> list[tuple[str, str, str]]:
        return [
            (line["account_id"], line["home_id"], line["outcome_code"])
            for line in eye.get(f"/api/audit?{query}")[1]["lines"]
            if line["account_id"] != "eye"
        ]

    assert found("person=Miralles") == [("x-operator", "pere", "refused"), ("ana", "pere", "allowed")]
    assert found("account=ana&person=carme") == [("ana", "carme", "allowed")]
    assert found("outcome=refused") == [("x-operator", "pere", "refused")]
    assert found("person=nobody-of-this-name") == []
    assert found("until=2020-01-01") == []
    assert len(found("since=2020-01-01")) == 3
    assert eye.client.get("/audit?since=nonsense&after=1").status_code == 200
    scoped = [line["home_id"] for line in Person(app, "x-auditor").get("/api/audit")[1]["lines"]]
    assert "pere" not in scoped
    assert "carme" in scoped


def test_the_log_and_the_accounts_come_in_pages(
    setting: Setting, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row and every account stands on just one page, also where most are not one's own to see."""
    monkeypatch.setattr(accounts_page, "PAGE", 3)
    monkeypatch.setattr(accounts_page, "READ_AT_ONCE", 2)
    monkeypatch.setattr(audit_page, "ROWS_SHOWN", 2)
    with setting.database.begin() as conn:
        people.add_operator(conn, Operator("sants", "De Sants", _HASH, municipalities=("Sants",)))
        people.add_operator(conn, Operator("zoe", "Zoe", _HASH, "carer", municipalities=()))
        accounts.link_contacts(conn, "zoe", ["marta"])
    supervisor, eye = Person(app, "x-supervisor"), Person(app, "x-auditor")

    def walk(person: Person, path: str, name: str) -> list[list[Any]]:
        pages, after = [], ""
        while after or not pages:
            _, page = person.get(f"{path}{'&' if '?' in path else '?'}after={after}")
            pages.append([line["id"] for line in page[name]])
            after = page["following"]
        return pages

    seen = walk(supervisor, "/api/accounts", "accounts")
    assert seen == [["x-operator", "x-supervisor", "x-technician"], ["zoe"]]
    assert walk(supervisor, "/api/accounts?q=TECHN", "accounts") == [["x-technician"]]
    assert walk(supervisor, "/api/accounts?q=%25", "accounts") == [[]]
    assert "x-technician" in supervisor.get("/accounts")[1]
    assert "x-technician" not in supervisor.get("/accounts?after=x-technician")[1]
    for name in ("ana", "x-operator", "x-supervisor"):
        Person(app, name).get("/api/homes/carme/card")
    pages = walk(eye, "/api/audit", "lines")
    assert {len(page) for page in pages} <= {1, audit_page.ROWS_SHOWN}
    rows = [row for page in pages for row in page]
    assert rows == sorted(set(rows), reverse=True)
    assert len(rows) > audit_page.ROWS_SHOWN
    assert eye.get("/api/audit?after=x")[0] == 422
