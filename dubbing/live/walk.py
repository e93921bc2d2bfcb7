"""Which of the avatar's frames are shown: neighbours always follow each other, so that the head never jumps."""


class Walk:
    """Forwards and backwards through all frames, or, at rest, to the stretch `idle` and forwards and backwards in it.

    While nobody rests, the order is that of media.playback.
    """

    def __init__(self, num_frames: int, idle: range | None):
        self.whole, self.idle = range(num_frames), idle or range(num_frames)
        self.position, self.step = 0, 1

    def next(self, is_at_rest: bool) -> int:
        """The number of the frame to be shown."""
        shown, bounds = self.position, self.idle if is_at_rest else self.whole
        if shown <= bounds.start:
            self.step = 1
        elif shown >= bounds.stop - 1:
            self.step = -1
        self.position = min(max(shown + self.step, 0), self.whole.stop - 1)
        return shown
