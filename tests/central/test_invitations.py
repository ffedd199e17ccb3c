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
from central.notification.channel import Message
from central.notification.delivery import Sent, Verdict
from central.storage import accounts, invitations, people
from tests.central.carers_setting import SITE, Phone, furnish_carers, log_in
from tests.central.console_setting import Clock, Setting, open_setting

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
