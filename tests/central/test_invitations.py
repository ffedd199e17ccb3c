"""A contact makes an account of their own by a link: once, for a week, and knows before what they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from central.access_rules import RINGS_FOR_ALL_S, Role
from central.carers.parts import CarersParts
from central.console.access import form_token
from central.notification.channel import Message
from central.notification.delivery import Sent, Verdict
from central.storage import accounts, invitations, people
from central.storage.audit_log import Filter, find
from central.storage.people import Contact, Resident
from tests.central.carers_setting import SITE, Phone, furnish_carers, log_in
from tests.central.console_setting import PASSWORD, Clock, Setting, enrol, open_setting

NOON = 1_795_262_400.0
PATH = "/api/homes/carme/contacts/joan/invitation"
GIVEN = {"name": "joan-ferrer", "password": "cinc llimones verdes"}


class Post:
    """Takes messages, as a phone company or a mail server does."""

    def __init__(self) -> None:
        self.taken: list[Message] = []

    def send(self, message: Message) -> Sent:
        self.taken.append(message)
        return Sent(Verdict.TAKEN)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def setting(tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock, with_store=False) as opened:
        furnish_carers(opened, ("alarms", "daily_line"))
        opened.desk.channels = ("sms", "email")
        yield opened


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def app(setting: Setting, post: Post) -> FastAPI:
    channels: Any = {"sms": post}
    return setting.app(carers=CarersParts(channels=channels, address="https://llar.example.org"))


def path_of(made: Any) -> str:
    assert made.status_code == 201, made.text
    link: str = made.json()["link"]
    assert link.startswith("https://llar.example.org/c/invite/")
    return link.removeprefix("https://llar.example.org")


def follow(app: FastAPI, path: str, **given: str) -> tuple[TestClient, Any]:
    client = TestClient(app, follow_redirects=False)
    return client, client.post(path, data=given, headers=SITE)


@pytest.fixture
def cap(app: FastAPI) -> Phone:
    return log_in(app, "cap")


def test_an_invited_contact_makes_an_account_and_is_in(
    app: FastAPI, setting: Setting, cap: Phone, clock: Clock
) -> None:
    path = path_of(cap.send("POST", PATH))
    shown = TestClient(app).get(path)
    assert "<li>Una línia tranquil·litzadora al dia</li>" in shown.text
    assert "<li>Com s" not in shown.text, "the way in is not shared"
    assert 'value="joan-ferrer"' in shown.text
    client, answer = follow(app, path, **GIVEN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/family")
    assert "Carme" in client.get("/family").text
    with setting.database.read() as conn:
        account = people.operator(conn, "joan-ferrer")
        assert account is not None
        assert (account.role, account.password_due) == ("carer", False)
        assert accounts.contacts_of_account(conn, account.id) == ["joan"]
    assert follow(app, path, name="another", password="cinc llimones verdes")[1].status_code == 404
    assert TestClient(app).get(path).status_code == 404
    assert cap.send("POST", PATH).json()["reason"] == "has_account"


def test_a_link_runs_out_is_replaced_and_is_taken_back(app: FastAPI, cap: Phone, clock: Clock) -> None:
    first = path_of(cap.send("POST", PATH))
    second = path_of(cap.send("POST", PATH))
    assert TestClient(app).get(first).status_code == 404
    assert TestClient(app).get(second).status_code == 200
    assert cap.send("DELETE", PATH).status_code == 204
    assert follow(app, second, **GIVEN)[1].status_code == 404
    third = path_of(cap.send("POST", PATH))
    clock.now += invitations.LIVES_S + 1
    assert follow(app, third, **GIVEN)[1].status_code == 404
    assert TestClient(app).get("/c/invite/nonsense").status_code == 404


def test_a_link_opens_nothing_once_the_contact_has_an_account_in_another_way(
    app: FastAPI, setting: Setting, cap: Phone
) -> None:
    path = path_of(cap.send("POST", PATH))
    with setting.database.begin() as conn:
        accounts.link_contacts(conn, "marta-acc", ["marta", "joan"])
    assert TestClient(app).get(path).status_code == 404
    assert follow(app, path, **GIVEN)[1].status_code == 404
    with setting.database.read() as conn:
        assert people.operator(conn, "joan-ferrer") is None


def test_it_goes_by_sms_in_the_contacts_language_and_not_without_end(cap: Phone, post: Post) -> None:
    made = cap.send("POST", PATH, {"way": "sms"})
    assert made.json()["sent_to"] == "600 555 011"
    assert [(one.link, one.purpose) for one in post.taken] == [(made.json()["link"], "invitation")]
    assert "Us conviden a Llar" in post.taken[0].short
    assert cap.send("POST", PATH, {"way": "email"}).status_code == 409
    for _ in range(4):
        cap.send("POST", PATH, {"way": "sms"})
    assert cap.send("POST", PATH, {"way": "sms"}).status_code == 429
    assert len(post.taken) == 5


def test_what_cannot_be_taken_is_said_and_the_link_stays_good(app: FastAPI, setting: Setting, cap: Phone) -> None:
    path = path_of(cap.send("POST", PATH))
    for given, said in (
        ({"name": "ana", "password": GIVEN["password"]}, "Algú ja té"),
        ({"name": "desk", "password": GIVEN["password"]}, "de 3 a 32"),
        ({"name": "joan!", "password": GIVEN["password"]}, "de 3 a 32"),
        ({"name": "joan-ferrer", "password": "curta"}, "10"),
        ({"name": "joan-ferrer", "password": "x" * 201}, "llarga"),
    ):
        answer = follow(app, path, **given)[1]
        assert answer.status_code == 422, given
        assert said in answer.text
    assert TestClient(app).post(path, data=GIVEN, headers={"origin": "http://evil.example"}).status_code == 403
    with setting.database.read() as conn:
        assert people.operator(conn, "joan-ferrer") is None
    assert follow(app, path, **GIVEN)[1].status_code == 303


def test_an_alarm_that_rings_everywhere_lets_nobody_from_elsewhere_invite(
    app: FastAPI, setting: Setting, clock: Clock
) -> None:
    with setting.database.begin() as conn:
        given = people.operator(conn, "cap")
        assert given is not None
        people.add_operator(conn, replace(given, id="eva", role=Role.SUPERVISOR, municipalities=("Sants",)))
        conn.exec_driver_sql("UPDATE homes SET municipality = 'Gràcia'")
    eva = log_in(app, "eva")
    assert eva.send("POST", PATH).status_code == 404
    setting.alarm("carme")
    clock.now += RINGS_FOR_ALL_S[2]
    assert eva.send("POST", PATH).json()["reason"] == "not_yours_to_give"


def test_only_who_keeps_accounts_invites(app: FastAPI, cap: Phone) -> None:
    ana, marta = log_in(app, "ana"), log_in(app, "marta-acc")
    for other in (ana, marta):
        assert other.send("POST", PATH).status_code == 403
        assert other.send("DELETE", PATH).status_code == 403
    assert cap.send("POST", "/api/homes/carme/contacts/nobody/invitation").status_code == 404
    assert f'data-api="{PATH}"' not in ana.get("/residents/carme?tab=contacts").text
    assert f'data-api="{PATH}"' in cap.get("/residents/carme?tab=contacts").text


@pytest.fixture
def pere(setting: Setting) -> str:
    """Pere, whose niece Marta Puig is too; she has an account as Carme's daughter. The path of her invitation."""
    resident = Resident("pere", "pere", "Pere", "Pere Mas", 1940)
    enrol(setting, "pere", "Carrer Gran 1", "Sants", [resident], [Contact("marta-2", "pere", 1, "Marta Puig")])
    with setting.database.begin() as conn:
        return f"/c/invite/{invitations.make(conn, 'marta-2', 'cap', NOON)}"


