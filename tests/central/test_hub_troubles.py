"""What a hub complains of reaches a technician: by home, the gravest first, in their language, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from central.console.hub_troubles import SETTLING_S, SHOWN_MAX
from central.console.hub_words import PROBLEMS
from central.console.refusal_words import REASONS, say_reason
from central.storage import homes, hub_settings
from central.storage.homes import DeviceAtHome
from central.texts import LANGUAGES, translator
from gateway.contract.messages import HubState, Outcome, Problem, ProblemCode
from gateway.contract.settings import HubSettings
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, enrol, open_setting
from tests.central.desk_people import form_token, log_in


@pytest.fixture
def setting(tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock, with_store=False) as opened:
        with opened.database.begin() as connection:
            pendant = DeviceAtHome("pendant", "bthome_pendant", "penjoll", 7200)
            homes.enrol_devices(connection, "carme", [pendant], NOON)
        yield opened


@pytest.fixture
def client(setting: Setting) -> Iterator[TestClient]:
    with TestClient(setting.app(), base_url="http://desk.test", follow_redirects=False) as opened:
        yield opened


def health(client: TestClient, name: str = "marc") -> Any:
    if client.get("/api/me").status_code != 200:
        assert log_in(client, name).status_code == 303
        form_token(client)
    answer = client.get("/api/health")
    assert answer.status_code == 200
    return answer.json()


def say(setting: Setting, *problems: Problem, home: str = "carme", **more: Any) -> None:
    now = setting.clock()
    setting.states.hear(f"hub-{home}", HubState(**{"online": True, "at": now, **more}, problems=list(problems)), now)


def units(page: Any) -> Any:
    return page["signs"][-1]


@pytest.mark.parametrize("code", list(ProblemCode))
def test_every_problem_has_words_in_every_language(code: ProblemCode) -> None:
    assert code in PROBLEMS, f"{code} has no words: add them to central/console/hub_words.py"
    for language in LANGUAGES:
        assert translator(language).catalogue.get(PROBLEMS[code].says)


def test_a_deaf_radio_and_a_missing_pendant_are_for_now_and_stand_first(setting: Setting, client: TestClient) -> None:
    for home in ("b", "c", "d"):
        enrol(setting, home, f"Carrer {home}", "", [], [])
    say(setting, Problem("device_silent", NOON - 9_000, "hall"), home="b")
    say(setting, Problem("device_silent", NOON - 9_000, "pendant"), Problem("clock_untrusted", NOON - 60))
    say(setting, Problem("ble_deaf", NOON - 190, "ble"), home="c", hearing={"ble": 190.0, "serial": 1.0})
    say(setting, home="d", hearing={"ble": 3.0})
    page = health(client)
    assert [(one["home"], one["state"]) for one in page["troubled"]] == [("c", "bad"), ("carme", "bad"), ("b", "warn")]
    deaf, missing, _ = page["troubled"]
    assert deaf["troubles"][0]["says"].startswith("The radio is deaf")
    assert deaf["troubles"][0]["advice"]
    assert deaf["troubles"][0]["age_s"] == 190
    assert deaf["facts"] == [
        "reaches the centre by broadband",
        "radio: nothing heard for 3 minutes",
        "wire: hears its devices",
    ]
    assert [(one["state"], one["says"]) for one in missing["troubles"]] == [
        ("bad", "Nothing is heard of penjoll (pendant)."),
        ("note", "The unit does not trust its clock yet."),
    ]
    assert (units(page)["state"], units(page)["says"]) == ("bad", "Homes from which an alarm may not come: 2.")
    assert health(TestClient(client.app, base_url="http://desk.test", follow_redirects=False), "ana")["troubled"][0][
        "troubles"
    ][0]["says"].startswith("La ràdio és sorda")


def test_every_console_says_when_a_home_may_not_be_able_to_call(setting: Setting, client: TestClient) -> None:
    say(setting, Problem("device_battery_low", NOON - 60, "hall"))
    health(client)
    assert client.get("/api/queue").json()["link"]["hubs_deaf"] == 0
    say(setting, Problem("ble_missing", NOON - 60, "ble"))
    assert client.get("/api/queue").json()["link"]["hubs_deaf"] == 1
    say(setting, hearing={"ble": 2.0})
    assert client.get("/api/queue").json()["link"]["hubs_deaf"] == 0


def test_what_a_hub_did_by_itself_says_whether_it_helped(setting: Setting, client: TestClient) -> None:
    for number, outcome in enumerate(Outcome):
        enrol(setting, f"h{number}", f"Carrer {number}", "", [], [])
        say(setting, Problem("adapter_reset", NOON - 5, "ble", outcome=outcome), home=f"h{number}")
    said = {one["troubles"][0]["says"]: one["state"] for one in health(client)["troubled"]}
    assert said == {
        "The unit reset its radio by itself. It did not help.": "warn",
        "The unit reset its radio by itself. It helped.": "note",
        "The unit reset its radio by itself. Whether it helped is not known yet.": "note",
    }


def test_older_hubs_and_newer_ones_are_heard_too(setting: Setting, client: TestClient) -> None:
    for home in ("old", "new"):
        enrol(setting, home, f"Carrer {home}", "", [], [])
    say(setting, home="old", faults=["outbox: full"])
    say(setting, Problem("robot_lost", NOON - 60, "misty", "no answer"), home="new", problems_more=4)
    found = {one["home"]: one["troubles"] for one in health(client)["troubled"]}
    assert [one["detail"] for one in found["old"]] == ["outbox: full"]
    assert found["new"][0]["detail"] == "robot_lost: no answer"
    assert "4 more problems" in found["new"][1]["says"]


def test_how_long_it_lasts_is_right_while_the_hubs_clock_is_wrong(
    setting: Setting, client: TestClient, clock: Clock
) -> None:
    say(setting, Problem("modem_no_sim", 1_000.0), at=1_090.0, trusted=False)
    clock.now += 30
    assert health(client)["troubled"][0]["troubles"][0]["age_s"] == 120


def test_a_hub_that_went_silent_keeps_its_troubles(setting: Setting, client: TestClient) -> None:
    say(setting, Problem("modem_no_credit", NOON - 60), mains=False, battery_percent=64)
    setting.states.hear("hub-carme", HubState(False), NOON)
    (home,) = health(client)["troubled"]
    assert not home["online"]
    assert [one["says"] for one in home["troubles"]] == [
        "The SIM card has no credit: there is no second way.",
        "The unit has no mains power and runs on its battery: 64 % are left.",
    ]


def test_settings_that_are_not_in_force_are_a_matter_after_a_while(
    setting: Setting, client: TestClient, clock: Clock
) -> None:
    with setting.database.begin() as connection:
        hub_settings.keep(connection, "hub-carme", HubSettings(7, language="es"), NOON)
        hub_settings.mark_published(connection, "hub-carme", 7, NOON)
        hub_settings.mark_in_force(connection, "hub-carme", 6)
    say(setting, cfg=6)
    (home,) = health(client)["troubled"]
    waits = "Settings: version 7 is on its way, version 6 is in force."
    assert (home["state"], home["troubles"][0]["says"]) == ("note", waits)
    clock.now += SETTLING_S + 1
    (home,) = health(client)["troubled"]
    differs = "Settings: version 7 is wanted, version 6 is in force."
    assert (home["state"], home["troubles"][0]["says"]) == ("warn", differs)
    say(setting, Problem("settings_rolled_back", clock.now - 60, "7"), cfg=6)
    (home,) = health(client)["troubled"]
    assert len(home["troubles"]) == 1
    assert "took its new settings back" in home["troubles"][0]["says"]
    with setting.database.begin() as connection:
        hub_settings.mark_in_force(connection, "hub-carme", 7)
    say(setting, cfg=7)
    assert health(client)["troubled"] == []


def test_a_fault_of_hundreds_of_homes_is_counted_and_not_all_listed(setting: Setting, client: TestClient) -> None:
    with setting.database.begin() as connection:
        for number in range(SHOWN_MAX + 20):
            homes.enrol_home(connection, f"n{number}", address=f"Carrer {number}", now=NOON)
            homes.enrol_hub(connection, f"hub-n{number}", f"n{number}", NOON)
    for number in range(SHOWN_MAX + 20):
        say(setting, Problem("modem_missing", NOON - 60), home=f"n{number}")
    say(setting, Problem("modem_missing", NOON - 60), home="nobody-knows")
    page = health(client)
    assert len(page["troubled"]) == SHOWN_MAX
    assert page["troubled_more"] == 21
    assert units(page)["says"] == f"Homes that need a technician: {SHOWN_MAX + 21}."


def test_well_homes_are_not_listed(setting: Setting, client: TestClient) -> None:
    say(setting, hearing={"ble": 3.0}, mains=True, battery_percent=100)
    page = health(client)
    assert page["troubled"] == []
    assert units(page)["state"] == "ok"


def test_reasons_of_refusals_are_words_and_unknown_ones_are_shown_as_they_are() -> None:
    words = translator("es")
    assert say_reason("state_bad_json", words) == "estado de una unidad: no se puede leer"
    assert say_reason("something_new", words) == "something_new"
    assert all(say_reason(reason, words) != reason for reason in REASONS)
