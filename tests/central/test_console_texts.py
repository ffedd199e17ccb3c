"""Everything a person reads on the console exists in Catalan, Spanish and English."""

from __future__ import annotations

import re
import string
import tomllib
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

import central
from central.console.pages.agenda_words import weekdays
from central.texts import LANGUAGES, say_clock, say_date, say_day, say_duration, say_moment, say_month, translator

ROOM = Path(central.__file__).parent
JS_TEXT = re.compile(r"""\bt\(\s*("(?:[^"\\]|\\.)*")""")
PLACES = string.Formatter()


def python_texts() -> set[str]:
    keywords = {"later": None, "gettext": None, "_": None, "say": None}
    found: set[str] = set()
    for path in ROOM.rglob("*.py"):
        for _, message, _, _ in extract_from_file("python", path, keywords=keywords):
            found.add(message if isinstance(message, str) else message[0])
    return found


def template_texts() -> set[str]:
    found: set[str] = set()
    for path in ROOM.glob("*/templates/*.html"):
        for _, message, _, _ in extract_from_file("jinja2.ext:babel_extract", path, keywords={"_": None, "say": None}):
            found.add(message if isinstance(message, str) else message[0])
    return found


def script_texts() -> set[str]:
    found: set[str] = set()
    for path in (*(ROOM / "console/static/js").glob("*.js"), *(ROOM / "carers/static").glob("*.js")):
        found |= {match[1:-1].replace('\\"', '"') for match in JS_TEXT.findall(path.read_text(encoding="utf-8"))}
    return found


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in PLACES.parse(text) if name}


def used() -> set[str]:
    return python_texts() | template_texts() | script_texts()


def test_each_source_is_found() -> None:
    assert len(script_texts()) > 80
    assert len(template_texts()) > 20
    assert len(python_texts()) > 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_in_use_is_translated(language: str) -> None:
    catalogue = translator(language).catalogue
    assert sorted(text for text in used() if not catalogue.get(text)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_name_the_same_facts_as_the_original(language: str) -> None:
    for text, translation in translator(language).catalogue.items():
        assert places(text) == places(translation), text


OTHER_WORDS = {
    # for a hub, a device, a home, a resident, the centre: `docs/glossary.md` has the one word for each
    "ca": r"\b(aparells?|llars|la llar|residents?|del centre)\b|\bequips?\b(?! d'atenció)",
    "es": r"\b(aparatos?|hogar(es)?|residentes?|del centro)\b|\bequipos?\b(?! de atención)",
}


@pytest.mark.parametrize("language", OTHER_WORDS)
def test_one_thing_has_one_word(language: str) -> None:
    said = dict(translator(language).catalogue)
    said.pop("In the team's safe")
    texts = tomllib.loads((ROOM.parent / f"edge/texts/{language}.toml").read_text(encoding="utf-8"))
    found = [text for text in (*said.values(), str(texts)) if re.search(OTHER_WORDS[language], text, re.IGNORECASE)]
    assert found == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogues_hold_no_duplicates_and_nothing_fuzzy(language: str) -> None:
    path = ROOM / "texts" / f"{language}.po"
    ids = re.findall(r'^msgid "(.+)"$', path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted({text for text in ids if ids.count(text) > 1}) == []
    with path.open("rb") as file:
        assert [message.id for message in read_po(file, locale=language) if message.fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_week_begins_on_monday(language: str) -> None:
    named = weekdays(translator(language))
    assert list(named) == list(range(7))
    assert named[0] == {"ca": "dilluns", "es": "lunes", "en": "Monday"}[language]


def test_times_and_spans_are_said_as_people_say_them() -> None:
    at = 1_795_276_800.0
    assert say_clock(at, "ca") == "17:00"
    assert say_moment(at, at + 60, "es") == "17:00"
    assert say_moment(at, at + 11 * 3600, "es") == "17:00"
    assert say_moment(at, at + 13 * 3600, "es") == "21 nov, 17:00"
    assert say_moment(at, at + 2 * 86_400, "en") == "21 Nov, 17:00"
    assert say_day(at, "ca") == "dissabte, 21 de novembre"
    assert [say_date("2026-11-09", one) for one in ("ca", "es", "en")] == [
        "9 de novembre del 2026", "9 de noviembre de 2026", "9 November 2026",
    ]  # fmt: skip
    assert [say_month("2026-11", one) for one in ("ca", "es", "en")] == [
        "novembre del 2026", "noviembre de 2026", "November 2026",
    ]  # fmt: skip
    assert say_duration(40, "en") == "40 seconds"
    assert say_duration(240, "ca") == "4 minuts"
    assert say_duration(10 * 3600, "es") == "10 horas"


@pytest.mark.parametrize(("day", "said"), [(1, "l'1 de maig"), (2, "el 2 de maig"), (11, "l'11 de maig")])
def test_the_article_of_a_day_is_said_as_catalan_says_it(day: int, said: str) -> None:
    words, date = translator("ca"), say_date(f"2026-05-{day:02d}", "ca")
    assert words.say("made {date}", date=date) == f"fet {said} del 2026"
    assert words.say("Once, on {day} at {time}", day=date, time="9:00") == f"Una vegada, {said} del 2026 a les 9:00"


def test_an_unknown_language_reads_catalan() -> None:
    assert translator("xx").gettext("Fall") == "Caiguda"