def people_of(carer: Phone) -> list[tuple[str, str]]:
    return [(one["name"], one["contact_id"]) for one in carer.get("/api/family").json()]


def join(carer: Phone, path: str, form: str = "") -> Any:
    return carer.client.post(f"{path}/join", data={"form": form or carer.form_token}, headers=SITE)


def test_a_carer_who_is_logged_in_adds_a_second_person_and_one_phone_shows_both(
    app: FastAPI, setting: Setting, pere: str
) -> None:
    marta = log_in(app, "marta-acc")
    shown = marta.get(pere).text
    assert "Heu entrat com a Marta Puig" in shown
    assert 'name="password"' not in shown
    assert people_of(marta) == [("Carme", "marta")], "opening it changes nothing"
    answer = join(marta, pere)
    assert (answer.status_code, answer.headers["location"]) == (303, "/family")
    assert people_of(marta) == [("Carme", "marta"), ("Pere", "marta-2")]
    case = setting.alarm("pere")
    given = marta.send("POST", f"/api/family/cases/{case}/answers", {"answer": "going"})
    assert given.json()["stage"] == "going"
    assert join(marta, pere).status_code == 404, "once"
    with setting.database.read() as conn:
        (entry,) = [row.entry for row in find(conn, Filter(), 50) if "too" in row.entry.what]
    assert (entry.account_id, entry.home_id) == ("marta-acc", "pere")
    assert entry.what == "account marta-acc is now contact marta-2 too"


def test_who_is_not_logged_in_logs_in_and_comes_back_to_the_invitation(app: FastAPI, pere: str) -> None:
    client = TestClient(app, follow_redirects=False)
    assert f'href="{pere}/log-in"' in client.get(pere).text
    assert client.get(f"{pere}/log-in").headers["location"] == "/login?to=family"
    client.get("/login")
    data = {"name": "marta-acc", "password": PASSWORD, "form": client.cookies.get("llar_form")}
    assert client.post("/login", data=data, headers=SITE).headers["location"] == pere
    marta = Phone(client, form_token(client.cookies["llar_session"]))
    assert marta.get(f"{pere}/log-in").headers["location"] == pere
    assert "Heu entrat com a Marta Puig" in marta.get(pere).text
    assert join(marta, pere).headers["location"] == "/family"
    assert len(people_of(marta)) == 2
    again = TestClient(app, follow_redirects=False)
    again.cookies.set("llar_after", "//evil.example")
    again.get("/login")
    data["form"] = again.cookies.get("llar_form")
    assert again.post("/login", data=data, headers=SITE).headers["location"] == "/"


def test_only_a_carers_own_finished_account_is_joined_and_by_its_own_page(
    app: FastAPI, setting: Setting, pere: str
) -> None:
    marta, ana = log_in(app, "marta-acc"), log_in(app, "ana")
    assert join(marta, pere, "a forged token").headers["location"] == f"{pere}/log-in"
    assert join(ana, pere).headers["location"] == f"{pere}/log-in"
    assert 'name="password"' in ana.get(pere).text, "an operator who is a neighbour makes an account of their own"
    assert marta.client.post(f"{pere}/join", headers={"origin": "https://evil.example"}).status_code == 403
    with setting.database.begin() as conn:
        accounts.change(conn, "marta-acc", password_due=True)
    assert join(marta, pere).headers["location"] == "/me"
    with setting.database.begin() as conn:
        accounts.change(conn, "marta-acc", password_due=False)
    assert people_of(marta) == [("Carme", "marta")]
    assert TestClient(app).get(pere).status_code == 200, "it is still good"
