"""The state machine above the agreed log: keys and values, and what each client was last answered.

A client asks to add 10, hears nothing, and asks again. Both questions are in the log now. The second must not add
another 10, and it must get the same answer; so the answer to each client's newest command is part of the state.

Promised: the same commands in the same order give the same state and the same answers on every server; a command that
comes twice counts once (thesis, 6.3), also after a restart from a snapshot. Sessions are kept for ever: no expiry.
"""

from __future__ import annotations

from typing import Any


class Store:
    """Values by key. A command is a JSON dict: client, serial (from 1, rising), kind, key, value; see `answer`."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.answered: dict[str, tuple[int, Any]] = {}  # the newest serial of each client, and its answer

    def apply(self, command: dict[str, Any]) -> Any:
        """Carry out an agreed command and return its answer; a second time it only returns the answer."""
        client, serial = command["client"], command["serial"]
        newest, answer = self.answered.get(client, (0, None))
        if serial <= newest:
            return answer
        answer = self.answer(command)
        self.answered[client] = serial, answer
        return answer

    def answer(self, command: dict[str, Any]) -> Any:
        """Read, write, cas (value is [expected, new]), incr or delete. Raises ValueError for another kind."""
        kind: str = command["kind"]
        key: str = command["key"]
        value: Any = command.get("value")
        old: Any = self.values.get(key)
        match kind:
            case "read":
                return old
            case "write":
                self.values[key] = value
                return None
            case "cas":
                if old == value[0]:
                    self.values[key] = value[1]
                return old == value[0]
            case "incr":
                self.values[key] = (old or 0) + value
                return self.values[key]
            case "delete":
                return self.values.pop(key, None) is not None
        raise ValueError(f"kind must be read, write, cas, incr or delete, got {kind!r}")

    def data(self) -> dict[str, Any]:
        """Everything, as JSON values, for a snapshot."""
        return {"values": dict(self.values), "answered": {name: list(pair) for name, pair in self.answered.items()}}

    def restore(self, data: dict[str, Any] | None) -> None:
        """Become what `data` gave; None is the empty store."""
        data = data or {"values": {}, "answered": {}}
        self.values = dict(data["values"])
        self.answered = {name: (serial, answer) for name, (serial, answer) in data["answered"].items()}
