"""A small bank with every type of question and every family, for the tests."""

from __future__ import annotations

from pathlib import Path

from minisys.interview import library

BANK = """\
chapter: "77"
title: A test
questions:
  - id: t-one
    type: one
    level: junior
    family: scale
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
    family: consistency
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
    family: balancing
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
    family: data
    goal: order
    prompt: In which order?
    explanation: EXPLAINED-ORDERING
    items: [First, Second, Third, Fourth]
    why: WHY-ORDER
  - id: t-open
    type: open
    level: staff
    family: resilience
    goal: explain
    prompt: Why?
    explanation: EXPLAINED-OPEN
    rubric:
      - {point: POINT-QUEUE, explanation: because of queues}
      - {point: POINT-RETRY, explanation: because of retries}
      - {point: POINT-CHECK, explanation: because of checks}
    red_flags: [FLAG-MAGIC]
    models: {junior: MODEL-JUNIOR, mid: MODEL-MID, senior: MODEL-SENIOR, staff: MODEL-STAFF}
  - id: t-drill
    type: number
    level: mid
    family: scale
    goal: estimate
    prompt: "{writes} writes a second, {lag_ms} ms behind. How many are lost?"
    explanation: EXPLAINED-DRILL
    unit: write
    parameters: {writes: [400], lag_ms: [300]}
    calculation: lost_writes
    steps:
      - {name: lag_s, what: STEP-LAG, how: "{lag_ms} ms ÷ 1,000", unit: second}
      - {name: lost, what: STEP-LOST, how: "{writes} × {lag_s} s", unit: write}
    slips:
      - {step: lag_s, why: SLIP-LAG}
"""


def items(chapter) -> tuple[library.Item, ...]:
    """Its questions with its number."""
    return tuple(library.Item(chapter.chapter, question) for question in chapter.questions)


def write(folder: Path, text: str = BANK, name: str = "77_test.yaml") -> Path:
    """A bank file in *folder*."""
    path = folder / name
    path.write_text(text)
    return path
