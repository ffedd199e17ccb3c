"""What travels between a home and the centre, as values.

Field names on the wire are short and, for alarms, SCAIP's own (SS 91100): `ref`, `dty`, `stc` ... so that a SCAIP
border loses nothing. All times are Unix seconds, UTC.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import msgspec

from devices.vocabulary import Reading

EVIDENCE_MAX: Final = 32
"""Most evidence records in one alarm: an hour of a lively home, and small enough for a metered line."""
TEXT_MAX: Final = 256
"""Longest free text in any message."""
CHECK_IN_MAX_S: Final = 3_600.0
"""Longest time for which a home asks whether all is well: after an hour nobody is still about to answer."""
PROBLEMS_MAX: Final = 32
"""Most problems in one state: half of a home's devices, and with words for each still a message of 8 kB."""

# `$` alone would let a line break pass at the end, which no topic can carry
Text = Annotated[str, msgspec.Meta(max_length=TEXT_MAX)]
Ref = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{1,16}$(?!\n)")]
Epoch = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]{0,16}$(?!\n)")]
Sequence = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
UnixSeconds = Annotated[float, msgspec.Meta(ge=0, le=2**34)]


class Record(msgspec.Struct, omit_defaults=True, gc=False):
    """One SenML record (RFC 8428). Labels that we do not know are ignored, those ending in `_` refuse the pack.

    Attributes:
        bn: base name, put before the names of this and the following records: "urn:dev:hub:" hub ":".
        bt: base time, Unix seconds, added to the times of this and the following records.
        bu: base unit, for records without a unit.
        bv: base value, added to the numbers of this and the following records.
        bver: version of SenML; 10 is understood.
        n: name, appended to the base name: device "/" kind.
        u: unit, a symbol of the SenML units registry; must be the kind's own.
        v: a number.
        vb: yes or no.
        vs: a word.
        vd: bytes, as base64url without padding.
        t: time, Unix seconds; below 2^28 in sum with the base time it counts from the moment of arrival.
        ut: within how many seconds the next reading is expected.
        seq: in the first record only, ours: running number of this pack in the hub's numbering of packs.
        ep: in the first record only, ours: names the numbering; it changes when the hub's memory is replaced.
    """

    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bver: int | None = None
    n: str | None = None
    u: str | None = None
    v: float | None = None
    vb: bool | None = None
    vs: str | None = None
    vd: str | None = None
    t: float | None = None
    ut: float | None = None
    seq: Sequence | None = None
    ep: Epoch | None = None


class Measurements(msgspec.Struct, frozen=True, gc=False):
    """A measurement pack, resolved.

    Attributes:
        hub: who sent it.
        epoch, sequence: the pack's place in the hub's numbering; sequence is None when the sender does not number.
        readings: those that were good.
        refused: reasons of the records that were not, one each.
    """

    hub: str
    epoch: str
    sequence: int | None
    readings: list[Reading]
    refused: tuple[str, ...] = ()


class MessageType(StrEnum):
    """SCAIP `mty`: first message, update within the session, withdrawn, periodic test."""

    FIRST = "ME"
    UPDATE = "IN"
    WITHDRAWN = "RE"
    TEST = "PI"


class Alarm(msgspec.Struct, frozen=True, omit_defaults=True):
    """An alarm or a later word about it (same `ref`), as the hub sends it on `up/alarm`.

    Attributes:
        ref: names the alarm for ever; the same in every resend, update and withdrawal.
        seq, ep: running number of this message within the hub's alarm numbering, and the name of that numbering.
        dty, stc: SCAIP device type and status code; together they say what happened.
        did, dco: device id within the home, and its component.
        pri: SCAIP priority 0..9, 9 highest.
        lco, lte: SCAIP place code, and the place in words ("bathroom").
        geo: "latitude,longitude" in degrees.
        mty: which kind of message.
        tim: when it happened, Unix seconds by the hub's clock.
        trusted: whether the hub trusted its clock then.
        age: seconds from the event to this sending, by the monotonic clock; None when a reboot lies between.
        text: in plain words, for people.
        evidence: SenML records that led to it.
    """

    ref: Ref
    dty: Annotated[int, msgspec.Meta(ge=0, le=9999)]
    tim: UnixSeconds
    stc: Annotated[int, msgspec.Meta(ge=0, le=9999)] = 10
    mty: MessageType = MessageType.FIRST
    seq: Sequence = 0
    ep: Epoch = ""
    did: Annotated[str, msgspec.Meta(max_length=32)] = ""
    dco: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0
    pri: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0
    lco: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0
    lte: Annotated[str, msgspec.Meta(max_length=64)] = ""
    geo: Annotated[str, msgspec.Meta(max_length=23)] = ""
    trusted: bool = True
    age: Annotated[float, msgspec.Meta(ge=0, le=2**31)] | None = None
    text: Text = ""
    evidence: Annotated[list[Record], msgspec.Meta(max_length=EVIDENCE_MAX)] = []


