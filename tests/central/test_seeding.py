"""`import-homes` writes a register once, tells everything that is wrong with it, and is harmless when run again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from central import seeding
from central.carers.share_changes import decisions_of
from central.case_desk import CaseDesk
from central.console.access import LoginRefused, log_in
from central.passwords import hash_password
from central.service_figures import answers
from central.storage import cases, homes, operator_settings, pages, people, rota, service_quality, shares
from central.storage.database import Database, migrate
from central.storage.service_quality import Scope
from central.texts import translator
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.messages import Alarm

NOW = 1_795_280_000.0


def register() -> dict[str, Any]:
    return {
        "homes": [
            {
                "id": "h-1",
                "hub": "h-1",
                "address": "Carrer de Verdi 12",
                "care_plan": {"inactivity_hours": 8},
                "devices": [{"id": "pendant", "model": "bthome_pendant", "room": "worn"}],
                "residents": [{"id": "maria", "called": "Maria", "full_name": "Maria Soler i Puig", "born": 1942}],
                "contacts": [
                    {"id": "montse", "called": "Montse", "relation": "daughter", "email": "montse@example.org"},
                    {"id": "marc", "called": "Marc", "relation": "neighbour"},
                ],
            }
        ],
        "operators": [{"id": "ana", "called": "Ana", "password": "only-for-tests"}],
        "cases": [
            {
                "home": "h-1",
                "ref": "past1",
                "kind": "help",
                "at": NOW - 7200,
                "operator": "ana",
                "taken_after_s": 12,
                "spoken_after_s": 15,
                "closed_after_s": 240,
                "cause": "mistake",
                "label": "false",
            }
        ],
    }


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'central.sqlite3'}"
    migrate(url)
    database = Database.open(url)
    yield database
    database.close()


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "register.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_register_is_written_and_a_second_time_changes_nothing(database: Database, tmp_path: Path) -> None:
    seed = seeding.load(written(tmp_path, register()))
    first = seeding.import_homes(database, seed, NOW)
    again = seeding.import_homes(database, seed, NOW + 60)
    assert (first.homes, first.residents, first.contacts, first.operators, first.cases) == (1, 1, 2, 1, 1)
    assert (again.homes, again.residents, again.contacts, again.operators, again.cases) == (1, 0, 0, 0, 0)
    with database.read() as conn:
        (home,) = homes.list_enrolled(conn)
        assert (home.hub_id, home.care_plan, home.devices[0].silence_max_s) == ("h-1", {"inactivity_hours": 8}, 86_400)
        assert [contact.called for contact in people.contacts_of(conn, "h-1")] == ["Montse", "Marc"]
        assert not cases.open_cases(conn)
        (past,) = pages.last_cases(conn, "h-1")
        assert (past.cause, past.opened_at) == ("mistake", NOW - 7200)
        (call,) = service_quality.calls(conn, Scope(NOW - 86_400, NOW))
        assert answers([call], NOW).within[60] == 1


def test_what_a_register_lets_contacts_see_is_proven_like_what_is_set_on_a_page(
    database: Database, tmp_path: Path
) -> None:
    given = register()
    given["homes"][0]["contacts"][0]["profile"] = {"consent": ["location"], "night_ok": False}
    for _ in range(2):
        seeding.import_homes(database, seeding.load(written(tmp_path, given)), NOW)
    with database.read() as connection:
        changes = shares.changes_of(connection, "h-1")
        declared = rota.profile(connection, "montse")
        told = decisions_of(connection, "h-1", translator("ca"))
    said = {(one.contact_id, one.share, one.given, one.at, one.by) for one in changes}
    assert said == {("montse", "location", True, NOW, "register"), ("montse", "alarms", False, NOW, "register")}
    assert (len(changes), declared.consent, declared.night_ok) == (2, ("location",), False)
    assert {(one.whom, one.by) for one in told} == {("Montse", "el registre del servei")}


def test_the_past_never_touches_an_alarm_that_rings_now(database: Database, tmp_path: Path) -> None:
    content = register()
    seeding.import_homes(database, seeding.load(written(tmp_path, {**content, "cases": []})), NOW)
    dty, stc = SCAIP_CODES[AlarmKind.HELP]
    alarm = Alarm(ref="now1", dty=dty, stc=stc, tim=NOW)
    CaseDesk(database, lambda _change: None).receive_alarm("h-1", alarm, b"{}", NOW)
    near = {**content["cases"][0], "ref": "past2", "at": NOW - 300}
    imported = seeding.import_homes(
        database, seeding.load(written(tmp_path, {**content, "cases": [*content["cases"], near]})), NOW
    )
    assert imported.cases == 2
    with database.read() as conn:
        (ringing,) = cases.open_cases(conn)
        assert (ringing.id, ringing.owner_id, ringing.version) == (1, None, 1)
        assert ringing.ring_at == NOW
        assert len(pages.last_cases(conn, "h-1")) == 2


def test_a_past_case_is_written_whole_or_not_at_all(database: Database, tmp_path: Path) -> None:
    content = register()
    content["cases"][0]["operator"] = "nobody"
    with pytest.raises(seeding.SeedError, match="past1"):
        seeding.import_homes(database, seeding.load(written(tmp_path, content)), NOW)
    with database.read() as conn:
        assert cases.open_cases(conn) == []


def test_a_large_register_leaves_gaps_for_alarms(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = register()
    content["homes"] = [{**content["homes"][0], "id": f"h-{n}", "hub": f"h-{n}"} for n in range(5)]
    for number, home in enumerate(content["homes"]):
        home["residents"] = [{**home["residents"][0], "id": f"maria-{number}"}]
        home["contacts"] = []
    content["cases"] = []
    seed = seeding.load(written(tmp_path, content))
    monkeypatch.setattr(seeding, "HOMES_AT_ONCE", 2)
    transactions = 0

    @sa.event.listens_for(database.engine, "commit")
    def count(_connection: object) -> None:
        nonlocal transactions
        transactions += 1

    seeding.import_homes(database, seed, NOW)
    assert transactions >= 4
    with database.read() as conn:
        assert len(homes.list_enrolled(conn)) == 5


def test_the_operator_of_a_register_can_log_in(database: Database, tmp_path: Path) -> None:
    from central.console.access import LoginRefused, log_in

    seeding.import_homes(database, seeding.load(written(tmp_path, register())), NOW)
    assert not isinstance(log_in(database, "ana", "only-for-tests", NOW), LoginRefused)


def test_accounts_of_every_role_come_with_their_reach(database: Database, tmp_path: Path) -> None:
    from central.console.access import who_is

    content = register()
    content["homes"][0]["municipality"] = "Gràcia"
    content["operators"] += [
        {"id": "nuria", "called": "Núria", "password": "only-for-tests", "role": "supervisor", "municipalities": ["X"]},
        {"id": "montse", "called": "Montse", "password": "only-for-tests", "role": "carer", "contacts": ["montse"]},
        {"id": "maria", "called": "Maria", "password": "only-for-tests", "role": "resident", "resident": "maria"},
    ]
    seeding.import_homes(database, seeding.load(written(tmp_path, content)), NOW)
    with database.read() as conn:
        who = {}
        for name in ("ana", "nuria", "montse", "maria"):
            account = people.operator(conn, name)
            assert account is not None
            who[name] = who_is(conn, account)
    assert [who[name].municipalities for name in who] == [{"*"}, {"X"}, set(), set()]
    assert [who[name].homes for name in who] == [set(), set(), {"h-1"}, {"h-1"}]
    assert who["maria"].resident_id == "maria"
    content["operators"][2] = {**content["operators"][2], "id": "other", "contacts": ["nobody"]}
    with pytest.raises(seeding.SeedError, match="no contact"):
        seeding.import_homes(database, seeding.load(written(tmp_path, content)), NOW)


def test_the_telephone_of_an_operator_comes_with_the_register_and_what_is_none_is_refused(
    database: Database, tmp_path: Path
) -> None:
    content = register()
    for wrong in ("112", "911", "2", "93 123 45 67", "201\n"):
        content["operators"][0]["telephone"] = wrong
        with pytest.raises(seeding.SeedError):
            seeding.load(written(tmp_path, content))
    content["operators"][0]["telephone"] = "201"
    seeding.import_homes(database, seeding.load(written(tmp_path, content)), NOW)
    with database.read() as conn:
        assert operator_settings.settings_of(conn, "ana").telephone == "201"


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    bad = register()
    bad["homes"].append({**bad["homes"][0], "hub": "H 1", "timezone": "Mars/Olympus"})
    bad["homes"][0]["devices"].append({"id": "Bad Id", "model": "toaster"})
    bad["cases"][0]["home"] = "h-9"
    with pytest.raises(seeding.SeedError) as told:
        seeding.load(written(tmp_path, bad))
    for part in ("'h-1' stands there twice", "'H 1'", "Mars/Olympus", "'Bad Id'", "'toaster'", "'h-9'"):
        assert part in str(told.value)


def test_an_account_moves_in_with_the_hash_of_its_password(database: Database, tmp_path: Path) -> None:
    moved = register()
    (account,) = moved["operators"]
    account["password_hash"] = hash_password(account.pop("password"))
    seeding.import_homes(database, seeding.load(written(tmp_path, moved)), NOW)
    assert not isinstance(log_in(database, "ana", "only-for-tests", NOW), LoginRefused)
    assert isinstance(log_in(database, "ana", account["password_hash"], NOW), LoginRefused)
    for wrong in ({"password": "only-for-tests"}, {"password_hash": ""}, {"password_hash": "$1$plain$md5"}):
        with pytest.raises(seeding.SeedError, match="password"):
            seeding.load(written(tmp_path, {**moved, "operators": [account | wrong]}))


@pytest.mark.parametrize("path", [("homes", 0, "colour"), ("operators", 0, "salary"), ("people",)])
def test_an_unknown_key_is_refused(tmp_path: Path, path: tuple[Any, ...]) -> None:
    bad: Any = register()
    inner = bad
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = "x"
    with pytest.raises(seeding.SeedError, match=path[-1]):
        seeding.load(written(tmp_path, bad))


def test_a_weak_password_a_missing_file_and_no_json_are_refused(tmp_path: Path) -> None:
    weak = register()
    weak["operators"][0]["password"] = "short"
    with pytest.raises(seeding.SeedError, match="password"):
        seeding.load(written(tmp_path, weak))
    with pytest.raises(seeding.SeedError, match="Cannot read"):
        seeding.load(tmp_path / "nothing.json")
    (tmp_path / "text.json").write_text("homes", encoding="utf-8")
    with pytest.raises(seeding.SeedError):
        seeding.load(tmp_path / "text.json")


def test_bringing_in_homes_does_not_load_the_console() -> None:
    """It would be most of what an import takes."""
    asked = "import sys; from central import history_import, preparing, seeding; print('fastapi' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "False"
