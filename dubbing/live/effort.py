"""What a live face draws anew where the machine falls behind: fewer mouths first, then fewer pictures."""

from dataclasses import dataclass

BEHIND = 0.1  # seconds of delay from which less is drawn: by so much sound may be late, which is no fault of drawing
STEP = 0.05  # seconds: for each such delay a mouth is held for one frame more
MOST_HELD = 3  # such frames; for each delay of STEP beyond them pictures are shown twice as long,
MOST_DOUBLED = 3  # at most so many times: eight frames, so a machine must draw three pictures a second


@dataclass(frozen=True)
class Effort:
    """Of how many frames one gets a new mouth, and one a new picture. What is not new is shown again."""

    mouths_every: int = 1
    pictures_every: int = 1

    @classmethod
    def when_late(cls, seconds: float) -> "Effort":
        """For drawing that is so far behind the clock: the later, the less work."""
        steps = int(seconds / STEP) if seconds >= BEHIND else 0
        pictures = 2 ** min(MOST_DOUBLED, max(0, steps - MOST_HELD))
        return cls(max(1 + min(MOST_HELD, steps), pictures), pictures)
