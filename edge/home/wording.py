"""From a scene to the words on the screen, in the person's language. Pure but for reading the phrase files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from edge.home.stages import Scene, SceneName
from gateway.contract.alarm_kinds import AlarmKind

Phrases = Mapping[str, Mapping[str, str]]

_TONES: Final[dict[SceneName, str]] = {
    SceneName.IDLE: "calm",
    SceneName.HEARD: "red",
    SceneName.TRYING: "red",
    SceneName.MESSAGED: "red",
    SceneName.RECEIVED: "amber",
    SceneName.TAKEN: "green",
    SceneName.ON_THE_WAY: "green",
    SceneName.ARRIVED: "green",
    SceneName.CLOSED: "calm",
    SceneName.ASKING: "amber",
    SceneName.GLAD: "green",
}


NAMED_MAX: Final = 2
"""Most people named in one sentence: more have no room on a small screen, and are not listened to."""
_LOUD: Final = frozenset({SceneName.TAKEN, SceneName.ON_THE_WAY, SceneName.ARRIVED})
"""A step louder from when a person has taken the call."""


class Shown(msgspec.Struct, frozen=True):
    """What the page shows. `scene` chooses the shape, `tone` the colour; `word` stands by the ring.

    `fine` and `help` are the words of the two answers, where something is asked; `mistake` those of the one way back
    after a press. `again` rises when the same sentence
    is to be said once more; `loud`: somebody is there, and their words must not be missed.
    """

    scene: str
    tone: str
    word: str
    sentence: str
    detail: str = ""
    label: str = ""
    fine: str = ""
    help: str = ""
    mistake: str = ""
    again: int = 0
    loud: bool = False


@cache
def phrases(language: str) -> Phrases:
    """The phrases of a language.

    Raises:
        FileNotFoundError: there are none in that language.
    """
    text = files("edge.home").joinpath("phrases", f"{language}.toml").read_text(encoding="utf-8")
    loaded: Phrases = tomllib.loads(text)
    return loaded


def put_in_words(scene: Scene, language: str, called: str = "") -> Shown:
    """The words for `scene`; `called` is the name of whoever lives there, "" for none."""
    words = phrases(language)
    own = words[scene.about.value if scene.name is SceneName.ASKING else scene.name.value]
    return Shown(
        scene=scene.name.value,
        tone=_TONES[scene.name],
        word=own["word"],
        sentence=_sentence(scene, own).replace("{you}", f", {called}" if called else ""),
        detail=_detail(scene, own),
        label=words["test"]["label"] if scene.kind is AlarmKind.TEST else "",
        fine=own.get("fine", ""),
        help=own.get("want_help", ""),
        mistake=words["heard"]["mistake"] if scene.mistake else "",
        again=scene.again,
        loud=scene.name in _LOUD,
    )


def _detail(scene: Scene, own: Mapping[str, str]) -> str:
    if scene.name is SceneName.IDLE and not scene.connected:
        return own["no_line_but_telephone" if scene.second_path else "no_line"]
    if scene.name is SceneName.GLAD and scene.kind is AlarmKind.HELP:
        return own["after_mistake"]
    if scene.contacts_told:
        return _written_to(scene.contacts_told, own)
    if scene.reassured:
        return own["reassured_detail"]
    return own["reached_before"] if scene.reached_before else own.get("detail", "")


def _written_to(names: tuple[str, ...], own: Mapping[str, str]) -> str:
    """Whom the home has written to, by name; many, or one whose name is not known, are "your people"."""
    if not all(names) or len(names) > NAMED_MAX:
        return own["contacts_told"]
    people = own["and"].join(own["to"].format(name=name) for name in names)
    return own["contacts_named"].format(people=people)


def _sentence(scene: Scene, own: Mapping[str, str]) -> str:
    match scene.name:
        case SceneName.IDLE if not scene.connected:
            return ""
        case SceneName.HEARD:
            return own.get(scene.kind.value, own["other"])
        case SceneName.RECEIVED if scene.reassured:
            return own["reassured"]
        case SceneName.TAKEN if not scene.who:
            return own["nobody"]
        case SceneName.ON_THE_WAY:
            which = {None: "no_minutes", 1: "one_minute"}.get(scene.eta_minutes, "sentence")
            return own[which].format(who=scene.who or own["nobody"], minutes=scene.eta_minutes)
        case SceneName.TAKEN | SceneName.ARRIVED:
            return own["sentence"].format(who=scene.who or own["nobody"])
        case _:
            return own["sentence"]
