"""Chromium, as it is installed on this machine, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, expect, sync_playwright

REQUIRE: Final = "BANYAN_REQUIRE_CHROMIUM"
PROGRAMS: Final = ("chromium", "google-chrome", "chromium-browser")
PATIENCE_MS: Final = 60_000.0
AS_ROOT: Final = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
FLAGS: Final = ("--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb", *AS_ROOT)


def chromium() -> str | None:
    """Where it is, or None."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """Run it until the block is left."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS, timeout=PATIENCE_MS)
        yield browser
        browser.close()
