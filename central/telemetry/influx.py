"""The telemetry store on InfluxDB 1.x, 2.x and 3.x.

Writing: line protocol, rendered by us, either to `/api/v2/write` through influxdb-client (1.8, 2.x, 3.x) or to
`/write` (1.x, and as compatibility in 2.x and 3.x). Reading: InfluxQL on `/query`, which all three share.
Measurement, tags and field: see `line_protocol`. Names and texts in questions are quoted by `_name` and `_text`.

Not every line that a server refuses may be tried again for ever: see `_write_or_split`.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import urlencode

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException

from central.telemetry.line_protocol import render
from central.telemetry.store import Point, Row, StoreUnavailable
from devices.vocabulary import KINDS, ValueType

logger = logging.getLogger(__name__)

CONNECT_WAIT_S: Final = 2.0
ANSWER_WAIT_S: Final = 5.0
"""A server that takes longer is down for us: the batch waits on disk and the receiver's loop goes on."""
SPLITS_MAX: Final = 200
"""Requests spent on finding the bad lines of one batch; what is still mixed then is refused with them."""
ANSWER_BYTES_MAX: Final = 64 * 1024**2

_DROPPED = re.compile(rb"dropped=(\d+)")
_STORED_KINDS: Final = sorted(kind.name for kind in KINDS.values() if kind.value_type is not ValueType.DATA)

Refused = Callable[[int, str], None]


