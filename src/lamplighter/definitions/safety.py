"""Keys that somebody wrote to hold an agent back. Pure.

Files of other programs have keys that Lamplighter does not know. Most can be passed over with a
word; one that was meant to keep an agent from something cannot: what it guards does not run.
"""

import re

_WORDS = frozenset(
    {
        *("allow", "allowed", "approval", "approvals", "approve", "ask", "block", "blocked"),
        *("boundary", "budget", "confirm", "confirmation", "consent", "deny", "denied", "disable"),
        *("disabled", "disallow", "disallowed", "dry", "expire", "expires", "expiry", "forbid"),
        *("forbidden", "guard", "guardrail", "guardrails", "isolation", "limit", "limits", "max"),
        *("maximum", "never", "permission", "permissions", "policy", "private", "protect"),
        *("protected", "quota", "readonly", "require", "required", "requires", "restrict"),
        *("restricted", "restrictions", "safe", "safety", "sandbox", "secure", "security"),
        *("timeout", "trust", "trusted", "until", "untrusted"),
    }
)


def is_safety_key(key: str) -> bool:
    """Whether an unknown key sounds as if it were to hold an agent back."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", key)
    words = [word for word in re.split(r"[^A-Za-z0-9]+", spaced.lower()) if word]
    return not _WORDS.isdisjoint(words) or words[:2] == ["read", "only"]
