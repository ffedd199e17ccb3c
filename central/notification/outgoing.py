"""How channels that speak HTTP go out: bounded in time and number, without redirects, and never louder than a word."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

import requests

from central.notification.delivery import Sent, Verdict

CONNECT_WAIT_S, READ_WAIT_S = 4.0, 8.0
"""For a line and for each piece of an answer."""
WAIT_S: Final = 15.0
"""For all of it: a server that answers drop by drop is given up."""
AT_ONCE: Final = 4
"""Attempts of one channel that may hang at a time; with all of them hanging the next is refused for now at once."""
LATER: Final = frozenset({401, 403, 407, 408, 409, 425, 429})
"""Refusals of the other side that do not speak against the message: our papers, or its load."""

log = logging.getLogger(__name__)


class Errands:
    """Runs attempts in threads of their own and waits for each only so long, so that a hanging server holds up nobody.

    What is given up may still come to something later: a message may go out twice, under the same name.
    """

    def __init__(self, name: str, wait_s: float = WAIT_S, at_once: int = AT_ONCE) -> None:
        self._name, self._wait_s = name, wait_s
        self._free = threading.BoundedSemaphore(at_once)

    def run(self, work: Callable[[], Sent]) -> Sent:
        """What became of one attempt; refused for now when it takes too long, fails, or too many hang already."""
        if not self._free.acquire(blocking=False):
            return Sent(Verdict.NOT_NOW, "busy: earlier messages still wait for an answer")
        told: list[Sent] = []
        over = threading.Event()

        def go() -> None:
            try:
                told.append(work())
            except (requests.RequestException, OSError) as error:  # its text may hold an address or a key
                told.append(Sent(Verdict.NOT_NOW, f"cannot be reached: {type(error).__name__}"))
            except Exception as error:
                log.exception("%s: an attempt failed", self._name)
                told.append(Sent(Verdict.NOT_NOW, type(error).__name__))
            finally:
                self._free.release()
                over.set()

        threading.Thread(target=go, name=f"{self._name} errand", daemon=True).start()
        if not over.wait(self._wait_s):
            return Sent(Verdict.NOT_NOW, f"no answer within {self._wait_s:.0f} s")
        return told[0]


class Line(requests.Session):
    """An HTTP session that follows no redirect and takes no credentials from a file of the system's user."""

    def __init__(self) -> None:
        super().__init__()
        self.max_redirects = 0
        self.auth = _as_it_is


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def refused(status: int, words: str = "") -> Sent:
    """What an HTTP status other than success says of a message."""
    fault = f"{status} {words}".strip()[:100]
    for_good = 400 <= status < 500 and status not in LATER
    return Sent(Verdict.NEVER if for_good else Verdict.NOT_NOW, fault)
