"""The pages of the office: what stands in the rail beside them, in the order of use."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from central.access_rules import Role
from central.texts import later


class Entry(NamedTuple):
    """A page: its address, its name, its icon, and the resource that one must be allowed to read to see it."""

    path: str
    name: str
    icon: str
    resource: str


ENTRIES: Final = (
    Entry("/", later("Alarms"), "alarms", "station"),
    Entry("/wallboard", later("Wallboard"), "wallboard", "quality"),
    Entry("/residents", later("Residents"), "people", "resident_file"),
    Entry("/agenda", later("Agenda"), "agenda", "agenda"),
    Entry("/keys", later("House keys"), "keys", "keys"),
    Entry("/devices", later("Devices"), "devices", "devices"),
    Entry("/drills", later("Alarm tests"), "drills", "drill"),
    Entry("/health", later("Health"), "health", "health"),
    Entry("/quality", later("Quality"), "quality", "quality"),
    Entry("/requests", later("Requests about data"), "requests", "rights"),
    Entry("/accounts", later("Accounts"), "accounts", "accounts"),
    Entry("/audit", later("Audit"), "audit", "audit_log"),
    Entry("/retention", later("Kept and deleted"), "retention", "retention"),
    Entry("/breaches", later("Breaches of data"), "breaches", "breaches"),
    Entry("/settings/api", later("Interfaces"), "interfaces", "webhooks"),
    Entry("/settings", later("Settings"), "settings", "settings"),
)

OWN_ENTRIES: Final = {
    Role.CARER: Entry("/family", later("Today"), "people", "status"),
    Role.RESIDENT: Entry("/rights", later("My data and my rights"), "people", "resident_file"),
}
"""Who has no office has one page of their own instead."""


def entries_for(may_read: Callable[[str], bool], served: Collection[str]) -> list[Entry]:
    """The pages that somebody may see, of those that this centre serves."""
    return [entry for entry in ENTRIES if entry.path in served and may_read(entry.resource)]
