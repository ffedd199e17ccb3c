"""Telephones that are told of alarms: whose they are, who sees it and ends it, and what ends it by itself."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from fastapi.testclient import TestClient

from central.alarm_cases.priority import Priority
from central.config import PushConfig
from central.delivery_desk import DeliveryDesk
from central.notification.channels.webpush import open_vapid
from central.push_desk import PushDesk
from central.sealing import Sealer
from central.storage import cases, push, rota
from central.storage.audit_log import Filter, find
from central.storage.carer_links import LIVES_S
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.carers_setting import ALL, SITE, furnish_carers, link, log_in, share
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, open_setting

ANDROID = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
CHROME = "Chrome, Android"
CONTACTS = "/residents/carme?tab=contacts"


@pytest.fixture
def setting(tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock, with_store=False) as opened:
        furnish_carers(opened)
        opened.desk.channels = ("push",)
        yield opened


@pytest.fixture
def app(setting: Setting, tmp_path: Path) -> FastAPI:
    config = PushConfig("mailto:it@example.org", ("push.example.org",))
    vapid = open_vapid(tmp_path, Sealer())
    return setting.app(push=PushDesk(setting.database, DeliveryDesk(setting.desk), config, vapid))


def subscription() -> dict[str, Any]:
    """As a browser makes one."""

    def text(some: bytes) -> str:
        return urlsafe_b64encode(some).rstrip(b"=").decode()

    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    keys = {"p256dh": text(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)), "auth": text(b"s" * 16)}
    return {"endpoint": f"https://push.example.org/{secrets.token_hex(8)}", "keys": keys}


def by_link(app: FastAPI, what: str, body: dict[str, Any]) -> int:
    headers = {**SITE, "user-agent": ANDROID}
    return TestClient(app).post(f"/push/subscriptions{what}", json=body, headers=headers).status_code


def phones(setting: Setting, contact: str) -> int:
    with setting.database.read() as conn:
        return len(push.of_contacts(conn, [contact]).get(contact, ()))


def noted(setting: Setting) -> list[tuple[str, str, str]]:
    """Who did what, of the audit log's entries about notifications."""
    with setting.database.read() as conn:
        rows = [row.entry for row in find(conn, Filter(), 100)]
    return [(one.account_id, one.home_id, one.what) for one in rows if "notifications" in one.what]


def joans_phone(app: FastAPI, setting: Setting) -> dict[str, Any]:
    """Joan, who has no account, turns notifications on by the link of an alarm."""
    body = subscription()
    assert by_link(app, "", body | {"token": link(setting, setting.alarm("carme"), "joan")}) == 204
    return body


def test_begun_by_a_link_they_outlive_it_and_the_resident_and_the_office_see_it(
    app: FastAPI, setting: Setting, clock: Clock
) -> None:
    joans_phone(app, setting)
    clock.now += LIVES_S + 60
    assert phones(setting, "joan") == 1, "Joan wants to hear of the next alarm too"
    assert f"Notificacions: {CHROME}" in log_in(app, "ana").get(CONTACTS).text
    rights = log_in(app, "carme-acc").get("/rights").text
    assert f"Joan Ferrer rep les vostres alarmes en un telèfon: {CHROME}, des de dissabte, 21 de novembre." in rights
    assert noted(setting) == [("~joan", "carme", "contact joan by link: notifications begun")]
    history = log_in(app, "ana").get("/residents/carme?tab=history").text
    assert f"Notificacions: – → Joan Ferrer: {CHROME}" in history
    assert "<span>Joan Ferrer<span" in history, "who did it"


def test_the_carer_ends_them_by_any_later_link(app: FastAPI, setting: Setting, clock: Clock) -> None:
    body = joans_phone(app, setting)
    clock.now += LIVES_S + 60
    later = link(setting, setting.alarm("carme", ref="A2"), "joan")
    of_marta = link(setting, setting.alarm("carme", ref="A3"), "marta")
    end = {"endpoint": body["endpoint"]}
    by_link(app, "/end", end | {"token": of_marta})
    assert phones(setting, "joan") == 1, "they are not Marta's to end"
    assert by_link(app, "/end", end | {"token": later}) == 204
    assert phones(setting, "joan") == 0
    assert noted(setting)[0] == ("~joan", "carme", "contact joan by link: notifications ended")


