"""Answers to task 6 of lab 07: keys for three businesses, wrong ones and right ones written another way."""

from __future__ import annotations

import random
import zlib


def field(*names):
    """The key made of these fields."""
    return (lambda row: row[names[0]]) if len(names) == 1 else (lambda row: tuple(row[name] for name in names))


def right():
    return [field("customer"), field("tenant", "project"), eight_parts, all_eight]


def answers(number, answer, second=None):
    """The right answers, but number *number* is *answer* (and likes_of is *second*)."""
    found = right()
    found[number] = answer
    if second is not None:
        found[3] = second
    return found


def eight_parts(row):
    return row["video"], row["viewer"] % 8


def all_eight(video):
    return [(video, part) for part in range(8)]


def drawn_part(row):
    return f"{row['video']}:{random.randrange(8)}"


def text_parts(video):
    return {f"{video}:{part}" for part in range(8)}


def six_parts(row):
    return row["viewer"] % 6, row["video"]


def six_tuples(video):
    return [(part, video) for part in range(6)]


def two_parts(row):
    return f"{row['video']}:{row['second'] % 2}"


def two_texts(video):
    return [f"{video}:{part}" for part in range(2)]


def hundred_parts(row):
    return row["video"], row["viewer"] % 100


def all_hundred(video):
    return [(video, part) for part in range(100)]


def just_the_video(video):
    return [video]


def three_of_eight(video):
    return [(video, part) for part in range(3)]


def hashed_tenant_project(row):
    return zlib.crc32(f"{row['tenant']}/{row['project']}".encode())


def no_answer(row):
    return None
