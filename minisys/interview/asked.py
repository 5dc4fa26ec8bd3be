"""What every question has, whatever its type: the fields that schema.py's types and those in their own files share.

Promised: unknown fields are mistakes, a question never changes after reading, texts are not empty.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from minisys.interview.families import Family, Level

Text = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """Unknown fields are mistakes, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Option(Strict):
    """One option: its text, whether it is right, and why (shown after the answer)."""

    text: Text
    right: bool
    why: Text


class Asked(Strict):
    """What every question has. *goal*: what the reader can do who gets it right; *explanation*: shown afterwards."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$")]
    level: Level
    family: Family
    goal: Text
    prompt: Text
    explanation: Text
    hint: str = ""
    source: str = ""
