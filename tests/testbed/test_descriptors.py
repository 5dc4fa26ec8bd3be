"""A process asks for room for its connections, and is told when there is less."""

from __future__ import annotations

import subprocess
import sys

import pytest

resource = pytest.importorskip("resource", reason="Windows has no such limit")
ASK = """
import resource, sys
from minisys.testbed.descriptors import room_for
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(room_for(wanted), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    "soft, hard, wanted, told",
    [
        (100, 900, 500, "500 564 900"),  # it asks for more
        (100, 300, 500, "236 300 300"),  # as much as it may have
        (800, 900, 500, "500 800 900"),  # it had enough, and keeps it
        (40, 40, 500, "1 40 40"),
    ],
)
def test_room_for_connections(soft, hard, wanted, told):
    line = [sys.executable, "-c", ASK, str(soft), str(hard), str(wanted)]
    assert subprocess.run(line, capture_output=True, text=True, check=True).stdout.split() == told.split()
