"""The machine's own Chromium, for the tests that look at pages, and where their pictures go."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIETLY = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def launch(playwright: Playwright, options: dict[str, Any]) -> Browser:
    """A browser; without one on the machine the test is skipped."""
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt install chromium")
    return playwright.chromium.launch(executable_path=path, args=QUIETLY, **options)


def shoot(page: Page, name: str) -> None:
    """Leave a picture where whoever runs the tests wants them; tests/conftest.py has read `PARLO_SCREENSHOTS`."""
    target = os.environ.get("SCREENSHOTS")
    if target:
        page.screenshot(path=Path(target) / f"{name}.png")
