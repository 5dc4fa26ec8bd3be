"""Answers to lab 04, task 6: reads and writes that leave a race, and right ones written another way."""

from __future__ import annotations

import asyncio


async def plain_read(cache, database, key):
    value = await cache.get(key)
    if value is None:
        value = await database.read(key)
        await cache.put(key, value)
    return value


async def plain_write(cache, database, key, value):
    await database.write(key, value)
    await cache.delete(key)


async def leased_read(cache, database, key):  # right
    value, ticket = await cache.lease(key)
    if value is None:
        value = await database.read(key)
        await cache.put(key, value, ticket=ticket)
    return value


async def late_lease_read(cache, database, key):
    value = await cache.get(key)
    if value is None:
        value = await database.read(key)
        _, ticket = await cache.lease(key)
        await cache.put(key, value, ticket)
    return value


async def never_puts(cache, database, key):
    return await cache.get(key) or await database.read(key)


async def forgets_to_return(cache, database, key):
    await leased_read(cache, database, key)


async def deletes_first(cache, database, key, value):
    await cache.delete(key)
    await database.write(key, value)


async def deletes_twice(cache, database, key, value):  # right with leases
    await cache.delete(key)
    await database.write(key, value)
    await cache.delete(key)


async def deletes_twice_with_a_pause(cache, database, key, value):
    await database.write(key, value)
    await cache.delete(key)
    await asyncio.sleep(1.0)
    await cache.delete(key)


async def puts_the_new(cache, database, key, value):
    await database.write(key, value)
    await cache.put(key, value)


async def deletes_and_puts(cache, database, key, value):
    await plain_write(cache, database, key, value)
    await cache.put(key, value)


async def forgets_the_copy(cache, database, key, value):
    await database.write(key, value)


async def writes_behind(cache, database, key, value):
    await cache.put(key, value)


_lock = asyncio.Lock()


async def locked_write(cache, database, key, value):
    async with _lock:
        await plain_write(cache, database, key, value)


async def checked_read(cache, database, key):  # right: tries again instead of giving up
    for _ in range(3):
        value, ticket = await cache.lease(key)
        if value is not None:
            return value
        value = await database.read(key)
        if await cache.put(key, value, ticket):
            return value
    return value
