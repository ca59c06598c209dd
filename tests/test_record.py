"""What must not stand in a run's record does not."""

import pytest

from lamplighter.engine.record import redact, redact_data


@pytest.mark.parametrize("secret", ["plain-secret", 'with"quotes"', "back\\slash", "ключ-секрет"])
def test_a_secret_is_hidden_wherever_it_stands_in_an_event(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", secret)
    data = {"arguments": {"list": [f"it is {secret}.", 1, None]}, f"key {secret}": True}
    hidden = {
        "arguments": {"list": ["it is [MAIL_PASSWORD].", 1, None]},
        "key [MAIL_PASSWORD]": True,
    }
    assert redact_data(data) == hidden
    assert redact(secret) == "[MAIL_PASSWORD]"


def test_short_values_are_ordinary_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "lamp")
    assert redact("the lamp is lit") == "the lamp is lit"