class Stage(StrEnum):
    """How far help has come; what the home may truthfully say."""

    RECEIVED = "received"
    TAKEN = "taken"
    ON_THE_WAY = "on_the_way"
    ARRIVED = "arrived"
    CLOSED = "closed"


class AlarmAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The centre's word on an alarm: first the receipt, sent after its commit, then progress.

    Attributes:
        ref: the reference of the alarm that is answered.
        snu: SCAIP status number: 0 stored and queued for people, 4 hold and resend, 5 not treated, 6 busy,
            2 invalid format, 3 wrong content, 99 undefined.
        stage: how far help has come.
        case: the case number, for people.
        who: given name of the person who helps, as it may be said aloud.
        eta_minutes: minutes until the helper arrives, for the stage `on_the_way`.
        at: when the centre said so, Unix seconds.
        text: for a technician: why an alarm was not taken.
    """

    ref: Ref
    snu: Annotated[int, msgspec.Meta(ge=0, le=99)]
    at: UnixSeconds
    stage: Stage = Stage.RECEIVED
    case: Annotated[str, msgspec.Meta(max_length=32)] = ""
    who: Annotated[str, msgspec.Meta(max_length=64)] = ""
    eta_minutes: Annotated[int, msgspec.Meta(ge=0, le=1440)] | None = None
    text: Text = ""


class Path(StrEnum):
    """The way by which a hub reaches the centre."""

    BROADBAND = "broadband"
    MOBILE = "mobile"
    SMS = "sms"
    NONE = "none"


class ProblemCode(StrEnum):
    """What can be wrong with a hub. On the wire `Problem.code` may be one that this program does not know yet.

    The radio: `ble_missing` no adapter, no Bluetooth service, or it does not answer; `ble_deaf` it hears nobody, which
    is unusual there; `ble_quiet` it hears nobody, as often in that home; `ble_rescanned`, `adapter_reset`,
    `agent_restarted` what the hub did about it, with an outcome.
    """

    BLE_MISSING = "ble_missing"
    BLE_DEAF = "ble_deaf"
    BLE_QUIET = "ble_quiet"
    BLE_RESCANNED = "ble_rescanned"
    ADAPTER_RESET = "adapter_reset"
    AGENT_RESTARTED = "agent_restarted"
    DEVICE_SILENT = "device_silent"
    DEVICE_BATTERY_LOW = "device_battery_low"
    DEVICE_NOT_UNDERSTOOD = "device_not_understood"
    DEVICE_UNREACHABLE = "device_unreachable"
    DEVICE_NOT_LISTENED_TO = "device_not_listened_to"
    DEVICE_NOT_WORN = "device_not_worn"
    VOICE_MISSING = "voice_missing"
    SERIAL_UNPLUGGED = "serial_unplugged"
    BUTTON_STUCK = "button_stuck"
    BUTTON_MISSING = "button_missing"
    OUTBOX_DAMAGED = "outbox_damaged"
    OUTBOX_MEMORY = "outbox_memory"
    OUTBOX_FULL = "outbox_full"
    DISK_FULL = "disk_full"
    ALARM_REFUSED = "alarm_refused"
    BROADBAND_DOWN = "broadband_down"
    MODEM_MISSING = "modem_missing"
    MODEM_NO_SIM = "modem_no_sim"
    MODEM_SIM_LOCKED = "modem_sim_locked"
    MODEM_NOT_REGISTERED = "modem_not_registered"
    MODEM_DENIED = "modem_denied"
    MODEM_NO_CREDIT = "modem_no_credit"
    MODEM_MUTE = "modem_mute"
    MODEM_SMS_FAILED = "modem_sms_failed"
    MODEM_NO_NUMBER = "modem_no_number"
    CLOCK_UNTRUSTED = "clock_untrusted"
    SETTINGS_REFUSED = "settings_refused"
    SETTINGS_ROLLED_BACK = "settings_rolled_back"
    FLOODED = "flooded"
    LOOP_CRASHED = "loop_crashed"
    OTHER = "other"


class Outcome(StrEnum):
    """What became of something that the hub did by itself to heal a problem."""

    WAITING = "waiting"
    HELPED = "helped"
    FAILED = "failed"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with a hub, or that it did about it.

    Attributes:
        code: which kind, one of `ProblemCode`; take one that is not known as `other`.
        since: when it began or was done, counted back from the state's `at`, so that `at - since` is its age also
            while the clock is wrong.
        subject: what it is about: a device's id, a port, a radio ("ble"); empty for the hub as a whole.
        detail: for a technician, in plain English.
        outcome: of healing steps only: whether it helped.
    """

    code: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[a-z0-9_]{1,32}$(?!\n)", extra_json_schema={"examples": [code.value for code in ProblemCode]}
        ),
    ]
    since: UnixSeconds
    subject: Annotated[str, msgspec.Meta(max_length=64)] = ""
    detail: Annotated[str, msgspec.Meta(max_length=160)] = ""
    outcome: Outcome | None = None


