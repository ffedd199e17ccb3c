"""What the receiver was told of its findings, kept over a restart in one SQLite file."""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from pathlib import Path

import msgspec

from central.detection.labels import Label, Labels, merged, unusual_times
from central.habit_store import open_kept

logger = logging.getLogger(__name__)


class LabelBook:
    """Labels by home.

    Args:
        file: made when missing; one that cannot be read is put aside, and the desk says it all again.
    """

    def __init__(self, file: Path) -> None:
        self._connection = open_kept(file, "labels")
        self._by_home: dict[str, list[Label]] = {}
        for home, content in self._connection.execute("select home, content from labels").fetchall():
            try:
                self._by_home[home] = msgspec.msgpack.decode(content, type=list[Label])
            except msgspec.DecodeError as error:
                logger.warning("labels of %s cannot be read: %s", home, error)

    def take(self, told: Labels) -> bool:
        """Takes a home's labels, in any order and number; True when there was news.

        What cannot be written down now holds until a restart; the desk says it again.
        """
        before = self._by_home.get(told.home, [])
        after = merged(before, told.labels)
        if after == before:
            return False
        self._by_home[told.home] = after
        try:
            with self._connection:
                values = told.home, msgspec.msgpack.encode(after)
                self._connection.execute("insert or replace into labels values (?, ?)", values)
        except sqlite3.Error as error:
            logger.warning("labels of %s cannot be kept: %s", told.home, error)
        for label in after:
            if label not in before:
                logger.info("finding %s was %s", label.key, label.verdict)
        return True

    def unusual(self, home: str) -> tuple[tuple[float, float], ...]:
        """The times of a home that are not learned from."""
        return unusual_times(self._by_home.get(home, ()))

    def counts(self) -> dict[str, dict[str, int]]:
        """Detector -> verdict -> how many findings."""
        found: dict[str, Counter[str]] = {}
        for labels in self._by_home.values():
            for label in labels:
                found.setdefault(label.detector, Counter())[label.verdict] += 1
        return {detector: dict(count) for detector, count in sorted(found.items())}

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()
