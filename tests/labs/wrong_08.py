"""Answers to lab 08: wrong ones that a learner may well write, each with what its report must say, and right ones
written another way, which must pass."""

from __future__ import annotations

BOOK = "UPDATE account SET cents = cents + ? WHERE name = ?"
REASON = "The line drains only by what is spare beyond the new orders."

# Tasks 1, 2 and 5 ----------------------------------------------------------------------------------------------------


def sized(measured=13, because=REASON, predicted=20):
    return lambda: {"predicted": predicted, "measured": measured, "because": because}


def moments(again=60, shortened=25, extended=70, dead=90, deaths=3, late=2):
    numbers = {"again": again, "shortened": shortened, "extended": extended}
    return lambda: numbers | {"dead": dead, "deaths": deaths, "late": late}


def line(pressure="reject", own=1.0, share=1.0, kind=int):
    return lambda consumers, work_s, deadline_s: (
        kind(share * consumers * (deadline_s / work_s - own) + 1e-9),
        pressure,
    )


# Task 3 --------------------------------------------------------------------------------------------------------------


def after(most=8, base=1.0, cap=60.0, passing=(ConnectionError, TimeoutError), first=1, low=0.0):
    def decide(receives, error, rng):
        if receives >= most or not isinstance(error, passing):
            return None
        bound = min(cap, base * 2.0 ** (receives - first))
        return rng.uniform(low * bound, bound)

    return decide


def without_jitter(receives, error, rng):
    return None if receives >= 8 or not isinstance(error, OSError) else min(60.0, 2.0 ** (receives - 1))


def always_a_minute(receives, error, rng):
    return None if receives >= 8 or not isinstance(error, OSError) else rng.uniform(0, 60)


def own_luck(receives, error, rng):
    import random

    return after()(receives, error, random)


def says_retry(receives, error, rng):
    return "retry"


def with_random(receives, error, rng):  # right
    permanent = not isinstance(error, OSError)  # both errors are OSErrors
    return None if permanent or receives > 7 else rng.random() * (1, 2, 4, 8, 16, 32, 60)[receives - 1]


# Task 4 --------------------------------------------------------------------------------------------------------------


def first_come(waiting, busy, free):
    return waiting[:free]


def not_busy(waiting, busy, free):
    return [message for message in waiting if message[1] not in busy][:free]


def stops_at_busy(waiting, busy, free):
    out = []
    for number, group in waiting:
        if group in busy | {each for _, each in out} or len(out) == free:
            break
        out.append((number, group))
    return out


def all_groups(waiting, busy, free):
    first = {}
    for number, group in waiting:
        first.setdefault(group, number)
    return [(number, group) for group, number in first.items() if group not in busy]


def newest(waiting, busy, free):
    latest = {group: number for number, group in waiting if group not in busy}
    return [(number, group) for group, number in latest.items()][:free]


def changes_busy(waiting, busy, free):
    out = []
    for number, group in waiting:
        if group not in busy and len(out) < free:
            busy.add(group)
            out.append((number, group))
    return out


def one_each(waiting, busy, free):  # right
    first = {}
    for number, group in waiting:
        first.setdefault(group, number)
    return [(number, group) for group, number in first.items() if group not in busy][: max(0, free)]


# Task 6 --------------------------------------------------------------------------------------------------------------


def no_commit(db, message, delete):
    if db.execute("INSERT OR IGNORE INTO done VALUES (?)", (message["number"],)).rowcount:
        db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))
    delete()


def no_memory(db, message, delete):
    with db:
        db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))
    delete()


def by_message_id(db, message, delete):
    with db:
        if db.execute("INSERT OR IGNORE INTO done VALUES (?)", (message["id"],)).rowcount:
            db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))
    delete()


def by_content(db, message, delete):
    with db:
        if db.execute("INSERT OR IGNORE INTO done VALUES (?)", (f"{message['cents']}",)).rowcount:
            db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))
    delete()


def deletes_only_new(db, message, delete):
    with db:
        new = db.execute("INSERT OR IGNORE INTO done VALUES (?)", (message["number"],)).rowcount
        if new:
            db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))
    if new:
        delete()


def deletes_first(db, message, delete):
    delete()
    with db:
        if db.execute("INSERT OR IGNORE INTO done VALUES (?)", (message["number"],)).rowcount:
            db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))


