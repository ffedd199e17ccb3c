"""A municipality's data for whoever runs the service next: all of it, nothing of others, and a check that tells."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from central import hand_over
from central.__main__ import main
from central.hand_over import HandOverError
from central.storage import audit_log
from central.storage import hand_over as tables
from central.storage.audit_log import Filter
from central.storage.person_export import SECRET
from central.storage.tables import metadata
from central.telemetry.store import Row
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.carers_setting import furnish_carers
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, enrol, open_setting


@pytest.fixture
def setting(tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    """Carme's home, with her carers, in Gràcia; Pere's in Sants."""
    with open_setting(tmp_path, clock) as opened:
        furnish_carers(opened)
        enrol(opened, "pere-home", "Carrer de Sants 312", "", [], [])
        with opened.database.begin() as conn:
            conn.exec_driver_sql("UPDATE homes SET municipality = 'Gràcia' WHERE id = 'carme'")
            conn.exec_driver_sql("UPDATE homes SET municipality = 'Sants' WHERE id = 'pere-home'")
        opened.alarm("carme", AlarmKind.HELP)
        opened.alarm("pere-home", AlarmKind.HELP, hub="hub-pere-home")
        assert opened.telemetry is not None
        opened.telemetry.write([Row(home, "hall", "motion", NOON - 60, True) for home in ("carme", "pere-home")])
        yield opened


def handed(setting: Setting, folder: Path) -> dict[str, list[dict[str, object]]]:
    hand_over.write(setting.database, setting.telemetry, "Gràcia", folder, NOON, NOON - 86_400)
    return {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in folder.glob("*.jsonl")}


def test_every_table_is_handed_over_or_left_out_for_a_reason() -> None:
    selected = set(tables.handed_over("x"))
    every = {table.name for table in metadata.sorted_tables}
    forgotten = every - selected - set(tables.LEFT_OUT)
    assert not forgotten, "a new table names nothing of a home: select its rows in storage.hand_over, or say why not"
    assert not selected & set(tables.LEFT_OUT)


def test_no_table_with_something_of_a_person_is_left_out_but_keys_and_copies() -> None:
    left = {name for name in tables.LEFT_OUT if name in metadata.tables}
    about = {name for name in left if tables.about_homes(metadata.tables[name], "x") is not None}
    keys = {name for name in about if tables.LEFT_OUT[name].startswith("keys")}
    named = {"home_words", "push_subscriptions", "operator_settings", "call_audits", "webhook_deliveries"}
    assert about - keys == named


def test_all_of_a_municipality_and_nothing_of_another(setting: Setting, tmp_path: Path) -> None:
    found = handed(setting, tmp_path / "out")
    assert [row["id"] for row in found["homes"]] == ["carme"]
    for name, rows in found.items():
        assert "pere-home" not in json.dumps(rows), name
    with setting.database.read() as conn:
        for name in ("residents", "contacts", "devices", "hubs", "case_events", "alarms", "alarm_messages"):
            of_pere = {"residents": 0, "contacts": 0, "devices": 5, "hubs": 1}.get(name, 1)
            everything = conn.execute(sa.select(sa.func.count()).select_from(metadata.tables[name])).scalar_one()
            assert len(found[name]) == everything - of_pere > 0, name
    assert {row["called"] for row in found["operators"]} >= {"Marta Puig"}  # a carer's account; no staff
    assert not {"ana", "cap"} & {row["id"] for row in found["operators"]}
    assert not any(SECRET & set(row) for rows in found.values() for row in rows)
    assert found["readings"] == [{"home": "carme", "device": "hall", "kind": "motion", "at": NOON - 60, "value": 1.0}]


def test_each_home_s_log_says_that_its_file_was_handed_over(setting: Setting, tmp_path: Path) -> None:
    found = handed(setting, tmp_path / "out")
    assert [row["why"] for row in found["audit_log"]] == ["hand-over"]  # and whoever receives it reads it too
    with setting.database.read() as conn:
        rows = audit_log.find(conn, Filter(outcome="allowed"), 10)
    assert [(row.entry.home_id, row.entry.action, row.entry.why) for row in rows] == [("carme", "export", "hand-over")]


def test_a_folder_that_came_through_whole_is_ok_also_without_this_program(setting: Setting, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    handed(setting, folder)
    assert main(["hand-over-check", str(folder)]) == 0
    done = subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=False)
    assert done.returncode == 0
    readme = (folder / "README.md").read_text()
    for path in folder.glob("*.jsonl"):
        assert f"## {path.name} (" in readme
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("harm", ["cut", "missing", "added", "foreign", "unfinished"])
def test_what_was_lost_or_changed_on_the_way_is_found(
    setting: Setting, tmp_path: Path, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    handed(setting, folder)
    contacts = folder / "contacts.jsonl"
    lines = contacts.read_text().splitlines(keepends=True)
    if harm == "cut":
        contacts.write_text("".join(lines[:-1]))
    elif harm == "missing":
        contacts.unlink()
    elif harm == "added":
        shutil.copy(contacts, folder / "more.jsonl")
    elif harm == "foreign":
        contacts.write_text("".join(lines).replace('"carme"', '"pere-home"'))
    else:
        (folder / "SHA256SUMS").unlink()
    assert main(["hand-over-check", str(folder)]) == 1
    said = capsys.readouterr().out
    expected = {"cut": "rows where", "missing": "missing", "added": "more.jsonl", "foreign": "of a home that is not",
                "unfinished": "did not come to its end"}  # fmt: skip
    assert expected[harm] in said


@pytest.mark.parametrize("rubbish", ["half a li", "17\n", '["homes"]\n', b"\xff\xfe"])
@pytest.mark.parametrize("name", ["homes.jsonl", "contacts.jsonl", "manifest.json"])
def test_a_folder_spoiled_in_any_of_its_files_is_told_in_sentences(
    setting: Setting, tmp_path: Path, name: str, rubbish: str | bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    handed(setting, folder)
    with (folder / name).open("ab") as file:
        file.write(rubbish.encode() if isinstance(rubbish, str) else rubbish)
    for _ in range(2):
        assert main(["hand-over-check", str(folder)]) == 1
        assert name in capsys.readouterr().out
        (folder / name).write_bytes(rubbish.encode() if isinstance(rubbish, str) else rubbish)


def test_nobody_is_handed_over_by_a_slip_of_the_pen(setting: Setting, tmp_path: Path) -> None:
    for name in ("", "Gracia", "unknown"):
        with pytest.raises(HandOverError, match="no home"):
            hand_over.write(setting.database, None, name, tmp_path / "x", NOON, NOON)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(HandOverError, match="not empty"):
        hand_over.write(setting.database, None, "Gràcia", tmp_path / "full", NOON, NOON)
    with setting.database.read() as conn:
        assert audit_log.head(conn) is None
