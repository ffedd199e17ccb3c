"""What a purge does to each class of records: finds the due, leaves out the held, deletes or anonymises the rest.

Each call is one short transaction's worth, so that an alarm waits for little. An anonymised case moves to a reserved
home of its municipality where nobody lives, and keeps its times, its codes and who worked it, so that the figures of
its month stay what they were; texts, references and contacts go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from central.storage.api_tables import webhook_deliveries
from central.storage.care_tables import care_notes, routine_weeks
from central.storage.carer_tables import carer_invitations, reach_tests, way_proofs
from central.storage.database import insert_new
from central.storage.desk_tables import carer_links, delivery_receipts, placed_calls, push_subscriptions
from central.storage.holds import Held
from central.storage.homes import UNKNOWN_PREFIX
from central.storage.leaving import delete_file
from central.storage.office_tables import agenda_calls, agenda_events
from central.storage.privacy_tables import departures
from central.storage.quality import detector_of
from central.storage.service_tables import call_audits, late_reasons
from central.storage.tables import (
    alarm_messages,
    alarms,
    case_events,
    cases,
    contacts,
    deliveries,
    findings,
    glass,
    homes,
    operators,
    residents,
    sessions,
)

PAST_PREFIX: Final = UNKNOWN_PREFIX + "past-"
"""Begins the id of the homes where anonymised cases lie; lists leave them out like other reserved places."""
GONE: Final = "–"
"""Stands for a text that was there."""
_KEPT_FACTS: Final = frozenset(
    {"kind", "priority", "way", "late_s", "event_at", "standing", "channel", "state", "triage", "silent", "step"}
    | {"cause", "action", "outcome", "label", "incident", "eta_minutes"}
)
"""Facts of an event that are codes and figures, about nobody."""

Due = Callable[[float], sa.Select[Any]]
Act = Callable[[sa.Connection, Sequence[Any]], None]


class Part(NamedTuple):
    """Rows of a class: which are due before a moment, as (id, home_id, case_id), and what is done with them by id."""

    due: Due
    act: Act


def purge(conn: sa.Connection, name: str, before_at: float, held: Held, limit: int) -> int:
    """Works at most so many due rows of a class in a write transaction; how many. 0: nothing is left to do."""
    for part in PARTS[name]:
        due = part.due(before_at).subquery()
        query = sa.select(due.c.id).where(~_kept(due, held)).order_by(due.c.id).limit(limit)
        ids = conn.execute(query).scalars().all()
        if ids:
            part.act(conn, ids)
            return len(ids)
    return 0


def count_held(conn: sa.Connection, name: str, before_at: float, held: Held) -> int:
    """How many due rows of a class a legal hold keeps."""
    total = 0
    for part in PARTS[name]:
        due = part.due(before_at).subquery()
        total += conn.execute(sa.select(sa.func.count()).select_from(due).where(_kept(due, held))).scalar_one()
    return total


def _kept(due: sa.Subquery, held: Held) -> sa.ColumnElement[bool]:
    return due.c.home_id.in_(sorted(held.homes)) | due.c.case_id.in_(sorted(held.cases))


def _rows(number: Any, home_id: Any = "", case_id: Any = 0) -> sa.Select[Any]:
    home = sa.literal(home_id) if isinstance(home_id, str) else home_id
    case = sa.literal(case_id) if isinstance(case_id, int) else case_id
    return sa.select(number.label("id"), home.label("home_id"), case.label("case_id"))


def _deleting(table: sa.Table, key: Any) -> Act:
    def act(conn: sa.Connection, ids: Sequence[Any]) -> None:
        conn.execute(sa.delete(table).where(key.in_(ids)))

    return act


# cases


def _closed_cases(before_at: float) -> sa.Select[Any]:
    past = cases.c.home_id.startswith(PAST_PREFIX, autoescape=True)
    return _rows(cases.c.id, cases.c.home_id, cases.c.id).where(
        cases.c.state == "closed", cases.c.closed_at < before_at, ~past
    )


def _anonymise_cases(conn: sa.Connection, ids: Sequence[int]) -> None:
    where = sa.select(cases.c.id, cases.c.home_id, homes.c.municipality, homes.c.timezone)
    for row in conn.execute(where.join(homes, homes.c.id == cases.c.home_id).where(cases.c.id.in_(ids))).all():
        past = _past_home(conn, row.municipality, row.timezone)
        names = _forget_alarms(conn, row.id) | _rename_findings(conn, row.id, row.home_id, past)
        _strip_events(conn, row.id, names)
        values = {"home_id": past, "place": "", "plan": {}, "helper_id": ""}
        conn.execute(sa.update(cases).where(cases.c.id == row.id).values(values))
    sent = conn.execute(sa.select(deliveries.c.id).where(deliveries.c.case_id.in_(ids))).scalars().all()
    _anonymise_deliveries(conn, sent)
    conn.execute(sa.update(late_reasons).where(late_reasons.c.case_id.in_(ids)).values(reason=GONE))
    said = call_audits.c.case_id.in_(ids) & (call_audits.c.remarks != "")
    conn.execute(sa.update(call_audits).where(said).values(remarks=GONE))
    for table in (webhook_deliveries, placed_calls):
        conn.execute(sa.delete(table).where(table.c.case_id.in_(ids)))


def _past_home(conn: sa.Connection, municipality: str, timezone: str) -> str:
    """The reserved home where cases of a municipality lie, with a contact to whom their messages went."""
    name = PAST_PREFIX + sha256(f"{municipality}\n{timezone}".encode()).hexdigest()[:16]
    home = {"id": name, "address": GONE, "municipality": municipality, "timezone": timezone}
    if insert_new(conn, homes, {**home, "care_plan": {}, "enrolled_at": 0.0}):
        insert_new(conn, contacts, {"id": name, "home_id": name, "position": 1, "called": GONE})
    return name


def _forget_alarms(conn: sa.Connection, case_id: int) -> dict[str, str]:
    """Deletes a case's alarms with their messages; what stands for their references from now on."""
    found = conn.execute(sa.select(alarms.c.hub, alarms.c.ref).where(alarms.c.case_id == case_id)).all()
    for hub, ref in found:
        conn.execute(sa.delete(alarm_messages).where(alarm_messages.c.hub == hub, alarm_messages.c.ref == ref))
    conn.execute(sa.delete(alarms).where(alarms.c.case_id == case_id))
    return {ref: f"{number}" for number, (_, ref) in enumerate(found, 1)}


