"""Which of an event's texts a partner is told in a format that has room for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

FALLBACK = "en"


def best_text(texts: Mapping[str, str], languages: Sequence[str]) -> str | None:
    """The text in the first of these languages that there is one in, else the English one, else any; None without any.

    Languages are BCP 47 tags, compared without case. `de-AT` is also served by `de`, and `de` by `de-CH`, if nothing is
    nearer.
    """
    by_tag = {tag.lower(): text for tag, text in texts.items()}
    for language in (*languages, FALLBACK):
        tag = language.lower()
        primary = tag.partition("-")[0]
        for candidate in (tag, primary, *(other for other in by_tag if other.partition("-")[0] == primary)):
            if candidate in by_tag:
                return by_tag[candidate]
    return next(iter(by_tag.values()), None)
