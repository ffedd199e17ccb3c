"""Promises that the house makes about itself."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
ROOMS = ("devices", "gateway", "edge", "central", "simulators")
LINES_MAX = 400
FUNCTION_LINES_MAX = 60
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "base", "common", "core", "misc"}


def tracked(pattern: str = "") -> list[Path]:
    """Files that git knows, or would on the next add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=HOUSE, check=True, capture_output=True, text=True).stdout
    paths = [HOUSE / line for line in listing.splitlines() if line.endswith(pattern)]
    return [path for path in paths if path.is_file()]


def sources() -> list[Path]:
    return [p for p in tracked(".py") if p.relative_to(HOUSE).parts[0] in ROOMS and "migrations" not in p.parts]


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(HOUSE)))
def test_a_file_has_one_duty(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LINES_MAX, f"{path.name} is longer than {LINES_MAX} lines: split it by duty"
    assert path.stem not in FORBIDDEN_NAMES, f"{path.name} says nothing about what lives in it"
    tree = ast.parse(text)
    assert not text.strip() or ast.get_docstring(tree), f"{path.name} does not say what it is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines"


@pytest.mark.parametrize("room", [*ROOMS])
def test_each_room_has_a_page_that_says_what_it_is(room: str) -> None:
    page = (HOUSE / room / "README.md").read_text()
    assert page.count("\n") <= 80, "a room's page is at most a page"


def test_imports_run_downwards() -> None:
    done = subprocess.run([HOUSE / ".venv/bin/lint-imports"], cwd=HOUSE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_lock_pins_versions_and_names_no_address() -> None:
    lines = (HOUSE / "requirements/lock.txt").read_text().splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[\w.!+]+( ;.*)?", line), line


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted += extra
    names = {re.split(r"[\[<>=!~ ;]", line, maxsplit=1)[0].lower() for line in wanted} - {"llar"}
    pinned = {line.split("==")[0] for line in (HOUSE / "requirements/lock.txt").read_text().splitlines()}
    assert names <= pinned, f"not pinned: {sorted(names - pinned)}; run `make lock`"


def test_documents_link_to_files_that_exist() -> None:
    def broken(page: Path) -> list[str]:
        targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
        local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
        return [f"{page.relative_to(HOUSE)}: {target}" for target in local if not (page.parent / target).exists()]

    assert [line for page in tracked(".md") for line in broken(page)] == []


def test_commands_in_the_readme_exist() -> None:
    makefile = (HOUSE / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"`make ([a-z]+)", (HOUSE / page).read_text()):
            assert target in targets, f"{page} names `make {target}`"


def test_nothing_names_a_registry_or_somebodys_folder() -> None:
    pattern = re.compile(r"--(?:extra-)?index-url|files\.python" + r"hosted|/home/[a-z]+/|\"resolved\": *\"http")
    for path in tracked():
        if path.suffix in {".png", ".ico", ".woff2"} or path.name == Path(__file__).name:
            continue
        assert not pattern.search(path.read_text(errors="replace")), path
