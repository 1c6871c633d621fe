from __future__ import annotations

import pytest

from connectors.profiles.languages import best_text

TEXTS = {"en": "too hot", "de": "zu heiß", "pt-BR": "quente demais"}


@pytest.mark.parametrize(
    ("languages", "text"),
    [
        (("de",), "zu heiß"),
        (("nl", "de"), "zu heiß"),
        (("de", "nl"), "zu heiß"),
        (("de-AT",), "zu heiß"),
        (("DE",), "zu heiß"),
        (("pt",), "quente demais"),
        (("pt-PT", "de"), "quente demais"),
        (("pt-br",), "quente demais"),
        (("nl",), "too hot"),
        ((), "too hot"),
    ],
)
def test_the_nearest_of_the_partners_languages_then_english(languages: tuple[str, ...], text: str) -> None:
    assert best_text(TEXTS, languages) == text


def test_any_text_is_better_than_none() -> None:
    assert best_text({"fr": "trop chaud", "it": "troppo caldo"}, ("de", "en")) == "trop chaud"
    assert best_text({}, ("de",)) is None
