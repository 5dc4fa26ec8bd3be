"""A small client for the broker's protocol, for programs that have no boto3: one connection, no second attempts.

boto3 tries again when a connection breaks, which is right in production and wrong in an experiment that asks what
happens when it breaks. This client says what it saw: an answer, a refusal (SqsError), or nothing (OSError).

Promised: the JSON protocol of Amazon SQS, unsigned. Not done: retries, signatures, other services.
"""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from minisys.queues.errors import SqsError


class Client:
    """Speaks to the broker at *url*; not for several threads at once. timeout_s: for how long to wait for an answer."""

    def __init__(self, url: str, timeout_s: float = 30.0) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout_s)

    def __call__(self, action: str, **parameters: Any) -> dict[str, Any]:
        """The answer to *action*. Raises SqsError if the broker refuses, OSError if it is not there or died."""
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{action}"}
        try:
            self._connection.request("POST", "/", json.dumps(parameters), headers)
            answer = self._connection.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        except (http.client.HTTPException, OSError) as problem:
            self.close()
            raise ConnectionError(f"no answer to {action}: {problem!r}") from None
        if answer.status != 200:
            raise SqsError(told.get("__type", "").rpartition("#")[2], told.get("message", ""), answer.status)
        return told

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connection.close()
