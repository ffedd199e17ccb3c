"""What a column and a table are called that a person reads, and columns that many tables have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from central.carers.rights_values import Say, alarm, codes, language, moment, number, person, plain
from central.carers.rota_words import WAYS
from central.console.pages.file_words import FIELDS
from central.texts import later


class Field(NamedTuple):
    """A column that people read: its name, and how its values are said."""

    name: str
    say: Say = plain


class Record(NamedTuple):
    """A table that people read.

    Attributes:
        name: what it is called.
        begins: the columns that name a record; it begins with them.
        fields: the others, in the order in which they are read.
        technical: columns that only the file holds.
    """

    name: str
    begins: Mapping[str, Field]
    fields: Mapping[str, Field]
    technical: str = ""


AT = Field(later("When"), moment)
CASE = Field(later("Alarm number"), number)
ALARM = Field(later("Alarm number"), alarm)
CONTACT = Field(later("Contact"), person)
WHO = Field(later("Who"), person)
BY = Field(later("Written by"), person)
WRITTEN = Field(later("Written on"), moment)
ENDED = Field(FIELDS["ended"], moment)
ENDED_BY = Field(later("Ended by"), person)
NOTE = Field(later("Note"))
LANGUAGE = Field(FIELDS["language"], language)
PHONE = Field(FIELDS["phone"])
CHANNEL = Field(later("By which way"), codes(WAYS))
SINCE_WITH_US = Field(later("With the service since"), moment)
KNOWN = Field(later("The centre knew of it"), moment)
UNTIL = Field(later("Until"), moment)
TRIES = Field(later("How often it was tried"), number)
EXPIRES = Field(later("Good until"), moment)


def of_file(*names: str) -> dict[str, Field]:
    """Fields that are called as on the pages of a resident's file."""
    return {name: Field(FIELDS[name]) for name in names}