def deletes_before_commit(db, message, delete):
    with db:
        if db.execute("INSERT OR IGNORE INTO done VALUES (?)", (message["number"],)).rowcount:
            db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))
        delete()


def notes_first(db, message, delete):
    with db:
        new = db.execute("INSERT OR IGNORE INTO done VALUES (?)", (message["number"],)).rowcount
    if new:
        with db:
            db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))
    delete()


def books_first(db, message, delete):
    if not db.execute("SELECT 1 FROM done WHERE number = ?", (message["number"],)).fetchone():
        with db:
            db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))
        with db:
            db.execute("INSERT INTO done VALUES (?)", (message["number"],))
    delete()


def asks_then_ignores(db, message, delete):
    if not db.execute("SELECT 1 FROM done WHERE number = ?", (message["number"],)).fetchone():
        with db:
            db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))
            db.execute("INSERT OR IGNORE INTO done VALUES (?)", (message["number"],))
    delete()


def lets_the_key_refuse(db, message, delete):  # right
    import sqlite3

    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute(BOOK, (message["cents"], message["account"]))
        db.execute("INSERT INTO done VALUES (?)", (message["number"],))
        db.commit()
    except sqlite3.IntegrityError:
        db.rollback()
    delete()


# Task 7 --------------------------------------------------------------------------------------------------------------


def place(db, number, cents):
    with db:
        db.execute("INSERT INTO orders VALUES (?, ?)", (number, cents))
        db.execute("INSERT INTO outbox (number) VALUES (?)", (number,))


def message_first(db, number, cents):  # right: one transaction
    with db:
        db.execute("INSERT INTO outbox (number) VALUES (?)", (number,))
        db.execute("INSERT INTO orders VALUES (?, ?)", (number, cents))


def two_transactions(db, number, cents):
    with db:
        db.execute("INSERT INTO orders VALUES (?, ?)", (number, cents))
    with db:
        db.execute("INSERT INTO outbox (number) VALUES (?)", (number,))


def message_commits_first(db, number, cents):
    with db:
        db.execute("INSERT INTO outbox (number) VALUES (?)", (number,))
    with db:
        db.execute("INSERT INTO orders VALUES (?, ?)", (number, cents))


def place_without_commit(db, number, cents):
    db.execute("INSERT INTO orders VALUES (?, ?)", (number, cents))
    db.execute("INSERT INTO outbox (number) VALUES (?)", (number,))


def ignores_refusals(db, number, cents):
    with db:
        db.execute("INSERT OR IGNORE INTO orders VALUES (?, ?)", (number, cents))
        db.execute("INSERT INTO outbox (number) VALUES (?)", (number,))


def relay(db, send):  # right: one commit at the end of all that could be sent
    last = 0
    try:
        for seq, number in db.execute("SELECT seq, number FROM outbox ORDER BY seq").fetchall():
            send(number)
            last = seq
    finally:
        with db:
            db.execute("DELETE FROM outbox WHERE seq <= ?", (last,))


def deletes_then_sends(db, send):
    for seq, number in db.execute("SELECT seq, number FROM outbox ORDER BY seq").fetchall():
        with db:
            db.execute("DELETE FROM outbox WHERE seq = ?", (seq,))
        send(number)


def never_empties(db, send):
    for (number,) in db.execute("SELECT number FROM outbox ORDER BY seq").fetchall():
        send(number)


def newest_first(db, send):
    for seq, number in db.execute("SELECT seq, number FROM outbox ORDER BY seq DESC").fetchall():
        send(number)
        with db:
            db.execute("DELETE FROM outbox WHERE seq = ?", (seq,))


def goes_on_after_a_failure(db, send):
    for seq, number in db.execute("SELECT seq, number FROM outbox ORDER BY seq").fetchall():
        try:
            send(number)
        except ConnectionError:
            continue
        with db:
            db.execute("DELETE FROM outbox WHERE seq = ?", (seq,))


def empties_whatever_happens(db, send):
    try:
        for (number,) in db.execute("SELECT number FROM outbox ORDER BY seq").fetchall():
            send(number)
    finally:
        with db:
            db.execute("DELETE FROM outbox")


def sends_the_row(db, send):
    for row in db.execute("SELECT seq, number FROM outbox ORDER BY seq").fetchall():
        send(row)
