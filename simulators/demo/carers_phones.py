"""The telephones of Maria's family and neighbours: the centre's calls and SMS come there, a visitor answers. Operators
pick theirs up by themselves, and so do the street's contacts, but for some."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
import urllib.request
from typing import Any, Final

from simulators.demo import city
from simulators.phone_company import Call, Does, Person, PhoneCompany

COUNTRY_CODE: Final = "+34"
KEYS: Final = ("1", "2", "3", "9")
SHOWN_S: Final = 60.0
"""How long after it began a telephone still shows a call that is over."""
_NUMBERS: Final = {
    contact["called"].casefold(): COUNTRY_CODE + contact["phone"].replace(" ", "") for contact in city.FLAT_CONTACTS
}
_OPERATORS: Final = [more["telephone"] for *_, more in city.ACCOUNTS if "telephone" in more]
_STREET: Final = (
    Person(Does.PICKS_UP, after_s=6.0, talks_s=40.0),
    Person(Does.NO_ANSWER, after_s=30.0),
    Person(Does.PICKS_UP, after_s=9.0),
    Person(Does.BUSY, after_s=1.0),
)
"""How those take an operator's call whom nobody plays, one after the other."""


class CarersPhones:
    """The phone company of the demo. `open` before the centre starts, `close` at the end."""

    def __init__(self, token: str, sms_token: str, report_key: str, console_port: int) -> None:
        self._token, self._sms_token, self._report_key = token, sms_token, report_key
        self._centre = f"http://127.0.0.1:{console_port}"
        self._company: PhoneCompany | None = None
        self._answered: dict[str, list[tuple[float, str, bool]]] = {}

    def open(self, port: int = 0, homes: int = 0) -> int:
        """Begins; the port where the centre asks for SMS and calls. `homes` of the street have telephones too."""
        company = PhoneCompany(self._token, f"{self._centre}/phone/report", self._report_key, port)
        company.people = {
            number: Person(sms_comes=False) for number in _NUMBERS.values()
        }  # no network tells, so calls follow
        others = [number for number in _numbers_of_the_street(homes) if number not in company.people]
        company.with_operators = dict(zip(others, itertools.cycle(_STREET), strict=False))
        company.with_operators |= {extension: Person(Does.PICKS_UP, after_s=1.5) for extension in _OPERATORS}
        self._company = company
        return company.server.port

    def close(self) -> None:
        """Ends; telephones fall silent."""
        if self._company is not None:
            self._company.stop()

    async def do(self, phone: str, what: str) -> bool:
        """What somebody does with a telephone: presses a key, picks up ("pick_up"), hangs up ("hang_up"), answers by
        SMS ("sms1", "sms2"); false when that cannot be done."""
        company, number = self._company, _NUMBERS.get(phone)
        if company is None or number is None:
            return False
        if what in KEYS:
            company.press(number, what)
        elif what == "pick_up":
            company.pick_up(number)
        elif what == "hang_up":
            company.reject(number)
        elif what in {"sms1", "sms2"}:
            await asyncio.to_thread(self._answer_sms, number, what[-1])
        else:
            return False
        return True

    def _answer_sms(self, number: str, text: str) -> None:
        said = self._answered.setdefault(number, [])
        said.append((time.time(), text, True))
        body = json.dumps({"from": number, "to": city.CENTRE_NUMBER, "text": text}).encode()
        headers = {"Authorization": f"Bearer {self._sms_token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._centre}/sms/in", body, headers)  # noqa: S310 - our own centre
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            reply = json.loads(answer.read() or b"{}").get("reply", "")
            if reply:
                said.append((time.time(), reply, False))

    def shown(self) -> dict[str, dict[str, Any]]:
        """What each telephone shows, by whose it is: the messages, and the call that rings or has just ended."""
        company = self._company
        if company is None:
            return {}
        found: dict[str, dict[str, Any]] = {}
        for phone, number in _NUMBERS.items():
            messages = [
                {"at": at, "text": text, "state": "delivered", "out": out}
                for at, text, out in self._answered.get(number, [])
            ]
            messages += [
                {"at": it.at, "text": it.text, "state": "delivered", "out": False}
                for it in company.texts
                if it.to == number
            ]
            calls = [it for it in company.calls if it.to == number]
            call = calls[-1] if calls and (not calls[-1].over or time.time() - calls[-1].at < SHOWN_S) else None
            found[phone] = {
                "number": number.removeprefix(COUNTRY_CODE),
                "messages": sorted(messages, key=lambda message: float(message["at"])),
                "call": call and _shown(call),
            }
        return found


def _shown(call: Call) -> dict[str, Any]:
    by_person = call.line is not None  # an operator speaks: no voice reads, and no key is waited for
    return {"state": call.state, "at": call.at, "heard": (call.heard or [""])[-1], "by_person": by_person}


def _numbers_of_the_street(homes: int) -> list[str]:
    """The telephones of the homes and contacts, each once."""
    people = city.register(homes, dict.fromkeys((name for name, *_ in city.ACCOUNTS), ""))["homes"]
    written = [one["phone"] for home in people for one in (home, *home["contacts"]) if one.get("phone")]
    return list(dict.fromkeys(COUNTRY_CODE + number.replace(" ", "") for number in written))
