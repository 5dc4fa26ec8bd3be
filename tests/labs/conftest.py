"""A reader's progress file that lives as long as one test."""

from __future__ import annotations

import pytest

from minisys.grading.progress import Progress


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path / "progress.sqlite3")
