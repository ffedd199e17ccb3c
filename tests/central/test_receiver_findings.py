"""A finding reaches the desk whatever happens between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from paho.mqtt.client import topic_matches_sub

from central.detection.engine import Open
from central.detection.finding import Finding
from central.finding_outbox import FindingOutbox
from central.internal import FINDING_FILTER, decode_finding, finding_topic
from gateway.contract.alarm_kinds import AlarmKind


def finding(number: int = 1, active: bool = True) -> Finding:
    key = f"flat-{number}:hub_silent:technical:1000"
    return Finding(key, f"flat-{number}", AlarmKind.HUB_SILENT, 1000.0, 2800.0, "hub_silent", active=active)


class Line:
    """A client whose broker confirms when told to."""

    def __init__(self) -> None:
        self.up = True
        self.sent: list[Finding] = []
        self.open: list[Callable[[bool], None]] = []

    def publish(
        self, _: str, payload: bytes, *, retain: bool = False, on_done: Callable[[bool], None] | None = None
    ) -> bool:
        assert not retain, "a finding is news, not a state"
        assert on_done is not None
        if not self.up:
            return False
        said = decode_finding(payload)
        assert isinstance(said, Finding)
        self.sent.append(said)
        self.open.append(on_done)
        return True

    def settle(self, confirmed: bool) -> None:
        while self.open:
            self.open.pop(0)(confirmed)


def test_a_finding_is_sent_once_and_again_only_when_it_was_not_confirmed(tmp_path: Path) -> None:
    outbox, line = FindingOutbox(tmp_path / "findings.json"), Line()
    outbox.add([finding()])
    outbox.keep([])
    outbox.send(line.publish)
    outbox.send(line.publish)
    assert line.sent == [finding()]
    line.settle(False)
    outbox.send(line.publish)
    assert line.sent == [finding()] * 2
    line.settle(True)
    outbox.send(line.publish)
    assert len(line.sent) == 2


def test_the_end_of_a_finding_is_not_lost_behind_the_receipt_of_its_beginning(tmp_path: Path) -> None:
    outbox, line = FindingOutbox(tmp_path / "findings.json"), Line()
    outbox.add([finding()])
    outbox.keep([])
    outbox.send(line.publish)
    outbox.add([finding(active=False)])
    outbox.keep([])
    line.settle(True)
    outbox.send(line.publish)
    assert [said.active for said in line.sent] == [True, False]
    line.settle(True)
    outbox.send(line.publish)
    assert len(line.sent) == 2


def test_nothing_is_said_that_a_crash_could_make_forgotten(tmp_path: Path) -> None:
    outbox, line = FindingOutbox(tmp_path / "findings.json"), Line()
    outbox.add([finding()])
    outbox.send(line.publish)
    assert line.sent == []
    opens = [Open("hub_silent", "technical", finding(), 5.0)]
    outbox.keep(opens)
    outbox.send(line.publish)
    assert line.sent == [finding()]
    assert FindingOutbox(tmp_path / "findings.json").load(), "its end can be said after a crash"
    (tmp_path / "full").mkdir()
    full = FindingOutbox(tmp_path / "full" / "no such folder" / "findings.json")
    full.add([finding(2)])
    full.keep([])
    full.send(line.publish)
    assert line.sent == [finding(), finding(2)], "a disk that is full silences no alarm"


def test_what_could_not_be_sent_is_sent_after_a_restart(tmp_path: Path) -> None:
    outbox, line = FindingOutbox(tmp_path / "findings.json"), Line()
    line.up = False
    outbox.add([finding(1), finding(2, active=False)])
    outbox.send(line.publish)
    opens = [Open("hub_silent", "technical", finding(1), 5.0)]
    outbox.keep(opens)
    line.up = True
    again = FindingOutbox(tmp_path / "findings.json")
    assert msgspec.to_builtins(again.load()) == msgspec.to_builtins(opens)
    again.keep(opens)
    again.send(line.publish)
    assert line.sent == [finding(1), finding(2, active=False)]


@pytest.mark.parametrize("home", ["flat/3", "flat #3", "flat +3", "+", "Carrer Nou, 3"])
def test_whatever_a_home_is_called_its_findings_reach_the_desk(home: str) -> None:
    topic = finding_topic(home)
    assert topic_matches_sub(FINDING_FILTER, topic)
    assert not set("+#") & set(topic), "a broker hangs up on a wildcard"
    assert topic != finding_topic(home + "x")


def test_a_damaged_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "findings.json").write_bytes(b"{broken")
    outbox = FindingOutbox(tmp_path / "findings.json")
    assert outbox.load() == []
    outbox.keep([])
    assert FindingOutbox(tmp_path / "findings.json").load() == []
