"""What may become of an effect: performed, held for a person, recorded only, or refused. Pure."""

from typing import Literal, NamedTuple, get_args

Mode = Literal["send", "hold", "staged"]
"""What an agent file says of all effects: they happen, wait for approval, or are only recorded."""
MODES: tuple[Mode, ...] = get_args(Mode)

Act = Literal["perform", "hold", "stage", "refuse"]
_BY_STRICTNESS: tuple[Act, ...] = get_args(Act)


class Verdict(NamedTuple):
    """What a policy says of one effect.

    Attributes:
        act: What becomes of it.
        reason: Why, for people and for the model; empty where it is performed.
    """

    act: Act
    reason: str = ""


PERFORM = Verdict("perform")
_OF_MODES: dict[Mode, Verdict] = {
    "send": PERFORM,
    "hold": Verdict("hold", "this agent's effects wait for approval"),
    "staged": Verdict("stage", "effects are only recorded"),
}


def strictest(*verdicts: Verdict) -> Verdict:
    """The one that lets least happen; the first of those."""
    return max(verdicts, key=lambda verdict: _BY_STRICTNESS.index(verdict.act))


def of_mode(mode: Mode, kind: str) -> Verdict:
    """What a mode says of an effect. Telling the owner, and an agent's own notes, never wait."""
    return PERFORM if mode == "hold" and kind in ("notice", "memory") else _OF_MODES[mode]
