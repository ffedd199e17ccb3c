"""One suite for every telemetry store: the embedded one, and InfluxDB 1.x as Debian ships it.

The write path of 2.x and 3.x is tried on VictoriaMetrics, which speaks `/api/v2/write` but no InfluxQL: what was
written is read back by its own export. No InfluxDB 2 or 3 server was run.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point as ClientPoint
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision

from central.telemetry.embedded import EmbeddedStore
from central.telemetry.influx import InfluxStore
from central.telemetry.store import Point, Row, StoreUnavailable, TelemetryStore
from gateway.free_ports import free_port

NOON = time.time() // 86_400 * 86_400 - 43_200.0
"""Noon of yesterday, UTC: servers refuse what lies too far ahead or behind."""
HOME = 'flat 7, o\'Brien="x"'
"""A home's id is free text of at most 32 characters: it must not break out of any store's language."""


@contextmanager
def server(command: list[str], url: str, folder: Path) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            await_answer(url, process)
            yield
        finally:
            process.terminate()
            process.wait(20)


def await_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    with urllib3.PoolManager(retries=False) as pool:
        while True:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not answer"
            try:
                pool.request("GET", url)
            except urllib3.exceptions.HTTPError:
                time.sleep(0.02)
            else:
                return


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("influxd")
    if program is None:
        pytest.skip("influxd is not installed: InfluxDB is NOT tested here")
    folder = tmp_path_factory.mktemp("influx")
    port, backup = free_port(), free_port()
    (folder / "influx.conf").write_text(f"""
