"""Gives new hubs their name, their password and their devices, against a code that was printed for them.

The forms on the wire and the rules are those of `gateway.contract.claim`. A code and the key of the hub that redeems it
are kept only as fingerprints.
"""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import Final, cast

import msgspec
import sqlalchemy as sa

from central.config import ClaimsConfig, ConfigError
from central.entrances.limits import WrongGuesses
from central.refusals import RefusalCounter
from central.sealing import Sealer, SealError
from central.storage import claims, homes, hub_settings
from central.storage.claims import Claim
from central.storage.database import Database
from central.storage.hub_secrets import device_keys_of, password_of
from central.storage.pages import home_line
from devices.catalogue import CATALOGUE
from devices.rejection import Rejection
from gateway.contract.claim import (
    CLAIM_CODES,
    REDEEM_AGAIN_S,
    ClaimAnswer,
    ClaimedBroker,
    ClaimedDevice,
    ClaimRefusal,
    ClaimRequest,
    claim_code,
    read_claim,
    read_code,
)
from gateway.contract.settings import DEVICES_MAX, Language
from gateway.contract.topics import shard_of

WRONG_CODES_MAX: Final = 10
WRONG_CODES_S: Final = 600.0
"""Ten wrong codes in ten minutes from one address, and it must wait: an installer errs twice, and 44 bits are left."""
NOT_READY_WAIT_S: Final = 60.0

log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()


def new_claim(connection: sa.Connection, sealer: Sealer, hub_id: str, valid_s: float, now: float) -> str:
    """Makes a claim for an enrolled hub; its code as it is printed. What was printed for it before is void."""
    code = claim_code(secrets.randbelow(CLAIM_CODES))
    claims.add(connection, sealer.fingerprint(_plain(code)), hub_id, now, now + valid_s)
    log.info("%s: a claim was made, good for %.0f h", hub_id, valid_s / 3_600)
    return code


def broker_for_hubs(config: ClaimsConfig) -> ClaimedBroker | None:
    """Where hubs find the broker; None when the centre gives no hubs out.

    Raises:
        ConfigError: the authority's certificate cannot be read, or the broker's name cannot be one.
    """
    if not config.broker_host:
        return None
    authority = ""
    if config.broker_ca_file:
        try:
            authority = Path(config.broker_ca_file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"Cannot read claims.broker_ca_file {config.broker_ca_file}: {error}.") from None
    given = {"host": config.broker_host, "port": config.broker_port, "tls": config.broker_tls, "ca_pem": authority}
    try:
        return msgspec.convert(given, ClaimedBroker)
    except msgspec.ValidationError as error:
        raise ConfigError(f"[claims] names no broker that hubs could use: {error}.") from None


