"""What the forms of a file have in common: who writes, and what the second of two editors is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from central.access_rules import Role
from central.console.access import Seat
from central.console.pages.change_words import Telling, said
from central.console.pages.file_words import field_name
from central.console.problem import Problem, ProblemBody
from central.storage import pages
from central.storage.records import Change, ChangedMeanwhileError
from central.texts import Words, later, say_moment, translator

Seen = Annotated[int, Field(ge=0, le=2**31 - 1, description="The version that the editor has seen.")]
Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Text = Annotated[str, Field(max_length=4_000, pattern=r"^[^\x00]*$")]
Day = Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
Moment = Annotated[float, Field(ge=0, le=2**33, description="Unix seconds, UTC.")]


class Kept(BaseModel):
    """A change that is stored, and the version to send with the next one."""

    version: int


class Made(BaseModel):
    """Something new, and the number or id by which it is named."""

    id: str


class Clash(BaseModel):
    """One field that somebody else has changed: what it was, what it is now, in words and as it is stored."""

    field: str
    name: str
    before: str
    after: str
    value: Any


class ClashBody(ProblemBody):
    """The refusal of a change made on an old version: what the others changed, and the version that is there now."""

    version: int
    changes: list[Clash]


class ChangedMeanwhile(Problem):
    """Somebody else was faster; nothing was stored, and the answer says all that they changed."""

    def __init__(self, text: str, who: str, version: int, changes: list[Clash]) -> None:
        super().__init__(409, "changed_meanwhile", text, who)
        self._version, self._changes = version, changes

    def answer(self, text: str | None = None) -> JSONResponse:
        """The refusal as an HTTP answer."""
        said = self.text if text is None else text
        body = ClashBody(reason=self.reason, text=said, who=self.who, version=self._version, changes=self._changes)
        return JSONResponse(body.model_dump(), status_code=self.status)


@contextmanager
def writing(request: Request, seat: Seat) -> Iterator[tuple[Connection, float, str]]:
    """A write transaction with the time and the account that writes.

    Raises:
        ChangedMeanwhile: somebody else has changed the same since the editor looked.
    """
    state = request.app.state
    now: float = state.clock()
    try:
        with state.parts.database.begin() as connection:
            yield connection, now, seat.operator.id
    except ChangedMeanwhileError as error:
        with state.parts.database.read() as connection:
            names = pages.operator_names(connection)
        raise _told(error, names, translator(seat.operator.language), now) from None


def _told(error: ChangedMeanwhileError, names: dict[str, str], words: Words, now: float) -> ChangedMeanwhile:
    if not error.changes:
        # a version that never was
        return ChangedMeanwhile(words.gettext(later("Somebody else was faster. Look again.")), "", error.version, [])
    last = error.changes[-1]
    who = names.get(last.by, last.by)
    clashes = list(_clashes(error.changes, words))
    listed = "; ".join(f"{one.name}: {one.before or '–'} → {one.after or '–'}" for one in clashes)
    text = words.say(
        later("{who} changed this at {time}: {changes}. Nothing of yours is lost: look at it and keep it again."),
        who=who,
        time=say_moment(last.at, now, words.language),
        changes=listed,
    )
    return ChangedMeanwhile(text, who, error.version, clashes)


def _clashes(changes: list[Change], words: Words) -> Iterator[Clash]:
    first: dict[str, Any] = {}
    latest: dict[str, Any] = {}
    for change in changes:
        for name, (before, after) in change.fields.items():
            first.setdefault(name, before)
            latest[name] = after
    for name, after in latest.items():
        yield Clash(
            field=name,
            name=field_name(name, words),
            before=said(name, first[name], Telling(words)),
            after=said(name, after, Telling(words)),
            value=after,
        )


def check_entered_by(seat: Seat, by: str) -> None:
    """A program ends only what it has entered itself: a fault in it takes nobody else's call or absence away.

    Raises:
        Problem: 403 `not_yours`.
    """
    if seat.who.role is Role.API and by != seat.operator.id:
        raise Problem(403, "not_yours", later("A program ends only what it has entered itself."))


def not_found() -> Problem:
    """For what a path names and this home does not have."""
    return Problem(404, "not_found", later("There is nothing here."))
