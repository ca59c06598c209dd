"""Ask a model again where that makes sense: when its provider was busy, or the network failed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelRateLimitError,
    ModelRequestTimeout,
    ModelServerError,
    ModelUnavailableError,
)

T = TypeVar("T")

PASSING = (
    ModelRateLimitError,
    ModelUnavailableError,
    ModelServerError,
    ModelConnectionError,
    ModelRequestTimeout,
)
"""Errors that may be gone after a while, as the provider's answer was understood."""

PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""HTTP statuses that mean the same, where it was not understood."""

LONGEST_WAIT_SECONDS = 600.0
"""A provider that asks for more patience than this is not waited for."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to ask, and how long to wait in between.

    Attributes:
        attempts: Requests in all.
        waits: Seconds before the second request, the third, ...; the last one also counts for
            all that follow.
    """

    attempts: int = 1
    waits: tuple[float, ...] = ()

    def wait_before(self, attempt: int) -> float:
        """Seconds to wait before the request number ``attempt``; the second is 2."""
        return self.waits[min(attempt - 2, len(self.waits) - 1)] if self.waits else 0.0


def may_pass(error: ModelAPIError) -> bool:
    """Whether the same request could succeed later."""
    if (error.retry_after or 0) > LONGEST_WAIT_SECONDS:
        return False
    if isinstance(error, PASSING):
        return not (isinstance(error, ModelHTTPError) and error.provider_retry_hint is False)
    # Categories that waiting does not help (authentication, quota, a bad request) have their own
    # classes; only what has none is judged by its number.
    return type(error) is ModelHTTPError and error.status_code in PASSING_STATUS


async def ask_patiently(
    ask: Callable[[], Awaitable[T]],
    patience: Patience,
    tell: Callable[[int, float, str], None],
) -> T:
    """The answer of ``ask``, which is called again after errors that may pass.

    Args:
        ask: Makes one request.
        patience: How often and how long.
        tell: Called before each wait with the number of the attempt to come, the seconds until
            then, and what went wrong.

    Raises:
        ModelAPIError: The last attempt's error, or the first one that will not pass.
    """
    attempt = 1
    while True:
        try:
            return await ask()
        except ModelAPIError as error:
            attempt += 1
            if attempt > patience.attempts or not may_pass(error):
                raise
            wait = max(patience.wait_before(attempt), error.retry_after or 0)
            tell(attempt, wait, str(error))
        await asyncio.sleep(wait)
