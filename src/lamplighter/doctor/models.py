"""Checks of the models that agents name."""

from lamplighter.doctor.finding import Case, Finding
from lamplighter.models.resolve import choose_model, problem_with

ADVICE = "put a provider's key into .env, or see: lamplighter model list"


def check_default_model(case: Case) -> Finding:
    """The model of agents that name none can be used."""
    settings, name = case.settings, "default model"
    agents = case.catalogue.agents.values()
    needed = not agents or any(agent.model is None for agent in agents)
    if problem := problem_with(None, settings):
        return Finding(name, "fail" if needed else "warn", problem, ADVICE)
    return Finding(name, "ok", choose_model(None, settings))


def check_agent_models(case: Case) -> Finding:
    """The models that agents name can be used."""
    named = sorted({each.model for each in case.catalogue.agents.values() if each.model})
    problems = [problem for model in named if (problem := problem_with(model, case.settings))]
    if problems:
        return Finding("models", "fail", "; ".join(problems), ADVICE)
    return Finding("models", "ok", ", ".join(named) or "no agent names one")
