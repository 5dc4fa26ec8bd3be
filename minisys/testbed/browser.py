"""Where this machine's Chromium is: for the browser tests, and for reports as PDF.

Promised: a path or None. Not here: installing one, or driving it.
"""

from __future__ import annotations

import os
import shutil

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def chromium() -> str | None:
    """The path of a Chromium for the browser tests: $CHROMIUM, else one of the usual names; None if there is none."""
    named = os.environ.get("CHROMIUM")
    candidates = [named] if named else [*CHROMIUM, CHROMIUM_MAC]
    return next((path for name in candidates if (path := shutil.which(name))), None)
