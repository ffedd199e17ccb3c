"""Puts the desk process together and runs it: database, alarm lane, due-times, sender, console."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from central import restarts
from central.agenda.desk import AgendaDesk
from central.alarm_cases.case import EventType
from central.alarm_lane import AlarmLane
from central.audit import AuditTrail
from central.care_intake import CareIntake
from central.carer_desk import CarerDesk
from central.carers.parts import CarersParts
from central.case_desk import CaseChange, CaseDesk
from central.claim_desk import ClaimDesk, broker_for_hubs
from central.config import CentralConfig, PaperConfig, read_secret
from central.console.app import ConsoleParts, case_announcer, create_app
from central.console.health_view import HealthView
from central.console.live import Live
from central.console_watch import ConsoleWatch
from central.delivery_desk import DeliveryDesk
from central.dial_desk import DialDesk
from central.due_loop import DueLoop
from central.due_work import DueWork
from central.entrances.phone import PhoneEntrance
from central.entrances.sms import SmsEntrance
from central.hub_states import HubStates
from central.label_desk import LabelDesk
from central.notification.channel import Channel
from central.notification.channels.webpush import open_vapid
from central.notification.open_channels import open_channels
from central.notification.phone_gateway import PhoneGateway
from central.notification.sender import Sender
from central.paper_list import PaperKeeper, written_at
from central.phone_desk import PhoneDesk
from central.preparing import CannotStart, prepare
from central.privacy.purge import PurgeDesk
from central.proof_watch import proof_keeper
from central.pulse import PULSE
from central.push_desk import PushDesk, forgetting
from central.reach_tester import ReachTester
from central.refusals import RefusalCounter
from central.sealing import open_sealer
from central.settings_desk import SettingsDesk
from central.sms_intake import SmsIntake
from central.steady_clock import SteadyClock
from central.storage.database import Database, DatabaseError
from central.supervisor_call import SupervisorCall
from central.telemetry.open_store import open_store
from central.unit_watch import UnitWatch
from central.webhooks.sender import WebhookSender, networks_of
from gateway.mqtt_client import BrokerSettings

CLOSE_WAIT_S = 3
"""How long open consoles may take to go when the desk stops."""

_MAY_SEND = frozenset(
    {
        EventType.CALLED,
        EventType.ESCALATED,
        EventType.ON_THE_WAY,
        EventType.DECLINED,
        EventType.ARRIVED,
        EventType.TOLD,
        EventType.CLOSED,
    }
)
"""After these a message may wait to be sent."""

AUDIT_NOTED_EVERY_S = 86_400.0
"""How much of the audit log could be cut off unnoticed, at most."""

log = logging.getLogger(__name__)


class Announcer:
    """Passes each change on to every listener; a listener that fails does not keep the others from hearing."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[CaseChange], None]] = []

    def __call__(self, change: CaseChange) -> None:
        """Tells all."""
        for listener in self.listeners:
            try:
                listener(change)
            except Exception:
                log.exception("case %d: a listener failed on %s", change.case_id, change.event_type)


