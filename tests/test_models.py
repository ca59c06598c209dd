"""From a model's name to what answers, and scripts that are not what they should be."""

import pytest

from lamplighter.errors import InvalidInput, ModelDiverged, ModelUnavailable
from lamplighter.models.resolve import choose_model, problem_with, resolve_model
from lamplighter.models.scripted import read_script
from lamplighter.testing import Workspace, temporary_workspace


def test_the_override_wins_then_the_agent_then_the_workspace() -> None:
    with temporary_workspace(model="openai:a") as workspace:
        assert choose_model(None, workspace.settings) == "openai:a"
        assert choose_model("openai:b", workspace.settings) == "openai:b"
    with temporary_workspace(model="openai:a", model_override="local") as workspace:
        assert choose_model("openai:b", workspace.settings) == "local"


def test_without_a_name_a_key_decides_and_without_a_key_the_local_model(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose_model(None, workspace.settings) == "local"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test")
    assert choose_model(None, workspace.settings).startswith("anthropic:")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("openai:gpt-5.6-terra", "OPENAI_API_KEY"),
        ("openai-chat:gpt-5.6-terra", "OPENAI_API_KEY"),
        ("anthropic:claude-sonnet-5-5", "ANTHROPIC_API_KEY"),
        ("google-gla:gemini-3.8-flash", "GOOGLE_API_KEY"),
        ("openrouter:some/model", "OPENROUTER_API_KEY"),
    ],
)
def test_known_providers_need_their_key_and_nothing_else(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, name: str, key: str
) -> None:
    assert key in (problem_with(name, workspace.settings) or "")
    monkeypatch.setenv(key, "test-key-of-nobody")
    assert problem_with(name, workspace.settings) is None


def test_an_ollama_needs_no_key(workspace: Workspace) -> None:
    assert problem_with("ollama:qwen3", workspace.settings) is None


def test_an_endpoint_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    providers = {"box": {"base_url": "http://127.0.0.1:9/v1", "api_key": "env:BOX_KEY"}}
    with temporary_workspace(providers=providers) as workspace:
        with pytest.raises(ModelUnavailable, match="BOX_KEY"):
            resolve_model("box:qwen3", workspace.settings, agent="a")
        monkeypatch.setenv("BOX_KEY", "test-key-of-nobody")
        assert resolve_model("box:qwen3", workspace.settings, agent="a").name == "box:qwen3"


@pytest.mark.parametrize("name", ["nonsense", "nonsense:model", "gpt-5"])
def test_unknown_models_are_refused(workspace: Workspace, name: str) -> None:
    assert "Unknown model" in (problem_with(name, workspace.settings) or "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("turns: [", "not YAML"),
        ("[]", "valid dictionary"),
        ("turns: []", "either `turns` or `agents`"),
        ("turns: [{text: a, colour: red}]", "Extra inputs"),
        ("turns: [{calls: [{arguments: {}}]}]", "Field required"),
        ("turns: [{sleep: -1}]", "greater than"),
    ],
)
def test_bad_scripts_are_refused_with_their_file(
    workspace: Workspace, text: str, message: str
) -> None:
    file = workspace.write("bad.yaml", text)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_script(file)
    assert caught.value.place.file == str(file)


def test_a_script_for_several_agents_has_turns_for_each(workspace: Workspace) -> None:
    script = read_script(workspace.write("s.yaml", "agents: {a: [{text: x}], b: [{text: y}]}"))
    assert script.turns_of("b")[0].text == "y"
    with pytest.raises(ModelDiverged, match="none for c"):
        script.turns_of("c")
