"""Data that leave for research: nobody stands out, nobody is followed across recipients, nothing is said in words."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.alarm_cases.closing import Action, Cause, Closing, Outcome
from central.audit_chain import check
from central.privacy.processing import ACTIVITIES, as_data, as_markdown
from central.privacy.pseudonyms import (
    K_LEAST,
    SHIFT_WEEKS_MAX,
    WEEK_S,
    Household,
    age_band,
    k_anonymous,
    monthly,
    pseudonym,
    shift_s,
)
from central.privacy.research_export import Asked, write_export
from central.privacy.retention import CLASSES
from central.storage import audit_log, rights_requests
from central.storage.people import Contact, Resident
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.console_setting import Clock, Setting, enrol, new_database
from tests.central.test_console_people import setting as setting

DOCS = Path(__file__).parents[2] / "docs/privacy"
SECRET = "parlava de la seva filla Montserrat"
KEY = bytes(range(32))


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One kind of database: what differs between them is asked in test_retention."""
    return new_database[0](tmp_path / "central.sqlite3")


household = st.builds(
    Household,
    id=st.uuids().map(str),
    area=st.sampled_from(["Gràcia nord", "Gràcia sud", "Sants"]),
    municipality=st.sampled_from(["Gràcia", "Sants"]),
    people=st.sampled_from(["1", "1", "1", "2+"]),
    age=st.integers(20, 105).map(age_band),
    sex=st.sampled_from(["f", "f", "m", "x"]),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(household, max_size=80, unique_by=lambda one: one.id), st.integers(K_LEAST, 12))
def test_whoever_is_left_is_like_k_others_and_is_made_coarser_never_finer(homes: list[Household], k: int) -> None:
    left = k_anonymous(homes, k)
    alike: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for one in left.values():
        alike[one.known].add(one.id)
    assert all(len(ids) >= k for ids in alike.values())
    before = {one.id: one for one in homes}
    for name, one in left.items():
        assert one.people in {before[name].people, "*"}
        assert one.sex in {before[name].sex, "*"}
        assert one.area in {before[name].area, before[name].municipality, "*"}
    if len({one.known for one in homes}) == 1 and len(homes) >= k:
        assert left == before, "what is alike already is not touched"


def test_fewer_alike_than_five_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        k_anonymous([], 4)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.tuples(st.sampled_from("xy"))), max_size=60))
def test_no_figure_is_told_of_fewer_than_five_households(cases: list[tuple[str, tuple[str]]]) -> None:
    kept, left_out = monthly(cases, 5)
    for cell in {cell for _, cell in cases}:
        behind = {home for home, its in cases if its == cell}
        assert (cell in kept) == (len(behind) >= 5)
    assert left_out == len({cell for _, cell in cases}) - len(kept)


def test_a_pseudonym_needs_the_key_and_differs_by_recipient() -> None:
    names = {
        pseudonym(key, recipient, home)
        for key in (KEY, bytes(32))
        for recipient in ("upc", "clinic")
        for home in ("carme", "pere")
    }
    assert len(names) == 8
    shifts = {shift_s(KEY, "upc", f"home-{number}") for number in range(2_000)}
    assert shifts == {week * WEEK_S for week in range(-SHIFT_WEEKS_MAX, SHIFT_WEEKS_MAX + 1) if week}
    assert age_band(59) == "<60"
    assert (age_band(80), age_band(84), age_band(90)) == ("80-84", "80-84", "90+")


