"""Writes what happened before this centre was asked: whole cases, messages, audits, each at its own time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from central.alarm_cases.case import Case, CaseEvent
from central.storage import cases as case_store
from central.storage.carer_tables import reach_tests
from central.storage.service_tables import call_audits, late_reasons
from central.storage.tables import cases, deliveries


class ReachTest(Protocol):
    """A test message as a history tells it; see `central.history.PastReachTest`."""

    @property
    def contact(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def at(self) -> float: ...
    @property
    def answered_after_s(self) -> float: ...
    @property
    def fault(self) -> str: ...


class Message(Protocol):
    """A message as a history tells it; see `central.history.PastMessage`."""

    @property
    def contact(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def after_s(self) -> float: ...
    @property
    def state(self) -> str: ...
    @property
    def took_s(self) -> float: ...
    @property
    def fault(self) -> str: ...


class Audit(Protocol):
    """An audit as a history tells it; see `central.history.PastAudit`."""

    @property
    def month(self) -> str: ...
    @property
    def drawn_at(self) -> float: ...
    @property
    def by(self) -> str: ...
    @property
    def result(self) -> str: ...
    @property
    def remarks(self) -> str: ...


def add_case(connection: sa.Connection, case: Case, log: Sequence[CaseEvent]) -> int:
    """Stores a case with its whole log; nobody is told of it. Its number."""
    return case_store.add_whole(connection, case, log)


def add_message(connection: sa.Connection, case_id: int, message: Message, opened_at: float) -> None:
    """A message that went out then, in the state that it came to."""
    queued_at = opened_at + message.after_s
    done_at = queued_at + message.took_s
    values: dict[str, Any] = {
        "case_id": case_id,
        "contact_id": message.contact,
        "channel": message.channel,
        "purpose": "alarm",
        "state": message.state,
        "attempt": 1,
        "changed_at": done_at,
        "fault": message.fault,
        "queued_at": queued_at,
    }
    if message.state not in {"failed_for_good", "cancelled"}:
        values |= {"sent_at": queued_at + 0.8, "delivered_at": done_at}
    if message.state in {"accepted", "declined"}:
        values |= {"opened_at": done_at, "answered_at": done_at}
    elif message.state == "opened":
        values |= {"opened_at": done_at}
    connection.execute(sa.insert(deliveries).values(values))


def add_late_reason(connection: sa.Connection, case_id: int, text: str, opened_at: float) -> None:
    """Why a call waited, found the next morning."""
    values = {"case_id": case_id, "reason": text, "written_at": opened_at + 43_200.0, "written_by": "register"}
    connection.execute(sa.insert(late_reasons).values(values))


def add_audit(connection: sa.Connection, case_id: int, audit: Audit) -> None:
    """A call that was drawn, and what going through it has shown."""
    owner, priority = connection.execute(
        sa.select(cases.c.owner_id, cases.c.priority).where(cases.c.id == case_id)
    ).one()
    values: dict[str, Any] = {
        "case_id": case_id,
        "operator_id": owner or "",
        "month": audit.month,
        "emergency": priority == 1,
        "drawn_at": audit.drawn_at,
        "drawn_by": audit.by,
        "result": audit.result,
        "remarks": audit.remarks,
    }
    if audit.result:
        values |= {"audited_at": audit.drawn_at + 3_600.0, "audited_by": audit.by}
    connection.execute(sa.insert(call_audits).values(values))


def add_reach_test(connection: sa.Connection, test: ReachTest) -> None:
    """A test message of the desk, with what came of it."""
    answered_at = test.at + test.answered_after_s if test.answered_after_s else None
    values = {"contact_id": test.contact, "channel": test.channel, "asked_by": "desk", "queued_at": test.at}
    ending = {"failed_at": test.at + 2.0} if test.fault else {"sent_at": test.at + 1.0, "answered_at": answered_at}
    connection.execute(sa.insert(reach_tests).values(**values, **ending, attempt=1, fault=test.fault))
