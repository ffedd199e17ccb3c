"""Carers at their telephones: Carme is cared for by Marta and Joan; their accounts, and links as messages have them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.testclient import TestClient

from central.alarm_cases.rota import Share
from central.storage import accounts, carer_links, deliveries, people, rota
from central.storage.people import Operator
from tests.central.console_setting import PASSWORD, Setting

ALL: tuple[Share, ...] = ("alarms", "daily_line", "location", "readings", "history", "access_notes")
SITE = {"origin": "http://testserver"}


def furnish_carers(setting: Setting, shares: Collection[Share] = ALL) -> None:
    """Accounts of Marta (carer), Carme (resident) and Montse (coordinator); what Carme shares with both contacts."""
    with setting.database.begin() as conn:
        known = people.operator(conn, "ana")
        assert known is not None
        word = known.password_hash
        people.add_operator(conn, Operator("marta-acc", "Marta Puig", word, "carer", municipalities=()))
        accounts.link_contacts(conn, "marta-acc", ["marta"])
        people.add_operator(
            conn, Operator("carme-acc", "Carme", word, "resident", resident_id="carme", municipalities=())
        )
        people.add_operator(conn, Operator("cap", "Montse", word, "coordinator"))
    for contact in ("marta", "joan"):
        share(setting, contact, shares)


def share(setting: Setting, contact: str, shares: Collection[Share]) -> None:
    with setting.database.begin() as conn:
        profile = msgspec.structs.replace(rota.profile(conn, contact), consent=tuple(shares))
        rota.keep_profile(conn, contact, profile, setting.clock(), "test")


def link(setting: Setting, case_id: int, contact: str, channel: str = "email") -> str:
    """The token of a message that asks a contact to come."""
    now = setting.clock()
    with setting.database.begin() as conn:
        deliveries.queue(conn, case_id, contact, channel, deliveries.ALARM, now)
        known = deliveries.of_contact(conn, case_id, contact)[-1]
        return carer_links.make(conn, known.id, now)


@dataclass
class Phone:
    """A browser of somebody with an account."""

    client: TestClient
    form_token: str

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, **options)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"x-form-token": self.form_token, **SITE}
        return self.client.request(method, path, json={} if body is None else body, headers=headers)


def log_in(app: FastAPI, name: str) -> Phone:
    """Logged in by the form, as a browser does it."""
    client = TestClient(app, follow_redirects=False)
    client.get("/login")
    form = client.cookies.get("llar_form")
    given = client.post("/login", data={"name": name, "password": PASSWORD, "form": form}, headers=SITE)
    assert given.status_code == 303, given.text
    from central.console.access import form_token

    return Phone(client, form_token(client.cookies["llar_session"]))
