"""By 30 s every call takes the second path; nobody gets hundreds of SMS; the family is told once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings, strategies

from edge.calls import WAITING_PER_CALLER_MAX, Calls, plainest
from edge.clock import Stamp
from edge.outbox import StoredAlarm
from edge.sms_ledger import SmsState
from edge.sms_routes import (
    CHAIN_SMS_MAX,
    CONTACT_AGAIN_S,
    CONTACTS_AFTER_S,
    DOWN_SURE_S,
    HOUR_MAX,
    HOUR_S,
    SECOND_PATH_S,
    Addressees,
    Call,
    SendSms,
    SmsWait,
    Tried,
    next_sms,
    to_write_about,
)
from gateway.contract.messages import Alarm, MessageType

CENTRE, ANNA, PERE = "+34930000000", "+34600000001", "+34600000002"
EVERYBODY = Addressees(CENTRE, (ANNA, PERE))
HELP, FLOOD, SMOKE = ("pendant", 3, 10), ("mat", 33, 9), ("kitchen", 23, 9)
SENDING_S = 4.0
"""What a modem needs for one SMS."""


def call(ref: str, at: float, caller: tuple[str, int, int] = HELP, pri: int = 9) -> Call:
    return Call(ref, caller, pri, at, at)


@dataclass
class Story:
    """A home without receipts: what it writes to whom, when, as the network takes or refuses it."""

    whom: Addressees = EVERYBODY
    outcomes: list[SmsState] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    was_full: bool = False

    def tell(self, calls: list[Call], until_at: float, *, down_since: float | None = None) -> Story:
        now = 0.0
        while now < until_at:
            here = [one for one in calls if one.heard_at <= now]
            later = min((one.heard_at for one in calls if one.heard_at > now), default=math.inf)
            match next_sms(to_write_about(here, []), self.tried, self.whom, down_since, now):
                case SendSms(ref, recipient):
                    kind = next(one.kind for one in calls if one.ref == ref)
                    state = self.outcomes.pop(0) if self.outcomes else SmsState.TAKEN
                    self.tried.append(Tried(ref, kind, recipient, state, now))
                    now += SENDING_S
                case SmsWait(at, full):
                    assert at > now
                    self.was_full = self.was_full or full
                    now = min(at, later)
        return self

    def times(self, recipient: str, ref: str = "") -> list[float]:
        return [one.at for one in self.tried if one.recipient == recipient and ref in ("", one.ref)]


def test_the_story_of_one_call_that_nobody_answers() -> None:
    story = Story().tell([call("a", 0.0)], 9_000)
    assert story.times(CENTRE)[0] == SECOND_PATH_S
    assert [story.times(contact) for contact in (ANNA, PERE)] == [[CONTACTS_AFTER_S], [CONTACTS_AFTER_S + SENDING_S]]
    again = [round(after - before) for before, after in pairwise(story.times(CENTRE))]
    assert again == [120, 300, 900, 1_800, 3_600]


def test_a_line_that_is_surely_gone_is_not_waited_for() -> None:
    assert Story().tell([call("a", 100.0)], 150, down_since=0.0).times(CENTRE)[0] == 100.0
    assert Story().tell([call("a", 100.0)], 150, down_since=95.0).times(CENTRE)[0] == 95.0 + DOWN_SURE_S
    assert Story().tell([call("a", 100.0)], 150, down_since=120.0).times(CENTRE)[0] == 100.0 + SECOND_PATH_S


def test_a_contact_is_told_once_and_of_a_new_danger_again() -> None:
    calls = [call("a", 0.0), call("b", 600.0), call("c", 700.0, SMOKE)]
    story = Story().tell(calls, CONTACT_AGAIN_S)
    assert [(one.ref, one.at) for one in story.tried if one.recipient == ANNA] == [
        ("a", CONTACTS_AFTER_S),
        ("c", 700.0 + CONTACTS_AFTER_S),
    ]


def test_water_on_the_floor_does_not_frighten_the_family() -> None:
    story = Story().tell([call("a", 0.0, FLOOD, pri=5)], 4_000)
    assert story.times(CENTRE)
    assert not story.times(ANNA)


def test_what_the_network_refuses_is_tried_again_and_what_it_gave_up_too() -> None:
    refused = Story(outcomes=[SmsState.FAILED_FOR_NOW] * 3).tell([call("a", 0.0)], 110)
    assert refused.times(CENTRE) == [25, 35, 55, 95]
    given_up = Story(Addressees(CENTRE), outcomes=[SmsState.UNDELIVERED]).tell([call("a", 0.0)], 60)
    assert given_up.times(CENTRE) == [25, 35]
    nobody = Story(Addressees("", (ANNA,)), outcomes=[SmsState.FAILED]).tell([call("a", 0.0)], 20_000)
    assert len(nobody.times(ANNA)) == 1, "a number that does not exist is not tried for ever"
    centre = Story(Addressees(CENTRE), outcomes=[SmsState.FAILED]).tell([call("a", 0.0)], 5_000)
    assert len(centre.times(CENTRE)) > 1, "the centre's is: somebody may repair it"


def test_an_sms_over_which_the_modem_stopped_is_on_the_bill() -> None:
    calls = [call(f"a{n}", 0.0, (f"device{n}", 3, 10)) for n in range(8)]
    story = Story(Addressees(CENTRE), outcomes=[SmsState.UNSURE] * 1_000).tell(calls, HOUR_S)
    assert len(story.tried) <= HOUR_MAX, "it may have been sent each time"


def test_a_stuck_button_does_not_send_hundreds_and_still_calls() -> None:
    stuck = [call(f"s{number}", 10.0 * number) for number in range(8_640)]
    chosen = to_write_about(stuck, [])
    assert len(chosen) <= 25 * CHAIN_SMS_MAX
    waiting = [one for one in stuck if one.heard_at < 3_600]
    story = Story().tell(waiting, 3_600)
    assert len(story.tried) <= HOUR_MAX
    assert story.times(CENTRE)[0] <= 30
    assert len(story.times(ANNA)) <= 2
    fall = call("fall", 3_000.0, ("belt", 5, 9))
    story = Story().tell([*waiting, fall], 3_600)
    assert story.times(CENTRE, "fall")[0] <= 3_000 + 30, "there is room for another call"


def test_the_answered_calls_of_a_chain_speak_for_those_that_follow() -> None:
    answered = [call(f"a{number}", 10.0 * number) for number in range(CHAIN_SMS_MAX)]
    assert to_write_about([call("b", 50.0)], answered) == []
    [alone] = to_write_about([call("c", 150.0)], answered)
    assert alone.ref == "c", "who presses again after a pause calls anew"


def test_with_no_room_in_the_hour_it_is_said_and_waits_for_room() -> None:
    calls = [call(f"a{number}", 70.0 * number) for number in range(40)]
    story = Story(Addressees(CENTRE)).tell(calls, 3 * HOUR_S)
    assert story.was_full
    assert {one.ref for one in story.tried} == {one.ref for one in calls}, "late, and each of them"


_calls = strategies.lists(
    strategies.tuples(strategies.floats(0, 7_200), strategies.sampled_from([HELP, FLOOD, SMOKE])),
    min_size=1,
    max_size=60,
)
_outcomes = strategies.lists(
    strategies.sampled_from([s for s in SmsState if s not in {SmsState.SENDING, SmsState.ANSWERED}]), max_size=60
)


@settings(deadline=None)
@given(_calls, _outcomes, strategies.one_of(strategies.none(), strategies.floats(0, 7_200)))
def test_whatever_happens_the_hours_limit_holds_and_nobody_is_forgotten(
    heard: list[tuple[float, tuple[str, int, int]]], outcomes: list[SmsState], down_since: float | None
) -> None:
    calls = [call(f"a{n}", at, caller, 5 if caller is FLOOD else 9) for n, (at, caller) in enumerate(sorted(heard))]
    story = Story(outcomes=list(outcomes)).tell(calls, 14_400, down_since=down_since)
    billed = [one.at for one in story.tried if one.state not in {SmsState.FAILED, SmsState.FAILED_FOR_NOW}]
    for at in billed:
        assert sum(at - HOUR_S < other <= at for other in billed) <= HOUR_MAX
    assert min(story.times(CENTRE)) <= calls[0].heard_at + 30, "the second path is taken in time"
    for contact in (ANNA, PERE):
        told = [
            one for one in story.tried if one.recipient == contact and one.state in {SmsState.TAKEN, SmsState.DELIVERED}
        ]
        assert len({one.ref for one in told}) == len(told), "once about each call"
        for kind in {one.kind for one in told}:
            times = [one.at for one in told if one.kind == kind]
            assert all(b - a >= CONTACT_AGAIN_S - 1e-6 for a, b in pairwise(times))


@settings(deadline=None)
@given(strategies.lists(strategies.floats(0, 1_000), min_size=1, max_size=8), strategies.booleans())
def test_a_call_without_receipt_is_never_left_unsent_while_the_modem_works(times: list[float], down: bool) -> None:
    calls = [
        call(f"a{number}", 100.0 * number + at / 100, (f"device{number}", 3, 10)) for number, at in enumerate(times)
    ]
    story = Story().tell(calls, 2_000, down_since=0.0 if down else None)
    for one in calls:
        delay = story.times(CENTRE, one.ref)[0] - one.heard_at
        # three SMS of others may be on their way through the modem just then
        assert delay <= SECOND_PATH_S + 3 * SENDING_S


# the calls that wait


def stored(number: int, at: float, device: str = "pendant", **more: object) -> StoredAlarm:
    alarm = Alarm(f"e{number}", 3, 1.8e9 + at, did=device, pri=9, text="Help", **more)  # type: ignore[arg-type]
    return StoredAlarm(alarm, Stamp("b1", at, 1.8e9 + at, trusted=True), received=False, answer=None)


def test_a_day_of_a_stuck_button_without_a_line_stays_small_and_says_how_often_it_called() -> None:
    calls = Calls()
    for number in range(8_640):
        one = stored(number, 10.0 * number)
        if not calls.joins(one.alarm, 10.0 * number):
            calls.add(one, 10.0 * number)
    assert len(calls) == WAITING_PER_CALLER_MAX
    newest = list(calls)[-1]
    assert newest.for_sending.alarm.text.startswith(f"Called again {8_640 - WAITING_PER_CALLER_MAX} times")
    assert next(iter(calls)).for_sending.alarm.text == "Help"


def test_whoever_presses_after_a_pause_or_elsewhere_is_a_call_of_their_own() -> None:
    calls = Calls()
    for number in range(WAITING_PER_CALLER_MAX):
        calls.add(stored(number, 10.0 * number), 10.0 * number)
    last = 10.0 * WAITING_PER_CALLER_MAX
    assert calls.joins(stored(99, last).alarm, last)
    assert not calls.joins(stored(99, last, "other").alarm, last)
    assert not calls.joins(stored(99, last + 61).alarm, last + 61)


@pytest.mark.parametrize(("boot", "waited"), [("b1", 12.0), ("b2", 15.0)])
def test_a_call_from_before_a_restart_takes_the_second_path_soon(boot: str, waited: float) -> None:
    calls = Calls()
    calls.restore(stored(1, 40.0), Stamp(boot, 52.0, 1.8e9 + 52, trusted=False))
    [one] = calls.to_write()
    assert 52.0 - one.heard_at == waited, "a restart of the agent does not begin the 30 s anew"


def test_the_plainest_alarm_still_says_what_when_and_whether_the_clock_was_right() -> None:
    alarm = stored(1, 5.0, lte="hall").alarm
    plain = plainest(msgspec.structs.replace(alarm, trusted=False))
    assert (plain.ref, plain.dty, plain.stc, plain.tim, plain.pri, plain.trusted) == ("e1", 3, 10, alarm.tim, 9, False)
    assert (plain.did, plain.lte, plain.text, plain.evidence) == ("", "", "", [])


def test_a_test_and_a_withdrawal_never_go_by_sms() -> None:
    calls = Calls()
    calls.add(stored(1, 0.0, mty=MessageType.TEST), 0.0)
    calls.add(stored(2, 0.0, mty=MessageType.WITHDRAWN), 0.0)
    calls.add(stored(3, 0.0, stc=102), 0.0)
    assert calls.to_write() == []
