"""Reading a measurement pack: bytes to checked readings."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial

from benchmarks.figures import Outcome, Row, Scale, Table
from benchmarks.packs import hub_name, pack
from benchmarks.timing import microseconds
from gateway.contract.messages import Measurements
from gateway.contract.senml import decode_measurements

HUB = hub_name(0)


def run(scale: Scale) -> Outcome:
    """Packs of 3 and 8 records through the contract's decoder, beside `json.loads` of the same bytes."""
    now = time.time()
    subjects: dict[str, Callable[[], object]] = {}
    for records in (3, 8):
        payload = pack(HUB, records, 1, now)
        taken = decode_measurements(HUB, payload, now)
        if not isinstance(taken, Measurements) or len(taken.readings) != records:
            raise RuntimeError(f"the decoder did not take the pack: {taken}")
        subjects[f"{records} records: decoded, checked, resolved"] = partial(decode_measurements, HUB, payload, now)
        subjects[f"{records} records: json.loads alone"] = partial(json.loads, payload)
    found = microseconds(subjects, scale.choose(20_000, 500), scale)
    rows = [
        Row(
            name, {"us per pack": figure, "x json.loads": figure.over(found[f"{name.split(':')[0]}: json.loads alone"])}
        )
        for name, figure in found.items()
    ]
    return Outcome(
        title="decoding a SenML pack",
        tables=[Table("subject", ["us per pack", "x json.loads"], rows)],
        notes=["json.loads checks nothing and makes only dictionaries; it stands here as a yardstick of the machine."],
    )
