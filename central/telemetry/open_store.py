"""Opens the telemetry store that the configuration names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from central.config import TelemetryConfig, read_secret
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.store import TelemetryStore


def open_store(
    config: TelemetryConfig,
    data_folder: Path,
    *,
    read_only: bool = False,
    on_refused: Callable[[int, str], None] | None = None,
) -> TelemetryStore:
    """The store, for writing (the receiver) or only for reading (the desk).

    `on_refused` is told how many readings the store refused for good, and why (InfluxDB only).

    Raises:
        ConfigError: a secret cannot be read.
        StoreUnavailable: the embedded store's folder cannot be used.
    """
    if config.store == "embedded":
        return EmbeddedStore(data_folder / "telemetry", read_only=read_only, raw_days=config.retention_days)
    # its client and what that brings along cost both processes memory, and time at each start
    from central.telemetry.influx import InfluxStore

    return InfluxStore(
        config.url,
        config.database,
        username=config.username,
        password=read_secret(config.password_file),
        token=read_secret(config.token_file),
        write_api=config.write_api,
        org=config.org,
        on_refused=on_refused,
    )
