"""What a message may be: its text, its attributes, the fingerprints that tell a client it arrived unharmed.

Amazon's clients for Java and JavaScript compute the MD5 of what they sent and of what they get, and raise an error
where the broker's differs (boto3 leaves it to you). So a broker that cuts, re-encodes or mixes them up is found out.

Promised: SQS's limits and its two MD5 sums. Source: Amazon SQS API reference, SendMessage; developer guide,
"Calculating the MD5 message digest for message attributes".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from minisys.queues.errors import Parameters, SqsError, invalid, items, missing, pairs, text

BATCH, MOST_BYTES = 10, 1_048_576
TRACE = "AWSTraceHeader"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TOKEN = re.compile(r"[!-~]{1,128}")  # letters, digits and punctuation
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,4})?", re.ASCII | re.IGNORECASE)
_ATTRIBUTE = re.compile(r"(?!(?:aws|amazon)\.)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*", re.IGNORECASE)
Attributes = Mapping[str, Mapping[str, Any]]


def md5(data: bytes) -> str:
    """The MD5 of *data* in hexadecimal: against accidents, not against forgers."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Attributes) -> str:
    """The MD5 over names, types and values in order of the names, each preceded by its length in four bytes."""
    out = bytearray()
    for name in sorted(attributes):
        kind = attributes[name]["DataType"]
        for part in (name.encode(), kind.encode()):
            out += struct.pack(">I", len(part)) + part
        value = value_of(attributes[name])
        out += (b"\x02" if kind.startswith("Binary") else b"\x01") + struct.pack(">I", len(value)) + value
    return md5(bytes(out))


def value_of(attribute: Mapping[str, Any]) -> bytes:
    """An attribute's value as bytes: JSON carries binary ones in Base64."""
    if attribute["DataType"].startswith("Binary"):
        return base64.b64decode(attribute["BinaryValue"], validate=True)
    return str(attribute["StringValue"]).encode()


