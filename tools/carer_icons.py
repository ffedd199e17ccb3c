"""Draws the icons of the carers' app from its SVG, by Chromium: `python tools/carer_icons.py`."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parents[1] / "central/carers/static"
SIZES = (180, 192, 512)
BADGE = 96
"""A badge is white on nothing: the system colours it."""


def main() -> None:
    """Writes the pictures beside the SVG."""
    drawing = (FOLDER / "icon.svg").read_text(encoding="utf-8")
    badge = drawing.replace('fill="#0b5a6b"', 'fill="none"')
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell") or shutil.which("chromium"), args=["--no-sandbox"]
        )
        for size, name, svg in [*((size, f"icon-{size}", drawing) for size in SIZES), (BADGE, "badge", badge)]:
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(f"<style>body{{margin:0}}svg{{display:block;width:{size}px;height:{size}px}}</style>{svg}")
            page.screenshot(path=FOLDER / f"{name}.png", omit_background=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
