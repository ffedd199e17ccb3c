"""Somebody else's recordings: what cannot be scored is said by name, and nothing else is scored in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import drift, falls, inactivity, night
from benchmarks.fall_training import MADE_FROM
from benchmarks.figures import Figure, Outcome, Scale
from benchmarks.recorded_homes import load_all, names
from devices.wearable.site import Site
from simulators.movement import Act, fall, feel, sit_down, walk
from simulators.recorded_falls import load_trials, trials_of
from simulators.recorded_homes import BadRecording, bin_s, read, recorded
from simulators.replay.__main__ import main as replay

pa = pytest.importorskip("pyarrow", reason="NOT TESTED: no pyarrow")
parquet = pytest.importorskip("pyarrow.parquet", reason="NOT TESTED: no pyarrow")

Row = tuple[datetime, str, int]
FALLEN = [*walk(4), *fall(5)]
MONDAY = datetime.fromisoformat("2024-03-18")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLAR_DATA", str(tmp_path))
    (tmp_path / "homes/theirs").mkdir(parents=True)
    (tmp_path / "falls").mkdir()
    return tmp_path


def lived(days: int, room: Callable[[int], str] = lambda hour: "kitchen") -> list[Row]:
    """Twice an hour from seven in the morning to eleven at night, across the change to summer time."""
    hours = [(day, hour) for day in range(days) for hour in range(7, 23)]
    times = [(MONDAY + timedelta(days=day, hours=hour, seconds=7 * hour), hour) for day, hour in hours]
    return [(at + timedelta(minutes=30 * half), room(hour), 1) for at, hour in times for half in range(2)]


def write(data: Path, name: str, rows: list[Row], **columns: list[Any]) -> None:
    ts, room, n = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    table = {"ts": ts, "room": room, "n": n, **columns}
    parquet.write_table(pa.table(table), data / f"homes/theirs/{name}.parquet")


def test_files_that_are_no_homes_are_refused_by_name_and_cost_no_other(data: Path) -> None:
    good = lived(20)
    write(data, "good", good)
    whole = (data / "homes/theirs/good.parquet").read_bytes()
    (data / "homes/theirs/cut.parquet").write_bytes(whole[: len(whole) // 2])
    (data / "homes/theirs/empty.parquet").touch()
    write(data, "no-rows", [])
    write(data, "no-n", good, n=["1"] * len(good))
    write(data, "no-room", [*good[:-1], (good[-1][0], None, 1)])  # type: ignore[list-item]
    write(data, "zoned", [(at.replace(tzinfo=UTC), room, n) for at, room, n in good])
    write(data, "week", lived(7))
    (data / "homes/more").mkdir()
    (data / "homes/theirs").rename(data / "homes/dev")
    (data / "homes/more/other.parquet").write_bytes(whole)
    outcome = Outcome("title")
    found = load_all(outcome, names())
    assert [one.name for one in found] == ["good"]
    said = {text.partition(":")[0] for text in outcome.skipped}
    assert said == {"cut", "empty", "no-rows", "no-n", "no-room", "zoned", "week", "homes/more"}


def test_what_is_assumed_of_an_unknown_home_is_said(data: Path) -> None:
    rows = lived(30, lambda hour: "salon" if hour < 12 else "kitchen")
    write(data, "theirs", [row for row in rows if not MONDAY + timedelta(20) <= row[0] < MONDAY + timedelta(24)])
    outcome = Outcome("title")
    (home,) = load_all(outcome, names())
    said = "\n".join(outcome.notes)
    assert "salon" in said
    assert "no sensor is called door" in said
    assert "no file of labels" in said
    assert "nothing at all from 2024-04-06" in said
    assert home.first_day == 10, "a third of its days are learned from"
    assert home.days() < 20 - 3, "days without anything are not scored"


def test_what_a_row_stands_for_is_read_from_the_clock_and_not_from_the_name(data: Path) -> None:
    binned = [(at.replace(minute=at.minute // 30 * 30, second=0), room, 40) for at, room, _ in lived(20)]
    write(data, "binned", binned)
    write(data, "hh101", lived(20))
    assert bin_s(read("binned")[0]) == 1800.0
    assert bin_s(read("hh101")[0]) == 0.0
    heard = [one for one in recorded("binned").heard() if one.reading.kind == "motion"]
    assert len(heard) == 8 * len(binned), "of many lines eight are played, spread over the time they stand for"


@pytest.mark.parametrize("benchmark", [inactivity, night, drift])
def test_a_home_without_door_bedroom_or_labels_is_scored_without_a_figure_of_nothing(
    benchmark: Any, data: Path
) -> None:
    write(data, "theirs", lived(9))
    outcome = benchmark.run(Scale(quick=True, rounds=1))
    assert bool(outcome.tables) == (benchmark is not drift)
    assert any("too few" in text for text in outcome.skipped) == (benchmark is drift)
    cells = [cell for table in outcome.tables for row in table.rows for cell in row.cells.values()]
    assert all(np.isfinite(cell.median) for cell in cells if isinstance(cell, Figure))


def stored(data: Path, name: str, rate_hz: int, *, columns: int = 6, subjects: Sequence[str] = ("one", "two")) -> Path:
    """A fall and a bump into a chair of each subject."""
    said: list[tuple[str, bool, list[Act]]] = []
    for subject in subjects:
        said += [(subject, True, FALLEN), (subject, False, [*walk(4), *sit_down(4, hard=True)])]
    signals = [np.array(feel(acts, rate_hz, seed)) for seed, (_, _, acts) in enumerate(said)]
    steps = [np.round(signal * ([2048] * 3 + [16.4] * 3)).astype(np.int16)[:, :columns] for signal in signals]
    seconds = {"fall_start": 4.0, "impact": 4.9, "fall_end": 6.0}
    marks: dict[str, Any] = {
        key: [round(at * rate_hz) if is_fall else -1 for _, is_fall, _ in said] for key, at in seconds.items()
    }
    path = data / f"falls/{name}.npz"
    np.savez(
        path,
        delta=np.concatenate([np.diff(rows.T, axis=1, prepend=np.int16(0)) for rows in steps], axis=1),
        offset=np.cumsum([0, *(len(rows) for rows in steps)]),
        fs=rate_hz,
        lsb_per_g=2048,
        lsb_per_dps=16.4,
        subject=[subject for subject, _, _ in said],
        activity=["F01" if is_fall else "D01" for _, is_fall, _ in said],
        is_fall=[is_fall for _, is_fall, _ in said],
        elderly=[False] * len(said),
        **marks,
    )
    return path


@pytest.mark.parametrize("rate_hz", [25, 50, 100])
def test_recordings_of_any_rate_are_the_same_seconds_with_the_same_marks(rate_hz: int, data: Path) -> None:
    first = load_trials(stored(data, "wrist", rate_hz))[0]
    assert (first.fall_start, first.impact, first.fall_end) == pytest.approx((200, 245, 300), abs=1)
    assert first.seconds == pytest.approx(sum(act.seconds for act in FALLEN), abs=0.05)
    assert first.recorded_hz == rate_hz
    strength = np.linalg.norm(first.signal[:, :3], axis=1)
    assert abs(int(strength.argmax()) - 245) <= 2


def test_falls_of_new_subjects_are_put_to_the_shipped_weights_and_what_is_no_recording_is_named(data: Path) -> None:
    whole = stored(data, "weda_fall_theirs", 100, columns=3).read_bytes()
    (data / "falls/weda_fall_cut.npz").write_bytes(whole[: len(whole) // 2])
    np.savez(data / "falls/sisfall_theirs.npz", delta=np.zeros(3))
    stored(data, "ankle", 50)
    outcome = falls.run(Scale(quick=True, rounds=1))
    said = "\n".join([*outcome.skipped, *outcome.notes])
    for text in ("weda_fall_cut.npz cannot be read", "sisfall_theirs.npz has no array", "ankle.npz: its name"):
        assert text in said
    assert "recorded at 100 Hz" in said
    assert "not in the rows with a gyroscope, having none: one, two" in said
    shipped = next(table for table in outcome.tables if "shipped" in table.caption)
    assert [row.subject for row in shipped.rows] == ["accelerometer only, 50 Hz", "accelerometer only, 25 Hz"]


def test_weights_are_not_put_to_those_they_were_made_from_nor_anybody_left_out_who_is_alone(data: Path) -> None:
    known = min(MADE_FROM[Site.WRIST])
    stored(data, "wrist", 50, subjects=(known,))
    outcome = falls.run(Scale(quick=True, rounds=1))
    assert [table.caption for table in outcome.tables] == ["made movement"]
    assert any("made from all of these subjects" in text for text in outcome.notes)
    assert any(f"{known} cannot be left out" in text for text in outcome.skipped)
    assert not outcome.targets


def test_what_cannot_be_replayed_is_said_in_a_sentence(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "homes/theirs/cut.parquet").write_bytes(b"PAR1")
    (data / "falls/wrist.npz").touch()
    assert replay(["home", "cut", "--to", "edge", "--enrolment", str(data / "e")]) == 1
    assert "cut.parquet cannot be read" in capsys.readouterr().err
    (data / "e").write_text("word")
    assert replay(["fall", "wrist", "--to", "edge"]) == 1
    assert "wrist.npz cannot be read" in capsys.readouterr().err
    with pytest.raises(BadRecording):
        trials_of(Site.WRIST)
