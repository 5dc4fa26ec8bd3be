"""Room for many connections: how many files and sockets this process may have open at once.

A test with a thousand clients passes on the server and fails on a laptop, where a process may open 256 files (macOS) or
1024 (most Linux systems) unless it asks for more. Every process may ask, up to a hard limit that the system sets.
"""

from __future__ import annotations

SPARE = 64  # for logs, pipes, the listening socket and what libraries open


def room_for(connections: int) -> int:
    """Make room for so many connections beside what else is open; for how many there is room (perhaps fewer).

    The limit is never lowered. Where there is no such limit (Windows) the answer is *connections*.
    """
    try:
        import resource
    except ImportError:
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        except (ValueError, OSError):  # a limit of the kernel's that getrlimit does not tell (macOS)
            soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return connections if soft == resource.RLIM_INFINITY else min(connections, max(1, soft - SPARE))
