"""The second factor: six digits from a telephone (TOTP, RFC 6238), and ten recovery codes for when it is lost.

The secret lies sealed in the database, recovery codes as fingerprints. Each code is good once: the half minute of the
last one used is remembered, and an older one is refused. A telephone's clock may be one step off.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

import pyotp
import segno

from central.console import access
from central.console.access import LoginRefused
from central.sealing import Sealer
from central.storage import accounts
from central.storage.database import Database
from central.storage.people import Operator

STEP_S: Final = 30
DRIFT_STEPS: Final = 1
RECOVERY_CODES: Final = 10
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_ISSUER: Final = "Llar"


def new_secret() -> str:
    """A secret for a telephone to keep, in base 32."""
    return pyotp.random_base32()


def address_of(secret: str, account: Operator) -> str:
    """What the QR code says (`otpauth://`)."""
    return pyotp.TOTP(secret).provisioning_uri(name=account.id, issuer_name=_ISSUER)


def picture_of(secret: str, account: Operator) -> str:
    """The QR code as a data address of an SVG."""
    return segno.make(address_of(secret, account), error="m").svg_data_uri(scale=6, border=4, light="#fff")


def step_of(secret: str, code: str, now: float) -> int | None:
    """The half minute that a code belongs to; None when it is wrong or too far from now."""
    digits = "".join(code.split())
    here = int(now // STEP_S)
    for step in range(here - DRIFT_STEPS, here + DRIFT_STEPS + 1):
        if step >= 0 and hmac.compare_digest(pyotp.TOTP(secret).at(step * STEP_S).encode(), digits.encode()):
            return step
    return None


def enrol(
    database: Database, sealer: Sealer, account: Operator, secret: str, code: str, now: float
) -> list[str] | None:
    """Takes a secret into use once a first code proves that the telephone has it; gives the recovery codes, once."""
    step = step_of(secret, code, now)
    if step is None:
        return None
    codes = ["-".join(_word() for _ in range(2)) for _ in range(RECOVERY_CODES)]
    with database.begin() as conn:
        sealed = sealer.seal(secret.encode(), _owner(account.id))
        accounts.change(conn, account.id, totp_sealed=sealed, totp_step=step)
        accounts.set_recovery_codes(conn, account.id, [_fingerprint(sealer, account.id, one) for one in codes])
    return codes


def end(database: Database, account_id: str) -> None:
    """Takes the second factor and its recovery codes away."""
    with database.begin() as conn:
        accounts.change(conn, account_id, totp_sealed="", totp_step=0)
        accounts.set_recovery_codes(conn, account_id, [])


def check(
    database: Database, sealer: Sealer, account: Operator, code: str, now: float, ahead_s: float = 0.0
) -> LoginRefused | None:
    """Uses up a code, from the telephone or for recovery; None when it was right. Wrong ones count like passwords.

    `ahead_s`: how far `now` is ahead of the true time, by which telephones go.

    Raises:
        central.sealing.SealError: the secret cannot be read.
    """
    if account.locked_until_at > now:
        return LoginRefused("locked", account.locked_until_at)
    secret = sealer.open(account.totp_sealed, _owner(account.id)).decode()
    step = step_of(secret, code, now - ahead_s)
    with database.begin() as conn:
        if step is not None:
            good = accounts.use_totp_step(conn, account.id, step)
        else:
            good = accounts.use_recovery_code(conn, account.id, _fingerprint(sealer, account.id, code))
    return None if good else access.count_failure(database, account, now)


def _word() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(5))


def _fingerprint(sealer: Sealer, account_id: str, code: str) -> str:
    return sealer.fingerprint(f"recovery {account_id} {code.strip().lower()[:40]}")


def _owner(account_id: str) -> str:
    return f"second factor of {account_id}"
