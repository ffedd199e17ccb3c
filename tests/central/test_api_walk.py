"""What the walk through the interface says is what happens: its commands are run as they stand there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from central.access_rules import Role
from central.console.limits import KEY_BURST, KEY_REQUESTS_PER_S, Pace
from tests.central.console_setting import serve
from tests.central.every_route import everybody

WALK = Path(__file__).resolve().parents[2] / "docs" / "api.md"
SCOPES = ["case:read", "resident_file:read", "me:read", "absences:read", "agenda:write"]


@pytest.mark.slow
def test_the_commands_of_the_walk_do_what_it_says(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: apt-get install curl (the walk through the interface was NOT tested)")
    commands = re.findall(r"```sh\n(.*?)```", WALK.read_text(), re.DOTALL)
    with everybody(tmp_path) as centre, serve(centre.app, centre.setting.live) as address:
        coordinator = centre.client(Role.COORDINATOR)
        body = {"label": "partner", "scopes": SCOPES, "days": 30}
        made = coordinator.http.post("/api/accounts/x-api/keys", json=body, headers=coordinator.headers)
        assert made.status_code == 201, made.text
        names = {"KEY": made.json()["secret"], "LLAR": address, "CASE": str(centre.near), "HOME_ID": "carme"}
        answers = [
            json.loads(subprocess.run(["bash", "-c", command], env=names, check=True, capture_output=True).stdout)
            for command in commands
        ]
    me, case, card, away, call, refused = answers
    assert away == []
    assert call["id"]
    assert me["id"] == "x-api"
    assert case["card"]["id"] == centre.near
    assert card["home"]["access_notes"] == ""
    assert refused["reason"] == "not_allowed"


def test_a_key_opens_what_it_names_in_its_municipalities_until_it_is_revoked(tmp_path: Path) -> None:
    with everybody(tmp_path) as centre:
        coordinator = centre.client(Role.COORDINATOR)
        made = coordinator.http.post(
            "/api/accounts/x-api/keys",
            json={"label": "figures", "scopes": ["case:read"], "days": 30},
            headers=coordinator.headers,
        ).json()
        program = centre.client(Role.OPERATOR).http
        program.cookies.clear()
        key = {"authorization": f"Bearer {made['secret']}"}
        assert program.get(f"/api/cases/{centre.near}", headers=key).status_code == 200
        assert program.get(f"/api/cases/{centre.far}", headers=key).status_code == 404
        assert program.get("/api/homes/carme/card", headers=key).status_code == 403
        assert program.post(f"/api/cases/{centre.near}/take", headers=key).status_code == 403
        listed = coordinator.http.get("/api/keys-of-programs").json()["keys"]
        one = next(key for key in listed if key["label"] == "figures")
        assert (one["scopes"], one["account_id"]) == (["case:read"], "x-api")
        assert made["secret"] not in str(listed)
        gone = coordinator.http.delete(f"/api/keys-of-programs/{one['id']}", headers=coordinator.headers)
        assert gone.status_code == 204
        assert program.get(f"/api/cases/{centre.near}", headers=key).status_code == 401


def test_a_key_runs_out_and_asks_at_a_bounded_pace(tmp_path: Path) -> None:
    with everybody(tmp_path) as centre:
        centre.app.state.pace = Pace()
        program = centre.client(Role.API)
        for _ in range(KEY_BURST):
            assert program.http.get("/api/me", headers=program.headers).status_code == 200
        refused = program.http.get("/api/me", headers=program.headers)
        assert (refused.status_code, refused.json()["reason"]) == (429, "too_many")
        centre.setting.clock.now += float(refused.headers["retry-after"])  # type: ignore[attr-defined]
        for _ in range(int(KEY_REQUESTS_PER_S)):
            assert program.http.get("/api/me", headers=program.headers).status_code == 200
        centre.setting.clock.now += 4e7  # type: ignore[attr-defined]
        assert program.http.get("/api/me", headers=program.headers).status_code == 401


def test_names_of_operations_are_their_own_and_every_refusal_is_described(tmp_path: Path) -> None:
    with everybody(tmp_path) as centre:
        schema = centre.app.openapi()
        page = centre.client(Role.OPERATOR).http.get("/api/docs").text
    operations = [one for path in schema["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names)) > 60
    assert schema["openapi"].startswith("3.1")
    for one in operations:
        assert one["operationId"] in page
        assert one.get("tags"), one["operationId"]
        assert one.get("description"), one["operationId"]
        for status in ("401", "404", "405", "413", "415", "422", "429"):
            assert "application/json" in one["responses"][status]["content"], (one["operationId"], status)


def test_a_webhook_is_made_changed_tested_and_removed(tmp_path: Path) -> None:
    with everybody(tmp_path) as centre:
        office = centre.client(Role.COORDINATOR)
        body = {"label": "partner", "url": "https://partner.example/llar", "events": ["case.opened"]}
        refused = office.http.post("/api/webhooks", json=body, headers=office.headers)
        assert (refused.status_code, refused.json()["reason"]) == (403, "not_yours_to_give")
        body["municipalities"] = ["Gràcia"]  # type: ignore[assignment]
        for url in ("https://127.0.0.1/", "http://partner.example/", "https://10.0.0.1/", "https://[::1]/"):
            refused = office.http.post("/api/webhooks", json={**body, "url": url}, headers=office.headers)
            assert (refused.status_code, refused.json()["reason"]) == (422, "address_not_allowed"), url
        made = office.http.post("/api/webhooks", json=body, headers=office.headers)
        assert made.status_code == 201
        assert made.json()["secret"].startswith("whsec_")
        hook = f"/api/webhooks/{made.json()['id']}"
        assert "whsec_" not in office.http.get("/api/webhooks").text
        changed = {**body, "version": 1, "label": "other"}
        assert office.http.put(hook, json=changed, headers=office.headers).json() == {"version": 2}
        late = office.http.put(hook, json=changed, headers=office.headers)
        assert (late.status_code, late.json()["reason"]) == (409, "changed_meanwhile")
        assert office.http.post(f"{hook}/test", headers=office.headers).status_code == 202
        centre.setting.alarm("carme", ref="N2")
        events = [one["event"] for one in office.http.get(f"{hook}/deliveries").json()["deliveries"]]
        assert "test" in events
        for path in ("/settings/api", f"/settings/api/webhooks/{made.json()['id']}"):
            assert office.http.get(path).status_code == 200
        assert office.http.delete(hook, headers=office.headers).status_code == 204
        assert office.http.get(f"{hook}/deliveries").status_code == 404
