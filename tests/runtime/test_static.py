"""When static files are gathered anew."""

import os
from pathlib import Path

from portal.runtime import static


def test_the_fingerprint_changes_with_a_file_and_only_then(tmp_path: Path) -> None:
    sheet = tmp_path / "portal" / "static" / "portal" / "page.css"
    sheet.parent.mkdir(parents=True)
    sheet.write_text("a {}")
    first = static.fingerprint(tmp_path)
    assert static.fingerprint(tmp_path) == first
    os.utime(sheet, ns=(1, 1))
    changed = static.fingerprint(tmp_path)
    assert changed != first
    sheet.rename(sheet.with_name("sheet.css"))
    assert static.fingerprint(tmp_path) not in (first, changed)
