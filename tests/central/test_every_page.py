"""No page is forgotten when what stands in anybody's way is looked for."""

from __future__ import annotations

import re
from pathlib import Path

from tests.browser import every_page
from tests.central.app_routes import routes_of
from tests.central.console_setting import open_setting

BROWSER = Path(every_page.__file__).parent


def test_a_browser_looks_at_every_page_with_axe(tmp_path: Path) -> None:
    with open_setting(tmp_path, with_store=False) as setting:
        served = [route for route in routes_of(setting.app()) if "GET" in route.methods and not route.include_in_schema]
    walked = [*every_page.SUPERVISOR, *every_page.COORDINATOR, *every_page.CARER, *every_page.STRANGER]
    paths = {path.partition("?")[0] for path in walked}
    forgotten = {
        route.path
        for route in served
        if route.path not in {*every_page.ELSEWHERE, *every_page.NO_PAGES}
        and not any(route.path_regex.match(path) for path in paths)
    }
    assert forgotten == set()
    assert {*every_page.ELSEWHERE, *every_page.NO_PAGES} <= {route.path for route in served}, "gone since"


def test_a_page_that_another_test_looks_at_is_looked_at_there() -> None:
    for page, where in every_page.ELSEWHERE.items():
        file, _, name = where.partition(".")
        code = (BROWSER / f"{file}.py").read_text()
        found = re.search(rf"^def {name}\(.*?(?=^\S|\Z)", code, re.MULTILINE | re.DOTALL)
        assert found, where
        assert "look(" in found[0], (page, where)
