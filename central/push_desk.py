"""Browsers of carers: taking and ending their notifications, and their word that one has come."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from central.config import PushConfig
from central.delivery_desk import DeliveryDesk
from central.notification.channels.webpush import Subscription, VapidKey, subscription_fault
from central.notification.delivery import DeliveryState
from central.storage import carer_links, push
from central.storage.database import Database


class PushDesk:
    """Takes subscriptions. From any thread."""

    def __init__(self, database: Database, messages: DeliveryDesk, config: PushConfig, key: VapidKey) -> None:
        self._database, self._messages, self._config = database, messages, config
        self.public_key = key.public

    def subscribe(
        self, subscription: Subscription, now: float, *, account_id: str = "", token: str = "", browser: str = ""
    ) -> str:
        """Keeps a browser, for an account or for the contact of a message's link.

        Returns:
            "" when it is kept; else `bad_subscription`, or `no_such_link` for a link that is unknown or has run out.
        """
        if subscription_fault(subscription, self._config.services):
            return "bad_subscription"
        address = msgspec.json.encode(subscription).decode()
        with self._database.begin() as connection:
            linked = None if account_id else carer_links.find(connection, token, now)
            if not account_id and linked is None:
                return "no_such_link"
            push.keep(
                connection,
                subscription.endpoint,
                address,
                now,
                account_id=account_id or None,
                contact_id=linked.contact_id if linked else None,
                browser=browser,
            )
        return ""

    def unsubscribe(self, endpoint: str, now: float, *, account_id: str = "", token: str = "") -> bool:
        """Ends a browser's notifications; whether it was one of theirs. Who knows the endpoint of another's cannot."""
        with self._database.begin() as connection:
            if account_id:
                return push.forget(connection, endpoint, account_id=account_id)
            linked = carer_links.find(connection, token, now)
            return linked is not None and push.forget(connection, endpoint, contact_id=linked.contact_id)

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


def forgetting(database: Database) -> Callable[[str], None]:
    """What `WebPushChannel` tells of subscriptions that have ended: they are forgotten, whosever they were."""

    def forget(endpoint: str) -> None:
        with database.begin() as connection:
            push.forget(connection, endpoint)

    return forget