class ClaimDesk:
    """Redeems codes. From any thread."""

    def __init__(self, database: Database, sealer: Sealer, broker: ClaimedBroker, refusals: RefusalCounter) -> None:
        self._database = database
        self._sealer = sealer
        self._broker = broker
        self._refusals = refusals
        self._wrong = WrongGuesses(WRONG_CODES_MAX, WRONG_CODES_S)

    def redeem(self, body: bytes, address: str, now: float) -> ClaimAnswer | ClaimRefusal:
        """The answer to the body of `POST /claim` from `address`.

        Raises:
            DatabaseError: nothing was changed; the hub shall try again.
        """
        if wait_s := self._wrong.wait_s(address, now):
            return self._refused(ClaimRefusal("too_many", "too many wrong codes from this address", wait_s), now)
        request = read_claim(ClaimRequest, body)
        if isinstance(request, Rejection):
            self._wrong.add(address, now)
            return self._refused(ClaimRefusal("bad_request", request.detail[:256]), now)
        try:
            answer = self._redeem(request, now)
        except SealError as error:
            log.critical("a hub cannot be given out: %s", error)
            answer = ClaimRefusal("not_ready", "the centre cannot read its secrets", NOT_READY_WAIT_S)
        if isinstance(answer, ClaimAnswer):
            log.info("%s: claimed by board %.64r, model %.80r", answer.hub, request.serial, request.model)
            return answer
        if answer.reason == "unknown_code":
            self._wrong.add(address, now)
        return self._refused(answer, now)

    def _refused(self, refusal: ClaimRefusal, now: float) -> ClaimRefusal:
        self._refusals.count("claim", Rejection(refusal.reason, refusal.text), now)
        return refusal

    def _redeem(self, request: ClaimRequest, now: float) -> ClaimAnswer | ClaimRefusal:
        code_hash, key_hash = self._sealer.fingerprint(request.code), self._sealer.fingerprint(request.key)
        with self._database.begin() as connection:
            claim = claims.find(connection, code_hash)
            if claim is None:
                return ClaimRefusal("unknown_code", "nobody printed this code, or a newer one was printed")
            if refusal := why_not(claim, key_hash, now):
                return refusal
            answer = self._answer(connection, claim.hub_id, now)
            if isinstance(answer, ClaimRefusal) or claim.redeemed_at is not None:
                return answer
            first = claims.redeem(connection, code_hash, key_hash, _board(request), now)
            return answer if first else ClaimRefusal("used_code", "another hub was faster")

    def _answer(self, connection: sa.Connection, hub_id: str, now: float) -> ClaimAnswer | ClaimRefusal:
        home = homes.find_by_hub(connection, hub_id)
        password = password_of(connection, self._sealer, hub_id)
        line = home_line(connection, home.home_id) if home else None
        if home is None or line is None or password is None:
            return ClaimRefusal("not_ready", "the register does not know this hub's home or password", NOT_READY_WAIT_S)
        desired = hub_settings.desired_of(connection, hub_id)
        answer = ClaimAnswer(
            hub=hub_id,
            shard=shard_of(hub_id),
            broker=self._broker,
            password=password,
            language=cast("Language", home.language),
            place=line.address[:256],
            devices=claimed_devices(connection, self._sealer, home.home_id),
            settings=desired.settings if desired else None,
            at=now,
        )
        proved = read_claim(ClaimAnswer, _encoder.encode(answer))
        if isinstance(proved, Rejection):
            log.error("%s: the register does not make an answer: %s", hub_id, proved.detail)
            return ClaimRefusal("not_ready", f"the register has a fault: {proved.detail}"[:256], NOT_READY_WAIT_S)
        return answer


def why_not(claim: Claim, key_hash: str, now: float) -> ClaimRefusal | None:
    """Why a hub with this key cannot have the claim now; None when it can. Pure."""
    if claim.redeemed_at is not None:
        if claim.redeemed_by != key_hash:
            return ClaimRefusal("used_code", "another hub has redeemed this code")
        if now - claim.redeemed_at > REDEEM_AGAIN_S:
            return ClaimRefusal("used_code", "this hub redeemed this code more than a day ago")
        return None
    if now > claim.expires_at:
        return ClaimRefusal("expired_code", f"printed {(now - claim.made_at) / 86_400:.0f} days ago")
    return None


def claimed_devices(connection: sa.Connection, sealer: Sealer, home_id: str) -> list[ClaimedDevice]:
    """The devices of a home that its hub can hear by what the register knows of them.

    Raises:
        SealError: a key cannot be opened.
    """
    keys = device_keys_of(connection, sealer, home_id)
    known = [device for device in homes.devices_of(connection, home_id) if device.address and device.model in CATALOGUE]
    return [
        ClaimedDevice(one.id, one.model, one.address, one.room, one.place_code, keys.get(one.id, b"").hex())
        for one in known[:DEVICES_MAX]
    ]


def _board(request: ClaimRequest) -> str:
    said = f"{request.serial} {request.model} {request.firmware}"
    return "".join(letter for letter in said if letter.isprintable())[:200]


def _plain(code: str) -> str:
    plain = read_code(code)
    assert isinstance(plain, str)
    return plain
