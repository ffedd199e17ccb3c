"""What roles, resources and actions are called on the pages of accounts and of the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from central.access_rules import Action, Resource, Role
from central.texts import later

ROLES: Final[Mapping[Role, str]] = {
    Role.OPERATOR: later("operator"),
    Role.SUPERVISOR: later("supervisor"),
    Role.COORDINATOR: later("coordinator"),
    Role.TECHNICIAN: later("technician"),
    Role.CARER: later("carer (family)"),
    Role.AUDITOR: later("auditor"),
    Role.RESIDENT: later("resident"),
    Role.API: later("program (API)"),
}
RESOURCES: Final[Mapping[Resource, str]] = {
    Resource.STATION: later("console"),
    Resource.CASE: later("case"),
    Resource.INCIDENT: later("incident"),
    Resource.RESIDENT_FILE: later("resident's file"),
    Resource.MEDICAL: later("health data"),
    Resource.CONTACTS: later("contacts"),
    Resource.KEYS: later("keys and access"),
    Resource.CARE_PLAN: later("care plan"),
    Resource.ABSENCES: later("absences"),
    Resource.TELEMETRY: later("measurements"),
    Resource.CONSENTS: later("consents"),
    Resource.STATUS: later("family's status"),
    Resource.HELP: later("carer's answer"),
    Resource.PAPER_LIST: later("paper list"),
    Resource.ROTA: later("carers' rota"),
    Resource.WHO_LOOKED: later("who looked"),
    Resource.RIGHTS: later("requests about data"),
    Resource.DEVICES: later("devices"),
    Resource.HUBS: later("units"),
    Resource.HEALTH: later("system health"),
    Resource.AGENDA: later("agenda"),
    Resource.DRILL: later("alarm test"),
    Resource.QUALITY: later("quality"),
    Resource.SETTINGS: later("settings"),
    Resource.ACCOUNTS: later("accounts"),
    Resource.RETENTION: later("how long records are kept"),
    Resource.BREACHES: later("breaches of data"),
    Resource.AUDIT_LOG: later("audit log"),
    Resource.GLASS: later("emergency access"),
    Resource.WEBHOOKS: later("webhooks"),
    Resource.API: later("interface"),
    Resource.ME: later("own account"),
}
ACTIONS: Final[Mapping[Action, str]] = {
    Action.READ: later("read"),
    Action.WORK: later("worked on"),
    Action.WRITE: later("changed"),
    Action.EXPORT: later("exported"),
    Action.DELETE: later("deleted"),
}
OUTCOMES: Final[Mapping[str, str]] = {
    "allowed": later("allowed"),
    "glass": later("emergency access"),
    "refused": later("refused"),
}
ORIGINS: Final[Mapping[str, str]] = {
    "": later("not known"),
    "here": later("this machine"),
    "inside": later("own network"),
    "outside": later("outside"),
}
