"""Every route of the application, with ids that exist; and what the database holds, to see that nothing changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from central.access_rules import Role
from central.console.access import hash_password, token_hash
from central.storage import accounts, people
from central.storage.people import Contact, Operator, Resident
from central.storage.tables import metadata
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.app_routes import routes_of
from tests.central.conftest import NOON
from tests.central.console_setting import PASSWORD, Clock, Setting, enrol, open_setting

HOST = "http://desk.test"
_HASH = hash_password(PASSWORD)
_NOTED_ANYWAY = {
    "audit_log": None,
    "refusals": None,
    "sessions": {"seen_at"},
    "operators": {"failed_logins", "locked_until_at"},
}
"""What may change although a request is refused: the log of who asked, and the counts of what was refused."""


@dataclass
class Everybody:
    """A centre with two municipalities and an account of each role. Carme's home is within reach, Pere's is not."""

    setting: Setting
    app: FastAPI
    near: int
    far: int
    loop: BlockingPortal
    ids: dict[str, str] = field(default_factory=dict)

    def client(self, role: Role) -> Client:
        return Client(self, role)

    def nobody(self) -> TestClient:
        """A browser in which nobody has logged in."""
        made = TestClient(self.app, base_url=HOST, follow_redirects=False, raise_server_exceptions=False)
        # a loop for all, and not one for each of many thousand requests
        made.portal = self.loop
        return made

    def routes(self) -> list[APIRoute]:
        return routes_of(self.app)

    def dump(self) -> dict[str, list[Any]]:
        """All rows of all tables, but for what is noted of refused requests."""
        found: dict[str, list[Any]] = {}
        with self.setting.database.read() as conn:
            for table in metadata.sorted_tables:
                left_out = _NOTED_ANYWAY.get(table.name, set())
                if left_out is not None:
                    columns = [column for column in table.c if column.name not in left_out]
                    found[table.name] = sorted(map(repr, conn.execute(sa.select(*columns))))
        return found


class Client:
    """An account of a role: with a browser, or with a program's key."""

    def __init__(self, everybody: Everybody, role: Role) -> None:
        self.everybody = everybody
        self.role = role
        self.http = everybody.nobody()
        self.headers: dict[str, str] = {}
        self.renew()

    def renew(self) -> None:
        """A session of its own, without the cost of a password."""
        database, now = self.everybody.setting.database, self.everybody.setting.clock()
        token = f"token-of-{self.role}-{id(self)}-{now}"
        kind = "key" if self.role is Role.API else "full"
        with database.begin() as conn:
            accounts.change(conn, f"x-{self.role}", disabled=False, role=self.role.value, password_due=False)
            people.end_session(conn, token_hash(token))
            people.start_session(conn, token_hash(token), f"x-{self.role}", now, now + 3e7, kind=kind)
        if kind == "key":
            self.headers = {"authorization": f"Bearer {token}"}
            return
        self.http.cookies.set("llar_session", token)
        page = self.http.get("/me").text
        found = re.search(r'"form_token": "([0-9a-f]+)"', page)
        assert found, page[:200]
        self.headers = {"x-form-token": found[1]}


@contextmanager
def everybody(folder: Path) -> Iterator[Everybody]:
    """The centre, with a case in each home."""
    clock = Clock(NOON)
    with open_setting(folder, clock) as setting, start_blocking_portal() as loop:
        pere = Resident("pere-r", "pere", "Pere", "Pere Miralles", 1934)
        enrol(setting, "pere", "Carrer de Sants 312", "", [pere], [Contact("laia", "pere", 1, "Laia", email="l@e.org")])
        with setting.database.begin() as conn:
            for home, municipality in (("carme", "Gràcia"), ("pere", "Sants")):
                conn.execute(
                    sa.text("UPDATE homes SET municipality = :m WHERE id = :h"), {"m": municipality, "h": home}
                )
            for role in Role:
                own = role in {Role.CARER, Role.RESIDENT}
                resident = "carme" if role is Role.RESIDENT else ""
                reach = () if own else ("Gràcia",)
                account = Operator(f"x-{role}", role.title(), _HASH, role, municipalities=reach, resident_id=resident)
                people.add_operator(conn, account)
            accounts.link_contacts(conn, "x-carer", ["marta"])
        near = setting.alarm("carme", AlarmKind.HELP, ref="N1")
        far = setting.alarm("pere", AlarmKind.HELP, ref="F1")
        app = setting.app()
        app.state.pace = _NoLimit()
        ids = {"home_id": "carme", "case_id": str(near), "resident_id": "carme", "contact_id": "marta"}
        yield Everybody(setting, app, near, far, loop, ids | {"hub_id": "hub-carme", "account_id": "x-operator"})


def filled(path: str, ids: dict[str, str]) -> str:
    """A route's path with ids in it; what has none becomes 1."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: ids.get(found[1], "1"), path)


class _NoLimit:
    def wait_s(self, _key: str, _now: float) -> float:
        return 0.0
