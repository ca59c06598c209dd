"""The threads in which a process does its short transactions."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 2
"""More of them get into each other's way: they wait for one lock, and each has its own caches.
Twenty runs at once take a third less of a processor's time with two than with as many as want."""

_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="transactions")


async def transact(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what does a short transaction and nothing else that could take long."""
    return await asyncio.wrap_future(_pool.submit(call, *args, **kwargs))
