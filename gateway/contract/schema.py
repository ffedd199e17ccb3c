"""JSON Schemas of what travels on the wire, for other makers: `python -m gateway.contract.schema docs/wire`.

Made from the message types themselves: constraints from their annotations, descriptions from their docstrings.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from gateway.contract.claim import ClaimAnswer, ClaimedBroker, ClaimedDevice, ClaimFile, ClaimRefusal, ClaimRequest
from gateway.contract.messages import (
    Alarm,
    AlarmAnswer,
    Command,
    CommandOutcome,
    Heartbeat,
    HubState,
    ModemState,
    Problem,
    Record,
)
from gateway.contract.senml import RECORDS_MAX
from gateway.contract.settings import Contact, DeviceSettings, HubSettings

_Pack = Annotated[list[Record], msgspec.Meta(min_length=1, max_length=RECORDS_MAX)]

SCHEMAS: Final[dict[str, tuple[str, type, Any]]] = {
    "alarm": ("Alarm, on up/alarm", Alarm, Alarm),
    "answer": ("Answer to an alarm, on dn/alarm/{ref}", AlarmAnswer, AlarmAnswer),
    "state": ("State of a hub, retained on up/state", HubState, HubState),
    "heartbeat": ("Heartbeat, on up/hb", Heartbeat, Heartbeat),
    "command": ("Command, on dn/cmd/{id}", Command, Command),
    "outcome": ("Outcome of a command, on up/cmd/{id}", CommandOutcome, CommandOutcome),
    "senml-pack": ("Measurements, on up/meas", Record, _Pack),
    "settings": ("Settings of a hub, retained on dn/cfg", HubSettings, HubSettings),
    "claim-request": ("Claim of a new hub, POST /claim", ClaimRequest, ClaimRequest),
    "claim-answer": ("Answer to a good claim", ClaimAnswer, ClaimAnswer),
    "claim-refusal": ("Answer to a claim that is not taken", ClaimRefusal, ClaimRefusal),
    "claim-file": ("Claim in a file, llar-claim.json", ClaimFile, ClaimFile),
}
"""File stem -> title, the type that describes it, the type of the whole message."""

_PARTS: Final = (
    Record,
    Problem,
    ModemState,
    HubSettings,
    Contact,
    DeviceSettings,
    ClaimAnswer,
    ClaimedBroker,
    ClaimedDevice,
)
"""Types that stand within others."""

_ATTRIBUTE = re.compile(r"^ {4}(\w+(?:, \w+)*): (.+(?:\n {8}.+)*)", re.MULTILINE)


def schemas() -> dict[str, str]:
    """File name -> content, for every message of the wire."""
    return {f"{stem}.schema.json": _written(stem, *entry) for stem, entry in SCHEMAS.items()}


def _written(stem: str, title: str, described: type, whole: Any) -> str:
    schema = msgspec.json.schema(whole)
    parts: dict[str, dict[str, Any]] = schema.pop("$defs")
    types = {kind.__name__: kind for kind in (described, *_PARTS)}
    for name, part in parts.items():
        _describe(part, types.get(name))
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:llar:wire:v1:{stem}",
        "title": title,
        "description": _summary(described),
    }
    return json.dumps({**head, **schema, "$defs": parts}, indent=2, ensure_ascii=False) + "\n"


def _summary(kind: type) -> str:
    text = inspect.getdoc(kind) or ""
    return _one_line(text.partition("\nAttributes:")[0])


def _describe(part: dict[str, Any], kind: type | None) -> None:
    if kind is None:
        part["description"] = _one_line(part.get("description", ""))
        return
    part["description"] = _summary(kind)
    words = {
        name: _one_line(text)
        for names, text in _ATTRIBUTE.findall(inspect.getdoc(kind) or "")
        for name in names.split(", ")
    }
    for name, field in part["properties"].items():
        field["description"] = words[name]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def main(arguments: list[str]) -> int:
    """Writes the schemas into the folder named by the only argument."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m gateway.contract.schema FOLDER\n")
        return 2
    folder = Path(arguments[0])
    for name, content in schemas().items():
        (folder / name).write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
