"""Findings on their way to the desk; with those that are open they outlast a restart in one small file."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from central.detection.engine import Open
from central.detection.finding import Finding
from central.internal import encode, finding_topic

logger = logging.getLogger(__name__)


class Publish(Protocol):
    """`MqttClient.publish`."""

    def __call__(
        self, topic: str, payload: bytes, *, retain: bool = False, on_done: Callable[[bool], None] | None = None
    ) -> bool: ...


class _Kept(msgspec.Struct):
    opens: list[Open] = []
    unsent: list[Finding] = []


class FindingOutbox:
    """Findings that the broker has not confirmed yet: of each key the newest word.

    Args:
        file: where they are kept; made when missing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._unsent: dict[str, Finding] = {}
        self._unwritten: set[str] = set()
        self._in_flight: set[str] = set()
        self._logged: set[str] = set()
        self._kept = b""

    def load(self) -> list[Open]:
        """Takes over what was kept before a restart and returns the findings that were open then."""
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError) as error:
            logger.warning("cannot read %s, open findings will be found anew: %s", self._file.name, error)
            return []
        self.add(kept.unsent)
        return kept.opens

    def add(self, findings: Iterable[Finding]) -> None:
        """Puts findings on their way."""
        for finding in findings:
            if self._is_news(finding):
                self._unwritten.add(finding.key)
            self._unsent[finding.key] = finding
            self._in_flight.discard(finding.key)

    def _is_news(self, finding: Finding) -> bool:
        """Its beginning and its end, which are logged; not that it is stated again every few minutes."""
        if not finding.active:
            self._logged.discard(finding.key)
            logger.info("finding %s has ended", finding.key)
        elif finding.key not in self._logged:
            self._logged.add(finding.key)
            logger.info("finding %s: %s", finding.key, finding.reason)
        else:
            return False
        return True

    def send(self, publish: Publish) -> None:
        """Publishes what is not on its way yet, as far as the client takes it; news only once it is kept: what was
        said and then forgotten in a crash would never be said to have ended."""
        for key, finding in list(self._unsent.items()):
            if key in self._in_flight or key in self._unwritten:
                continue
            if not publish(finding_topic(finding.home), encode(finding), on_done=self._when_done(finding)):
                return
            self._in_flight.add(key)

    def _when_done(self, finding: Finding) -> Callable[[bool], None]:
        def done(confirmed: bool) -> None:
            if self._unsent.get(finding.key) is not finding:
                # a newer word about it is on its way already
                return
            self._in_flight.discard(finding.key)
            if confirmed:
                del self._unsent[finding.key]

        return done

    def keep(self, opens: Sequence[Open]) -> None:
        """Writes open and unsent findings to the file, when they have changed. A finding is said in the end even if
        no disk takes it."""
        self._unwritten.clear()
        content = msgspec.json.encode(_Kept(list(opens), list(self._unsent.values())))
        if content == self._kept:
            return
        part = self._file.with_suffix(".part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._file)
        except OSError as error:
            logger.warning("cannot keep open findings in %s: %s", self._file.name, error.strerror)
            return
        self._kept = content