def street(setting: Setting, clock: Clock, homes: int) -> None:
    """A street of homes with two cases each; one couple, one very young."""
    lot = random.Random(7)
    for number in range(homes):
        home = f"verdi-{number}"
        born = 1999 if number == 0 else 1938 + lot.randrange(8)
        people = [Resident(f"r-{number}", home, "Maria", f"Maria Cognom{number}", born, sex="f")]
        people += [Resident("r-more", home, "Joan", "Joan Altre", 1936, sex="m")] if number == 1 else []
        enrol(setting, home, f"Carrer de Verdi {number}", "", people, [Contact(f"c-{number}", home, 1, "Marta")])
        with setting.database.begin() as conn:
            conn.exec_driver_sql(f"UPDATE homes SET municipality = 'Gràcia', district = 'Vila' WHERE id = '{home}'")
        for ref in ("A1", "A2"):
            case = setting.alarm(home, AlarmKind.HELP, place="bany", ref=ref)
            setting.desk.take(case, "ana", clock.now + 20)
            setting.desk.note(case, "ana", SECRET, clock.now + 21)
            done = Closing(Cause.HELP_NEEDED, Action.CONTACT_SENT, Outcome.HELPED_AT_HOME, told=("Marta",), note=SECRET)
            setting.desk.close(case, "ana", done, clock.now + 300)
            clock.now += 3_600


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_an_export_tells_of_nobody_alone_and_says_nothing_in_words(
    setting: Setting, clock: Clock, tmp_path: Path
) -> None:
    began = clock.now
    street(setting, clock, 14)
    with setting.database.begin() as conn:
        rights_requests.add(conn, "r-9", "verdi-9", "object", "No ho vull", clock.now, "cap")
    asked = Asked("upc", KEY, began, clock.now + 1, 5)
    made = write_export(setting.database, tmp_path / "out", asked, clock.now, "shell:root")
    rows = read(tmp_path / "out/cases.csv")
    alike: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in rows:
        alike[row["area"], row["people"], row["age"], row["sex"]].add(row["household"])
    assert rows
    assert all(len(homes) >= 5 for homes in alike.values())
    assert len({row["household"] for row in rows}) == made.households <= 13
    assert pseudonym(KEY, "upc", "verdi-9") not in {row["household"] for row in rows}, "they have objected"
    everything = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir())
    for word in (SECRET, "Montserrat", "verdi", "Cognom", "Marta", "ana", "hub-"):
        assert word not in everything.lower() if word.islower() else word not in everything, word
    (month,) = read(tmp_path / "out/months.csv")
    assert (month["area"], month["kind"], int(month["cases"])) == ("Gràcia", "help", 26)
    by_home = defaultdict(list)
    for row in rows:
        by_home[row["household"]].append(row["opened"])
    days = {opened[:10] for moments in by_home.values() for opened in moments}
    assert len(days) > 3, "they all happened on one or two days"
    assert {row["answered_after_s"] for row in rows} == {"20"}
    with setting.database.read() as conn:
        entry = audit_log.head(conn)
        assert check(audit_log.all_rows(conn)).fault == ""
    assert entry is not None
    assert (entry.entry.action, "for upc" in entry.entry.what) == ("export", True)
    with pytest.raises(FileExistsError):
        write_export(setting.database, tmp_path / "out", asked, clock.now, "shell:root")


def test_four_households_are_not_told_of_at_all(setting: Setting, clock: Clock, tmp_path: Path) -> None:
    began = clock.now
    street(setting, clock, 4)
    made = write_export(setting.database, tmp_path / "out", Asked("upc", KEY, began, clock.now + 1, 5), clock.now, "x")
    assert (made.cases, made.left_out) == (0, 4)
    assert read(tmp_path / "out/months.csv") == []


def test_the_command_writes_into_the_data_folder_and_refuses_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from central.__main__ import main

    (tmp_path / "key").write_text(KEY.hex())
    config = tmp_path / "central.toml"
    config.write_text(f'data_folder = "{tmp_path}"\n[database]\nurl = "sqlite:///{tmp_path}/c.sqlite3"\n')
    command = ["export-pseudonymised", "upc", "--config", str(config), "--since", "2026-01-01", "--until", "2026-06-30"]
    assert main([*command, "--key-file", str(tmp_path / "none")]) != 0
    assert "openssl rand" in capsys.readouterr().err
    assert main([*command, "--key-file", str(tmp_path / "key"), "--k", "3"]) != 0
    assert main([*command, "--key-file", str(tmp_path / "key")]) == 0
    assert (tmp_path / "exports/upc-2026-01-01-2026-06-30/cases.csv").exists()
    assert main(["purge", "--config", str(config)]) == 0
    assert main(["register-of-processing", "--config", str(config)]) == 0
    assert "# Register of processing activities" in capsys.readouterr().out


def test_the_register_in_the_documents_is_the_one_of_the_code() -> None:
    months = {name: one.months for name, one in CLASSES.items()}
    assert (DOCS / "register.md").read_text(encoding="utf-8") == as_markdown(months) + "\n"
    assert {name for one in ACTIVITIES for name in one.kept} == set(CLASSES)
    assert {one["name"]: one["months"] for one in as_data(months)["classes"]} == months
