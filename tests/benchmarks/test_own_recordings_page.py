"""The programs that the page on one's own recordings tells people to copy run as they stand, and find what is there."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path

import pytest

from simulators.household import household
from simulators.movement import fall, feel, sit_down, walk
from simulators.recording import simulated

PAGE = Path(__file__).resolve().parents[2] / "docs/detection-on-your-own-recordings.md"
MOVEMENT, HOME = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
BEGIN = 1_700_000_000.0


@pytest.mark.parametrize("rate_hz", [25.0, 47.3, 100.0])
@pytest.mark.parametrize("falls", [True, False])
def test_a_fall_in_a_table_of_acceleration_is_told_with_its_time(
    rate_hz: float, falls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    acts = [*walk(10), *(fall(8) if falls else sit_down(8))]
    rows = [(BEGIN + place / rate_hz, *row[:3]) for place, row in enumerate(feel(acts, rate_hz, 3))]
    # lost on the way: two seconds of walking
    rows = [row for row in rows if not BEGIN + 4 <= row[0] < BEGIN + 6]
    with (tmp_path / "walk.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    monkeypatch.chdir(tmp_path)
    exec(compile(MOVEMENT, "movement", "exec"), {})
    # a bounce may be felt stronger than the blow
    told = re.findall(r"like a fall at ([\d.]+)", capsys.readouterr().out)
    strongest = max(rows, key=lambda row: sum(axis * axis for axis in row[1:]))
    assert [float(at) for at in told] == ([pytest.approx(strongest[0], abs=0.75)] if falls else [])


def test_nobody_being_noticed_in_a_table_of_events_is_told_with_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = simulated(household(1, couple=False, pet=False), date(2026, 3, 25), 6)
    rooms = {device.id: device.room for device in home.devices}
    rows = [
        (one.at, one.reading.device, rooms[one.reading.device], one.reading.kind, int(one.reading.value))
        for one in home.heard()
        if one.reading.kind in ("motion", "open", "presence")
    ]
    with (tmp_path / "home.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    monkeypatch.chdir(tmp_path)
    exec(compile(HOME, "home", "exec"), {})
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.search(r"quiet|not_up|not_back|not_home", last), last
    assert last.endswith("begins")
    assert last.startswith(("2026-03-31", "2026-04-01"))