class ModemState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The hub's modem, its second path.

    Attributes:
        registered: whether its network lets it send.
        operator: of that network.
        dbm: signal strength, -113 (hardly any) to -51; absent while it is not known.
    """

    registered: bool
    operator: Annotated[str, msgspec.Meta(max_length=32)] = ""
    dbm: Annotated[int, msgspec.Meta(ge=-150, le=0)] | None = None


class HubState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Retained on `up/state`; the last will publishes it with `online` false.

    Attributes:
        online: false in the last will and at an orderly stop.
        at: when it was written, Unix seconds by the hub's clock.
        boot: names this run of the hub; it changes at each start.
        firmware: version of the hub's software.
        trusted: whether the hub trusts its clock.
        mains: whether there is mains power; absent when the hub cannot know.
        battery_percent: charge of the hub's own battery.
        path: the way by which the hub reaches the centre now.
        waiting: messages in the outbox.
        hearing: radio or bus ("ble", "serial") -> seconds since anything was heard on it.
        faults: what is wrong with the hub, in words for a technician: for readers that do not know `problems`.
        cfg: version of the settings in force.
        problems: what is wrong with the hub and its devices, the most serious first.
        problems_more: how many problems had no room in the list.
        modem: of a hub that has one.
        asks: whether somebody in the home can be asked something now (`check_in`): a screen is open there, or a voice
            listens.
        speaks: whether the home's words are said aloud there now, as far as the hub knows: something that is open has a
            voice. Left out: nobody knows, and what the home asks counts as only shown.
    """

    online: bool
    at: UnixSeconds = 0.0
    boot: Annotated[str, msgspec.Meta(max_length=36)] = ""
    firmware: Annotated[str, msgspec.Meta(max_length=32)] = ""
    trusted: bool = True
    mains: bool | None = None
    battery_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    path: Path = Path.BROADBAND
    waiting: Annotated[int, msgspec.Meta(ge=0)] = 0
    hearing: Annotated[dict[str, float], msgspec.Meta(max_length=8)] = {}
    faults: Annotated[list[Text], msgspec.Meta(max_length=16)] = []
    cfg: Annotated[int, msgspec.Meta(ge=0)] = 0
    problems: Annotated[list[Problem], msgspec.Meta(max_length=PROBLEMS_MAX)] = []
    problems_more: Annotated[int, msgspec.Meta(ge=0)] = 0
    modem: ModemState | None = None
    asks: bool = False
    speaks: bool = False


class Heartbeat(msgspec.Struct, frozen=True, omit_defaults=True):
    """On `up/hb`: the hub lives, and how long ago it heard its devices.

    Attributes:
        at: Unix seconds by the hub's clock.
        uptime_s: seconds since the hub started.
        waiting: messages in the outbox.
        heard: enrolled device -> seconds since it was last heard.
        refused: reason -> how many frames and messages were refused for it since the hub started.
    """

    at: UnixSeconds
    uptime_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    waiting: Annotated[int, msgspec.Meta(ge=0)] = 0
    heard: Annotated[dict[str, float], msgspec.Meta(max_length=64)] = {}
    refused: Annotated[dict[str, Annotated[int, msgspec.Meta(ge=0)]], msgspec.Meta(max_length=32)] = {}


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """On `dn/cmd/{id}`. A command past `expires` must never be carried out.

    Attributes:
        id: names the command; the outcome comes on `up/cmd/{id}`.
        verb: what to do: "test", "reassure" (comfort who waits; the outcome says how), "check_in" (ask whether all is
            well), "check_in_over" (ask no more), later "say", "show", "remind" ...
        expires: Unix seconds; at or after it the command is dead.
        text: what to say or show; of "check_in_over" the id of the "check_in".
        wait_s: of "check_in": so long an answer is waited for.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$(?!\n)")]
    verb: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,32}$(?!\n)")]
    expires: UnixSeconds
    text: Text = ""
    wait_s: Annotated[float, msgspec.Meta(ge=0, le=CHECK_IN_MAX_S)] = 0.0


class CommandOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """On `up/cmd/{id}`: what became of a command.

    Attributes:
        id: the id of the command.
        at: Unix seconds by the hub's clock.
        outcome: "done", "failed", "expired", or "unsupported" by this hub; "asking" while a "check_in" waits for its
            answer, which another outcome of the same id brings.
        text: for a technician.
        answer: of "check_in", when it is done: "fine", "help" (an alarm of its own comes too), or "none". Of
            "reassure", when it is done: "said" aloud to the end, or only "shown"; a hub that leaves it empty does not
            know.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$(?!\n)")]
    at: UnixSeconds
    outcome: Annotated[str, msgspec.Meta(pattern=r"^(asking|done|failed|expired|unsupported)$(?!\n)")]
    text: Text = ""
    answer: Annotated[str, msgspec.Meta(pattern=r"^(fine|help|none|said|shown)?$(?!\n)")] = ""
