"""What the embedded store promises beyond the suite that all stores share."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.telemetry.day_files import transaction
from central.telemetry.embedded import STEP_MS, EmbeddedStore
from central.telemetry.store import Point, Row, StoreUnavailable

DAY = 86_400.0
START = 20_000 * DAY


def row(at: float, value: float, device: str = "hall") -> Row:
    return Row("flat-1", device, "temperature", at, value)


def tidy_all(store: EmbeddedStore, now: float) -> None:
    while store.tidy(now):
        pass


def test_another_process_reads_while_this_one_writes(tmp_path: Path) -> None:
    reader = textwrap.dedent("""
        import sys
        from pathlib import Path
        from central.telemetry.embedded import EmbeddedStore
        store = EmbeddedStore(Path(sys.argv[1]), read_only=True)
        for line in sys.stdin:
            print(len(store.points("flat-1", "hall", "temperature", 0, 1e11)), flush=True)
    """)
    command = [sys.executable, "-c", reader, str(tmp_path / "telemetry")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def seen() -> int:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        assert seen() == 0, "a reader that comes before the writer finds nothing"
        with closing(EmbeddedStore(tmp_path / "telemetry", raw_days=1)) as store:
            for batch in range(5):
                store.write([row(START + batch * 100 + n, 20.0) for n in range(100)])
                assert seen() == (batch + 1) * 100
            tidy_all(store, START + 3 * DAY)
            assert seen() == 2, "the day was condensed under the reader"
        process.stdin.close()


def test_a_day_whose_file_was_made_this_moment_is_an_empty_day(tmp_path: Path) -> None:
    with closing(EmbeddedStore(tmp_path)) as store:
        store.write([row(START, 20.0)])
    (tmp_path / "2024-10-05.sqlite").touch()
    with closing(EmbeddedStore(tmp_path, read_only=True)) as reader:
        assert reader.points("flat-1", "hall", "temperature", START - DAY, START + 2 * DAY) == [Point(START, 20.0)]


def test_a_reading_store_cannot_write(tmp_path: Path) -> None:
    with closing(EmbeddedStore(tmp_path, read_only=True)) as store, pytest.raises(StoreUnavailable):
        store.write([row(START, 20.0)])


def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    writer = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from central.telemetry.embedded import EmbeddedStore
        from central.telemetry.store import Row
        store = EmbeddedStore(Path(sys.argv[1]))
        store.write([Row("flat-1", "hall", "temperature", 1000.0 + n, 20.0) for n in range(1000)])
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    subprocess.run([sys.executable, "-c", writer, str(tmp_path)], check=False)
    with closing(EmbeddedStore(tmp_path)) as store:
        assert len(store.points("flat-1", "hall", "temperature", 0, 1e9)) == 1000
        store.write([row(5000.0, 20.0)])
        assert len(store.points("flat-1", "hall", "temperature", 0, 1e9)) == 1001


def test_old_days_are_condensed_and_at_last_forgotten(tmp_path: Path) -> None:
    with closing(EmbeddedStore(tmp_path, raw_days=10, step_days=20)) as store:
        store.write([row(START + n, n / 100) for n in range(0, 1200, 10)])
        store.write([row(START + 15 * DAY, 7.0)])
        hourly = store.points("flat-1", "hall", "temperature", START, START + DAY, 3600)

        tidy_all(store, START + 10.5 * DAY)
        assert len(store.points("flat-1", "hall", "temperature", START, START + DAY)) == 120, "still whole"

        tidy_all(store, START + 16 * DAY)
        condensed = store.points("flat-1", "hall", "temperature", START, START + DAY)
        assert [point.at - START for point in condensed] == [0, 300, 600, 900]
        assert [point.value for point in condensed] == pytest.approx([1.45, 4.45, 7.45, 10.45])
        (again,) = store.points("flat-1", "hall", "temperature", START, START + DAY, 3600)
        assert [again] == [hourly[0]._replace(value=pytest.approx(hourly[0].value))]
        assert store.points("flat-1", "hall", "temperature", START, START + 20 * DAY)[-1] == Point(START + 15 * DAY, 7)

        tidy_all(store, START + 22 * DAY)
        assert store.points("flat-1", "hall", "temperature", START, START + DAY) == []
        assert not list(tmp_path.glob("2024-10-04*"))


@settings(max_examples=30, deadline=None)
@given(
    early=st.dictionaries(st.integers(0, 3_000), st.integers(-50, 50), min_size=1, max_size=30),
    late=st.dictionaries(st.integers(0, 3_000), st.integers(-50, 50), min_size=1, max_size=30),
    stop_after=st.integers(0, 3),
)
def test_readings_that_come_after_their_day_was_condensed_are_merged_whatever_interrupts(
    tmp_path_factory: pytest.TempPathFactory, early: dict[int, int], late: dict[int, int], stop_after: int
) -> None:
    late = {at: value for at, value in late.items() if at not in early}
    folder = tmp_path_factory.mktemp("store")
    now = START + 30 * DAY
    for values in (early, late):
        store = EmbeddedStore(folder, raw_days=10)
        store.write([row(START + at, float(value), device) for at, value in values.items() for device in ("a", "b")])
        for _ in range(stop_after):
            store.tidy(now)
        total = store.points("flat-1", "a", "temperature", START, START + DAY, DAY)[0].value
        known = early if values is early else early | late
        assert total == pytest.approx(sum(known.values()) / len(known)), "right also while a day is being condensed"
        store.close()
    with closing(EmbeddedStore(folder, raw_days=10)) as store:
        tidy_all(store, now)
        expected: dict[int, list[int]] = {}
        for at, value in (early | late).items():
            expected.setdefault(at // 300 * 300, []).append(value)
        for device in ("a", "b"):
            found = store.points("flat-1", device, "temperature", START, START + DAY)
            assert {point.at - START for point in found} == set(expected)
            for point in found:
                values_there = expected[int(point.at - START)]
                assert point.value == pytest.approx(sum(values_there) / len(values_there))


def test_back_filling_many_days_at_once_keeps_few_files_open(tmp_path: Path) -> None:
    with closing(EmbeddedStore(tmp_path)) as store:
        for _ in range(2):
            store.write([row(START + day * DAY, float(day)) for day in range(40)])
        assert len(store.points("flat-1", "hall", "temperature", START, START + 40 * DAY)) == 40
        assert len(list(tmp_path.glob("*-wal"))) <= 10


def test_a_damaged_day_is_put_aside_and_writing_goes_on(tmp_path: Path) -> None:
    with closing(EmbeddedStore(tmp_path)) as store:
        store.write([row(START, 1.0)])
    (day,) = tmp_path.glob("2024*.sqlite")
    day.write_bytes(b"not a database at all" * 500)
    with closing(EmbeddedStore(tmp_path)) as store:
        store.write([row(START + 1, 2.0)])
        assert store.points("flat-1", "hall", "temperature", START, START + DAY) == [Point(START + 1, 2.0)]
    assert day.with_name(day.name + ".bad").exists()


def test_a_full_disk_is_reported_and_nothing_half_written_remains(tmp_path: Path) -> None:
    with closing(EmbeddedStore(tmp_path)) as store:
        store.write([row(START, 1.0)])
        (day,) = store._days.values()
        pages = day.execute("pragma page_count").fetchone()[0]
        day.execute(f"pragma max_page_count = {pages}")
        with pytest.raises(StoreUnavailable, match="full"):
            store.write([row(START + n, 2.0) for n in range(1, 5_000)])
        day.execute("pragma max_page_count = 100000")
        assert store.points("flat-1", "hall", "temperature", START, START + DAY) == [Point(START, 1.0)]
        store.write([row(START + 1, 2.0)])


def test_a_folder_that_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable):
        EmbeddedStore(tmp_path / "file" / "telemetry")


def test_steps_divide_the_day_evenly() -> None:
    assert 86_400_000 % STEP_MS == 0


def test_a_day_is_clustered_by_series(tmp_path: Path) -> None:
    with closing(EmbeddedStore(tmp_path)) as store:
        store.write([row(START, 1.0)])
    (day,) = tmp_path.glob("2024*.sqlite")
    with closing(sqlite3.connect(day)) as connection:
        plan = str(connection.execute("explain query plan select * from readings where series = 1").fetchall())
    assert "SEARCH readings USING PRIMARY KEY" in plan


def test_a_day_that_is_found_damaged_while_writing_is_put_aside_too(tmp_path: Path) -> None:
    with closing(EmbeddedStore(tmp_path)) as store:
        store.write([row(START + n, 1.0) for n in range(2_000)])
    (day,) = tmp_path.glob("2024*.sqlite")
    content = day.read_bytes()
    day.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    with closing(EmbeddedStore(tmp_path)) as store:
        later = [row(START + n, 2.0) for n in range(500, 1_500, 10)]
        with pytest.raises(StoreUnavailable):
            store.write(later)
        store.write(later)
        assert len(store.points("flat-1", "hall", "temperature", START, START + DAY)) == 100
    assert day.with_name(day.name + ".bad").exists()


def test_a_commit_that_fails_leaves_no_transaction_open() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("pragma foreign_keys = on")
        connection.execute("create table t (id integer primary key, r references t deferrable initially deferred)")
        with pytest.raises(sqlite3.IntegrityError), transaction(connection):
            connection.execute("insert into t values (1, 2)")
        assert not connection.in_transaction, "or no later batch could begin"
