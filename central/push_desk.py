"""Browsers of carers: taking and ending their notifications, and their word that one has come."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from central.config import PushConfig
from central.delivery_desk import DeliveryDesk
from central.notification.channels.webpush import Subscription, VapidKey, subscription_fault
from central.notification.delivery import DeliveryState
from central.storage import carer_links, push, rota
from central.storage.carer_links import BY_LINK, LinkedCase
from central.storage.database import Database


class PushDesk:
    """Takes subscriptions. From any thread."""

    def __init__(self, database: Database, messages: DeliveryDesk, config: PushConfig, key: VapidKey) -> None:
        self._database, self._messages, self._config = database, messages, config
        self.public_key = key.public

    def subscribe(self, subscription: Subscription, now: float, account_id: str, browser: str = "") -> str:
        """Keeps a browser of an account; "" when it is kept, else `bad_subscription`."""
        if subscription_fault(subscription, self._config.services):
            return "bad_subscription"
        with self._database.begin() as connection:
            push.keep(connection, subscription.endpoint, _address(subscription), now, account_id=account_id,
                      browser=browser)  # fmt: skip
        return ""

    def subscribe_by_link(
        self, subscription: Subscription, now: float, token: str, browser: str = ""
    ) -> LinkedCase | str:
        """Keeps a browser for the contact of a message's link, who wants to hear of the next alarm too: it outlives the
        link, stands in the home's file, and ends with the contact or the consent to alarms.

        Returns:
            Whose it is; else `bad_subscription`, or `no_such_link` for a link that is unknown or has run out, and for
            a contact whom alarms are not shared with any more.
        """
        if subscription_fault(subscription, self._config.services):
            return "bad_subscription"
        with self._database.begin() as connection:
            linked = carer_links.find(connection, token, now)
            if linked is None or "alarms" not in rota.profile(connection, linked.contact_id).consent:
                return "no_such_link"
            contact_id = linked.contact_id
            push.keep(connection, subscription.endpoint, _address(subscription), now, contact_id=contact_id,
                      browser=browser)  # fmt: skip
            push.note_begun(connection, contact_id, browser, now, f"{BY_LINK}{contact_id}")
        return linked

    def unsubscribe(self, endpoint: str, account_id: str) -> bool:
        """Ends a browser's notifications; whether it was one of theirs. Who knows the endpoint of another's cannot."""
        with self._database.begin() as connection:
            return push.forget(connection, endpoint, account_id=account_id)

    def unsubscribe_by_link(self, endpoint: str, now: float, token: str) -> LinkedCase | None:
        """The same for the contact of a message's link: by any later one too. None when it was none of theirs."""
        with self._database.begin() as connection:
            linked = carer_links.find(connection, token, now)
            if linked is None:
                return None
            contact_id = linked.contact_id
            ended = push.end_of_contact(
                connection, contact_id, now, f"{BY_LINK}{contact_id}", push.fingerprint(endpoint)
            )
        return linked if ended else None

    def received(self, token: str, now: float) -> bool:
        """A service worker has shown a notification; `token` is of its link. Said twice it changes nothing more."""
        with self._database.read() as connection:
            linked = carer_links.find(connection, token, now)
        if linked is None:
            return False
        key = f"shown:{linked.delivery_id}"
        return self._messages.report(
            push.CHANNEL, key, DeliveryState.DELIVERED, now, now, delivery_id=linked.delivery_id
        )


def _address(subscription: Subscription) -> str:
    return msgspec.json.encode(subscription).decode()


def forgetting(database: Database) -> Callable[[str], None]:
    """What `WebPushChannel` tells of subscriptions that have ended: they are forgotten, whosever they were."""

    def forget(endpoint: str) -> None:
        with database.begin() as connection:
            push.forget(connection, endpoint)

    return forget
