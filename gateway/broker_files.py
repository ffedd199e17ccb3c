"""The broker's configuration: settings, access list and hashed passwords for mosquitto."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from gateway.contract.topics import INTERNAL_ROOT, ROOT, shard_of, valid_hub_id

MESSAGE_BYTES_MAX: Final = 20_480
"""Largest packet that a broker takes: room for the largest payload that our clients send, and its topic."""
SESSION_KEPT: Final = "14d"
"""How long the broker keeps the session of a client that stays away: longer than a hub's own seven days."""
SAVE_EVERY_S: Final = 60
"""How often the broker writes queues and sessions to disk; it takes calls again only when that is done. What it has
confirmed to a hub since, and the receiver has not stored yet, is lost with its machine: a call is not, since the hub
waits for the desk's own receipt, but measurements are."""
WINDOW: Final = 4_000
"""Messages on their way to one client: two of the receiver's batches. Mosquitto's own 20 holds a busy receiver back."""
_HASH_ROUNDS: Final = 101
"""Mosquitto's own number. Passwords here are long random secrets, which no number of rounds makes safer, and each
connect of each hub costs the broker this work."""
_SALT_BYTES: Final = 12
_CENTRAL: Final = {
    "desk": (f"read {ROOT}/+/+/up/#", f"write {ROOT}/+/+/dn/#", f"readwrite {INTERNAL_ROOT}/#"),
    "receiver": (f"read {ROOT}/+/+/up/#", f"readwrite {INTERNAL_ROOT}/#"),
}


def password_line(user: str, password: str, salt: bytes | None = None) -> str:
    """A line of a password file in mosquitto's `$7$` format: PBKDF2-HMAC-SHA512, base64 salt and hash.

    Raises:
        ValueError: the user name or the password cannot stand in the file.
    """
    if not user or ":" in user or not user.isprintable():
        raise ValueError(f"not a user name for the broker: {user!r}")
    if not password:
        raise ValueError(f"an empty password for {user}")
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _HASH_ROUNDS)
    return f"{user}:$7${_HASH_ROUNDS}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def access_list(users: Iterable[str]) -> str:
    """Mosquitto's access list: a hub writes `up` and reads `dn` of its own branch, and nothing else.

    "desk" and "receiver" get what the centre's processes need; every other name is a hub's.

    Raises:
        ValueError: a name is not a hub id.
    """
    parts = []
    for user in users:
        if user not in _CENTRAL and not valid_hub_id(user):
            raise ValueError(f"not a hub id: {user!r}")
        branch = f"{ROOT}/{shard_of(user)}/{user}"
        rights = _CENTRAL.get(user, (f"write {branch}/up/#", f"read {branch}/dn/#"))
        parts.append("\n".join([f"user {user}", *(f"topic {right}" for right in rights)]))
    return "\n\n".join(parts) + "\n"


def with_user(passwords: str, access: str, user: str, password: str) -> tuple[str, str]:
    """A password file and an access list with one user more, or with a new password for one that stands there.

    Raises:
        ValueError: the name is not a hub id, or the password is empty.
    """
    line = password_line(user, password) + "\n"
    others = [kept for kept in passwords.splitlines(keepends=True) if not kept.startswith(f"{user}:")]
    if f"user {user}" not in access.splitlines():
        access = (access.rstrip("\n") + "\n\n" if access.strip() else "") + access_list([user])
    return "".join(others) + line, access


def shared_settings(folder: Path, listener: str) -> list[str]:
    """The lines that the local and the production broker have in common.

    Args:
        folder: where its files lie.
        listener: port, and address where it is held to one.
    """
    return [
        "allow_anonymous false",
        f"password_file {folder / 'passwords'}",
        f"acl_file {folder / 'access.acl'}",
        "# measurements may wait here while the receiver is away: never drop silently",
        f"max_inflight_messages {WINDOW}",
        "max_queued_messages 0",
        "max_queued_bytes 0",
        f"max_packet_size {MESSAGE_BYTES_MAX}",
        f"persistent_client_expiration {SESSION_KEPT}",
        "set_tcp_nodelay true",
        "persistence true",
        f"autosave_interval {SAVE_EVERY_S}",
        f"listener {listener}",
        "# a session belongs to its user: nobody takes over the desk's by calling himself so",
        "use_username_as_clientid true",
    ]


def production_files(
    passwords: Mapping[str, str],
    *,
    certificate: Path,
    key: Path,
    port: int = 8883,
    folder: Path = Path("/etc/mosquitto/llar"),
    state_folder: Path = Path("/var/lib/mosquitto"),
) -> dict[str, str]:
    """The files of a mosquitto for real use: TLS only, one user per hub, each held to its branch.

    Args:
        passwords: user name (a hub's id, "desk" or "receiver") -> password, a long random secret.
        certificate, key: PEM files of the broker's own certificate (with its chain) and private key.
        port: where it listens, with TLS.
        folder: where the files will lie on the broker's machine.
        state_folder: where mosquitto keeps sessions and queues.

    Returns:
        File name -> content: `mosquitto.conf`, `access.acl`, `passwords` (hashed).

    Raises:
        ValueError: a user name is not a hub id, or a password is empty.
    """
    settings = [
        "# written by `llar-central broker-config`; goes in the place of /etc/mosquitto/mosquitto.conf (as a part of",
        "# Debian's own it is refused: both name a persistence_location); the user mosquitto must be able to read",
        "# the files that it names",
        f"persistence_location {state_folder}/",
        "log_dest stderr",
        "connection_messages true",
        *shared_settings(folder, str(port)),
        f"certfile {certificate}",
        f"keyfile {key}",
        "tls_version tlsv1.2",
    ]
    return {
        "mosquitto.conf": "\n".join(settings) + "\n",
        "access.acl": access_list(passwords),
        "passwords": password_file(passwords),
    }


def password_file(passwords: Mapping[str, str]) -> str:
    """Mosquitto's password file, hashed."""
    return "".join(password_line(user, password) + "\n" for user, password in passwords.items())