class _Answer(Exception):
    """The server's answer to a write, when it is not yes."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"HTTP {status}: {body[:200].decode(errors='replace').strip()}")
        self.status = status
        self.body = body


class InfluxStore:
    """Telemetry in InfluxDB. See `TelemetryStore` for the methods.

    Args:
        url: such as `http://127.0.0.1:8086`.
        database: database of 1.x and 3.x, bucket of 2.x. Made when missing, where the server lets us (1.x).
        username, password: basic authentication, or empty.
        token: API token of 2.x and 3.x, or empty. Goes before username and password.
        write_api: "v1" writes to `/write`, "v2" to `/api/v2/write`.
        org: organisation of 2.x.
        on_refused: told how many lines the server refused for good, and why.
    """

    def __init__(
        self,
        url: str,
        database: str,
        *,
        username: str = "",
        password: str = "",
        token: str = "",
        write_api: Literal["v1", "v2"] = "v1",
        org: str = "",
        on_refused: Refused | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._database = database
        self._headers = _authorization(username, password, token)
        self._on_refused = on_refused or _log_refused
        timeout = urllib3.Timeout(connect=CONNECT_WAIT_S, read=ANSWER_WAIT_S)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False, maxsize=4)
        self._client: Any = None
        self._post: Callable[[bytes], None] = self._post_v1
        if write_api == "v2":
            self._client = InfluxDBClient(
                self._url,
                token=token or (f"{username}:{password}" if username else ""),
                org=org or "-",
                timeout=(int(CONNECT_WAIT_S * 1000), int(ANSWER_WAIT_S * 1000)),
            )
            self._writer = self._client.write_api(write_options=SYNCHRONOUS)
            self._post = self._post_v2

    # writing

    def write(self, rows: Sequence[Row]) -> None:
        """Stores rows; the same rows twice are once. Raises StoreUnavailable."""
        lines = render(rows)
        if lines:
            self._write_or_split(lines.split(b"\n"))

    def _write_or_split(self, lines: list[bytes]) -> None:
        """Writes lines. On a 400 the server has either said how many it dropped and kept the rest, or taken none:
        then halves are tried until the bad lines stand alone, and those are refused for good."""
        waiting, tries = [lines], 0
        while waiting:
            part = waiting.pop()
            tries += 1
            try:
                self._post(b"\n".join(part))
            except _Answer as answer:
                if answer.status not in {400, 413, 422}:
                    raise StoreUnavailable(f"InfluxDB: {answer}") from answer
                dropped = _DROPPED.search(answer.body)
                if dropped and b"partial write" in answer.body:
                    self._on_refused(int(dropped[1]), str(answer))
                elif len(part) == 1 or tries > SPLITS_MAX:
                    self._on_refused(len(part), str(answer))
                else:
                    half = len(part) // 2
                    waiting += [part[half:], part[:half]]

    def _post_v1(self, body: bytes, *, made: bool = False) -> None:
        query = urlencode({"db": self._database, "precision": "ms"})
        response = self._request("POST", f"/write?{query}", body)
        if response.status == 404 and not made and b"database not found" in response.data:
            self._make_database()
            self._post_v1(body, made=True)
        elif response.status not in {200, 204}:
            raise _Answer(response.status, response.data)

    def _post_v2(self, body: bytes) -> None:
        try:
            self._writer.write(self._database, record=body, write_precision=WritePrecision.MS)
        except ApiException as error:
            text = error.body or error.reason or ""
            raise _Answer(error.status or 0, text if isinstance(text, bytes) else str(text).encode()) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreUnavailable(f"InfluxDB: {_in_words(error)}") from error

    def _make_database(self) -> None:
        name = self._database.replace("\\", "\\\\").replace('"', '\\"')
        self._ask(f'CREATE DATABASE "{name}"', method="POST")
        logger.info("made the InfluxDB database %s", self._database)

    # reading

    def last(self, home: str) -> list[Row]:
        """The newest row of every (device, kind) of a home, in that order. Raises StoreUnavailable."""
        measurements = ", ".join(_name(kind) for kind in _STORED_KINDS)
        series = self._ask(
            f'SELECT last("value") FROM {measurements} WHERE "home" = {_text(home)} GROUP BY "device"'  # noqa: S608
        )
        rows = [
            Row(home, one["tags"]["device"], one["name"], at / 1000, float(value))
            for one in series
            for at, value in one["values"]
        ]
        return sorted(rows, key=lambda row: (row.device, row.kind))

    def points(
        self, home: str, device: str, kind: str, start_at: float, end_at: float, step_s: float | None = None
    ) -> list[Point]:
        """One series in [start, end), raw or by means over steps aligned to multiples of `step_s`. Raises
        StoreUnavailable."""
        what = '"value"' if step_s is None else 'mean("value")'
        group = "" if step_s is None else f" GROUP BY time({_ms(step_s)}ms) fill(none)"
        series = self._ask(
            f"SELECT {what} FROM {_name(kind)} WHERE {_where(home, start_at, end_at)} "  # noqa: S608
            f'AND "device" = {_text(device)}{group}'
        )
        return [Point(at / 1000, float(value)) for one in series for at, value in one["values"]]

    def events(self, home: str, kinds: Sequence[str], start_at: float, end_at: float, limit: int = 1000) -> list[Row]:
        """Rows of these kinds in [start, end), oldest first, the newest `limit` of them. Raises StoreUnavailable."""
        if not kinds:
            return []
        measurements = ", ".join(_name(kind) for kind in sorted(set(kinds)))
        series = self._ask(
            f'SELECT "value" FROM {measurements} WHERE {_where(home, start_at, end_at)} '  # noqa: S608
            f'GROUP BY "device" ORDER BY time DESC LIMIT {int(limit)}'
        )
        rows = [
            Row(home, one["tags"]["device"], one["name"], at / 1000, float(value))
            for one in series
            for at, value in one["values"]
        ]
        return sorted(rows, key=lambda row: (row.at, row.device, row.kind))[-limit:]

    def _ask(self, question: str, method: str = "GET") -> list[Any]:
        query = urlencode({"db": self._database, "epoch": "ms", "q": question})
        response = self._request(method, f"/query?{query}", None)
        try:
            answer = json.loads(response.data)
            results = answer.get("results", [{}])
        except (ValueError, AttributeError):
            raise StoreUnavailable(f"InfluxDB: {_Answer(response.status, response.data)}") from None
        fault = answer.get("error") or results[0].get("error")
        if fault and "database not found" in str(fault):
            return []
        if response.status != 200 or fault:
            raise StoreUnavailable(f"InfluxDB: {fault or _Answer(response.status, response.data)}")
        found = results[0].get("series", [])
        assert isinstance(found, list)
        return found

    def _request(self, method: str, path: str, body: bytes | None) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(method, self._url + path, body=body, headers=self._headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreUnavailable(f"InfluxDB: {_in_words(error)}") from error

    def close(self) -> None:
        """Lets go of connections."""
        self._pool.clear()
        if self._client is not None:
            self._writer.close()
            self._client.close()


def _log_refused(count: int, reason: str) -> None:
    logger.error("InfluxDB refused %d readings for good: %s", count, reason)


def _authorization(username: str, password: str, token: str) -> Mapping[str, str]:
    if token:
        return {"Authorization": f"Token {token}"}
    if username:
        return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}
    return {}


def _in_words(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return f"cannot be reached ({type(reason).__name__})"


def _where(home: str, start_at: float, end_at: float) -> str:
    return f'"home" = {_text(home)} AND time >= {_ms(start_at)}ms AND time < {_ms(end_at)}ms'


def _ms(seconds: float) -> int:
    return int(seconds * 1000.0 + 0.5)


def _name(identifier: str) -> str:
    return '"' + identifier.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(literal: str) -> str:
    return "'" + literal.replace("\\", "\\\\").replace("'", "\\'") + "'"
