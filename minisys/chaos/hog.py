"""Takes memory and keeps it: ``python -m minisys.chaos.hog MEGABYTES``. It ends with SIGTERM, or with its owner."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Take the memory, touch every page of it, say so, and wait."""
    taken = bytearray(int(float(sys.argv[1]) * 1e6))
    for at in range(0, len(taken), 4096):
        taken[at] = 1
    print("READY 0", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
