"""The centre's configuration: strict, and everything wrong is said at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from central.config import CentralConfig, ConfigError, load, read_secret

HOUSE = Path(__file__).resolve().parents[2]


def write(folder: Path, text: str) -> Path:
    path = folder / "central.toml"
    path.write_text(text)
    return path


def test_a_data_folder_is_enough(tmp_path: Path) -> None:
    config = load(write(tmp_path, 'data_folder = "data"'))
    assert config.data_folder == tmp_path / "data"
    assert config.database.url == f"sqlite:///{tmp_path}/data/central.sqlite3"
    assert config.telemetry.store == "embedded"
    assert config.console.cookie_secure


def test_everything_wrong_is_listed_together(tmp_path: Path) -> None:
    text = """
colour = "blue"
[database]
url = "mysql://x"
[broker]
port = 70000
hots = "x"
[telemetry]
store = "paper"
[mail]
port = "25"
[detection]
inactivity_hours = -1
"""
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    first = ("'colour'", "data_folder", "database.url", "broker.port", "broker.hots", "telemetry.store")
    for part in (*first, "mail.port", "detection.inactivity_hours"):
        assert part in str(caught.value)
    assert len(str(caught.value).splitlines()) == 8


def test_channels_to_carers_are_said_in_full_or_not_at_all(tmp_path: Path) -> None:
    text = """
data_folder = "/var/x"
[push]
contact = "us"
[phone]
url = "ftp://phone.example.org"
country_code = "34"
[apprise]
schemes = ["file"]
"""
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    for part in ("push.contact", "phone.url must", "phone.url needs", "phone.country_code", "apprise.schemes"):
        assert part in str(caught.value)


def test_files_are_found_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "desk.password").write_text("s3cret\n")
    config = load(write(tmp_path, 'data_folder = "/var/x"\n[broker]\ndesk_password_file = "desk.password"'))
    assert config.data_folder == Path("/var/x")
    assert read_secret(config.broker.desk_password_file) == "s3cret"
    assert read_secret("") == ""


def test_a_missing_or_empty_secret_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("empty", "missing", "binary"):
        with pytest.raises(ConfigError, match="secret file"):
            read_secret(str(tmp_path / name))


@pytest.mark.parametrize("text", ["[", "mail = 3", "\ufffe"])
def test_what_is_not_a_configuration_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        load(write(tmp_path, text))
    with pytest.raises(ConfigError, match="Cannot read"):
        load(tmp_path / "missing.toml")


def test_the_example_can_be_read() -> None:
    assert load(HOUSE / "deploy" / "central.example.toml").data_folder == Path("/var/lib/llar")


def test_what_the_example_shows_holds_where_a_key_is_left_out(tmp_path: Path) -> None:
    shown = load(HOUSE / "deploy" / "central.example.toml")
    bare = load(write(tmp_path, 'data_folder = "/var/lib/llar"'))
    assert shown == bare


def test_the_example_names_everything_that_can_be_configured() -> None:
    given = tomllib.loads((HOUSE / "deploy" / "central.example.toml").read_text())
    assert list(_not_named(CentralConfig, given)) == []


def _not_named(section: type, given: dict[str, Any]) -> Iterator[str]:
    for field in msgspec.structs.fields(section):
        if field.name not in given:
            yield f"{section.__name__}.{field.name}"
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _not_named(field.type, given[field.name])
