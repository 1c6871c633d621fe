"""Gives each thread its Python name in the kernel too, as Python 3.14 does by itself: /proc then says whose CPU it is.

Python imports this at its start, where this directory is in PYTHONPATH. It costs one write per thread.
"""

import threading
from contextlib import suppress
from pathlib import Path

_run = threading.Thread.run


def _run_named(self: threading.Thread) -> None:
    with suppress(OSError):
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(self.name)
    _run(self)


threading.Thread.run = _run_named  # type: ignore[method-assign]
