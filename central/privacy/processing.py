"""The register of processing activities (GDPR Art. 30): what this software does with personal data.

It is true for the software; who runs a service adds who they are, their processors and contracts, and confirms the
legal bases with their data-protection officer. Terms are those of `central.privacy.retention`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from central.privacy.retention import CLASSES

TO_FILL: Final = "(to be filled in by who runs the service)"


@dataclass(frozen=True, slots=True)
class Activity:
    """One purpose with all that belongs to it. `kept` are classes of `CLASSES`; `else_kept` what has no class."""

    name: str
    purpose: str
    basis: str
    people: str
    data: str
    recipients: str
    kept: tuple[str, ...]
    else_kept: str = ""


_TASK: Final = "Art. 6(1)(e) public task, with Art. 9(2)(h) social care; Art. 6(1)(d) vital interest in an emergency"
_CONSENT: Final = "Art. 6(1)(a) and 9(2)(a) consent, kept with who gave it and when; taken back as easily"
_DUTY: Final = "Art. 6(1)(c) legal duty"

ACTIVITIES: Final = (
    Activity(
        "Alarms and cases",
        "To take alarms of people at home, bring help, and be able to say afterwards what was done.",
        _TASK,
        "Residents; contacts who are asked to help; operators",
        "Who and where; what was pressed or measured; what was said and done, with times; notes; outcome",
        "Contacts, as far as the resident shares; emergency services by the operator's telephone",
        ("cases", "deliveries"),
        "The figures of each month stay, without persons.",
    ),
    Activity(
        "Files and care plans",
        "To know whom one talks with, how they live, whom to call and how to get in.",
        _TASK,
        "Residents; contacts",
        "Name, year of birth, language, address, telephone, conditions, care plan, absences, keys and codes of doors",
        "Staff within their municipality; technicians without health data",
        ("files",),
        "As long as the service lasts, and then by the term.",
    ),
    Activity(
        "Calls of the agenda and drills",
        "To see how somebody is, and to prove that the path of an alarm works.",
        _TASK,
        "Residents",
        "Calls planned and made, what was noted, tests of the path",
        "None",
        ("calls",),
    ),
    Activity(
        "Measurements and detection",
        "To find that somebody has fallen, does not move, or that a device has failed; a person always decides.",
        _TASK,
        "Residents; visitors as movement without a name",
        "Movement, doors, bed, temperature, measurements of health devices; no pictures and no sound",
        "None",
        (),
        "Raw readings: `[telemetry] retention_days` of the configuration, 30 by default.",
    ),
    Activity(
        "Weeks in numbers",
        "To show the care team slow changes over weeks.",
        f"{_CONSENT}; for slow changes {_TASK}",
        "Residents",
        "Outings, days in, a guess of visits; changes of sleep and movement over weeks",
        "Coordinators and supervisors",
        ("weeks",),
        "Weeks are deleted at once when the consent is taken back.",
    ),
    Activity(
        "What families see",
        "To let those whom the resident chose see alarms and that all is well, and answer.",
        _CONSENT,
        "Residents; contacts",
        "The kinds of data that were shared, one by one; accounts, log-ins, addresses for messages",
        "Contacts; services that carry messages (mail, telephone, push)",
        ("access",),
        "What was shared and taken back stays with the file, as proof.",
    ),
    Activity(
        "Quality of the service",
        "To measure answer times, find mistakes and audit calls.",
        _TASK,
        "Operators; residents as numbers of cases",
        "Who answered when; audits of calls",
        "The city, as figures without persons",
        ("cases",),
    ),
    Activity(
        "Interfaces for other programs",
        "To tell programs of the city of alarms.",
        _TASK,
        "Residents",
        "Number, kind and state of a case, and the ids that stand in it",
        "The programs that a coordinator has entered",
        (),
        "What was sent: 30 days.",
    ),
    Activity(
        "Research",
        "To study how alarms come and are answered.",
        "Art. 6(4) and 89(1) research in the public interest, with Art. 9(2)(j); who objects is left out",
        "Households",
        "Pseudonyms, bands of age, areas, shifted days, codes of cases; at least five households alike; no free text",
        "The recipient of each export, by name",
        ("exports",),
    ),
    Activity(
        "Security and proof",
        "To know who read or changed what of whom, and to show that the law is kept.",
        f"{_DUTY} (GDPR Art. 5(2), 30, 32 and 33; RD 311/2022)",
        "Accounts; residents by id",
        "Account, time, what was opened, written reason of emergency access; requests about data; breaches; purges",
        "Auditors; the supervisory authority",
        ("audit",),
        "The register of breaches and the reports of purges stay as long as the service exists: the authority may ask.",
    ),
)


def as_data(months: Mapping[str, int]) -> dict[str, Any]:
    """The register for programs, with the terms in months."""
    classes = [
        {"name": name, "title": one.title, "months": months[name], "from": one.begins, "then": one.then}
        | {"holds": one.holds, "reason": one.reason}
        for name, one in CLASSES.items()
    ]
    who = {
        "controller": TO_FILL,
        "data_protection_officer": TO_FILL,
        "processors": TO_FILL,
        "transfers": "none built in",
    }
    return {**who, "activities": [asdict(one) for one in ACTIVITIES], "classes": classes}


def as_markdown(months: Mapping[str, int]) -> str:
    """The register as a page to be read and printed."""
    lines = ["# Register of processing activities", ""]
    lines += [
        "Made by `llar-central register-of-processing`, which prints it with the terms that a service has set (for",
        "programs: `--json`). What stands here are the defaults. Who runs a service adds what is marked, and has their",
        "data-protection officer confirm the legal bases.",
        "",
        f"- Controller: {TO_FILL}",
        f"- Data-protection officer: {TO_FILL}",
        f"- Processors, and their contracts (Art. 28): {TO_FILL}",
        "- Transfers to third countries: none built in; push services of browsers' makers and a telephone gateway are",
        "  chosen in the configuration.",
        "- Security (Art. 32): roles, reach and audit in [decision 0012](../decisions/0012-access-and-audit.md).",
    ]
    for one in ACTIVITIES:
        said = [f"{CLASSES[name].title} ({months[name]} months)" for name in one.kept] + [one.else_kept] * bool(
            one.else_kept
        )
        lines += ["", f"## {one.name}", "", one.purpose, ""]
        lines += [f"- Legal basis: {one.basis}", f"- People: {one.people}", f"- Data: {one.data}"]
        lines += [f"- Recipients: {one.recipients}", f"- Kept: {'; '.join(said)}"]
    lines += ["", "## How long", "", "| class | records | months | counted from when | then | why |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{name}` | {one.title}: {one.holds} | {months[name]} | {one.begins} | {one.then} | {one.reason} |"
        for name, one in CLASSES.items()
    ]
    return "\n".join([*lines, "", "What is under a legal hold is kept whatever its term."])