def _rename_findings(conn: sa.Connection, case_id: int, home_id: str, past: str) -> dict[str, str]:
    """Findings keep only their detector in their key; old key -> new key."""
    names: dict[str, str] = {}
    for key in conn.execute(sa.select(findings.c.key).where(findings.c.case_id == case_id)).scalars().all():
        names[key] = f"{past}:{detector_of(home_id, key)}:{case_id}.{len(names)}"
        conn.execute(sa.update(findings).where(findings.c.key == key).values(key=names[key], home_id=past))
    return names


def _strip_events(conn: sa.Connection, case_id: int, names: Mapping[str, str]) -> None:
    log = sa.select(case_events.c.position, case_events.c.body).where(case_events.c.case_id == case_id)
    for position, body in conn.execute(log).all():
        this = sa.and_(case_events.c.case_id == case_id, case_events.c.position == position)
        conn.execute(sa.update(case_events).where(this).values(body=stripped(body, names)))


def stripped(body: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """An event's facts without persons and texts. `names`: what stands for references and keys of findings."""
    left = {name: value for name, value in body.items() if name in _KEPT_FACTS}
    left |= {name: names.get(body[name], GONE) for name in ("ref", "finding") if body.get(name)}
    return left | ({"explanation": GONE} if body.get("explanation") else {})


# messages


def _old_deliveries(before_at: float) -> sa.Select[Any]:
    past = deliveries.c.contact_id.startswith(PAST_PREFIX, autoescape=True)
    query = _rows(deliveries.c.id, cases.c.home_id, cases.c.id).join(cases, cases.c.id == deliveries.c.case_id)
    return query.where(deliveries.c.changed_at < before_at, cases.c.state == "closed", ~past)


def _anonymise_deliveries(conn: sa.Connection, ids: Sequence[int]) -> None:
    conn.execute(sa.delete(carer_links).where(carer_links.c.delivery_id.in_(ids)))
    conn.execute(sa.delete(delivery_receipts).where(delivery_receipts.c.delivery_id.in_(ids)))
    query = sa.select(deliveries.c.id, homes.c.municipality, homes.c.timezone).join_from(deliveries, cases).join(homes)
    for row in conn.execute(query.where(deliveries.c.id.in_(ids))).all():
        past = _past_home(conn, row.municipality, row.timezone)
        # the round keeps apart what went to several contacts
        values = {"contact_id": past, "round": row.id, "provider_ref": "", "fault": "", "due_at": None}
        conn.execute(sa.update(deliveries).where(deliveries.c.id == row.id).values(values))


# calls, weeks, log-ins, files


def _old_calls(before_at: float) -> sa.Select[Any]:
    ended = sa.func.coalesce(agenda_calls.c.done_at, agenda_calls.c.due_at)
    query = _rows(agenda_calls.c.id, agenda_calls.c.home_id)
    return query.where(agenda_calls.c.state.in_(("done", "cancelled")), ended < before_at)


def _delete_calls(conn: sa.Connection, ids: Sequence[int]) -> None:
    conn.execute(sa.delete(agenda_events).where(agenda_events.c.call_id.in_(ids)))
    conn.execute(sa.delete(agenda_calls).where(agenda_calls.c.id.in_(ids)))


_WEEK: Final = routine_weeks.c.home_id + "|" + routine_weeks.c.week


def _of_contact(number: Any, table: sa.Table) -> sa.Select[Any]:
    return _rows(number, contacts.c.home_id).join_from(table, contacts, contacts.c.id == table.c.contact_id)


def _old_tests(before_at: float) -> sa.Select[Any]:
    newer = reach_tests.alias()
    newest = sa.select(sa.func.max(newer.c.id)).where(newer.c.contact_id == reach_tests.c.contact_id).scalar_subquery()
    query = _of_contact(reach_tests.c.id, reach_tests).where(reach_tests.c.queued_at < before_at)
    return query.where(reach_tests.c.due_at.is_(None), reach_tests.c.id < newest)


def _old_links(before_at: float) -> sa.Select[Any]:
    query = _rows(carer_links.c.token_hash, cases.c.home_id, cases.c.id).join_from(carer_links, deliveries).join(cases)
    return query.where(carer_links.c.expires_at < before_at)


def _lost_subscriptions(before_at: float) -> sa.Select[Any]:
    query = _rows(push_subscriptions.c.id).join_from(push_subscriptions, operators)
    return query.where(operators.c.disabled, push_subscriptions.c.made_at < before_at)


def _unproven(before_at: float) -> sa.Select[Any]:
    query = _of_contact(way_proofs.c.code_hash, way_proofs)
    return query.where(way_proofs.c.proven_at.is_(None), way_proofs.c.expires_at < before_at)


def _left_files(before_at: float) -> sa.Select[Any]:
    other = sa.exists().where(residents.c.home_id == departures.c.home_id, residents.c.id != departures.c.resident_id)
    has_cases = sa.exists().where(cases.c.home_id == departures.c.home_id)
    here = sa.exists().where(residents.c.id == departures.c.resident_id)
    query = _rows(departures.c.resident_id, departures.c.home_id)
    return query.where(departures.c.left_at < before_at, here, other | ~has_cases)


def _delete_files(conn: sa.Connection, ids: Sequence[str]) -> None:
    for resident_id in ids:
        delete_file(conn, resident_id)


def _old_glass(before_at: float) -> sa.Select[Any]:
    return _rows(glass.c.id, glass.c.home_id).where(glass.c.until_at < before_at)


PARTS: Final[Mapping[str, tuple[Part, ...]]] = {
    "cases": (Part(_closed_cases, _anonymise_cases),),
    "deliveries": (Part(_old_deliveries, _anonymise_deliveries),),
    "calls": (Part(_old_calls, _delete_calls),),
    "weeks": (
        Part(
            lambda at: _rows(care_notes.c.key, care_notes.c.home_id).where(care_notes.c.received_at < at),
            _deleting(care_notes, care_notes.c.key),
        ),
        Part(
            lambda at: _rows(_WEEK, routine_weeks.c.home_id).where(routine_weeks.c.received_at < at),
            _deleting(routine_weeks, _WEEK),
        ),
    ),
    "access": (
        Part(
            lambda at: _rows(sessions.c.token_hash).where(sessions.c.expires_at < at),
            _deleting(sessions, sessions.c.token_hash),
        ),
        Part(_old_links, _deleting(carer_links, carer_links.c.token_hash)),
        Part(
            lambda at: _of_contact(carer_invitations.c.token_hash, carer_invitations).where(
                carer_invitations.c.expires_at < at
            ),
            _deleting(carer_invitations, carer_invitations.c.token_hash),
        ),
        Part(_unproven, _deleting(way_proofs, way_proofs.c.code_hash)),
        Part(_old_tests, _deleting(reach_tests, reach_tests.c.id)),
        Part(_lost_subscriptions, _deleting(push_subscriptions, push_subscriptions.c.id)),
    ),
    "files": (Part(_left_files, _delete_files),),
    "audit": (Part(_old_glass, _deleting(glass, glass.c.id)),),
}
"""Class -> what belongs to it in the database. The audit log itself is cut off by `audit_log.cut_off`; exports are
files."""
