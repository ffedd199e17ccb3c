"""Starts an MQTT broker of our own, for the demo and for tests.

Mosquitto where it is installed, else the embedded broker (the `iotcore` wheel: rumqttd). Both listen on the loopback
interface only, know their users by password, and die with the process that started them.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from gateway.broker_files import MESSAGE_BYTES_MAX, access_list, password_file, shared_settings
from gateway.free_ports import free_port

log = logging.getLogger(__name__)

READY_WAIT_S: Final = 30.0
"""A broker that does not take connections by then is reported as broken."""
STOP_WAIT_S: Final = 10.0
_PORT_TRIES: Final = 3
_EMBEDDED_WINDOW: Final = 1_000
_HOST: Final = "127.0.0.1"
_BINARY_FOLDERS = ":/usr/sbin:/usr/local/sbin"
_CONNECTIONS_MAX: Final = 10_000

Kind = Literal["mosquitto", "embedded"]

# The child asks the kernel to be killed with its parent, then becomes the broker. Done there and not between fork and
# exec here, because this process has threads.
_DIE_WITH_PARENT: Final = (
    "import ctypes, os, signal, sys; "
    "ctypes.CDLL(None).prctl(1, signal.SIGKILL); "
    "os.getppid() == int(sys.argv[1]) or sys.exit(1); "
)
_BECOME_MOSQUITTO: Final = _DIE_WITH_PARENT + "os.execv(sys.argv[2], sys.argv[2:])"
_BECOME_EMBEDDED: Final = (
    _DIE_WITH_PARENT + "import logging; logging.getLogger('rumqttd').setLevel(logging.CRITICAL); "
    "from iotcore.iotcore import IotCoreBroker; IotCoreBroker(config_path=sys.argv[2]).run_forever()"
)


class BrokerError(Exception):
    """The broker cannot be started; the message says what to do."""


class Broker:
    """A running broker; ends at `stop()`, at the end of its `with` block, or with this process.

    Keep the thread that started it alive: the kernel counts the end of that thread as the parent's end.

    Attributes:
        kind: which broker it is.
        host, port: where it listens.
        folder: its files. Mosquitto keeps sessions and queues there over `stop` and `restart`, but a `kill` loses
            what came since its last saving; the embedded one keeps everything in memory only.
    """

    def __init__(self, kind: Kind, command: list[str], folder: Path, port: int) -> None:
        self.kind = kind
        self.host = _HOST
        self.port = port
        self.folder = folder
        self._command = command
        self._process = self._launch()

    @property
    def pid(self) -> int:
        """The broker's process id."""
        return self._process.pid

    def stop(self) -> None:
        """Ends it in good order: mosquitto saves its sessions first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Starts it again, after `stop` or `kill` or while running, on the same port and folder."""
        self.stop()
        self._process = self._launch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self) -> subprocess.Popen[bytes]:
        _check_port(self.port)
        log_file = self.folder / "broker.log"
        with log_file.open("ab") as output:
            process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        deadline = time.monotonic() + READY_WAIT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise BrokerError(f"the {self.kind} broker ended at once: {_last_line(log_file)} (see {log_file})")
            if _listens(self.port):
                return process
            time.sleep(0.02)
        process.kill()
        process.wait()
        raise BrokerError(f"the {self.kind} broker did not listen within {READY_WAIT_S:.0f} s: see {log_file}")

    def _end(self, how: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(how)
            # a frozen one takes no other signal in
            self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_broker(folder: Path, users: Mapping[str, str], *, port: int = 0, kind: Kind | None = None) -> Broker:
    """Starts a broker on the loopback interface and waits until it takes connections.

    Args:
        folder: an existing folder for its files, private to it.
        users: user name -> password. "desk" and "receiver" get the rights of the centre's processes, every other
            name must be a hub's id and gets that hub's branch. The embedded broker checks passwords only.
        port: where to listen; 0 = any free port.
        kind: which broker; None = mosquitto if installed, else the embedded one.

    Raises:
        BrokerError: no broker is installed, the port is taken, or it did not come up.
        ValueError: a user name is not a hub id, or a password is empty.
    """
    folder = folder.resolve()
    if kind is None:
        kind = "mosquitto" if _mosquitto() else "embedded"
    prepare = _prepare_mosquitto if kind == "mosquitto" else _prepare_embedded
    for attempt in range(_PORT_TRIES):
        chosen = port or free_port()
        command = prepare(folder, users, chosen)
        try:
            return Broker(kind, command, folder, chosen)
        except BrokerError:
            # somebody else may have taken the free port in between
            if port or attempt == _PORT_TRIES - 1:
                raise
    raise AssertionError("not reached")


def _mosquitto() -> str | None:
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + _BINARY_FOLDERS)


def _prepare_mosquitto(folder: Path, users: Mapping[str, str], port: int) -> list[str]:
    binary = _mosquitto()
    if binary is None:
        raise BrokerError("mosquitto is not installed: install the package `mosquitto`, or use the embedded broker")
    settings = [
        f"persistence_location {folder}/",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        *shared_settings(folder, f"{port} {_HOST}"),
    ]
    if os.geteuid() == 0:
        # it would otherwise change to a user that cannot read the folder
        settings.append("user root")
    _write_private(folder / "passwords", password_file(users))
    _write_private(folder / "access.acl", access_list(users))
    config = folder / "mosquitto.conf"
    _write_private(config, "\n".join(settings) + "\n")
    return [sys.executable, "-I", "-S", "-c", _BECOME_MOSQUITTO, str(os.getpid()), binary, "-c", str(config)]


def _prepare_embedded(folder: Path, users: Mapping[str, str], port: int) -> list[str]:
    if importlib.util.find_spec("iotcore") is None:
        raise BrokerError("no broker: install the package `mosquitto`, or the embedded one with `pip install iotcore`")
    access_list(users)  # the same names are allowed as with mosquitto
    logins = "\n".join(f"{json.dumps(user)} = {json.dumps(password)}" for user, password in users.items())
    config = folder / "embedded.toml"
    _write_private(
        config,
        f"""id = 0
[router]
id = 0
max_connections = {_CONNECTIONS_MAX}
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v4.1]
name = "v4"
listen = "{_HOST}:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = {MESSAGE_BYTES_MAX}
max_inflight_count = {_EMBEDDED_WINDOW}
dynamic_filters = true
[v4.1.connections.auth]
{logins}
""",
    )
    return [sys.executable, "-c", _BECOME_EMBEDDED, str(os.getpid()), str(config)]


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise BrokerError(f"port {port} is in use: stop what listens there, or choose another port") from error


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((_HOST, port), timeout=0.5):
            return True
    except OSError:
        return False


def _last_line(log_file: Path) -> str:
    lines = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
