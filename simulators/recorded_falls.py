"""Recorded falls and daily activities, where somebody has them; they are no part of Llar.

Files with the recordings of one public collection each: `falls/weda_fall*.npz` or `*wrist*.npz` (wrist; Marques and
Moreno 2023) and `falls/sisfall*.npz` or `*waist*.npz` (waist; Sucerquia et al. 2017). They lie in the folder that
`LLAR_DATA` names, or in `../shared/data`. Arrays: `delta` int16 (6, samples), the differences of the quantised rows ax
ay az gx gy gz within each trial (3 rows without a gyroscope); `offset` where trials begin; `fs`, samples per second;
`lsb_per_g`, `lsb_per_dps`; and of each trial `subject`, `activity`, `is_fall`, `elderly`, and as sample numbers, -1 for
none, `fall_start`, `fall_end`, `impact`. What was recorded at another rate than `RECORDED_HZ` is brought to it as the
detector brings it to its own. What is no such file is refused.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import BadZipFile

from devices.wearable.site import Site
from simulators.recorded_homes import BadRecording, data_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RECORDED_HZ: Final = 50
RATE_MIN_HZ, RATE_MAX_HZ = 20.0, 400.0
NAMED: Final = {Site.WRIST: ("weda_fall", "wrist"), Site.WAIST: ("sisfall", "waist")}
"""What is part of the name of a file of each site."""
ABSENT: Final = "no recordings of falls: LLAR_DATA names no folder with falls/weda_fall*.npz, sisfall*.npz"


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
        recorded_hz: the rate of the recording that it was made from.
    """

    signal: NDArray[np.float32]
    subject: str
    activity: str
    is_fall: bool
    is_older: bool
    fall_start: int
    fall_end: int
    impact: int
    recorded_hz: float = RECORDED_HZ

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.signal) / RECORDED_HZ

    @property
    def has_gyroscope(self) -> bool:
        """Whether the sensor had one: it never stands still at nought."""
        return bool(self.signal[:, 3:].any())


def recordings_files(site: Site) -> list[Path]:
    """The recordings of a site, where there are any, in name order."""
    return [path for path in _all_files() if any(word in path.name.lower() for word in NAMED[site])]


def other_files() -> list[Path]:
    """Recordings whose name does not say where the sensor was worn."""
    known = {path for site in Site for path in recordings_files(site)}
    return [path for path in _all_files() if path not in known]


def _all_files() -> list[Path]:
    return sorted((data_folder() / "falls").glob("*.npz"))


def load_trials(path: Path) -> list[Trial]:
    """All recordings of a file, in its order.

    Raises:
        BadRecording: it is cut off, empty, or holds other arrays.
        ImportError: without numpy.
    """
    import numpy as np

    try:
        with path.open("rb") as file, np.load(file) as stored:
            arrays = {name: stored[name] for name in stored.files}
        trials = _trials(arrays)
    except KeyError as missing:
        raise BadRecording(f"{path.name} has no array {missing}") from None
    except (OSError, ValueError, IndexError, TypeError, EOFError, BadZipFile, zlib.error) as fault:
        raise BadRecording(f"{path.name} cannot be read: {fault}") from None
    if not trials:
        raise BadRecording(f"{path.name} has no trials")
    return trials


def trials_of(site: Site) -> list[Trial]:
    """All that there are of a site; raises as `load_trials`."""
    return [trial for path in recordings_files(site) for trial in load_trials(path)]


def _trials(arrays: dict[str, NDArray[Any]]) -> list[Trial]:
    """Raises KeyError, and ValueError for what does not fit together."""
    import numpy as np

    delta, offset, rate_hz = arrays["delta"], arrays["offset"], float(arrays["fs"])
    if len(delta) not in (3, 6) or (np.diff(offset) < 0).any() or offset[-1] > delta.shape[1]:
        raise ValueError(f"delta {delta.shape} and offset do not fit together")
    if not RATE_MIN_HZ <= rate_hz <= RATE_MAX_HZ:
        raise ValueError(f"{rate_hz:g} samples per second")
    scale = np.repeat([1 / float(arrays["lsb_per_g"]), 1 / float(arrays["lsb_per_dps"])], 3).astype(np.float32)
    trials = []
    for i in range(len(offset) - 1):
        steps = np.cumsum(delta[:, offset[i] : offset[i + 1]], axis=1, dtype=np.int16)
        signal = np.zeros((steps.shape[1], 6), np.float32)
        signal[:, : len(steps)] = steps.T * scale[: len(steps)]
        if not len(signal):
            raise ValueError(f"trial {i} is empty")
        is_fall = bool(arrays["is_fall"][i])
        start, end, impact = (int(arrays[name][i]) for name in ("fall_start", "fall_end", "impact"))
        if is_fall and not 0 <= impact < len(signal):
            raise ValueError(f"trial {i} is a fall whose impact is not marked")
        if rate_hz != RECORDED_HZ:
            signal = _brought_to_rate(signal, rate_hz)
            start, end, impact = (at if at < 0 else round(at * RECORDED_HZ / rate_hz) for at in (start, end, impact))
        subject, activity, is_older = (arrays[name][i] for name in ("subject", "activity", "elderly"))
        trials.append(Trial(signal, str(subject), str(activity), is_fall, bool(is_older), start, end, impact, rate_hz))
    return trials


def _brought_to_rate(signal: NDArray[np.float32], rate_hz: float) -> NDArray[np.float32]:
    import numpy as np

    from devices.wearable.resampling import Resampler

    return Resampler(rate_hz).push(signal.astype(np.float64)).astype(np.float32)
