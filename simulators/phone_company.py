"""A phone company: takes SMS and calls for people (`docs/wire/phone-gateway.md`), who answer as their scripts say.

A person without a script is played by somebody: the telephone rings until `pick_up`, `reject` or `press`.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from simulators.web_post import post
from simulators.web_server import Answer, Asked, WebServer

REPORT_TRIES: Final = 10
REPORT_AGAIN_S: Final = 0.5
KEYS_MAX: Final = 8
"""A voice menu that goes on for longer is given up."""


class Does(StrEnum):
    """What a person, or their telephone, does with a call."""

    PICKS_UP = "picks_up"
    REJECTS = "rejected"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    MAILBOX = "machine"
    UNREACHABLE = "unreachable"
    NO_SUCH_NUMBER = "failed"


@dataclass
class Person:
    """Somebody with a telephone.

    Attributes:
        does: what they do with a call; None: somebody plays them.
        after_s: after so long.
        presses: the keys they press, one after each text.
        talks_s: who is connected with an operator hangs up after so long; None: when the operator does.
        sms_comes: whether their telephone gets SMS, and says so.
    """

    does: Does | None = None
    after_s: float = 0.0
    presses: str = ""
    talks_s: float | None = None
    sms_comes: bool = True


@dataclass
class Text:
    """One SMS."""

    key: str
    to: str
    text: str
    at: float = field(default_factory=time.time)


@dataclass
class Call:
    """One call to one telephone. `heard` is what the voice said, `state` how it stands: ringing, talking, connected, or
    how it ended. A call placed for an operator is two of them with one `line`, which is set when anybody hangs up."""

    id: str
    key: str
    to: str
    language: str
    ring_s: float
    say: str
    at: float = field(default_factory=time.time)
    state: str = "ringing"
    heard: list[str] = field(default_factory=list)
    connected_with: str = ""
    played: threading.Condition = field(default_factory=threading.Condition)
    pressed: list[str] = field(default_factory=list)
    line: threading.Event | None = None

    @property
    def over(self) -> bool:
        """Whether nobody can do anything with it any more."""
        return self.state not in {"ringing", "talking"}


class PhoneCompany:
    """The gateway and its people, by number.

    Attributes:
        people: who is behind a number or an extension; one that nobody has rings in vain.
        with_operators: how those take a call of an operator who take one of a voice otherwise.
        texts, calls: all that were taken, in order.
        answers: HTTP status codes that reports were answered with.
        reports: all that were sent, for repeating them.
    """

    def __init__(self, token: str, report_url: str = "", report_key: str = "", port: int = 0) -> None:
        self.people: dict[str, Person] = {}
        self.with_operators: dict[str, Person] = {}
        self.texts: list[Text] = []
        self.calls: list[Call] = []
        self.answers: list[int] = []
        self.reports: list[bytes] = []
        self.report_url, self._report_key = report_url, report_key.encode()
        self._token = token
        self._by_key: dict[str, str] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.server = WebServer(self._respond, port)

    @property
    def url(self) -> str:
        """Where the centre asks."""
        return self.server.url

    def stop(self) -> None:
        """Ends; telephones fall silent."""
        self._stopping.set()
        for call in self.calls:
            self._hang_up(call)
        self.server.stop()

    # what people do

    def call_of(self, number: str) -> Call | None:
        """The call that rings or is talked on at a number."""
        return next((call for call in reversed(self.calls) if call.to == number and not call.over), None)

    def pick_up(self, number: str) -> None:
        """Somebody takes the call."""
        self._play(number, "+")

    def reject(self, number: str) -> None:
        """Somebody pushes the call away, or hangs up."""
        self._play(number, "-")

    def press(self, number: str, digit: str) -> None:
        """Somebody presses a key; a telephone that rings is picked up by it."""
        self._play(number, digit)

    def _play(self, number: str, what: str) -> None:
        call = self.call_of(number)
        if call is not None:
            with call.played:
                call.pressed.append(what)
                call.played.notify_all()
            if what == "-" and call.line is not None:
                call.line.set()

    @staticmethod
    def _hang_up(call: Call) -> None:
        if call.line is not None:
            call.line.set()
        with call.played:
            call.played.notify_all()

    # the gateway

    def _respond(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {self._token}":
            return Answer(401, b'{"error": "wrong_token"}')
        if asked.method == "DELETE":
            return self._end_call(asked.path.rpartition("/")[2])
        key = asked.headers.get("idempotency-key", "")
        try:
            body: dict[str, Any] = json.loads(asked.body)
        except ValueError:
            return Answer(400, b'{"error": "bad_json"}')
        number, connect = str(body.get("to", "")), body.get("connect")
        # of an operator it may be an extension; whom they are connected with has a number
        wanted = number if connect is None else str(connect.get("to", ""))
        if not key or not number or not wanted.startswith("+"):
            return Answer(400, b'{"error": "bad_request"}')
        person = self.people.get(number)
        if person is not None and person.does is Does.NO_SUCH_NUMBER:
            return Answer(422, b'{"error": "no_such_number"}')
        with self._lock:
            if key in self._by_key:
                return Answer(200, json.dumps({"id": self._by_key[key]}).encode())
            self._count += 1
            name = f"pc-{self._count}"
            self._by_key[key] = name
        work = self._take_text if asked.path == "/messages" else self._take_call if connect is None else self._place
        threading.Thread(target=work, args=(name, key, number, body), daemon=True).start()
        return Answer(202, json.dumps({"id": name}).encode())

    def _take_text(self, name: str, key: str, number: str, body: dict[str, Any]) -> None:
        self.texts.append(Text(key, number, str(body["text"])))
        self.report(f"{name}-sent", key, "sent")
        person = self.people.get(number)
        if person is None or person.sms_comes:
            self.report(f"{name}-delivered", key, "delivered")

    def _take_call(self, name: str, key: str, number: str, body: dict[str, Any]) -> None:
        call = Call(name, key, number, str(body["language"]), float(body["ring_s"]), str(body["say"]))
        self.calls.append(call)
        self.report(f"{name}-ringing", key, "ringing")
        person = self.people.get(number, Person(Does.NO_ANSWER))
        if person.does is None:
            self._played(call)
            return
        self._stopping.wait(person.after_s)
        if person.does is not Does.PICKS_UP:
            self._end(call, person.does.value)
            return
        self._talk(call, [*person.presses, "-"])

    # calls that are placed for an operator

    def _end_call(self, key: str) -> Answer:
        legs = [call for call in self.calls if call.key == key and call.line is not None and not call.over]
        for call in legs:
            self._hang_up(call)
        return Answer(204 if legs else 404)

    def _place(self, name: str, key: str, number: str, body: dict[str, Any]) -> None:
        line, connect = threading.Event(), body["connect"]
        first = Call(f"{name}-1", key, number, "", float(body["ring_s"]), "", line=line)
        if self._rings(first, "first"):
            second = Call(f"{name}-2", key, str(connect["to"]), "", float(connect["ring_s"]), "", line=line)
            if self._rings(second, "second"):
                since = time.time()
                line.wait(self._person(second).talks_s)
                self._leg(second, "second", "ended", talk_s=time.time() - since)
            self._leg(first, "first", "ended")

    def _person(self, call: Call) -> Person:
        return self.with_operators.get(call.to) or self.people.get(call.to, Person(Does.NO_ANSWER))

    def _rings(self, call: Call, leg: str) -> bool:
        """Rings one telephone; whether somebody took the call."""
        self.calls.append(call)
        self._leg(call, leg, "ringing")
        person, line = self._person(call), call.line
        assert line is not None
        if person.does is None:
            key = self._wait_for_key(call, call.ring_s)
            how = "no_answer" if key is None else "rejected" if key == "-" else ""
        else:
            line.wait(person.after_s)
            how = "" if person.does is Does.PICKS_UP else person.does.value
        if line.is_set() and how != "rejected":
            how = "ended"
        self._leg(call, leg, how or "answered")
        return not how

    def _leg(self, call: Call, leg: str, state: str, *, talk_s: float | None = None) -> None:
        call.state = "talking" if state == "answered" else state
        self.report(f"{call.id}-{state}", call.key, state, leg=leg, talk_s=talk_s)

    def _played(self, call: Call) -> None:
        first = self._wait_for_key(call, call.ring_s)
        if first is None:
            self._end(call, "no_answer")
        elif first == "-":
            self._end(call, "rejected")
        else:
            self._talk(call, None if first == "+" else [first])

    def _talk(self, call: Call, presses: list[str] | None) -> None:
        """Reads the text and passes keys on, those given first, then those that somebody plays."""
        call.state = "talking"
        self.report(f"{call.id}-answered", call.key, "answered")
        call.heard.append(call.say)
        waiting = list(presses or [])
        for number in range(KEYS_MAX):
            digit = waiting.pop(0) if waiting else self._wait_for_key(call, call.ring_s)
            if digit in {None, "-"}:
                break
            if digit == "+":
                continue
            said = self.report(f"{call.id}-key{number}", call.key, "digit", digit=str(digit))
            if text := said.get("say", ""):
                call.heard.append(text)
            if said.get("then") == "connect":
                call.connected_with = said["to"]
                self._end(call, "connected")
                return
            if said.get("then") != "menu":
                break
        self._end(call, "ended")

    def _wait_for_key(self, call: Call, most_s: float) -> str | None:
        with call.played:
            gone = call.line or self._stopping
            call.played.wait_for(lambda: call.pressed or gone.is_set() or self._stopping.is_set(), most_s)
            return call.pressed.pop(0) if call.pressed else None

    def _end(self, call: Call, how: str) -> None:
        call.state = how
        state = "ended" if how == "connected" else how
        self.report(f"{call.id}-{state}", call.key, state)

    # reports

    def report(
        self,
        name: str,
        key: str,
        state: str,
        *,
        digit: str = "",
        at: float | None = None,
        leg: str = "",
        talk_s: float | None = None,
    ) -> dict[str, Any]:
        """Tells the centre; what it answers, {} when it does not."""
        told: dict[str, Any] = {"id": name, "key": key, "state": state, "at": time.time() if at is None else at}
        told |= {name: value for name, value in (("digit", digit), ("leg", leg), ("talk_s", talk_s)) if value}
        body = json.dumps(told).encode()
        self.reports.append(body)
        return self.send(body)

    def send(self, body: bytes, key: bytes | None = None, signed_at: float | None = None) -> dict[str, Any]:
        """Posts a report, again and again while the centre cannot take it; `key` signs in place of the right one."""
        if not self.report_url:
            return {}
        for _ in range(REPORT_TRIES):
            stamp = int(time.time() if signed_at is None else signed_at)
            seal = hmac.digest(key or self._report_key, b"%d." % stamp + body, "sha256").hex()
            status, answer = post(self.report_url, body, {"Llar-Signature": f"t={stamp},v1={seal}"})
            self.answers.append(status)
            if status == 200:
                said: dict[str, Any] = json.loads(answer or b"{}")
                return said
            if status not in {0, 503} or self._stopping.wait(REPORT_AGAIN_S):
                break
        return {}
