"""The paper list: what people help by while the centre is down. It is there, complete, without codes, and noted."""

from __future__ import annotations

import stat
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI

from central import paper_list
from central.__main__ import main
from central.paper_list import PaperKeeper
from central.storage import audit_log
from central.storage.audit_log import Filter
from central.storage.paper_homes import without_codes
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting
from tests.central.desk_people import Person
from tests.central.test_console_people import setting as setting

DAY = 86_400.0


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.html"))}


def readers(setting: Setting, home: str) -> set[tuple[str, str, str]]:
    with setting.database.read() as conn:
        rows = audit_log.find(conn, Filter(homes=[home]), 100)
    return {(row.entry.account_id, row.entry.action, row.entry.why) for row in rows}


def test_a_municipality_is_printed_with_whom_to_ring_and_no_code_and_that_is_noted(
    setting: Setting, app: FastAPI
) -> None:
    supervisor = Person(app, "x-supervisor")
    assert supervisor.get("/paper-list")[0] == 200
    assert readers(setting, "carme") == set()  # nothing was shown yet
    status, page = supervisor.get("/paper-list?municipality=Gr%C3%A0cia")
    assert status == 200
    for said in (
        "Carme Puig i Soler",
        "93 555 01 42",
        "Carrer de Verdi 112",
        "Oxigen",
        "darrere el comptador",
        "Català",
    ):
        assert said in page
    assert "4412" not in page
    assert "0907" not in page
    assert readers(setting, "carme") == {("x-supervisor", "export", paper_list.WHY)}


def test_contacts_stand_in_the_order_in_which_they_are_asked(setting: Setting, app: FastAPI) -> None:
    (home,) = Person(app, "x-coordinator").get("/api/paper-list?municipality=Gr%C3%A0cia")[1]
    with setting.database.read() as conn:
        asked = conn.exec_driver_sql("SELECT called FROM contacts WHERE home_id = 'carme' ORDER BY position").scalars()
        assert [one["called"] for one in home["contacts"]] == list(asked)


def test_nobody_prints_beyond_their_municipalities_and_not_everybody_prints(setting: Setting, app: FastAPI) -> None:
    assert [home["id"] for home in Person(app, "x-supervisor").get("/api/paper-list?municipality=*")[1]] == ["carme"]
    assert Person(app, "x-supervisor").get("/api/paper-list?municipality=Sants")[1] == []
    for role in ("operator", "technician", "carer", "auditor", "resident"):
        assert Person(app, f"x-{role}").get("/api/paper-list?municipality=*")[0] == 403, role
    assert readers(setting, "pere") == set()


def test_it_lies_there_every_night_for_who_may_and_two_nights_are_kept(
    setting: Setting, tmp_path: Path, clock: Clock
) -> None:
    folder = tmp_path / "paper"
    keeper = PaperKeeper(setting.database, str(folder), "ca")
    for night in range(4):
        due_at = keeper.work(clock.now + night * DAY)
        assert keeper.work(due_at - 60) == due_at  # and not again the same day
    assert [path.name for path in sorted(folder.iterdir())] == ["2026-11-23", "2026-11-24"]
    newest = folder / "2026-11-24"
    assert [name.split("-", 1)[1] for name in files(newest)] == ["gràcia.html", "sants.html"]
    gracia, sants = files(newest).values()
    assert "Carme Puig i Soler" in gracia
    assert "Pere Miralles" in sants
    for page in (gracia, sants):  # it opens where nothing else is
        assert "http" not in page.replace("http-equiv", "")
        assert "/static/" not in page
        assert "4412" not in page
        assert "0907" not in page
    assert stat.S_IMODE(newest.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in newest.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("begins", "written"),
    [
        ("2027-10-29T12:00", ["2027-10-30T03:00", "2027-10-31T03:00", "2027-11-01T03:00"]),
        ("2027-03-27T02:30", ["2027-03-27T03:00", "2027-03-28T03:00", "2027-03-29T03:00"]),
    ],
)
def test_no_night_is_skipped_or_worked_again_and_again_where_the_clocks_change(
    setting: Setting, tmp_path: Path, begins: str, written: list[str]
) -> None:
    keeper, zone = PaperKeeper(setting.database, str(tmp_path / "paper"), "ca"), ZoneInfo("Europe/Madrid")
    now = datetime.fromisoformat(begins).replace(tzinfo=zone).timestamp()
    worked = []
    for _ in written:
        now = keeper.work(now)
        worked.append(f"{datetime.fromtimestamp(now, zone):%Y-%m-%dT%H:%M}")
    assert worked == written


def test_a_night_that_fails_leaves_the_one_before_and_the_health_page_says_so(
    setting: Setting, tmp_path: Path, app: FastAPI, clock: Clock
) -> None:
    folder = tmp_path / "paper"
    PaperKeeper(setting.database, str(folder), "ca").work(clock.now)
    (folder / ".2026-11-23.new").write_text("no folder can be made here")
    later = clock.now + 2 * DAY - 3600
    assert later < PaperKeeper(setting.database, str(folder), "ca").work(later) < later + 3600  # and tries again soon
    assert [path.name for path in folder.glob("2*")] == ["2026-11-21"]
    signs = {}
    for late_s in (0.0, 2 * DAY):
        setting.health = setting.health.__class__(paper=True, paper_at=NOON - late_s)
        found = Person(app, "x-technician").get("/api/health")[1]["signs"]
        signs[late_s] = next(sign["state"] for sign in found if sign["name"] in {"Llista en paper", "Paper list"})
    assert signs == {0.0: "ok", 2 * DAY: "bad"}


def test_the_command_writes_it_without_the_desk_and_notes_each_home(
    setting: Setting, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "central.toml"
    config.write_text(f'data_folder = "{tmp_path}"\n[database]\nurl = "{database_url}"\n', encoding="utf-8")
    assert main(["paper-list", "--config", str(config), "--out", str(tmp_path / "out")]) == 0
    (where,) = (tmp_path / "out").iterdir()
    assert len(files(where)) == 2
    assert str(where) in capsys.readouterr().out
    for home in ("carme", "pere"):
        ((account, action, why),) = readers(setting, home)
        assert (account.endswith("@centre"), action, why) == (True, "export", paper_list.WHY)
        with setting.database.read() as conn:
            (row,) = audit_log.find(conn, Filter(homes=[home]), 100)
        assert row.entry.origin == "here"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Porta de baix: codi 4412.", "Porta de baix: codi •••."),
        ("Código A12B, 3r 2a", "Código •••, 3r 2a"),
        ("Caixa 09-07 al costat", "Caixa ••• al costat"),
        ("Truca al porter, 93 555 01 42 o +34 600 123 456", "Truca al porter, 93 555 01 42 o +34 600 123 456"),
        ("Escala B, 4t 1a. La clau la té la veïna.", "Escala B, 4t 1a. La clau la té la veïna."),
    ],
)
def test_codes_of_doors_leave_free_text_and_telephone_numbers_stay(text: str, left: str) -> None:
    assert without_codes(text) == left
