"""The truth of ordinary days: when somebody slept, was away, ate, had company, was in the bathroom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from simulators.sensors import Scene
from simulators.stay import Doing, Room, Stay
from simulators.truth import Truth, What

_NIGHT_S: Final = 2 * 3600.0
"""A bathroom visit between two sleeps that are no further apart is one of the night."""
_JOINED_S: Final = 120.0
_LABELS: Final = {
    Doing.ASLEEP: What.ASLEEP,
    Doing.AWAY: What.AWAY,
    Doing.EATING: What.MEAL,
    Doing.CALLING: What.CALL,
}


def spans_of(scenes: Sequence[Scene]) -> list[Truth]:
    """Labelled spans of ordinary life over several days, by begin; a span goes on over midnight."""
    stays = [stay for scene in scenes for stay in scene.stays]
    spans = _joined(_labelled(stays))
    sleeps = [span for span in spans if span.what is What.ASLEEP]
    spans += _bathroom(stays, sleeps)
    spans += _company([stay for scene in scenes for stay in scene.others if stay.visitor])
    return sorted(spans, key=lambda span: span.begin_at)


def _labelled(stays: Iterable[Stay]) -> Iterator[Truth]:
    for stay in stays:
        if stay.doing in _LABELS and not (stay.doing is Doing.ASLEEP and stay.room is not Room.BEDROOM):
            yield Truth(_LABELS[stay.doing], stay.begin_at, stay.end_at, stay.room.value)


def _joined(spans: Iterable[Truth], gap_s: float = 1.0) -> list[Truth]:
    joined: list[Truth] = []
    for span in spans:
        if joined and joined[-1].what is span.what and span.begin_at - joined[-1].end_at < gap_s:
            joined[-1] = joined[-1]._replace(end_at=max(span.end_at, joined[-1].end_at))
        else:
            joined.append(span)
    return joined


def _bathroom(stays: Iterable[Stay], sleeps: Sequence[Truth]) -> Iterator[Truth]:
    inside = _joined(
        Truth(What.BATHROOM, stay.begin_at, stay.end_at, stay.room.value)
        for stay in stays
        if stay.room is Room.BATHROOM
    )
    place = 0
    for span in inside:
        while place < len(sleeps) and sleeps[place].end_at <= span.begin_at:
            place += 1
        before, after = sleeps[place - 1] if place else None, sleeps[place] if place < len(sleeps) else None
        at_night = before is not None and after is not None and after.begin_at - before.end_at < _NIGHT_S
        yield span._replace(what=What.NIGHT_BATHROOM) if at_night else span


def _company(stays: Sequence[Stay]) -> list[Truth]:
    ordered = sorted(stays, key=lambda stay: stay.begin_at)
    spans: list[Truth] = []
    for stay in ordered:
        what = What.VISIT if stay.doing is Doing.RESTING else What.HELP
        if spans and stay.begin_at - spans[-1].end_at < _JOINED_S:
            what = What.VISIT if What.VISIT in (what, spans[-1].what) else What.HELP
            spans[-1] = spans[-1]._replace(what=what, end_at=max(stay.end_at, spans[-1].end_at))
        else:
            spans.append(Truth(what, stay.begin_at, stay.end_at))
    return spans
