"""What hubs and devices prove themselves with. Sealed here, opened by `central.sealing`; never logged or shown."""

from __future__ import annotations

import secrets
from typing import Final

import sqlalchemy as sa

from central.sealing import Sealer
from central.storage.database import insert_new, put
from central.storage.tables import device_keys, hub_secrets

_PASSWORD_BYTES: Final = 24


def new_password() -> str:
    """A long random password for the broker."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def password_of(connection: sa.Connection, sealer: Sealer, hub_id: str) -> str | None:
    """A hub's password at the broker; None when it has none.

    Raises:
        central.sealing.SealError: it cannot be opened.
    """
    sealed = connection.execute(sa.select(hub_secrets.c.sealed).where(hub_secrets.c.hub_id == hub_id)).scalar()
    return None if sealed is None else sealer.open(sealed, f"hub {hub_id}").decode()


def ensure_password(connection: sa.Connection, sealer: Sealer, hub_id: str, now: float) -> str:
    """A hub's password, made now if it has none.

    Raises:
        central.sealing.SealError: it has one that cannot be opened.
    """
    sealed = sealer.seal(new_password().encode(), f"hub {hub_id}")
    insert_new(connection, hub_secrets, {"hub_id": hub_id, "sealed": sealed, "made_at": now})
    kept = password_of(connection, sealer, hub_id)
    assert kept is not None
    return kept


def keep_password(connection: sa.Connection, sealer: Sealer, hub_id: str, password: str, now: float) -> None:
    """Writes a password in place of the one that is there."""
    sealed = sealer.seal(password.encode(), f"hub {hub_id}")
    put(connection, hub_secrets, {"hub_id": hub_id, "sealed": sealed, "made_at": now})


def keep_device_key(connection: sa.Connection, sealer: Sealer, home_id: str, device_id: str, key: bytes) -> None:
    """Writes or replaces a device's radio key."""
    sealed = sealer.seal(key, f"device {home_id}/{device_id}")
    put(connection, device_keys, {"home_id": home_id, "device_id": device_id, "sealed": sealed})


def device_keys_of(connection: sa.Connection, sealer: Sealer, home_id: str) -> dict[str, bytes]:
    """The radio keys of a home's devices, by device.

    Raises:
        central.sealing.SealError: one cannot be opened.
    """
    rows = connection.execute(sa.select(device_keys).where(device_keys.c.home_id == home_id))
    return {row.device_id: sealer.open(row.sealed, f"device {home_id}/{row.device_id}") for row in rows}
