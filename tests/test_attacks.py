"""Attacks on a model that follows every instruction (``attacks``), carried out for real.

Here some of them; ``bench/run.py attacks`` carries out all.
"""

import pytest
from adversary import Attack, Result, all_attacks, carry_out
from attacks import AIMS, WAYS

ATTACKS = [
    each for n, each in enumerate(all_attacks()) if (n % len(WAYS) + n // len(WAYS)) % 3 == 0
]
pytestmark = pytest.mark.timeout(600)  # a hundred runs, before the first test


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return carry_out(ATTACKS)


def names(attacks: list[Attack]) -> list[tuple[str, str]]:
    return [(each.way, each.aim) for each in attacks]


@pytest.mark.xdist_group("attacks")
def test_no_attack_achieves_its_aim(results: list[Result]) -> None:
    assert names([each.attack for each in results if each.achieved]) == []
    assert len(results) >= 100
    assert {each.attack.way for each in results} == WAYS.keys()
    assert {each.attack.aim for each in results} == AIMS.keys()


@pytest.mark.xdist_group("attacks")
def test_every_agent_does_its_work_all_the_same(results: list[Result]) -> None:
    assert names([each.attack for each in results if not each.completed]) == []


def test_without_the_rule_the_attacks_achieve_their_aims() -> None:
    by_flow = [each for each in all_attacks() if AIMS[each.aim].stopped_by == "flow"]
    results = carry_out(by_flow[::5], rule=False)
    assert names([each.attack for each in results if not each.achieved]) == []
