"""A wrong file is told of in plain words, all of it at once; a right one is read as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.frames import Link
from edge.__main__ import main
from edge.config import load_config
from edge.enrolment import load_enrolment, unheard
from edge.toml_tables import BadFileError

GOOD = """
enrolment = "enrolment.toml"
[hub]
id = "h-17"
language = "ca"
[broker]
host = "broker.example"
password_file = "password"
[storage]
folder = "store"
[ble]
adapter = "hci0"
[[serial]]
port = "/dev/ttyACM0"
[screen]
port = 0
"""

PENDANT = 'id = "pendant"\nmodel = "serial_pendant"\nlink = "serial"\naddress = "00A1B2C3"\n'
BUTTON = (
    'id = "button"\nmodel = "bthome_pendant"\nlink = "ble_advert"\naddress = "a4:c1:38:00:00:02"\n'
    'key = "231d39c1d7cc1ab1aee224cd096db932"\nroom = "bathroom"\nplace_code = 3\n'
)


def write(folder: Path, text: str, name: str = "edge.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def faults_of(path: Path) -> str:
    with pytest.raises(BadFileError) as caught:
        load_config(path)
    return "\n".join(caught.value.faults)


def test_a_good_file_is_read_and_paths_count_from_its_folder(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD))
    assert config.hub.id == "h-17"
    assert config.broker.password_file == str(tmp_path / "password")
    assert config.storage.folder == str(tmp_path / "store")
    assert config.enrolment == tmp_path / "enrolment.toml"
    assert config.broker.tls, "nobody gets an open line by forgetting a word"
    assert config.ble is not None
    assert not config.ble.is_transport
    assert [port.baud for port in config.serial] == [115_200]


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    text = GOOD.replace('id = "h-17"', 'id = "H 17"').replace('language = "ca"', 'language = "de"\nlangage = "ca"')
    text = text.replace('folder = "store"', "").replace("port = 0", 'port = "x"') + "[wifi]\n"
    faults = faults_of(write(tmp_path, text))
    for expected in ("'wifi'", "'langage'", "'language'", "'folder' is missing", "[screen]: 'port'"):
        assert expected in faults


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "[hub] is missing"),
        ("[hub", "not valid TOML"),
        (GOOD.replace('id = "h-17"', 'id = "h/17"'), "lower-case"),
        (GOOD + '[[serial]]\nport = "/dev/ttyACM0"\n', "twice"),
        (GOOD.replace("[[serial]]", "[serial]"), "list of tables"),
        (GOOD.replace("[ble]\n", "[ble]\nadaptor = 'x'\n"), "unknown key 'adaptor'"),
    ],
)
def test_each_fault_has_its_sentence(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in faults_of(write(tmp_path, text))


def test_devices_are_found_by_link_and_address(tmp_path: Path) -> None:
    devices = load_enrolment(write(tmp_path, f"[[device]]\n{PENDANT}[[device]]\n{BUTTON}"))
    assert devices[Link.SERIAL, "00a1b2c3"].id == "pendant"
    button = devices[Link.BLE_ADVERT, "A4:C1:38:00:00:02"]
    assert (button.room, button.place_code, len(button.key or b"")) == ("bathroom", "3", 16)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PENDANT + f"[[device]]\n{PENDANT}", "the id 'pendant' stands there twice"),
        (PENDANT + "[[device]]\n" + PENDANT.replace('"pendant"', '"other"'), "address 00a1b2c3 stands there twice"),
        (PENDANT.replace("serial_pendant", "serial_pendent"), "'serial_pendent' is not known"),
        (PENDANT.replace('link = "serial"', 'link = "ble_advert"'), "heard by serial"),
        (PENDANT.replace("00A1B2C3", "123"), "eight"),
        (PENDANT.replace('id = "pendant"', 'id = "Pendant 1"'), "small letters"),
        (BUTTON.replace("231d", "zz"), "32 hex digits"),
        (BUTTON.replace("key", "# key"), "give its key"),
        (PENDANT + 'colour = "red"\n', "unknown key 'colour'"),
        (PENDANT.replace("model", "# model"), "'model' is missing"),
    ],
)
def test_a_wrong_enrolment_says_which_device_and_why(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(BadFileError) as caught:
        load_enrolment(write(tmp_path, f"[[device]]\n{text}"))
    assert expected in str(caught.value)


def test_a_key_never_stands_in_a_message(tmp_path: Path) -> None:
    secret = "231d39c1d7cc1ab1aee224cd096db9"
    with pytest.raises(BadFileError) as caught:
        load_enrolment(write(tmp_path, f"[[device]]\n{BUTTON.replace('231d39c1d7cc1ab1aee224cd096db932', secret)}"))
    assert secret not in str(caught.value)


def test_the_command_ends_with_one_clear_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", str(tmp_path / "missing.toml")]) == 2
    assert "there is no such file" in capsys.readouterr().err
    path = write(tmp_path, GOOD)
    write(tmp_path, f"[[device]]\n{PENDANT}", "enrolment.toml")
    assert main(["run", "--config", str(path)]) == 2
    assert "password" in capsys.readouterr().err
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    assert main(["run", "--config", str(path)]) == 2
    assert "UTF-8" in capsys.readouterr().err


def test_check_says_what_is_configured_and_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = GOOD.replace("broker.example", "127.0.0.1").replace("password_file", "port = 1\npassword_file")
    path = write(tmp_path, text.replace('"ca"', '"en"'))
    write(tmp_path, f"[[device]]\n{PENDANT}", "enrolment.toml")
    write(tmp_path, "secret-word", "password")
    assert main(["check", "--config", str(path)]) == 1
    said = capsys.readouterr().out
    assert "pendant (no room given, serial_pendant): never heard yet" in said
    assert "the agent does not run" in said
    assert "PROBLEM  the broker at 127.0.0.1:1" in said
    assert "secret-word" not in said


def test_a_device_that_nothing_listens_for_is_told_of(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD.replace('[[serial]]\nport = "/dev/ttyACM0"\n', "")))
    devices = load_enrolment(write(tmp_path, f"[[device]]\n{PENDANT}[[device]]\n{BUTTON}", "enrolment.toml"))
    assert unheard(config, devices) == ["pendant can never be heard: add [[serial]]"]


@pytest.mark.parametrize("name", ["edge", "enrolment"])
def test_the_example_files_are_valid(name: str) -> None:
    path = Path(__file__).parents[2] / "deploy" / f"{name}.example.toml"
    assert load_config(path) if name == "edge" else load_enrolment(path)


def test_a_device_that_reports_to_the_centre_itself_is_not_enrolled_at_a_hub(tmp_path: Path) -> None:
    row = '[[device]]\nid = "gps"\nmodel = "locator"\nlink = "mqtt"\naddress = "loc-7"\n'
    with pytest.raises(BadFileError, match="reports to the centre itself"):
        load_enrolment(write(tmp_path, row, "enrolment.toml"))
