"""``webhook``: JSON to a URL that the agent's file fixes."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic_ai import Tool

from lamplighter import egress
from lamplighter.errors import ToolFailed, Unconfirmed
from lamplighter.outbox import Outcome
from lamplighter.secrets import reveal
from lamplighter.tools.bench import Context, Workbench, call_of

MAX_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """The effect of ``webhook``. It happens once: nobody knows who heeds the key that is sent.

    Attributes:
        webhooks: The agent's, by name.
        networks: Private networks that may be reached all the same.
        name: Which one.
        data: What is sent.
        key: What the far side may recognise a repetition by.
    """

    webhooks: Mapping[str, str]
    networks: Sequence[str]
    name: str
    data: Mapping[str, Any]
    key: str = ""
    kind = "webhook"
    fixed = True
    deduplicates = False

    @property
    def destination(self) -> str:
        """Its name and host; the rest of the URL may be a secret."""
        return f"{self.name} ({urlsplit(self._url()).hostname})"

    @property
    def done(self) -> str:
        """What the model is told."""
        return f"Sent to {self.name}."

    def prepare(self) -> dict[str, Any]:
        """All that is sent; of the URL, what tells whether it is still the same."""
        if len(json.dumps(self.data)) > MAX_CHARACTERS:
            raise ToolFailed(f"a webhook takes at most {MAX_CHARACTERS:,} characters of JSON")
        seal = _seal(self._url())
        return {"name": self.name, "data": dict(self.data), "key": self.key, "url_sha256": seal}

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send it, if the name still stands for the same URL."""
        self.check(payload)
        return await asyncio.to_thread(self._post, payload)

    def check(self, payload: Mapping[str, Any]) -> None:
        """See whether the name still stands for the same URL.

        Raises:
            ToolFailed: It does not.
        """
        if payload["url_sha256"] != _seal(self._url()):
            raise ToolFailed(f"the URL of the webhook {self.name!r} has changed meanwhile")

    def _url(self) -> str:
        if self.name not in self.webhooks:
            known = ", ".join(self.webhooks) or "none"
            raise ToolFailed(f"there is no webhook {self.name!r}; there are: {known}")
        return reveal(self.webhooks[self.name], name=f"webhooks.{self.name}")

    def _post(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        headers = {"Idempotency-Key": payload["key"]}
        with (
            egress.public_only(self.networks),
            egress.open_client(headers=headers, follow_redirects=False) as client,
        ):
            try:
                answer = client.post(self._url(), json=payload["data"])
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL) as error:
                raise ToolFailed(f"cannot reach {self.name}: {_words(error)}") from error
            except httpx.HTTPError as error:
                raise Unconfirmed(f"no answer from {self.name}: {_words(error)}") from error
        said = f"{answer.status_code} {answer.reason_phrase}".strip()
        if answer.status_code >= 500:
            raise Unconfirmed(f"{self.name} has a problem: {said}")
        if not answer.is_success:
            raise ToolFailed(f"{self.name} refused it: {said}")
        return {"status": answer.status_code}


async def webhook(ctx: Context, name: str, data: dict[str, Any]) -> Outcome:  # noqa: D417
    """Send JSON to a webhook. It goes out once, and cannot be taken back.

    Args:
        name: The webhook's name, as your instructions have it.
        data: What to send.
    """
    bench, call = ctx.deps, call_of(ctx)
    key = hashlib.sha256(f"{bench.outbox.run_id} {bench.outbox.within}{call}".encode()).hexdigest()
    networks = bench.settings.internal_networks
    effect = WebhookCall(bench.webhooks, networks, name, data, key[:32])
    return await bench.outbox.perform(call, effect)


def _seal(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


TOOLS: dict[str, Tool[Workbench]] = {
    "webhook": Tool(webhook, docstring_format="google", sequential=True)
}
