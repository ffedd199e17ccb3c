"""Telegram, ntfy, Gotify and the like, through Apprise; a contact's address is one Apprise URL.

Only addresses of the configured kinds are taken, and those with a server of their own only for the configured servers:
an address is typed by people, and must not make the centre call its own network. What an address could ask of Apprise
besides (attachments, templates, time limits) is refused with everything that begins with "?" or "#".
"""

from __future__ import annotations

import logging
import re
from typing import Final

from central.config import AppriseConfig
from central.notification.channel import Message
from central.notification.delivery import STANDARD_RETRY, DeliveryState, Sent, Verdict
from central.notification.outgoing import WAIT_S, Errands, refused

OPEN_WAIT_S: Final = 60.0
"""These services tell nothing; whoever has not opened the link by then has not seen it."""
HOSTED: Final = frozenset({"tgram", "pover"})
"""Kinds whose server is the same for everybody."""
_HOSTED_URL = re.compile(r"([a-z]+)://[A-Za-z0-9:_@-]+(/[A-Za-z0-9:_@-]+)*/?\Z")
_SERVER_URL = re.compile(r"([a-z]+)://(?:[A-Za-z0-9_.~:-]+@)?([a-z0-9.-]+(?::[0-9]{1,5})?)(/[A-Za-z0-9_.~!:@-]+)*/?\Z")
_STATUS = re.compile(r"error=([0-9]{3})")


def apprise_fault(url: str, config: AppriseConfig) -> str:
    """Why a contact cannot be reached by this address, in a few words; "" when they can."""
    found = _HOSTED_URL.match(url) or _SERVER_URL.match(url)
    if found is None:
        return "not an address of the form kind://server/name"
    scheme = found[1]
    if scheme not in config.schemes:
        return "a kind of address that this centre does not use"
    if scheme in HOSTED:
        return "" if _HOSTED_URL.match(url) else "not an address of this kind"
    from apprise import Apprise  # only in a centre that uses it

    own = _SERVER_URL.match(url)
    if own is None or own[2] not in config.servers:
        return "a server that this centre does not use"
    return "" if Apprise.instantiate(url, suppress_exceptions=True) is not None else "not an address of this kind"


class AppriseChannel:
    """Sends to one address at a time."""

    name = "apprise"
    receipts: frozenset[DeliveryState] = frozenset()
    retry = STANDARD_RETRY
    receipt_wait_s: float | None = OPEN_WAIT_S

    def __init__(self, config: AppriseConfig, errands: Errands | None = None) -> None:
        from apprise import AppriseAsset

        self._config = config
        self._errands = errands or Errands(self.name)
        self._asset = AppriseAsset(
            app_id="Llar",
            app_desc="Llar",
            async_mode=False,
            http_redirects=False,
            storage_mode="memory",
            service_timeout=WAIT_S,
        )
        logging.getLogger("apprise").propagate = False  # its lines may name whom it wrote to

    def send(self, message: Message) -> Sent:
        """Hands one message to the service."""
        if fault := apprise_fault(message.to, self._config):
            return Sent(Verdict.NEVER, fault)
        return self._errands.run(lambda: self._hand_over(message))

    def _hand_over(self, message: Message) -> Sent:
        from apprise import Apprise, NotifyType

        sender = Apprise(asset=self._asset)
        loudness = "high" if message.urgent else "default"
        sender.add(f"{message.to}?priority={loudness}&image=no" if message.to.startswith("ntfy") else message.to)
        body = "\n".join(filter(None, (message.short, message.link)))
        kind = NotifyType.WARNING if message.urgent else NotifyType.INFO
        with sender.notify(body=body, title="Llar", notify_type=kind) as result:
            if result:
                return Sent(Verdict.TAKEN)
            # only there does Apprise say why something was not sent
            statuses = [found[1] for entry in result.logs() if (found := _STATUS.search(entry.message))]
        return refused(int(statuses[-1])) if statuses else Sent(Verdict.NOT_NOW, "the service did not take it")
