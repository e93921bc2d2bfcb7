"""Sound that the tests of this room share."""

import numpy as np
import pytest
import scipy.signal

RATE = 16000


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """Four seconds like speech: a buzz through moving formants in syllables of 5 Hz, a pause, hiss at word ends."""
    time = np.arange(4 * RATE) / RATE
    buzz = scipy.signal.sawtooth(2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * time)) / RATE)
    sound = np.zeros_like(time)
    for low, high, speed in ((300, 800, 2.3), (1200, 2200, 3.1)):
        for position, centre in enumerate(np.linspace(low, high, 3)):
            band = scipy.signal.butter(2, (0.85 * centre, 1.15 * centre), "bandpass", fs=RATE, output="sos")
            sound += scipy.signal.sosfilt(band, buzz) * (1 + np.sin(2 * np.pi * speed * time + 2 * position))
    sound *= np.sin(2 * np.pi * 2.5 * time) ** 2 * ((time < 1.9) | (time > 2.5))
    hiss = np.random.default_rng(0).standard_normal(len(time)) * (np.sin(2 * np.pi * time) > 0.95)
    sound = sound / np.abs(sound).max() + 0.05 * hiss
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.fixture(scope="session")
def encoders(tmp_path_factory) -> dict[str, str]:
    """Folders of a wav2vec 2.0, a HuBERT and a Whisper model of random weights."""
    from encoder_models import save_encoders

    return save_encoders(tmp_path_factory.mktemp("speech encoders"))
