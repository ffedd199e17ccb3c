"""A port that was given to a server is not an outgoing connection's by the time the server starts."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import pytest

from gateway import free_ports


def test_no_outgoing_connection_is_given_the_port() -> None:
    first, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert all(port < first for port in free_ports.free_ports(50))


def test_ports_differ_also_between_programs_with_the_same_seed() -> None:
    found = []
    for _ in range(2):
        random.seed(0)
        found += free_ports.free_ports(3)
    assert len(set(found)) > 3


def test_a_port_in_use_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(free_ports, "_FIRST", port - 1_000)
        monkeypatch.setattr(free_ports, "_first_given_by_kernel", lambda: port + 1)
        monkeypatch.setattr(free_ports._chance, "randrange", lambda _low, high: high - 1)
        assert free_ports.free_port() != port


def test_where_the_kernel_gives_all_ports_one_is_found_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for told in ("1024\t65535\n", "", "x"):
        (tmp_path / "range").write_text(told)
        monkeypatch.setattr(free_ports, "_GIVEN_BY_KERNEL", tmp_path / "range")
        assert free_ports.free_port() > 0
