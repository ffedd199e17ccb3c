"""The resident's own page: consents hold at once, requests reach a coordinator, an export leaves nothing out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from central.carers.rights_words import SHARED
from central.console.pages import file_words
from central.storage import people, person_export, rota, shares
from central.storage.people import Resident, add_resident
from central.storage.tables import metadata
from tests.central.carers_setting import ALL, furnish_carers, log_in
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, open_setting

MARTA = "/api/rights/carme/shares/marta"


@pytest.fixture
def setting(tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock) as opened:
        furnish_carers(opened)
        yield opened


def consent(setting: Setting, contact: str = "marta") -> tuple[str, ...]:
    with setting.database.read() as conn:
        return rota.profile(conn, contact).consent


def test_a_resident_takes_back_and_gives_again_and_both_are_proven(setting: Setting, clock: Clock) -> None:
    carme = log_in(setting.app(), "carme-acc")
    assert carme.get("/").headers["location"] == "/rights"
    assert carme.send("PUT", MARTA, {"share": "access_notes", "given": False}).status_code == 204
    assert "access_notes" not in consent(setting)
    clock.now += 60
    carme.send("PUT", MARTA, {"share": "access_notes", "given": True})
    carme.send("PUT", MARTA, {"share": "access_notes", "given": True})
    assert consent(setting) == ALL
    with setting.database.read() as conn:
        proof = [(one.share, one.given, one.at, one.by) for one in shares.changes_of(conn, "carme")]
    assert proof == [("access_notes", True, NOON + 60, "carme-acc"), ("access_notes", False, NOON, "carme-acc")]
    assert carme.send("PUT", MARTA, {"share": "everything", "given": True}).status_code == 422


def test_alarms_taken_back_from_all_are_said_to_be_a_gap_and_the_desk_knows(setting: Setting) -> None:
    setting.desk.channels = ("email", "sms")
    carme = log_in(setting.app(), "carme-acc")
    for contact in ("marta", "joan"):
        carme.send("PUT", f"/api/rights/carme/shares/{contact}", {"share": "alarms", "given": False})
    with setting.database.read() as conn:
        kinds = conn.exec_driver_sql("select kind, priority from cases").all()
    assert [tuple(row) for row in kinds] == [("contacts_unreachable", 4)]


def test_nobody_decides_for_somebody_else(setting: Setting) -> None:
    with setting.database.begin() as conn:
        add_resident(conn, Resident("pere", "carme", "Pere", "Pere Mas", 1940))
    app = setting.app()
    carme, marta, ana = (log_in(app, name) for name in ("carme-acc", "marta-acc", "ana"))
    body = {"share": "readings", "given": False}
    assert carme.send("PUT", "/api/rights/pere/shares/marta", body).status_code == 404
    assert carme.get("/api/rights/pere/export").status_code == 404
    assert carme.get("/api/rights/nobody/export").status_code == 404
    for other in (marta, ana):
        assert other.send("PUT", MARTA, body).status_code == 403
        assert other.get("/api/rights/carme/export").status_code == 403
        assert other.send("POST", "/api/rights/carme/requests", {"kind": "see"}).status_code == 403
    assert ana.get("/rights").status_code == 404
    assert consent(setting) == ALL


def test_who_looked_and_why_in_plain_words(setting: Setting) -> None:
    app = setting.app()
    case = setting.alarm("carme")
    ana, carme = log_in(app, "ana"), log_in(app, "carme-acc")
    ana.get("/api/homes/carme/card")
    ana.get(f"/api/cases/{case}")
    page = carme.get("/rights").text
    assert "Ana" in page
    assert "ha mirat: la fitxa" in page
    assert f"Per l&#39;alarma número {case}." in page or f"Per l'alarma número {case}." in page


def test_a_request_reaches_the_coordinator_and_its_answer_the_resident(setting: Setting, clock: Clock) -> None:
    app = setting.app()
    carme, cap, ana = (log_in(app, name) for name in ("carme-acc", "cap", "ana"))
    body = {"kind": "correct", "text": "El cognom"}
    number = carme.send("POST", "/api/rights/carme/requests", body).json()["id"]
    listed = cap.get("/api/requests").json()
    assert [(one["id"], one["full_name"], one["due_at"]) for one in listed] == [
        (number, "Carme Puig i Soler", NOON + 30 * 86_400)
    ]
    assert "El cognom" in cap.get("/requests").text
    assert ana.get("/requests").status_code == 403
    assert carme.get("/requests").status_code == 403
    answer = {"state": "done", "answer": "Corregit."}
    assert carme.send("POST", f"/api/requests/{number}/answer", answer).status_code == 403
    assert cap.send("POST", f"/api/requests/{number}/answer", answer).status_code == 204
    assert cap.send("POST", f"/api/requests/{number}/answer", answer).status_code == 409
    assert cap.send("POST", "/api/requests/999/answer", answer).status_code == 404
    assert "Corregit." in carme.get("/rights").text


def test_requests_of_one_person_are_bounded(setting: Setting) -> None:
    carme = log_in(setting.app(), "carme-acc")
    codes = [carme.send("POST", "/api/rights/carme/requests", {"kind": "see"}).status_code for _ in range(21)]
    assert codes == [201] * 20 + [409]


def test_an_export_holds_what_is_known_and_no_secret(setting: Setting) -> None:
    with setting.database.begin() as conn:
        add_resident(conn, Resident("pere", "carme", "Pere", "Pere Mas i Pi", 1940))
    case = setting.alarm("carme", place="bany")
    setting.desk.take(case, "ana", NOON)
    carme = log_in(setting.app(), "carme-acc")
    given = carme.get("/api/rights/carme/export")
    assert "attachment" in given.headers["content-disposition"]
    known = json.loads(given.text)
    assert known["residents"][0]["full_name"] == "Carme Puig i Soler"
    assert {row["type"] for row in known["case_events"]} >= {"opened", "taken"}
    assert "Pere Mas i Pi" not in given.text, "who lives there too has a file of their own"
    assert "argon2" not in given.text
    page = carme.get("/rights/carme/export")
    assert page.status_code == 200
    assert "Carme Puig i Soler" in page.text


def test_every_table_is_in_the_export_or_named_as_left_out_or_about_nobody() -> None:
    silent = []
    for table in metadata.sorted_tables:
        about = person_export.about_person(table, "r", "h")
        points_at_person = any(
            key.column.table.name in {"residents", "homes", "contacts", "cases", "deliveries"}
            for column in table.columns
            for key in column.foreign_keys
        )
        if about is None and points_at_person and table.name not in person_export.LEFT_OUT:
            silent.append(table.name)
    assert silent == []
    assert set(person_export.LEFT_OUT) <= {table.name for table in metadata.sorted_tables}
    assert isinstance(metadata, sa.MetaData)


def test_weeks_in_numbers_are_given_and_taken_back(setting: Setting) -> None:
    carme = log_in(setting.app(), "carme-acc")
    for given in (True, False):
        assert carme.send("PUT", "/api/rights/carme/routine", {"given": given}).status_code == 204
        shown = "L'equip d'atenció ho veu" if given else "L'equip d'atenció no ho veu"
        assert shown in carme.get("/rights").text.replace("&#39;", "'")


def test_the_office_writes_down_what_a_resident_said_and_both_see_the_same(setting: Setting, clock: Clock) -> None:
    app = setting.app()
    cap, carme, ana = (log_in(app, name) for name in ("cap", "carme-acc", "ana"))
    path = "/api/homes/carme/residents/carme/shares/marta"
    body = {"shares": ["alarms", "daily_line"], "said_by": "Carme, per telèfon"}
    assert cap.send("PUT", path, body).status_code == 204
    assert consent(setting) == ("alarms", "daily_line")
    file = cap.get("/residents/carme?tab=consents").text
    assert "Una línia tranquil·litzadora al dia" in file, "said about the person, in the office"
    shown = file[file.index("<main") : file.index("</main>")]
    assert not any(mine in shown for mine in ("Les meves alarmes", "Com he començat el dia", "On se m"))
    assert file.count("Carme, per telèfon") == 4
    assert "ho ha apuntat Montse" in file
    own = carme.get("/rights").text
    assert own.count("ho va dir Carme, per telèfon") == 4
    assert "Les meves alarmes" in own
    clock.now += 60
    carme.send("PUT", MARTA, {"share": "daily_line", "given": False})
    file = cap.get("/residents/carme?tab=consents").text
    assert file.index('data-at="1795262460') < file.index("Carme, per telèfon")
    assert ana.send("PUT", path, body).status_code == 403
    assert cap.send("PUT", path, body | {"said_by": " "}).status_code == 422
    assert cap.send("PUT", f"{path}x", body).status_code == 404
    assert consent(setting) == ("alarms",)
    said = {"what": "routine", "given_by": "la filla"}
    for given in (True, False):
        cap.send("POST", "/api/homes/carme/residents/carme/consents", said | {"given": given})
    file = cap.get("/residents/carme?tab=consents").text
    assert file.count('<th scope="row">Que les setmanes a casa s') == 2
    assert "la filla" in file


def test_the_office_has_words_of_its_own_for_everything_that_can_be_shared() -> None:
    assert set(file_words.SHARES) == set(file_words.SHARES_SEE) == set(SHARED)
    mine = {text for one in SHARED.values() for text in (one.name, one.sees)}
    theirs = {*file_words.SHARES.values(), *file_words.SHARES_SEE.values()}
    assert not [text for text in mine & theirs if re.search(r"\b(my|I|you|your)\b", text, flags=re.IGNORECASE)]


@pytest.mark.parametrize("who", ["ana", "cap"])
def test_what_a_contact_may_see_is_not_changed_beside_their_telephone_number(setting: Setting, who: str) -> None:
    """Who may write consents does so where it is written down who said so; who may not, not at all."""
    app = setting.app()
    person = log_in(app, who)
    facts = {"called": "Marta", "version": 0}
    refused = person.send("PUT", "/api/homes/carme/contacts/marta", facts | {"consent": ["alarms"]})
    assert (refused.status_code, refused.json()["reason"]) == (403, "not_yours_to_decide")
    assert "ho decideix la persona atesa" in refused.json()["text"]
    assert consent(setting) == ALL
    with setting.database.read() as conn:
        assert [one.called for one in people.contacts_of(conn, "carme")] == ["Marta Puig", "Joan Ferrer"]
        assert shares.changes_of(conn, "carme") == []
    assert person.send("PUT", "/api/homes/carme/contacts/marta", facts).status_code == 200
    assert consent(setting) == ALL
    assert 'name="consent"' not in person.get("/residents/carme?tab=contacts").text
    offered = 'name="shares"' in person.get("/residents/carme?tab=consents").text
    assert offered == (who == "cap")
    path = "/api/homes/carme/residents/carme/shares/marta"
    given = person.send("PUT", path, {"shares": ["alarms"], "said_by": "Carme"})
    assert given.status_code == (204 if who == "cap" else 403)
