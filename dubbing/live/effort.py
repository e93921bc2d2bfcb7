"""What a live face draws anew where the machine falls behind: fewer mouths first, then fewer pictures."""

from dataclasses import dataclass

BEHIND = 0.05  # seconds: for each such delay something is shown for one frame more
MOST_HELD = 3  # frames more for which a mouth is held; from there on it is whole pictures


@dataclass(frozen=True)
class Effort:
    """Of how many frames one gets a new mouth, and a new picture. What is not new is shown again."""

    mouths_every: int = 1
    pictures_every: int = 1

    @classmethod
    def when_late(cls, seconds: float) -> "Effort":
        """For frames that are so far behind the clock. Ever less work the later, so that any delay ends."""
        more = max(0, int(seconds / BEHIND))
        return cls(1 + min(MOST_HELD, more), 1 + max(0, more - MOST_HELD))
