"""What a model costs: by the settings, else by the prices that the field keeps (genai-prices)."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Protocol

from lamplighter.allowance import MICRO
from lamplighter.config import Price, Settings
from lamplighter.models.resolve import LOCAL, RENAMED, SCRIPTED
from lamplighter.workspace import model_providers

if TYPE_CHECKING:
    from pydantic_ai.usage import RequestUsage


class Tariff(Protocol):
    """What one model costs."""

    def cost_of(self, usage: "RequestUsage") -> int | None:
        """Of one request, in micro-dollars, rounded up; ``None``: nobody knows."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """So much for each token."""

    price: Price

    def cost_of(self, usage: "RequestUsage") -> int | None:
        """By the tokens alone, cached or not."""
        price = self.price  # dollars per million tokens are micro-dollars per token
        return _rounded(usage.input_tokens * price.input + usage.output_tokens * price.output)


FREE = Fixed(Price(input=Decimal(0), output=Decimal(0)))
"""Of models that run on this machine."""


@dataclass(frozen=True, slots=True)
class Listed:
    """As genai-prices has it.

    Attributes:
        provider: What it calls the provider.
        model: The model's own name.
    """

    provider: str
    model: str

    def cost_of(self, usage: "RequestUsage") -> int | None:
        """With the provider's discounts for what it has cached."""
        from genai_prices import calc_price

        try:
            price = calc_price(usage, self.model, provider_id=self.provider)
        except (LookupError, ValueError):  # not known; or a usage that makes no sense
            return None
        return _rounded(price.total_price * MICRO)


class Unknown:
    """Nobody knows."""

    def cost_of(self, usage: "RequestUsage") -> int | None:
        """Nobody knows."""
        return None


def find_tariff(name: str, settings: Settings) -> Tariff:
    """What the model called ``name`` (as a run records it) costs.

    The settings win, by the whole name or by what stands before its colon. An endpoint of
    somebody's own is not taken for the provider that it speaks like.
    """
    provider, _, model = name.partition(":")
    if price := settings.prices.get(name) or settings.prices.get(provider):
        return Fixed(price)
    if name == LOCAL or name.startswith(SCRIPTED):
        return FREE
    if endpoint := model_providers(settings).providers.get(provider):
        known = endpoint.base_url is None and endpoint.flavor != "openai-compatible"
        return Listed(endpoint.flavor, model) if known else Unknown()
    return Listed(_LISTED.get(RENAMED.get(provider, provider), provider), model)


_LISTED = {"openai-chat": "openai", "openai-responses": "openai", "google-cloud": "google"}
"""What pydantic-ai calls some providers -> what genai-prices does."""


def _rounded(microusd: Decimal) -> int:
    return int(microusd.to_integral_value(ROUND_CEILING))