def test_the_office_ends_them_in_the_file(app: FastAPI, setting: Setting, clock: Clock) -> None:
    joans_phone(app, setting)
    clock.now += 3_600
    with setting.database.read() as conn:
        (one,) = push.listed(conn, ["joan"])
    path = f"/api/homes/carme/contacts/joan/notifications/{one.id}"
    ana = log_in(app, "ana")
    assert path in ana.get(CONTACTS).text
    assert log_in(app, "marta-acc").send("DELETE", path).status_code == 403
    assert ana.send("DELETE", path.replace("joan", "marta")).status_code == 404
    assert phones(setting, "joan") == 1
    assert ana.send("DELETE", path).status_code == 204
    assert phones(setting, "joan") == 0
    with setting.database.read() as conn:
        known = [one.kind for one in cases.open_cases(conn) if one.priority is Priority.TECHNICAL]
    assert known == [AlarmKind.CONTACTS_UNREACHABLE], "nobody can be reached for Carme any more: the desk is told so"
    assert ana.send("DELETE", path).status_code == 404


@pytest.mark.parametrize("who", ["carme-acc", "cap"])
def test_they_end_with_the_consent_to_alarms_and_do_not_come_back_with_it(
    app: FastAPI, setting: Setting, who: str
) -> None:
    joans_phone(app, setting)
    other = [one for one in ALL if one != "alarms"]
    if who == "cap":
        path, body = "/api/homes/carme/residents/carme/shares/joan", {"shares": other, "said_by": "Carme"}
    else:
        path, body = "/api/rights/carme/shares/joan", {"share": "alarms", "given": False}
    assert log_in(app, who).send("PUT", path, body).status_code == 204
    share(setting, "joan", ALL)
    assert phones(setting, "joan") == 0


def test_nobody_begins_them_whom_alarms_are_not_shared_with(app: FastAPI, setting: Setting) -> None:
    token = link(setting, setting.alarm("carme"), "joan")
    share(setting, "joan", ("daily_line",))
    assert by_link(app, "", subscription() | {"token": token}) == 404
    assert phones(setting, "joan") == 0


def test_they_end_when_the_contact_leaves_the_file(app: FastAPI, setting: Setting) -> None:
    with setting.database.begin() as conn:
        push.keep(conn, "https://push.example.org/1", "{}", NOON, contact_id="joan", browser=CHROME)
    assert log_in(app, "ana").send("DELETE", "/api/homes/carme/contacts/joan").status_code == 204
    with setting.database.read() as conn:
        assert conn.exec_driver_sql("select count(*) from push_subscriptions").scalar() == 0


def test_an_account_sees_its_telephones_and_ends_the_one_that_is_lost(app: FastAPI, setting: Setting) -> None:
    marta, carme = log_in(app, "marta-acc"), log_in(app, "carme-acc")
    for _ in range(2):
        assert marta.send("POST", "/api/push/subscriptions", subscription()).status_code == 204
    lost, kept = (one["id"] for one in marta.get("/api/push/subscriptions").json())
    assert lost in marta.get("/family/phone").text
    assert carme.get("/api/push/subscriptions").json() == []
    assert carme.send("DELETE", f"/api/push/subscriptions/{lost}").status_code == 404
    assert marta.send("DELETE", f"/api/push/subscriptions/{lost}").status_code == 204
    assert [one["id"] for one in marta.get("/api/push/subscriptions").json()] == [kept]
    assert phones(setting, "marta") == 1


@pytest.mark.parametrize("how", ["reset", "disable", "other role"])
def test_whoever_has_the_old_telephone_hears_nothing_once_the_account_is_reset_closed_or_something_else(
    app: FastAPI, setting: Setting, how: str
) -> None:
    marta, cap = log_in(app, "marta-acc"), log_in(app, "cap")
    for _ in range(2):
        marta.send("POST", "/api/push/subscriptions", subscription())
    if how == "other role":
        body = {"called": "Marta", "role": "technician", "municipalities": ["*"]}
        assert cap.send("POST", "/api/accounts/marta-acc", body).status_code == 204
    else:
        answer = cap.send("POST", f"/api/accounts/marta-acc/{how}")
        assert answer.status_code in {200, 204}
        if how == "reset":
            assert answer.json()["phones"] == 2, "the coordinator tells Marta to turn them on again"
    if how == "disable":
        cap.send("POST", "/api/accounts/marta-acc/enable")
    assert phones(setting, "marta") == 0
    with setting.database.read() as conn:
        assert push.of_account(conn, "marta-acc") == []
        assert rota.ways_of(conn, "marta")[0].channel != "push"
    assert noted(setting) == [("cap", "", "account marta-acc: notifications ended on 2")]