reporting-disabled = true
bind-address = "127.0.0.1:{backup}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
""")
    with server([program, "-config", str(folder / "influx.conf")], f"http://127.0.0.1:{port}/ping", folder):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("victoria-metrics")
    if program is None:
        pytest.skip("victoria-metrics is not installed: /api/v2/write is NOT tested on a real server here")
    folder = tmp_path_factory.mktemp("victoria")
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [program, f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}", "-retentionPeriod=100y"]
    with server(command, f"{url}/health", folder):
        yield url


@pytest.fixture(params=["embedded", pytest.param("influx", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TelemetryStore]:
    if request.param == "embedded":
        opened: TelemetryStore = EmbeddedStore(tmp_path / "telemetry")
    else:
        url = request.getfixturevalue("influxd")
        opened = InfluxStore(url, f"llar-{tmp_path.name}")
    with closing(opened):
        yield opened


def temperature(value: float, at: float = NOON, home: str = HOME) -> Row:
    return Row(home, "hall", "temperature", at, value)


def test_a_store_in_which_nothing_was_written_is_empty(store: TelemetryStore) -> None:
    assert store.last(HOME) == []
    assert store.points(HOME, "hall", "temperature", 0, NOON) == []
    assert store.events(HOME, ["motion"], 0, NOON) == []


def test_last_gives_the_newest_of_each_device_and_kind_of_this_home_only(store: TelemetryStore) -> None:
    store.write([temperature(20.0), temperature(21.5, NOON + 60), temperature(19.0, NOON - 90_000)])
    store.write([Row(HOME, "bed", "presence", NOON - 200_000, True), temperature(5.0, NOON + 99, "flat-8")])
    assert store.last(HOME) == [
        Row(HOME, "bed", "presence", NOON - 200_000, 1.0),
        temperature(21.5, NOON + 60),
    ]


def test_the_same_rows_twice_are_once_and_a_correction_stands(store: TelemetryStore) -> None:
    rows = [temperature(20.0), temperature(20.5, NOON + 1)]
    store.write(rows)
    store.write(rows)
    store.write([temperature(23.0)])
    assert store.points(HOME, "hall", "temperature", NOON, NOON + 60) == [Point(NOON, 23.0), Point(NOON + 1, 20.5)]


def test_times_are_kept_to_the_millisecond_and_ends_are_open(store: TelemetryStore) -> None:
    store.write([temperature(1.0, NOON), temperature(2.0, NOON + 0.001), temperature(3.0, NOON + 0.002)])
    assert store.points(HOME, "hall", "temperature", NOON + 0.001, NOON + 0.002) == [Point(NOON + 0.001, 2.0)]


def test_means_over_aligned_steps(store: TelemetryStore) -> None:
    midnight = NOON + 43_200
    store.write([temperature(value, midnight + offset) for value, offset in ((10, -300), (20, -1), (30, 0), (50, 599))])
    means = store.points(HOME, "hall", "temperature", midnight - 600, midnight + 600, 300)
    assert means == [Point(midnight - 300, 15.0), Point(midnight, 30.0), Point(midnight + 300, 50.0)]


def test_words_and_yes_or_no_are_stored_as_numbers_and_windows_are_left_out(store: TelemetryStore) -> None:
    store.write(
        [
            Row(HOME, "pendant", "press", NOON, "long"),
            Row(HOME, "hall", "motion", NOON, False),
            Row(HOME, "pendant", "acceleration", NOON, b"\x01\x02"),
        ]
    )
    assert [(row.kind, row.value) for row in store.last(HOME)] == [("motion", 0.0), ("press", 3.0)]


def test_events_are_the_newest_of_their_kinds_oldest_first_over_midnight(store: TelemetryStore) -> None:
    midnight = NOON + 43_200
    rows = [Row(HOME, device, "motion", midnight + n * 60, True) for n, device in enumerate("cabd", -2)]
    rows += [Row(HOME, "door", "open", midnight + 30, True), temperature(20.0, midnight)]
    store.write(rows)
    found = store.events(HOME, ["motion", "open"], midnight - 3600, midnight + 3600, 4)
    assert [(row.device, row.at - midnight) for row in found] == [("a", -60), ("b", 0), ("door", 30), ("d", 60)]
    assert store.events(HOME, ["motion"], midnight, midnight + 60) == [Row(HOME, "b", "motion", midnight, 1.0)]


@pytest.mark.slow
def test_a_line_that_influx_will_never_take_is_counted_and_does_not_hold_up_the_others(influxd: str) -> None:
    refused: list[int] = []
    with closing(InfluxStore(influxd, "quarrel", on_refused=lambda count, _: refused.append(count))) as store:
        store.write([temperature(1.0)])
        # somebody else has made this field a text
        with urllib3.PoolManager() as pool:
            body = f'humidity,device=hall,home=h-1 value="damp" {int(NOON * 1000)}'
            pool.request("POST", f"{influxd}/write?db=quarrel&precision=ms", body=body)
        store.write(
            [temperature(2.0, NOON + 1), Row("h-1", "hall", "humidity", NOON, 50.0), temperature(3.0, NOON + 2)]
        )
        assert refused == [1]
        assert [point.value for point in store.points(HOME, "hall", "temperature", 0, NOON + 9)] == [1.0, 2.0, 3.0]


@pytest.mark.slow
def test_the_write_path_of_2_and_3_reaches_a_real_server(victoria: str) -> None:
    with closing(InfluxStore(victoria, "llar", write_api="v2", token="t", org="o")) as store:
        store.write([temperature(20.5), Row(HOME, "hall", "motion", NOON, True)])
    with urllib3.PoolManager() as pool:
        pool.request("GET", f"{victoria}/internal/force_flush")
        answer = pool.request("GET", f"{victoria}/api/v1/export", fields={"match[]": '{device="hall"}', "start": "0"})
    found = [json.loads(line) for line in answer.data.splitlines()]
    assert {one["metric"]["home"] for one in found} == {HOME}
    written = {one["metric"]["__name__"]: (one["values"], one["timestamps"]) for one in found}
    at = int(NOON * 1000)
    assert written == {"temperature_value": ([20.5], [at]), "motion_value": ([1], [at])}


class Scripted(BaseHTTPRequestHandler):
    """A server that answers writes as told and keeps the requests."""

    requests: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []
    answers: ClassVar[list[tuple[int, bytes]]] = []
    bad: ClassVar[bytes] = b""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.requests.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
        status, answer = self.answers.pop(0) if self.answers else (204, b"")
        if self.bad and self.bad in body:
            status, answer = 400, b'{"code":"invalid","message":"unable to parse"}'
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def scripted() -> Iterator[str]:
    Scripted.requests.clear()
    Scripted.answers.clear()
    Scripted.bad = b""
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}"
        listener.shutdown()
        thread.join()


def test_requests_are_those_that_the_client_library_sends(scripted: str) -> None:
    rows = [temperature(20.5), temperature(21.0, NOON + 0.25)]
    with closing(InfluxStore(scripted, "b", write_api="v2", token="secret", org="o")) as store:
        store.write(rows)
    points = [
        ClientPoint(row.kind)
        .tag("home", row.home)
        .tag("device", row.device)
        .field("value", row.value)
        .time(int(row.at * 1000), WritePrecision.MS)
        for row in rows
    ]
    with InfluxDBClient(scripted, token="secret", org="o") as client, client.write_api(SYNCHRONOUS) as api:
        api.write("b", "o", points)
    (path, headers, body), theirs = Scripted.requests
    assert path == theirs[0] == "/api/v2/write?org=o&bucket=b&precision=ms"
    assert body == theirs[2]
    assert headers["authorization"] == theirs[1]["authorization"] == "Token secret"


def test_requests_to_1x_name_database_precision_and_user(scripted: str) -> None:
    with closing(InfluxStore(scripted, "care", username="ana", password="pw")) as store:
        store.write([Row("h-1", "hall", "temperature", NOON, 21.4)])
    path, headers, body = Scripted.requests[0]
    assert path == "/write?db=care&precision=ms"
    assert headers["authorization"] == "Basic YW5hOnB3"
    assert body == b"temperature,device=hall,home=h-1 value=21.4 %d" % (NOON * 1000)


@pytest.mark.parametrize("write_api", ["v1", "v2"])
def test_a_bad_line_is_found_refused_once_and_the_rest_is_written(scripted: str, write_api: str) -> None:
    Scripted.bad = b"value=13 "
    refused: list[int] = []
    store = InfluxStore(scripted, "b", write_api=write_api, on_refused=lambda n, _: refused.append(n))  # type: ignore[arg-type]
    with closing(store):
        store.write([temperature(float(n), NOON + n) for n in range(40)])
    taken = [line for _, _, body in Scripted.requests if Scripted.bad not in body for line in body.splitlines()]
    assert refused == [1]
    assert len(taken) == len(set(taken)) == 39


@pytest.mark.parametrize("write_api", ["v1", "v2"])
@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_a_server_that_cannot_take_data_now_keeps_it_with_the_caller(
    scripted: str, write_api: str, status: int
) -> None:
    Scripted.answers.append((status, b'{"error":"no"}'))
    with closing(InfluxStore(scripted, "b", write_api=write_api)) as store:  # type: ignore[arg-type]
        with pytest.raises(StoreUnavailable, match=str(status)):
            store.write([temperature(20.0)])
        store.write([temperature(20.0)])


@pytest.mark.parametrize("write_api", ["v1", "v2"])
def test_a_server_that_is_not_there(write_api: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with closing(InfluxStore(url, "b", write_api=write_api)) as store:  # type: ignore[arg-type]
        with pytest.raises(StoreUnavailable):
            store.write([temperature(20.0)])
        with pytest.raises(StoreUnavailable):
            store.last(HOME)
