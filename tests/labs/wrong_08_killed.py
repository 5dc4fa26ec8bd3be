"""Answers to lab 08, tasks 6 and 7, which run in processes that are killed: wrong ones that a learner may well write,
and right ones written another way, which must pass."""

from __future__ import annotations

BOOK = "UPDATE account SET cents = cents + ? WHERE name = ?"

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


def overwrites(db, message, delete):
    (cents,) = db.execute("SELECT cents FROM account WHERE name = ?", (message["account"],)).fetchone()
    with db:
        if db.execute("INSERT OR IGNORE INTO done VALUES (?)", (message["number"],)).rowcount:
            change = cents + message["cents"], message["account"]
            db.execute("UPDATE account SET cents = ? WHERE name = ?", change)
    delete()


def swallows_the_lock(db, message, delete):
    import sqlite3
    from contextlib import suppress

    with suppress(sqlite3.OperationalError), db:
        if db.execute("INSERT OR IGNORE INTO done VALUES (?)", (message["number"],)).rowcount:
            db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))
    delete()


def knows_no_twice(db, message, delete):
    with db:
        db.execute("INSERT INTO done VALUES (?)", (message["number"],))
        db.execute("UPDATE account SET cents = cents + ? WHERE name = ?", (message["cents"], message["account"]))
    delete()


def imports_elsewhere(db, message, delete):
    db.row_factory = sqlite3.Row  # noqa: F821 (that is the mistake)


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


def leaves_the_refused_open(db, number, cents):
    db.execute("INSERT INTO outbox (number) VALUES (?)", (number,))
    db.execute("INSERT INTO orders VALUES (?, ?)", (number, cents))
    db.commit()


def leaves_the_transaction_open(db, number, cents):
    db.execute("BEGIN")
    db.execute("INSERT INTO orders VALUES (?, ?)", (number, cents))
    db.execute("INSERT INTO outbox (number) VALUES (?)", (number,))
    db.commit()


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


def by_number(db, send):
    for (number,) in db.execute("SELECT number FROM outbox ORDER BY number").fetchall():
        send(number)
        with db:
            db.execute("DELETE FROM outbox WHERE number = ?", (number,))


def empties_what_is_there(db, send):
    for (number,) in db.execute("SELECT number FROM outbox ORDER BY seq"):
        send(number)
    with db:
        db.execute("DELETE FROM outbox")


def sends_only_the_last(db, send):
    for (number,) in db.execute("SELECT number FROM outbox ORDER BY seq DESC LIMIT 0").fetchall():
        send(number)


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
