"""Takes memory and keeps it: ``python -m minisys.chaos.hog MEGABYTES OWNER``. It ends with SIGTERM, or with its owner.

OWNER is the process id of whoever started it. The guard of nodes kills what a dead process has left, but cannot know of
one whose owner died while it was being started; so it looks itself, five times a second, whether it is an orphan.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    """Take the memory, touch every page of it, say so, and stay for as long as the owner does."""
    owner = int(sys.argv[2])
    taken = bytearray(int(float(sys.argv[1]) * 1e6))
    for at in range(0, len(taken), 4096):
        taken[at] = 1
    print("READY 0", flush=True)
    while os.getppid() == owner:
        time.sleep(0.2)


if __name__ == "__main__":
    main()
