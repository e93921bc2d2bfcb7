"""Triangular mel bands as librosa and Slaney's Auditory Toolbox (1998) have them: of equal area, linear up to 1 kHz.

Written out because libraries that have them take longer to import than everything else that a dub begins with.
"""

from functools import cache

import numpy as np

LINEAR = 3 / 200  # mel a Hz, up to BEND
BEND = 1000.0  # Hz
OCTAVES = 27 / np.log(6.4)  # mel a factor of e, above it


def mel_of(hertz: np.ndarray) -> np.ndarray:
    return np.where(hertz < BEND, LINEAR * hertz, LINEAR * BEND + OCTAVES * np.log(np.maximum(hertz, BEND) / BEND))


def hertz_of(mel: np.ndarray) -> np.ndarray:
    beyond = np.maximum(mel - LINEAR * BEND, 0) / OCTAVES
    return np.where(mel < LINEAR * BEND, mel / LINEAR, BEND * np.exp(beyond))


@cache
def mel_bands(rate: int, fft_size: int, bands: int, lowest: float, highest: float) -> np.ndarray:
    """Weights (bands, fft_size / 2 + 1) float32 of a power spectrum. lowest, highest: outer edges in Hz."""
    edges = hertz_of(np.linspace(mel_of(np.array(lowest)), mel_of(np.array(highest)), bands + 2))[:, None]
    bins = np.fft.rfftfreq(fft_size, 1 / rate)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(np.minimum(rising, falling), 0)
    return (triangles * 2 / (edges[2:] - edges[:-2])).astype(np.float32)