class DeskProcess:
    """All of the desk except the web server."""

    def __init__(self, config: CentralConfig) -> None:
        self._config = config
        self.clock = clock = SteadyClock()
        self.database = Database.open(config.database.url)
        self._announcer = Announcer()
        self.sealer = sealer = open_sealer(config.secrets.key_file)
        push_key = open_vapid(config.data_folder, sealer) if config.push.contact else None
        channels = open_channels(config, push_key, forgetting(self.database))
        self.channels, self._channels = channels, tuple(channels)
        tester = ReachTester(self.database, channels, config.carers.address)
        self._testing = DueLoop("reach-tests", tester.work)
        self.states = HubStates()
        self.desk = CaseDesk(self.database, self._announcer, self._channels, self.states.can_ask, self.states.speaks)
        self.deliveries = DeliveryDesk(self.desk)
        self.carers = CarerDesk(self.desk)
        self._refusals = RefusalCounter()
        care = CareIntake(self.database, self._refusals)
        self.lane = AlarmLane(broker_settings(config, "desk"), self.desk, self._refusals, self.states, care, clock.now)
        self.live = Live()
        self._work = DueWork(self.desk, self.lane, self.live, self._refusals, clock, self.states)
        self._settings = DueLoop("settings", SettingsDesk(self.database, self.lane.publish_kept, self.states).work)
        self._units = DueLoop("units", UnitWatch(self.database, self.states).work, clock=clock.now)
        self._labels = LabelDesk(self.database, self.lane.publish_kept)
        self._labelling = DueLoop("labels", self._labels.work)
        self._supervisors = SupervisorCall(self.desk, channels)
        self._calling = DueLoop("on-call", self._supervisors.work, clock=clock.now)
        self._watching = DueLoop("consoles", ConsoleWatch(self.desk, self.live).work, clock=clock.now)
        self._purging = DueLoop("purge", PurgeDesk(self.database, config.data_folder).work)
        self._due = DueLoop("due-times", self._work.work, PULSE, clock.now)
        self._office = DueLoop("office", AgendaDesk(self.desk).work, clock=clock.now)
        self._sending = _lanes(self.database, self.deliveries, channels, config.carers.address, clock.now)
        self._webhook_sender = WebhookSender(
            self.database, sealer, self._refusals, networks_of(config.webhooks.networks)
        )
        self.webhooks = DueLoop("webhooks", self._webhook_sender.work_due, clock=clock.now)
        self._checkpoints = DueLoop("audit", self._note_audit_head)
        self._paper = _paper_loop(self.database, config.paper)
        self._noted_until_at = 0.0
        self.calls = _dialling(config, self.desk, self.live)
        phone_desk = PhoneDesk(
            self.database, self.deliveries, self.carers, config.phone, config.carers.address, self.calls
        )
        self.phone: PhoneEntrance | None = None
        if report_key := read_secret(config.phone.report_key_file):
            self.phone = PhoneEntrance(phone_desk, self._refusals, report_key)
        self.push: PushDesk | None = None
        if push_key is not None:
            self.push = PushDesk(self.database, self.deliveries, config.push, push_key)
        self.sms: SmsEntrance | None = None
        if token := read_secret(config.sms.token_file):
            answers = phone_desk.answer_sms if config.phone.url else None
            self.sms = SmsEntrance(SmsIntake(self.database, self.desk, self._refusals, sealer, answers), token)
        self.claims: ClaimDesk | None = None
        if broker := broker_for_hubs(config.claims):
            self.claims = ClaimDesk(self.database, sealer, broker, self._refusals)

    def start(self) -> None:
        """Begins with what is overdue, then takes alarms."""
        self._announcer.listeners += [
            self.lane.on_change,
            case_announcer(self.database, self.live),
            self._labels.on_change,
            proof_keeper(self.database),
            self._supervisors.on_change,
            self._wake,
        ]
        self._due.start()
        self._office.start()
        for lane in self._sending:
            lane.start()
        self.webhooks.start()
        self._checkpoints.start()
        self.lane.start()
        self._settings.start()
        self._units.start()
        self._labelling.start()
        self._testing.start()
        self._calling.start()
        self._watching.start()
        self._purging.start()
        if self._paper is not None:
            self._paper.start()

    def stop(self) -> None:
        """Ends; nothing is lost, since everything that waits is in the database or unacknowledged at the broker."""
        if self._paper is not None:
            self._paper.stop()
        self._purging.stop()
        self._watching.stop()
        self._calling.stop()
        self._testing.stop()
        self._labelling.stop()
        self._units.stop()
        self._settings.stop()
        self.webhooks.stop()
        self._webhook_sender.close()
        self._checkpoints.stop()
        self.lane.stop()
        self._office.stop()
        self._due.stop()
        for lane in self._sending:
            lane.stop()
        with contextlib.suppress(DatabaseError):
            self._refusals.flush(self.database)
        self.database.close()

    def health(self) -> HealthView:
        """How the desk is, for the console."""
        where = f"{self._config.broker.host}:{self._config.broker.port}"
        fault = self.lane.broker
        return HealthView(
            broker_connected=self.lane.connected,
            broker=f"{where}: {fault}" if fault else where,
            receiver=self.lane.receiver,
            commits=self.lane.commits,
            commit_p50_ms=self.lane.commit_ms(0.5),
            commit_p99_ms=self.lane.commit_ms(0.99),
            database=self.lane.database_fault or self._work.fault or "ok",
            channels=self._channels,
            ahead_s=self.clock.ahead_s(),
            restarts=tuple(restarts.read(self._config.data_folder)),
            paper=self._paper is not None,
            paper_at=written_at(Path(self._config.paper.list_folder)) if self._paper is not None else None,
        )

    def _note_audit_head(self, now: float) -> float:
        """Writes the audit log's head into our own log, at start and every day: what is cut off later is missed."""
        if now >= self._noted_until_at:
            AuditTrail(self.database).note_head()
            self._noted_until_at = now + AUDIT_NOTED_EVERY_S
        return self._noted_until_at

    def _wake(self, change: CaseChange) -> None:
        PULSE.goes_on()
        self._due.wake()
        self.webhooks.wake()
        if change.event_type in _MAY_SEND:
            for lane in self._sending:
                lane.wake()
        if change.event_type == EventType.ESCALATED:
            self._calling.wake()
        if change.event_type == EventType.CLOSED:
            self._labelling.wake()