def check_body(parameters: Parameters) -> str:
    """The text of the message. Raises SqsError if there is none, or if it holds what XML 1.0 cannot."""
    body = text(parameters, "MessageBody")
    found = _FORBIDDEN.search(body)
    if found:
        raise SqsError(
            "InvalidMessageContents",
            f"Invalid character #x{ord(found[0]):X} at position {found.start()}: allowed are #x9 | #xA | #xD | "
            "#x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )
    return body


def check_attributes(attributes: Mapping[str, Any]) -> int:
    """The bytes of all attributes. Raises SqsError for one that SQS would not take."""
    if len(attributes) > 10:
        raise _bad(f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [10].")
    return sum(_check_attribute(name, attribute) for name, attribute in attributes.items())


def _check_attribute(name: str, attribute: Any) -> int:
    about = f"The message attribute '{name}'"
    if not _ATTRIBUTE.fullmatch(name) or len(name) > 256:
        raise _bad(
            f"{about} has an invalid name: A-Z, a-z, 0-9, underscore, hyphen and single periods inside are allowed, "
            "256 characters, and it must not begin with AWS. or Amazon."
        )
    kind = attribute.get("DataType") if isinstance(attribute, Mapping) else None
    if not isinstance(kind, str) or not kind:
        raise _bad(f"{about} must contain non-empty message attribute type.")
    base = kind.split(".")[0]
    if base not in ("String", "Number", "Binary") or len(kind) > 256 or kind == f"{base}.":
        known = "the set of supported type prefixes is Binary, Number, and String"
        raise _bad(f"{about} has an invalid message attribute type, {known}.")
    value = attribute.get("BinaryValue" if base == "Binary" else "StringValue")
    if not isinstance(value, str) or not value:
        raise _bad(f"{about} must contain non-empty message attribute value for message attribute type '{kind}'.")
    if base != "Binary" and _FORBIDDEN.search(value):
        raise _bad(f"{about} contains a character that no message may contain.")
    try:
        size = len(value_of(attribute))
        if base == "Number":
            _check_number(value)
    except (ValueError, binascii.Error):
        raise _bad(f"Can't cast the value of message (user) attribute '{name}' to a {base.lower()}.") from None
    return len(name.encode()) + len(kind) + size


def _check_number(value: str) -> None:
    """Raise ValueError unless *value* is a number as SQS has it: 38 digits, 10^-128 to 10^126."""
    number = Decimal(value) if _NUMBER.fullmatch(value) else Decimal("nan")
    if not (number.is_zero() or (number.is_finite() and -128 <= number.adjusted() and abs(number) <= Decimal("1e126"))):
        raise ValueError(f"{value} is no number between 10^-128 and 10^126")
    if len("".join(map(str, number.as_tuple().digits)).strip("0")) > 38:
        raise ValueError(f"{value} has more than 38 digits")


def check_trace(parameters: Parameters) -> str | None:
    """The header of AWS X-Ray, the only system attribute that may be sent, or None. Raises SqsError for others."""
    given = pairs(parameters, "MessageSystemAttributes")
    header = given.get(TRACE)
    if set(given) - {TRACE} or (header is not None and not isinstance(header, Mapping)):
        raise _bad(f"Message system attributes: only {TRACE} is supported, got {', '.join(map(str, given))}.")
    if header is None:
        return None
    if header.get("DataType") != "String" or not isinstance(header.get("StringValue"), str):
        raise _bad(f"The message system attribute '{TRACE}' must be of type String.")
    return str(header["StringValue"])


def size_of(entry: Parameters) -> int:
    """The bytes of one entry of a batch, text and attributes, as far as they can be counted."""
    size = len(str(entry.get("MessageBody", "")).encode(errors="replace"))
    for name, attribute in pairs(entry, "MessageAttributes").items():
        parts = attribute.values() if isinstance(attribute, Mapping) else ()
        size += len(str(name)) + sum(len(str(part).encode(errors="replace")) for part in parts)
    return size


def check_size(size: int, most: int) -> None:
    """Raise SqsError if a message of *size* bytes is larger than the queue's *most*."""
    if size > most:
        raise _bad(f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes.")


def check_token(parameters: Parameters, name: str) -> str | None:
    """A group, deduplication or attempt id, or None. Raises SqsError unless it is 1 to 128 letters, digits, signs."""
    if parameters.get(name) is None:
        return None
    value = parameters[name]
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise invalid(
            value, name, f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
        )
    return value


def entries_of(parameters: Parameters, kind: str) -> Sequence[Parameters]:
    """The entries of a batch. Raises SqsError unless there are 1 to 10 with ids of their own."""
    entries = items(parameters, "Entries")
    if not entries:
        raise SqsError("EmptyBatchRequest", f"There should be at least one {kind}RequestEntry in the request.")
    if len(entries) > BATCH:
        said = f"Maximum number of entries per request are {BATCH}. You have sent {len(entries)}."
        raise SqsError("TooManyEntriesInBatchRequest", said)
    seen: set[str] = set()
    for entry in entries:
        if not isinstance(entry, Mapping) or entry.get("Id") is None:
            raise missing(f"{kind}RequestEntry.1.Id")
        if not isinstance(entry["Id"], str) or not _ID.fullmatch(entry["Id"]):
            said = "A batch entry id can only contain alphanumeric characters, hyphens and underscores, at most 80."
            raise SqsError("InvalidBatchEntryId", said)
        if entry["Id"] in seen:
            raise SqsError("BatchEntryIdsNotDistinct", f"Id {entry['Id']} repeated.")
        seen.add(entry["Id"])
    return entries


def chosen(attributes: Attributes, wanted: Sequence[str]) -> Attributes:
    """The attributes that the receiver asked for: by name, by "prefix.*", or "All" (".*") of them."""
    if "All" in wanted or ".*" in wanted:
        return attributes
    prefixes = tuple(name[:-1] for name in wanted if name.endswith(".*"))
    return {name: value for name, value in attributes.items() if name in wanted or name.startswith(prefixes or ("\0",))}


def _bad(said: str) -> SqsError:
    return SqsError("InvalidParameterValue", said)
