"""What stands in nobody's way: what axe finds on a page, in every colour, and what is cut off sideways."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page, expect

THEMES: Final = ("light", "dark", "contrast")
_BY_COLOUR: Final = ("color-contrast", "link-in-text-block")
"""The rules of axe that look at colours. The themes differ in nothing else, so the others hold in all or in none."""
_VIOLATIONS: Final = "async (options) => ({ violations: (await axe.run(options)).violations })"


def look(page: Page, themes: Sequence[str] = ("light", "dark")) -> None:
    """Axe finds nothing on the page: by all its rules in the first of the themes, by those of colour in the others.

    Its scripts have run: nothing on it is left inert.
    """
    expect(page.locator("[inert]")).to_have_count(0)
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    for theme in themes:
        _wear(page, theme)
        only = {} if theme == themes[0] else {"runOnly": {"type": "rule", "values": _BY_COLOUR}}
        results = AxeResults(page.evaluate(_VIOLATIONS, {"resultTypes": ["violations"], **only}))
        assert results.violations_count == 0, f"{page.url} {theme}: {results.generate_report()}"
    _wear(page, "light")


def _wear(page: Page, theme: str) -> None:
    page.emulate_media(reduced_motion="reduce", color_scheme="dark" if theme == "dark" else "light")
    high = "document.documentElement.dataset.theme = 'contrast'"
    page.evaluate(high if theme == "contrast" else "delete document.documentElement.dataset.theme")


def fits(page: Page, widths: Iterable[int] = (320, 390, 720), height: int = 800) -> None:
    """Nothing is cut off sideways at any of the widths; afterwards the page is as wide as before."""
    before = page.viewport_size
    for width in widths:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (page.url, width)
    assert before is not None
    page.set_viewport_size(before)
