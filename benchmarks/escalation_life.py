"""Months of alarms in virtual time, with the desk's processes killed at random, and an audit of every deadline.

Two processes share one database. Each is killed now and then in the middle of a transaction (between two of its
statements), right after a commit before anybody hears of it, or between sending a message and storing that it went; it
comes back minutes later with nothing but the database. Homes send an alarm again until it is answered, as hubs do.
Operators and carers do what they do: late, twice, or never.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import sqlalchemy as sa

from benchmarks.escalation_audit import Complaints, Findings, audit_case
from central.alarm_cases.care_plan import CarePlan
from central.alarm_cases.case import State
from central.alarm_cases.closing import Cause, Closing, Outcome
from central.alarm_cases.rota import Absence, Profile
from central.alarm_cases.transitions import rebuild
from central.carer_desk import CarerDesk
from central.case_change import CaseChange
from central.case_desk import CaseDesk
from central.delivery_desk import DeliveryDesk
from central.due_loop import LOOK_EVERY_S
from central.notification.channel import Message
from central.notification.delivery import DeliveryState, Retry, Sent, Verdict
from central.notification.sender import CLAIM_S, Sender
from central.storage import cases, homes, rota
from central.storage.database import Database
from central.storage.tables import contacts, deliveries, due_times, operators
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.encoding import encode
from gateway.contract.messages import Alarm

BEGIN: Final = 1_795_262_400.0
HOMES: Final = 12
OPERATORS: Final = ("ana", "joan", "laia")
CARERS: Final = ("nearest", "second", "far")
RESEND_S: Final = 15.0
"""A hub repeats an alarm so often until it has the receipt."""
STATEMENTS_TO_LIVE: Final = (100, 2_500)
"""A process is killed after so many statements, at random between the two."""
DOWN_S: Final = (2.0, 400.0)
"""And is away for so long."""
DAY_S: Final = 86_400.0
KINDS: Final = (AlarmKind.HELP, AlarmKind.HELP, AlarmKind.FALL, AlarmKind.FLOOD, AlarmKind.SMOKE, AlarmKind.BATTERY_LOW)
DAYS_TOLD: Final = 10
"""After so many days it is said how far a life has come."""
RETRY: Final = Retry((15.0, 60.0), 4)
POWER_CUT: Final = 0.4
"""How often a death takes the other process along."""
PLANS: Final = (
    CarePlan(first="family"),
    CarePlan(carers="parallel", after_s={"first_carer": 30.0}),
    CarePlan(carers="in_turn", order="agreed"),
)


class Killed(BaseException):
    """The process is no more. Not an `Exception`: nothing of ours may catch it and go on."""


@dataclass
class FakeChannel:
    """A telephone company in memory: keeps what it takes, and refuses now and then."""

    random: Random
    name: str
    receipts: frozenset[DeliveryState] = frozenset({DeliveryState.DELIVERED})
    retry: Retry = RETRY
    receipt_wait_s: float | None = 60.0
    taken: Counter[str] = field(default_factory=Counter)

    def send(self, message: Message) -> Sent:
        """Takes nine messages of ten."""
        if self.random.random() < 0.1:
            return Sent(Verdict.NOT_NOW, "busy")
        self.taken[message.key] += 1
        return Sent(Verdict.TAKEN, provider_ref=message.key)


class Process:
    """One of the desk's processes: alive with a database of its own, or down until a time."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.down_until = 0.0
        self.deaths = 0
        self._left = 0
        self._start()

    def _start(self) -> None:
        self.database = Database.open(self.world.url)
        sa.event.listen(self.database.engine, "before_cursor_execute", self._count)
        self.desk = CaseDesk(self.database, self._announced, tuple(self.world.channels))
        self.carers = CarerDesk(self.desk)
        self.deliveries = DeliveryDesk(self.desk)
        self.sender = Sender(self.database, self.deliveries, self.world.channels, clock=lambda: self.world.now)
        self._left = self.world.random.randint(*STATEMENTS_TO_LIVE)
        self.next_at: float | None = self.world.now

    def _count(self, *_args: Any) -> None:
        self._left -= 1
        if self._left <= 0 and self.world.killing:
            raise Killed

    def _announced(self, _change: CaseChange) -> None:
        # committed, and nobody has heard of it yet
        if self.world.killing and self.world.random.random() < self.world.kill_after_commit:
            raise Killed

    @property
    def alive(self) -> bool:
        """Whether it can do anything now."""
        return self.world.now >= self.down_until

    def die(self) -> None:
        """Forgets everything; comes back after a while."""
        self.database.close()
        self.deaths += 1
        self.down_until = self.world.now + self.world.random.uniform(*DOWN_S)
        self._start()


