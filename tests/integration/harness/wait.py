"""Awaiting a condition, bounded. The pause between two looks is short and grows; no test sleeps by itself."""
import time

PAUSE_FIRST_SECONDS, PAUSE_MAX_SECONDS = 0.005, 0.1


def until(condition, seconds, what):
    """The first true value that `condition()` gives. AssertionError with `what` and the last value past the deadline.

    An exception of the condition counts as "not yet" and is told in the end.
    """
    deadline = time.monotonic() + seconds
    pause, last = PAUSE_FIRST_SECONDS, None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, AssertionError) as error:  # requests' exceptions are OSErrors
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s; last: {last!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, PAUSE_MAX_SECONDS)
