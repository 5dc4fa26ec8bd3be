"""A small bank with every type of question, for the tests."""

from __future__ import annotations

from pathlib import Path

BANK = """\
chapter: "77"
title: A test
questions:
  - id: t-one
    type: one
    level: junior
    goal: choose
    prompt: Which is right?
    explanation: EXPLAINED-ONE
    hint: look
    options:
      - {text: Left, right: true, why: WHY-LEFT}
      - {text: Right, right: false, why: WHY-RIGHT}
      - {text: Middle, right: false, why: WHY-MIDDLE}
  - id: t-several
    type: several
    level: mid
    goal: choose some
    prompt: Which are right?
    explanation: EXPLAINED-SEVERAL
    options:
      - {text: Alpha, right: true, why: WHY-ALPHA}
      - {text: Beta, right: false, why: WHY-BETA}
      - {text: Gamma, right: true, why: WHY-GAMMA}
      - {text: Delta, right: false, why: WHY-DELTA}
  - id: t-number
    type: number
    level: senior
    goal: compute
    prompt: Service takes {service_ms} ms and {rate} requests come a second. How long does an answer take?
    explanation: EXPLAINED-NUMBER
    unit: millisecond
    tolerance: 0.02
    parameters: {rate: [50, 90], service_ms: [10]}
    calculation: mm1_response_ms
    slips:
      - {calculation: service_only_ms, why: SLIP-SERVICE}
  - id: t-ordering
    type: ordering
    level: staff
    goal: order
    prompt: In which order?
    explanation: EXPLAINED-ORDERING
    items: [First, Second, Third, Fourth]
    why: WHY-ORDER
  - id: t-open
    type: open
    level: staff
    goal: explain
    prompt: Why?
    explanation: EXPLAINED-OPEN
    rubric:
      - {point: POINT-QUEUE, explanation: because of queues}
      - {point: POINT-RETRY, explanation: because of retries}
      - {point: POINT-CHECK, explanation: because of checks}
    red_flags: [FLAG-MAGIC]
    models: {mid: MODEL-MID, senior: MODEL-SENIOR}
"""


def write(folder: Path, text: str = BANK, name: str = "77_test.yaml") -> Path:
    """A bank file in *folder*."""
    path = folder / name
    path.write_text(text)
    return path
