"""Recorded falls and daily activities, where somebody has them; they are no part of Llar.

Two files, each with the recordings of one public collection, at 50 Hz: `falls/weda_fall_dev.npz` (wrist, Marques and
Moreno 2023) and `falls/sisfall_dev.npz` (waist, Sucerquia et al. 2017). They lie in the folder that `LLAR_DATA` names,
or in `../shared/data`. Arrays: `delta` int16 (6, samples), the differences of the quantised rows ax ay az gx gy gz
within each trial; `offset` where trials begin; `lsb_per_g`, `lsb_per_dps`; and of each trial `subject`, `activity`,
`is_fall`, `elderly`, and as sample numbers, -1 for none, `fall_start`, `fall_end`, `impact`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from devices.wearable.site import Site
from simulators.recorded_homes import data_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RECORDED_HZ: Final = 50
FILES: Final = {Site.WRIST: "falls/weda_fall_dev.npz", Site.WAIST: "falls/sisfall_dev.npz"}
ABSENT: Final = "no recordings of falls: LLAR_DATA names no folder with falls/*.npz"


@dataclass(frozen=True)
class Trial:
    """One recording.

    Attributes:
        signal: rows of x, y, z in g and x, y, z in degrees per second, at `RECORDED_HZ`.
        subject: whose.
        activity: what they did, by the collection's number.
        is_fall: whether they fell; else it is daily life.
        is_older: whether the subject is an older person.
        fall_start, fall_end, impact: sample numbers, -1 where there is none.
    """

    signal: NDArray[np.float32]
    subject: str
    activity: str
    is_fall: bool
    is_older: bool
    fall_start: int
    fall_end: int
    impact: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.signal) / RECORDED_HZ


def recordings_file(site: Site) -> Path | None:
    """Where the recordings of a site lie, if they do."""
    path = data_folder() / FILES[site]
    return path if path.is_file() else None


def load_trials(path: Path) -> list[Trial]:
    """All recordings of a file, in its order. Raises ImportError without numpy."""
    import numpy as np

    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    delta, offset = arrays["delta"], arrays["offset"]
    scale = np.repeat([1 / float(arrays["lsb_per_g"]), 1 / float(arrays["lsb_per_dps"])], 3).astype(np.float32)
    trials = []
    for i in range(len(offset) - 1):
        steps = np.cumsum(delta[:, offset[i] : offset[i + 1]], axis=1, dtype=np.int16)
        trials.append(
            Trial(
                (steps.T * scale).astype(np.float32),
                str(arrays["subject"][i]),
                str(arrays["activity"][i]),
                bool(arrays["is_fall"][i]),
                bool(arrays["elderly"][i]),
                *(int(arrays[name][i]) for name in ("fall_start", "fall_end", "impact")),
            )
        )
    return trials
