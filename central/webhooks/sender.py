"""Sends what waits for receivers: at least once, in the order of each case, and without one receiver holding up others.

A process that dies between sending and storing leaves the delivery claimed until `CLAIM_S` have passed; then it is sent
again under the same id.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from central.refusals import RefusalCounter
from central.sealing import Sealer, SealError
from central.storage import webhooks
from central.storage.database import Database
from central.storage.webhooks import HookDelivery, Webhook
from central.webhooks.line import WAIT_S, post
from central.webhooks.rules import GIVE_UP_S, Answer, IpNetwork, headers_of, wait_s
from devices.rejection import Rejection

CLAIM_S: Final = 6 * WAIT_S
AT_ONCE: Final = 4
"""Receivers served at a time."""
TURN_S: Final = 10.0
"""How long one receiver is served before the others get their turn."""
BATCH: Final = 50
KEPT_S: Final = 30 * 86_400.0
"""How long it is kept what was sent."""
SOURCE: Final = "webhook"
"""Under which the page of health counts receivers that were given up."""

log = logging.getLogger(__name__)


def owner_of(hook_id: int) -> str:
    """What a receiver's secret is sealed for."""
    return f"webhook {hook_id}"


def networks_of(texts: Sequence[str]) -> list[IpNetwork]:
    """Networks as the configuration names them; it has checked them."""
    return [ipaddress.ip_network(text) for text in texts]


class WebhookSender:
    """Works what is due. `networks` are those besides the public Internet that may be sent to."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        refusals: RefusalCounter,
        networks: Sequence[IpNetwork] = (),
        clock: Callable[[], float] = time.time,
        send: Callable[[str, dict[str, str], bytes, Sequence[IpNetwork]], Answer] = post,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._refusals = refusals
        self._networks = networks
        self._clock = clock
        self._send = send
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")
        self._forgotten_at = 0.0

    def close(self) -> None:
        """Ends after the attempts at hand."""
        self._pool.shutdown()

    def work_due(self, now: float) -> float | None:
        """Attempts all that is due; when the next is due, None when nothing waits."""
        self._forget(now)
        while True:
            with self._database.read() as conn:
                enabled = [hook for hook in webhooks.everything(conn) if hook.enabled]
            if not enabled:
                return None
            ready = [hook for hook in enabled if hook.retry_at <= now]
            if not any([*self._pool.map(lambda hook: self._turn(hook, now), ready)]):
                break
        with self._database.read() as conn:
            return webhooks.next_due_at(conn)

    def _turn(self, hook: Webhook, now: float) -> bool:
        """Serves one receiver for a while; whether anything went out, so that more may."""
        try:
            return self._serve(hook, now)
        except Exception:  # one receiver's fault, or ours with it, must not keep the others from hearing
            log.exception("webhook %d: cannot be served", hook.id)
            return False

    def _serve(self, hook: Webhook, now: float) -> bool:
        until = time.monotonic() + TURN_S
        with self._database.read() as conn:
            waiting = webhooks.heads(conn, hook.id, now, BATCH)
        went = False
        for delivery in waiting:
            if time.monotonic() > until:
                break
            with self._database.begin() as conn:
                if not webhooks.claim(conn, delivery, max(now, self._clock()) + CLAIM_S):
                    continue
            answer = self._attempt(hook, delivery)
            went = True
            if not self._keep(hook.id, delivery, answer, max(now, self._clock())):
                return False
        return went

    def _attempt(self, hook: Webhook, delivery: HookDelivery) -> Answer:
        try:
            secret = self._sealer.open(hook.secret_sealed, owner_of(hook.id))
        except SealError as error:
            return Answer(0, str(error))
        message_id = message_id_of(delivery)
        body = msgspec.json.encode(
            {"id": message_id, "type": delivery.event, "timestamp": delivery.at, "data": delivery.body}
        )
        headers = {
            "content-type": "application/json",
            "user-agent": "Llar-Webhooks/1",
            "idempotency-key": message_id,
            **headers_of(secret, message_id, self._clock(), body),
        }
        return self._send(hook.url, headers, body, self._networks)

    def _keep(self, hook_id: int, delivery: HookDelivery, answer: Answer, now: float) -> bool:
        """Stores what an attempt came to; whether the receiver can go on hearing now."""
        attempts = delivery.attempts + 1
        told = {"attempts": attempts, "status": answer.status, "fault": answer.fault}
        with self._database.begin() as conn:
            hook = webhooks.find(conn, hook_id)
            if hook is None:
                return False
            if answer.taken:
                webhooks.keep(conn, delivery.id, state="delivered", due_at=None, done_at=now, **told)
                webhooks.change(conn, hook_id, failures=0, failing_since_at=None, retry_at=0.0)
                return True
            due_at = now + max(wait_s(attempts), answer.wait_s)
            over = now - delivery.at > GIVE_UP_S and not answer.down and not answer.gone
            if over:  # this one alone is not liked
                webhooks.keep(conn, delivery.id, state="given_up", due_at=None, done_at=now, **told)
            else:
                webhooks.keep(conn, delivery.id, due_at=due_at, **told)
            since_at = hook.failing_since_at if hook.failing_since_at is not None else now
            values: dict[str, object] = {"failures": hook.failures + 1, "failing_since_at": since_at}
            if answer.down:
                values["retry_at"] = now + max(wait_s(hook.failures + 1), answer.wait_s)
            why = _stopped_why(answer, now - since_at)
            if why and hook.enabled:
                values |= {"enabled": False, "stopped_why": why, "version": hook.version + 1}
            webhooks.change(conn, hook_id, **values)
        log.info("webhook %d: %s of case %d: %s", hook_id, delivery.event, delivery.case_id, answer.fault)
        if why:
            log.error("webhook %d was stopped: %s", hook_id, why)
            self._refusals.count(SOURCE, Rejection("stopped", why), now, sender=f"webhook {hook_id}")
        return not answer.down and not why

    def _forget(self, now: float) -> None:
        if now - self._forgotten_at > 3600.0:
            with self._database.begin() as conn:
                webhooks.forget(conn, now - KEPT_S)
            self._forgotten_at = now


def message_id_of(delivery: HookDelivery) -> str:
    """The id of a message: the same at every attempt, and of no other message."""
    return f"msg_{delivery.hook_id}_{delivery.case_id}_{delivery.position}"


def _stopped_why(answer: Answer, failing_s: float) -> str:
    if answer.gone:
        return "it answered 410 Gone"
    if failing_s > GIVE_UP_S:
        return f"it has failed for {failing_s / 86_400:.0f} days: {answer.fault}"[:200]
    return ""
