"""Pictures of pages for the documentation: PNG with at most 256 colours, a quarter of what a browser writes."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import Final

import numpy as np
from playwright.sync_api import Browser, Page

FOLDER: Final = Path(__file__).parents[2] / "docs" / "screenshots"
_PLAIN: Final = 176
"""Colours kept as they are: surfaces, lines and letters; the others stand for the shades between."""
_PIXELS = """async (encoded) => {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const data = canvas.getImageData(0, 0, image.width, image.height).data;
  let text = "";
  for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
  return [image.width, image.height, btoa(text)];
}"""


def picture(page: Page, name: str, *, full_page: bool = False) -> None:
    """Keeps what a page shows as `docs/screenshots/<name>.png`."""
    page.mouse.move(0, 0)
    shot = page.screenshot(full_page=full_page, animations="disabled")
    browser = page.context.browser
    assert browser is not None
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.png").write_bytes(_smaller(browser, shot))


def _smaller(browser: Browser, shot: bytes) -> bytes:
    blank = browser.new_page()
    width, height, encoded = blank.evaluate(_PIXELS, base64.b64encode(shot).decode())
    blank.close()
    pixels = np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(height, width, 4)[:, :, :3].astype(np.int32)
    found, where, counts = np.unique(
        pixels[:, :, 0] << 16 | pixels[:, :, 1] << 8 | pixels[:, :, 2], return_inverse=True, return_counts=True
    )
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    palette = _palette(colours, counts)
    nearest = np.concatenate(
        [
            ((part[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
            for part in np.array_split(colours, len(colours) // 4096 + 1)
        ]
    )
    rows = nearest[where.reshape(height, width)].astype(np.uint8)
    lines = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", palette.astype(np.uint8).tobytes()), (b"IDAT", zlib.compress(lines, 9)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in (*parts, (b"IEND", b"")))


def _palette(colours: np.ndarray, counts: np.ndarray) -> np.ndarray:
    often = np.argsort(-counts)
    plain, rest = often[:_PLAIN], often[_PLAIN:]
    if len(colours) <= 256:
        return colours
    cells = colours[rest] >> 5
    cell = cells[:, 0] << 6 | cells[:, 1] << 3 | cells[:, 2]
    weight = np.bincount(cell, counts[rest], 512)
    means = np.stack(
        [np.bincount(cell, colours[rest, part] * counts[rest], 512) / np.maximum(weight, 1) for part in range(3)], 1
    )
    shades = np.argsort(-weight)[: 256 - _PLAIN]
    return np.concatenate([colours[plain], means[shades].round().astype(np.int32)])


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
