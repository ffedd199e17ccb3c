"""What the home says aloud, as phrases that a person of the service can record, and the files in which they did.

A recording knows no names: "Someone is with you now" is said where the screen shows "Ana is with you now".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edge.home.question import About
from edge.home.stages import Scene, SceneName
from edge.home.wording import phrases, put_in_words
from gateway.contract.alarm_kinds import AlarmKind

REASSURED: Final = "received-reassured"
"""The word of comfort that the centre asks for."""
SUFFIXES: Final[Mapping[str, str]] = {".ogg": "audio/ogg", ".wav": "audio/wav"}

Recordings = Mapping[str, Path]
"""Phrase -> its file."""


def phrase_of(scene: Scene) -> str:
    """Under which name the words of a scene are recorded; "" where nothing is said."""
    match scene.name:
        case SceneName.IDLE | SceneName.CLOSED:
            return ""
        case SceneName.HEARD:
            named = scene.kind.value in phrases("en")["heard"]
            return f"heard-{scene.kind.value if named else AlarmKind.OTHER.value}"
        case SceneName.MESSAGED if scene.contacts_told:
            return "messaged-contacts_told"
        case SceneName.TRYING if scene.reached_before:
            return "trying-reached_before"
        case SceneName.RECEIVED if scene.reassured:
            return REASSURED
        case SceneName.ASKING:
            return scene.about.value
        case SceneName.GLAD if scene.kind is AlarmKind.HELP:
            return "glad-after_mistake"
        case _:
            return scene.name.value


_SCENES: Final = (
    *(Scene(SceneName.HEARD, kind) for kind in AlarmKind),
    Scene(SceneName.TRYING),
    Scene(SceneName.TRYING, reached_before=True),
    Scene(SceneName.MESSAGED),
    Scene(SceneName.MESSAGED, contacts_told=("",)),
    Scene(SceneName.RECEIVED),
    Scene(SceneName.RECEIVED, reassured=True),
    Scene(SceneName.TAKEN),
    Scene(SceneName.ON_THE_WAY),
    Scene(SceneName.ARRIVED),
    Scene(SceneName.ASKING, about=About.FALL),
    Scene(SceneName.ASKING, about=About.QUIET),
    Scene(SceneName.GLAD),
    Scene(SceneName.GLAD, AlarmKind.HELP),
)
_SPOKEN: Final = {phrase_of(scene): scene for scene in _SCENES}
PHRASES: Final = tuple(_SPOKEN)
"""Everything that the home says, by name."""


def script(phrase: str, language: str) -> str:
    """The words of a phrase, as they are read into a microphone."""
    shown = put_in_words(_SPOKEN[phrase], language)
    return f"{shown.sentence} {shown.detail}".strip()


def recordings(folder: str, language: str) -> Recordings:
    """What stands in `folder`/`language`, "" for no folder. Reads the disk."""
    if not folder:
        return {}
    places = {phrase: [Path(folder, language, phrase + suffix) for suffix in SUFFIXES] for phrase in PHRASES}
    return {phrase: there[0] for phrase, files in places.items() if (there := [it for it in files if it.is_file()])}


def missing(found: Recordings) -> list[str]:
    """The phrases that nobody has recorded."""
    return [phrase for phrase in PHRASES if phrase not in found]
