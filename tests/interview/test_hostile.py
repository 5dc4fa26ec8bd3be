"""Bank files that want to do harm: each is refused with its place, soon, without much memory, and nothing is run."""

from __future__ import annotations

import os
import time
import tracemalloc

import pytest

from minisys.interview import library
from minisys.interview.judge import draw
from minisys.interview.yaml_file import DEEPEST, MOST_BYTES, tree
from tests.interview.questions import BANK, write

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
NUMBER = "prompt: Service takes {service_ms} ms and {rate} requests come a second. How long does an answer take?"
FILES = {
    "a cycle": ("chapter: &c [*c]\n", "line 1: no anchors"),
    "an anchor bomb": (BOMB, "line 1: no anchors"),
    "an anchor deep inside": (BANK.replace("goal: order", "goal: &g order"), "line 45: no anchors"),
    "a merge key": ("base: &b {id: x}\nchapter: {<<: *b}\n", "line 1: no anchors"),
    "a million brackets": ("[" * 400_000, "line 1: nested more than"),
    "deep mappings": ("".join(f"{'  ' * n}a:\n" for n in range(40)), "nested more than"),
    "too large": ("# " + "x" * MOST_BYTES, "bytes; a file of questions has at most"),
    "python objects": ("!!python/object/apply:os.system ['touch hacked']\n", "line 1"),
    "a python name": (BANK.replace("goal: order", "goal: !!python/name:os.system"), "not plain YAML"),
    "a binary file": ("\x00\x01\x02\x03", "line 1: not YAML"),
    "not a mapping": ("- just\n- a list\n", "line 1: "),
    "a word": ("hello", "line 1: "),
    "a number as prompt": (BANK.replace("prompt: Why?", "prompt: 12"), "t-open: prompt: Input should be a"),
    "a list as id": (BANK.replace("id: t-open", "id: [a, b]"), "id: Input should be a valid string"),
    "questions are a word": ('chapter: "77"\ntitle: x\nquestions: none\n', "line 3: questions: "),
    "attributes of a number": (BANK.replace("{rate} req", "{rate.__class__} req"), "in braces stands a name"),
    "an item of a number": (BANK.replace("{rate} req", "{rate[0]} req"), "in braces stands a name"),
    "a wide format": (BANK.replace("{rate} req", "{rate:>999999999} req"), "in braces stands a name"),
    "a conversion": (BANK.replace("{rate} req", "{rate!r} req"), "in braces stands a name"),
    "a wide format in a step": (BANK.replace("{writes} ×", "{writes:>99999999} ×"), "in braces stands a name"),
    "endless combinations": (
        BANK.replace("{rate: [50, 90], service_ms: [10]}", f"{{rate: {[50] * 3000}, service_ms: {[10] * 3000}}}"),
        "at most 500 combinations",
    ),
    "infinite numbers": (BANK.replace("rate: [50, 90]", "rate: [.inf]"), "t-number: "),
    "huge numbers": (BANK.replace("rate: [50, 90]", "rate: [1.0e+300]"), "numbers up to 1e+15"),
    "code as a calculation": (BANK.replace("mm1_response_ms", "__import__('os').getcwd()"), "there is no"),
    "a unit with code": (BANK.replace("unit: millisecond", "unit: \"__import__('os')\""), "is no unit"),
    "another type's fields": (BANK.replace("type: ordering", "type: matching"), "t-ordering: "),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_with_its_place(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, told = FILES[name]
    path = write(tmp_path, text)
    begun = time.perf_counter()
    with pytest.raises(ValueError) as problem:
        library.load(path)
    said = str(problem.value)
    assert said.startswith("77_test.yaml") and told in said, said[:300]
    assert len(said) < 20_000 and time.perf_counter() - begun < 20
    assert os.listdir(tmp_path) == ["77_test.yaml"]


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path):
    path = tmp_path / "77_test.yaml"
    path.write_bytes(b'chapter: "77"\ntitle: caf\xe9\n')
    with pytest.raises(ValueError, match="77_test.yaml, line 2: not UTF-8"):
        library.load(path)


@pytest.mark.parametrize("name", ["an anchor bomb", "a million brackets"])
def test_a_bomb_takes_little_memory(tmp_path, name):
    path = write(tmp_path, FILES[name][0])
    tracemalloc.start()
    with pytest.raises(ValueError):
        tree(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6


def test_markup_stays_text(tmp_path):
    evil = "<script>alert(1)</script>"
    bank = library.load(write(tmp_path, BANK.replace("Which is right?", evil).replace("text: Left", f"text: {evil}")))
    shown = draw(bank.questions[0], 0).public()
    assert shown["prompt"] == evil and evil in shown["options"]  # the page writes it as text: test_page.py, page.js


def test_the_bank_itself_is_far_from_the_limits():
    sizes = [path.stat().st_size for path in library.BANK.glob("*.yaml")]
    assert max(sizes) < MOST_BYTES / 2 and DEEPEST >= 8