def _lanes(
    database: Database,
    messages: DeliveryDesk,
    channels: Mapping[str, Channel],
    address: str,
    clock: Callable[[], float],
) -> list[DueLoop]:
    """A sender for each channel, each in a thread of its own, and one for what no channel takes."""
    senders = {name: Sender(database, messages, channels, address=address, only=name) for name in channels}
    rest = Sender(database, messages, channels, address=address, but=tuple(channels))
    loops = {"sender": rest, **{f"sender {name}": sender for name, sender in senders.items()}}
    return [DueLoop(name, sender.work_due, clock=clock) for name, sender in loops.items()]


def _dialling(config: CentralConfig, desk: CaseDesk, live: Live) -> DialDesk | None:
    """What places calls for operators, where there is a gateway; consoles hear of each change."""
    if not config.phone.url:
        return None
    return DialDesk(desk, PhoneGateway(config.phone), lambda case_id: live.publish("call", {"case_id": case_id}))


def _paper_loop(database: Database, paper: PaperConfig) -> DueLoop | None:
    """What writes the paper list every night, where a folder is named for it."""
    if not paper.list_folder:
        return None
    return DueLoop("paper-list", PaperKeeper(database, paper.list_folder, paper.language).work)


def broker_settings(config: CentralConfig, role: str) -> BrokerSettings:
    """The MQTT session of one of the centre's processes: "desk" or "receiver".

    Raises:
        ConfigError: the password file cannot be read.
    """
    broker = config.broker
    password_file = broker.desk_password_file if role == "desk" else broker.receiver_password_file
    return BrokerSettings(
        host=broker.host,
        port=broker.port,
        client_id=role,
        username=role,
        password=read_secret(password_file),
        ca_file=broker.ca_file,
        tls=broker.tls,
    )


def run_desk(config: CentralConfig) -> None:
    """Runs the desk until SIGTERM or SIGINT.

    Raises:
        CannotStart, ConfigError, central.storage.database.BadDatabaseUrl: with a sentence for whoever started it.
    """
    prepare(config)
    with contextlib.closing(_listen(config.console.host, config.console.port)) as listening:
        process = DeskProcess(config)
        parts = ConsoleParts(
            desk=process.desk,
            database=process.database,
            telemetry=open_store(config.telemetry, config.data_folder, read_only=True),
            live=process.live,
            health=process.health,
            config=config.console,
            whole_config=config,
            sms=process.sms,
            claims=process.claims,
            states=process.states,
            sealer=process.sealer,
            claims_config=config.claims if process.claims else None,
            wake_webhooks=process.webhooks.wake,
            webhook_networks=tuple(networks_of(config.webhooks.networks)),
            phone=process.phone,
            push=process.push,
            calls=process.calls,
            carers=CarersParts(
                config.carers.phone, process.channels, config.telemetry.retention_days, config.carers.address
            ),
        )
        server = _Console(_web_settings(create_app(parts, process.clock.now)), process.live)
        process.start()
        host, port = listening.getsockname()[:2]
        log.info("ready: console at http://%s:%d/", host, port)
        try:
            server.run(sockets=[listening])
        finally:
            process.stop()
            log.info("stopped")


def _web_settings(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSE_WAIT_S,
    )


class _Console(uvicorn.Server):
    """Lets go of the open event streams first: a web server waits for them, and they never end by themselves."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    async def on_tick(self, counter: int) -> bool:
        """What the loop does ten times a second. `callback_notify` would stand still when the clock is set back."""
        PULSE.at_work()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends the server; a second time, at once."""
        # uvicorn's own handler raises the signal again in the end, which would cut our ending short
        self._live.stop()
        self.force_exit = self.should_exit
        self.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise CannotStart(
            f"The console cannot listen on {host} port {port}: {error.strerror}. Set [console] port to a free one."
        ) from None
    return listening
