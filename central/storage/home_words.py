"""The words by which homes are found: beginnings of names, addresses and municipalities, and telephone numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from central.storage.office_tables import home_words
from central.storage.tables import contacts, homes, residents

WORD_MAX: Final = 40
WORDS_MAX: Final = 8
"""Words of a question that are looked for; more narrow nothing down."""
_COMMON: Final = frozenset(
    {
        "a",
        "al",
        "el",
        "la",
        "els",
        "les",
        "i",
        "de",
        "del",
        "d",
        "l",
        "c",
        "carrer",
        "calle",
        "av",
        "avinguda",
        "avenida",
    }
    | {"placa", "plaza", "passeig", "paseo", "pg", "ptge"}
)
"""Words of half of all addresses: nobody is found by them."""
_COUNTRY: Final = "34"
_LAST: Final = "\x7f"
"""Sorts after every letter and digit."""
FILL_AT_ONCE: Final = 200


def plain(text: str) -> str:
    """Small letters without accents."""
    parts = unicodedata.normalize("NFKD", text.casefold().replace("·", ""))
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def words_of(texts: Iterable[str], phones: Iterable[str] = ()) -> set[str]:
    """The words by which something is found."""
    found = {word[:WORD_MAX] for text in texts for word in re.findall(r"[a-z0-9]+", plain(text))}
    found |= {number for phone in phones if (number := _number(phone))}
    return found - _COMMON


def asked_for(question: str) -> list[str]:
    """The words of a question, the longest first: a number written in groups is one word."""
    if re.fullmatch(r"[\d\s+().-]{4,}", question):
        number = _number(question)
        return [number] if number else []
    words = {word[:WORD_MAX] for word in re.findall(r"[a-z0-9]+", plain(question))} - _COMMON
    return sorted(words, key=lambda word: (-len(word), word))[:WORDS_MAX]


def matching(question: str) -> sa.ColumnElement[bool] | None:
    """A condition on `homes`: each word of the question begins a word of the home; None when nothing is asked."""
    words = asked_for(question)
    if not words:
        return None
    table = home_words.alias()
    homes_found = sa.select(table.c.home_id).where(table.c.word >= words[0], table.c.word < words[0] + _LAST)
    for word in words[1:]:
        other = home_words.alias()
        homes_found = homes_found.where(
            sa.exists().where(other.c.home_id == table.c.home_id, other.c.word >= word, other.c.word < word + _LAST)
        )
    return homes.c.id.in_(homes_found)


def refresh(connection: sa.Connection, home_id: str) -> None:
    """Brings the words of a home up to date."""
    home = connection.execute(sa.select(homes).where(homes.c.id == home_id)).first()
    if home is None:
        return
    people = connection.execute(sa.select(residents).where(residents.c.home_id == home_id)).all()
    numbers = connection.execute(sa.select(contacts.c.phone).where(contacts.c.home_id == home_id)).scalars()
    texts = [home.address, home.district, home.municipality, home.id]
    texts += [text for person in people for text in (person.called, person.full_name, str(person.born))]
    wanted = words_of(texts, [home.phone, *numbers, *(person.mobile for person in people)])
    mine = home_words.c.home_id == home_id
    there = set(connection.execute(sa.select(home_words.c.word).where(mine)).scalars())
    if gone := there - wanted:
        connection.execute(sa.delete(home_words).where(mine, home_words.c.word.in_(gone)))
    if new := wanted - there:
        connection.execute(sa.insert(home_words), [{"word": word, "home_id": home_id} for word in sorted(new)])


def fill(connection: sa.Connection) -> int:
    """Gives words to some homes that have none yet; how many."""
    missing = sa.select(homes.c.id).where(~sa.exists().where(home_words.c.home_id == homes.c.id)).limit(FILL_AT_ONCE)
    ids = list(connection.execute(missing).scalars())
    for home_id in ids:
        refresh(connection, home_id)
    return len(ids)


def _number(phone: str) -> str:
    digits = re.sub(r"\D", "", phone).removeprefix("00")
    if len(digits) > 9:
        digits = digits.removeprefix(_COUNTRY)
    return digits[:WORD_MAX]
