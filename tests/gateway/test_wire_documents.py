"""What we tell other makers is true: schemas are up to date and fit what we send; every example is accepted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from devices.rejection import Rejection
from devices.vocabulary import Reading
from gateway.contract import encoding, senml
from gateway.contract.claim import (
    STATUS_OF,
    ClaimAnswer,
    ClaimFile,
    ClaimRefusal,
    ClaimRequest,
    read_claim,
    read_code,
    read_link,
)
from gateway.contract.messages import (
    EVIDENCE_MAX,
    Alarm,
    AlarmAnswer,
    Command,
    CommandOutcome,
    Heartbeat,
    HubState,
    Measurements,
)
from gateway.contract.schema import SCHEMAS, main, schemas
from gateway.contract.settings import HubSettings
from gateway.contract.topics import Channel, read_topic
from tests.gateway.test_contract_fuzz import alarms, answers, heartbeats, readings, states

FOLDER = Path(__file__).parents[2] / "docs" / "wire"
VALIDATORS = {
    name.removesuffix(".schema.json"): jsonschema.Draft202012Validator(json.loads(content))
    for name, content in schemas().items()
}
CHANNELS: dict[Channel, tuple[str, type]] = {
    Channel.ALARM: ("alarm", Alarm),
    Channel.ALARM_ANSWER: ("answer", AlarmAnswer),
    Channel.STATE: ("state", HubState),
    Channel.HEARTBEAT: ("heartbeat", Heartbeat),
    Channel.COMMAND: ("command", Command),
    Channel.COMMAND_OUTCOME: ("outcome", CommandOutcome),
    Channel.SETTINGS: ("settings", HubSettings),
}
CLAIM_FORMS: dict[str, type] = {
    "claim-request": ClaimRequest,
    "claim-answer": ClaimAnswer,
    "claim-refusal": ClaimRefusal,
    "claim-file": ClaimFile,
}


def test_the_committed_schemas_are_up_to_date(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert committed == written, "run `python -m gateway.contract.schema docs/wire`"


def test_every_schema_and_every_field_says_what_it_is() -> None:
    for stem, validator in VALIDATORS.items():
        schema: Any = validator.schema
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["title"] == SCHEMAS[stem][0]
        assert schema["description"]
        for part in schema["$defs"].values():
            assert part["description"]
            assert all(field["description"] for field in part.get("properties", {}).values())


@given(alarms | answers | states | heartbeats)
def test_what_we_send_fits_the_schema(body: Alarm | AlarmAnswer | HubState | Heartbeat) -> None:
    stem = next(stem for stem, kind in CHANNELS.values() if kind is type(body))
    payload = encoding.encode(body)
    if not isinstance(encoding.decode(type(body), payload), Rejection):
        VALIDATORS[stem].validate(json.loads(payload))


@given(readings)
def test_packs_that_we_send_fit_the_schema(reading: Reading) -> None:
    VALIDATORS["senml-pack"].validate(json.loads(senml.encode_measurements("h-17", [reading], sequence=1, epoch="k3")))


def examples() -> list[tuple[str, str]]:
    return re.findall(r"`(care/v1/[^`{]+)`\n\n```json\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)


def test_the_page_shows_every_kind_of_message() -> None:
    shown = {address.channel for topic, _ in examples() if (address := read_topic(topic))}
    assert shown == {*CHANNELS, Channel.MEASUREMENTS}
    assert len(re.findall("```json", (FOLDER / "README.md").read_text())) == len(examples()) + len(CLAIM_FORMS)


@pytest.mark.parametrize(("topic", "text"), examples())
def test_every_example_is_accepted(topic: str, text: str) -> None:
    address = read_topic(topic)
    assert address is not None
    if address.channel is Channel.MEASUREMENTS:
        VALIDATORS["senml-pack"].validate(json.loads(text))
        pack = senml.decode_measurements(address.hub, text.encode(), 1_795_276_810.0)
        assert isinstance(pack, Measurements)
        assert (len(pack.readings), pack.refused) == (len(json.loads(text)), ())
        return
    stem, kind = CHANNELS[address.channel]
    VALIDATORS[stem].validate(json.loads(text))
    message: Any = encoding.decode(kind, text.encode())
    assert isinstance(message, kind), message
    assert address.tail in {"", getattr(message, "ref", ""), getattr(message, "id", "")}


def test_a_time_is_taken_as_it_will_be_read_back_from_a_store() -> None:
    record = {
        "bn": "urn:dev:hub:h-17:hall/",
        "bt": 1795276800.0004,
        "t": 2.0004,
        "n": "temperature",
        "u": "Cel",
        "v": 21,
    }
    read = senml.decode_measurements("h-17", json.dumps([record]).encode(), 1795276900.0)
    assert isinstance(read, Measurements)
    assert [reading.measured_at for reading in read.readings] == [1795276802.001]


def test_limits_that_the_page_names() -> None:
    page = (FOLDER / "README.md").read_text()
    for number in (encoding.MESSAGE_BYTES_MAX, senml.RECORDS_MAX, senml.PAYLOAD_BYTES_MAX):
        assert f"{number:,}" in page
    assert f"at most {EVIDENCE_MAX} records" in page
    assert f"older than {senml.AGE_MAX_S / 86_400:.0f} days" in page
    assert f"{senml.FUTURE_MAX_S / 60:.0f} minutes ahead" in page


def test_every_claim_form_of_the_page_is_accepted_by_its_schema_and_its_reader() -> None:
    page = (FOLDER / "README.md").read_text().partition("## Claiming a new hub")[2]
    shown = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert len(shown) == len(CLAIM_FORMS)
    for (stem, kind), text in zip(CLAIM_FORMS.items(), shown, strict=True):
        VALIDATORS[stem].validate(json.loads(text))
        form: Any = read_claim(kind, text.encode())
        assert isinstance(form, kind), form
    link = re.search(r"`(https://\S+#\S+)`", page)
    assert link is not None
    read = read_link(link[1])
    assert read is not None
    assert not isinstance(read_code(read[1]), Rejection)
    for reason, status in STATUS_OF.items():
        assert f"| `{reason}` | {status} |" in page
