"""The check of the account that e-mails are sent by."""

import asyncio

from lamplighter.doctor.finding import Case, Finding
from lamplighter.errors import LamplighterError
from lamplighter.mail.sending import try_out

ADVICE = "see [email] of lamplighter.toml, and try: lamplighter email test ADDRESS"


def check_email(case: Case) -> Finding:
    """The account works, if there is one; nothing is sent."""
    agents = case.catalogue.agents.values()
    senders = [agent.name for agent in agents if "send_email" in agent.allowed_tools]
    if case.settings.email is None:
        if not senders:
            return Finding("email", "ok", "no agent sends any")
        message = f"{', '.join(senders)} cannot send e-mail: lamplighter.toml has no [email]"
        return Finding("email", "fail", message, "see docs/effects.md")
    try:
        return Finding("email", "ok", asyncio.run(try_out(case.settings.email)))
    except LamplighterError as error:
        return Finding("email", "fail", str(error), ADVICE)
