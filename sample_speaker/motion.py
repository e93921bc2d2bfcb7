"""How a video of the sample speaker differs from the next: light and framing, motion of the head, blinks."""

import numpy as np

from sample_speaker.talking_face import Look, Pose

BLINK_CLOSE, BLINK_SHUT, BLINK_OPEN = 0.08, 0.04, 0.16  # seconds


def random_look(random: np.random.Generator) -> Look:
    """Light, framing and size of the head of one video."""
    brightness, warmth = random.uniform(0.82, 1.08), random.uniform(-0.05, 0.05)
    gain = (brightness * (1 - warmth), brightness, brightness * (1 + warmth))
    return Look(
        zoom=random.uniform(0.9, 1.12),
        shift_x=random.uniform(-10, 10),
        shift_y=random.uniform(-4, 4),
        gain=gain,
        slope=random.uniform(-0.35, 0.35),
    )


def head_motion(times: np.ndarray, random: np.random.Generator) -> list[Pose]:
    """Slow, small motion of the head and a blink every few seconds, at each of `times` (seconds)."""

    def sway(amplitude: float) -> np.ndarray:
        frequencies, phases = random.uniform(0.08, 0.55, 4), random.uniform(0, 2 * np.pi, 4)
        return amplitude / 2 * np.sin(2 * np.pi * np.outer(times, frequencies) + phases).sum(1)

    x, y, angle, scale = sway(2.2), sway(1.3), sway(0.022), 1 + sway(0.009)
    blink = np.zeros_like(times)
    begin = random.uniform(0.5, 3.0)
    while begin < times[-1]:
        since = times - begin
        down = np.clip(since / BLINK_CLOSE, 0, 1)
        up = np.clip((since - BLINK_CLOSE - BLINK_SHUT) / BLINK_OPEN, 0, 1)
        blink = np.maximum(blink, down - up)
        begin += random.uniform(1.8, 4.5)
    return [Pose(*map(float, row)) for row in zip(x, y, angle, scale, blink, strict=True)]