class World:
    """Homes, people, two processes, and the clock."""

    def __init__(
        self,
        url: str,
        seed: int,
        days: float,
        alarms_a_day: float,
        *,
        killing: bool = True,
        on_day: Callable[[int], None] = lambda _day: None,
    ) -> None:
        self.url, self.days, self.alarms_a_day, self.killing = url, days, alarms_a_day, killing
        self._on_day, self._told_day = on_day, 0
        self.random = Random(seed)
        self.kill_after_commit = 0.004
        self.now = BEGIN
        self.channels = {name: FakeChannel(self.random, name) for name in ("sms", "email")}
        self.worked_at: list[float] = []
        self._order = itertools.count()
        self._agenda: list[tuple[float, int, str, tuple[Any, ...]]] = []
        self._down_since: float | None = None
        self.blackouts: list[tuple[float, float]] = []
        self._furnish()
        self.processes = (Process(self, "a"), Process(self, "b"))

    def _furnish(self) -> None:
        database = Database.open(self.url)
        with database.begin() as connection:
            for name in OPERATORS:
                person = {"id": name, "called": name.title(), "password_hash": "-"}
                connection.execute(sa.insert(operators).values(person))
            for number in range(HOMES):
                home = f"home-{number}"
                homes.enrol_home(connection, home, address=f"Carrer {number}", now=BEGIN, district="Gràcia")
                homes.enrol_hub(connection, f"hub-{number}", home, BEGIN)
                if number < len(PLANS):
                    rota.add_plan(connection, home, PLANS[number], now=BEGIN, by="test")
                for position, name in enumerate(CARERS):
                    row: dict[str, Any] = {"id": f"{name}-{number}", "home_id": home, "called": name}
                    row["position"] = position
                    ways = {"email": f"{name}@example.org", "phone": "+34600000000" if position else ""}
                    distance = {"minutes_away": 5 + 15 * position}
                    connection.execute(sa.insert(contacts).values({**row, **ways, **distance}))
                away = Absence(BEGIN + 10 * DAY_S, BEGIN + 20 * DAY_S)
                rota.keep_profile(connection, f"second-{number}", Profile(absences=(away,)), BEGIN, "test")
        database.close()

    def live(self) -> Findings:
        """Lets the time pass, then checks every deadline of every case."""
        complaints = Complaints()
        with complaints.listening():
            self._pass()
        found = self._audit()
        found.faults += complaints.heard
        return found

    def _pass(self) -> None:
        at = BEGIN
        for number in itertools.count():
            at += self.random.expovariate(self.alarms_a_day / DAY_S)
            if at > BEGIN + self.days * DAY_S:
                break
            self._plan(at, "alarm", f"A{number}", f"hub-{self.random.randrange(HOMES)}", self.random.choice(KINDS))
        end = BEGIN + self.days * DAY_S + DAY_S
        while (next_at := self._next_at()) is not None and next_at <= end:
            self.now = max(self.now, next_at)
            self._tell_day()
            self._work()
            while self._agenda and self._agenda[0][0] <= self.now:
                _, _, what, arguments = heapq.heappop(self._agenda)
                self._let(what, arguments)
        self.killing = False
        self.now = max(self.now, *(process.down_until for process in self.processes))
        self._work()

    def _tell_day(self) -> None:
        day = int((self.now - BEGIN) // DAY_S)
        if day >= self._told_day + DAYS_TOLD:
            self._told_day = day
            self._on_day(day)

    def close(self) -> None:
        """Lets go of the databases."""
        for process in self.processes:
            process.database.close()

    def _plan(self, at: float, what: str, *arguments: Any) -> None:
        heapq.heappush(self._agenda, (at, next(self._order), what, arguments))

    def _next_at(self) -> float | None:
        times = [self._agenda[0][0]] if self._agenda else []
        times += [max(it.next_at, it.down_until) for it in self.processes if it.next_at is not None]
        return min(times, default=None)

    def _alive(self) -> list[Process]:
        found = [process for process in self.processes if process.alive]
        self.random.shuffle(found)
        return found

    def _work(self) -> None:
        """Every process that lives works what is due, as its loops would when they wake."""
        for process in self._alive():
            if not process.alive:
                continue  # the one before it took it along
            try:
                due = [process.desk.work_due(self.now)]
                self.worked_at.append(self.now)
                if self._down_since is not None:
                    self.blackouts.append((self._down_since, self.now))
                    self._down_since = None
                due.append(process.sender.work_due(self.now))
                ahead = [at for at in due if at is not None]
                process.next_at = max(min(ahead), self.now + 0.001) if ahead else None
            except Killed:
                self._kill(process)

    def _kill(self, process: Process) -> None:
        process.die()
        if self.random.random() < POWER_CUT:
            for other in self.processes:
                if other is not process and other.alive:
                    other.die()
        for other in self.processes:  # nobody tells it what the dead one has stored: it looks by itself
            if other.alive:
                other.next_at = min(other.next_at or math.inf, self.now + LOOK_EVERY_S)
        # one that comes back and dies again before it has worked anything does not end it
        if self._down_since is None and not any(it.alive for it in self.processes):
            self._down_since = self.now

    def _let(self, what: str, arguments: tuple[Any, ...]) -> None:
        alive = self._alive()
        if not alive:
            wait_s = min(process.down_until for process in self.processes) - self.now
            self._plan(self.now + max(wait_s, 0.0) + 1.0, what, *arguments)
            return
        process = alive[0]
        try:
            getattr(self, f"_{what}")(process, *arguments)
        except Killed:
            self._kill(process)
            again_s = RESEND_S if what == "alarm" else 5.0
            self._plan(self.now + again_s, what, *arguments)
        for other in self.processes:  # a loop looks again when something was announced
            other.next_at = self.now if other.next_at is None else min(other.next_at, self.now)

    # what people and homes do

    def _alarm(self, process: Process, ref: str, hub: str, kind: AlarmKind) -> None:
        dty, stc = SCAIP_CODES[kind]
        alarm = Alarm(ref=ref, dty=dty, stc=stc, tim=self.now, seq=1, ep="e")
        case_id = int(process.desk.receive_alarm(hub, alarm, encode(alarm), self.now).case)
        waits_s = self.random.choice((8.0, 25.0, 70.0, 200.0, 500.0, 1_500.0))
        self._plan(self.now + waits_s, "take", case_id)
        for number, name in enumerate(CARERS):
            home = hub.removeprefix("hub-")
            answer_at = self.now + 100.0 + self.random.expovariate(1 / 120.0) + 20.0 * number
            self._plan(answer_at, "answer", case_id, f"{name}-{home}")

    def _take(self, process: Process, case_id: int) -> None:
        who = self.random.choice(OPERATORS)
        process.desk.take(case_id, who, self.now)
        self._plan(self.now + self.random.uniform(5, 40), "go_on", case_id, who)

    def _go_on(self, process: Process, case_id: int, who: str) -> None:
        """The owner does something sensible; what is refused is refused."""
        desk, now = process.desk, self.now
        choice = self.random.choice(("talk", "no_answer", "park", "lost", "close", "close", "forget"))
        if choice == "talk":
            desk.talk(case_id, who, now)
        elif choice == "no_answer":
            desk.triage(case_id, who, 5, now)
            desk.call_contact(case_id, who, f"{CARERS[0]}-0", now)
        elif choice == "park":
            desk.wait(case_id, who, now + 600, "somebody is coming", now)
        elif choice == "lost":
            desk.hand_over(who, "the console was lost", now)
            self._plan(now + 90, "take", case_id)
            return
        elif choice == "close":
            said = Closing(Cause.MISTAKE, outcome=Outcome.RESOLVED_BY_TALK, note="fine", explanation="many calls")
            desk.take(case_id, who, now)
            desk.close(case_id, who, said, now)
        with process.database.read() as connection:
            state = connection.execute(sa.text("SELECT state FROM cases WHERE id = :id"), {"id": case_id}).scalar()
        if state != State.CLOSED.value:
            self._plan(now + self.random.uniform(30, 900), "go_on", case_id, who)

    def _answer(self, process: Process, case_id: int, contact_id: str) -> None:
        with process.database.read() as connection:
            asked = sa.select(deliveries.c.id).where(
                deliveries.c.case_id == case_id,
                deliveries.c.contact_id == contact_id,
                deliveries.c.sent_at.is_not(None),
            )
            if connection.execute(asked).first() is None:
                return
        chance = self.random.random()
        if chance < 0.25:
            process.carers.accepted(case_id, contact_id, 10, self.now)
            self._plan(self.now + 600, "arrive", case_id, contact_id)
        elif chance < 0.6:
            process.carers.declined(case_id, contact_id, self.now)
        elif chance < 0.8:
            process.carers.opened(case_id, contact_id, self.now)

    def _arrive(self, process: Process, case_id: int, contact_id: str) -> None:
        if self.random.random() < 0.2:
            process.carers.declined(case_id, contact_id, self.now)
        else:
            process.carers.arrived(case_id, contact_id, self.now)

    # the audit

    def _audit(self) -> Findings:
        found = Findings(days=self.days, deaths=sum(process.deaths for process in self.processes))
        found.longest_both_down_s = max((until - since for since, until in self.blackouts), default=0.0)
        worked = sorted(self.worked_at)
        with self.processes[0].database.read() as connection:
            ids = connection.execute(sa.text("SELECT id FROM cases ORDER BY id")).scalars().all()
            for case_id in ids:
                log = cases.events_of(connection, case_id)
                case = cases.find(connection, case_id)
                assert case is not None
                if rebuild(case_id, log) != case:
                    found.faults.append(f"case {case_id}: the log does not add up to the case")
                audit_case(case_id, log, worked, self.blackouts, found)
                found.events += len(log)
            forgotten = connection.execute(
                sa.select(due_times.c.case_id, due_times.c.step).where(
                    due_times.c.done_at.is_(None), due_times.c.due_at <= self.now
                )
            ).all()
            found.faults += [f"case {row.case_id}: {row.step} was forgotten" for row in forgotten]
            unsent = connection.execute(
                sa.select(deliveries.c.id).where(deliveries.c.due_at <= self.now - CLAIM_S)
            ).scalars()
            found.faults += [f"message {number} was forgotten" for number in unsent]
            found.cases = len(ids)
        sends = sum((channel.taken for channel in self.channels.values()), Counter[str]())
        found.messages, found.sent_twice = len(sends), sum(count > 1 for count in sends.values())
        return found
