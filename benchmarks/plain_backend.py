"""A backend that answers everything at once: 200 and two bytes, so that the proxy in front is what gets measured.

It counts blank lines and parses nothing; it is no web server. Prints READY and its port.
"""

from __future__ import annotations

import asyncio

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"


class Plain(asyncio.Protocol):
    """One connection: an answer for every blank line."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.rest = transport, b""

    def data_received(self, data: bytes) -> None:
        seen = self.rest + data
        self.rest = seen[-3:] if not seen.endswith(b"\r\n\r\n") else b""
        if answers := seen.count(b"\r\n\r\n"):
            self.transport.write(ANSWER * answers)


async def main() -> None:
    """Listen on a free port of 127.0.0.1 until killed."""
    server = await asyncio.get_running_loop().create_server(Plain, "127.0.0.1", 0)
    print(f"READY {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
