"""The database's time inside a worker, whose machine's clock may be wrong, or jump.

It is told with each renewal of the lease and counted on from there by the monotonic clock. What a worker signs, calls
too late and takes for days of failures goes by it, so that it makes no difference which worker has a connector.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic

import structlog

from portal.lib import clock

log = structlog.get_logger(__name__)


class SharedTime:
    """`now` may be called from any thread; `tell` belongs to one. Until it is told, it is this machine's time."""

    def __init__(self) -> None:
        self._told = (clock.now(), monotonic())
        self._last_said = 0.0

    def now(self) -> datetime:
        moment, at = self._told
        return moment + timedelta(seconds=monotonic() - at)

    def tell(self, moment: datetime) -> None:
        """The database says that it is this moment now. That our own clock is off is said when it begins or changes."""
        self._told = (moment, monotonic())
        ahead = (clock.now() - moment).total_seconds()
        if abs(ahead - self._last_said) <= clock.LARGEST_SKEW_SECONDS:
            return
        self._last_said = ahead
        if abs(ahead) > clock.LARGEST_SKEW_SECONDS:
            log.warning("this machine's clock is off: set it right", by=clock.skew_in_words(ahead))
        else:
            log.info("this machine's clock is right again")
