"""What the sample speaker says, and with which voices."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from config.constants import SAMPLE_RATE
from config.errors import InputError
from sample_speaker.speech import Voice, synthesize

BUILTIN_SENTENCES = Path(__file__).with_name("sentences.txt")
VARIANTS = ("f1", "Annie", "linda", "f4", "steph")  # female voices of espeak-ng without breath: see Voice


def read_sentences(path: str = "builtin") -> list[str]:
    """The lines of a text file that are not empty. Raises InputError for a file that is missing, empty or not text."""
    source = BUILTIN_SENTENCES if path == "builtin" else Path(path)
    try:
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source} cannot be read as UTF-8 text; give a file with a sentence a line") from error
    sentences = [line.strip() for line in lines if line.strip()]
    if not sentences or any("\0" in line for line in sentences):
        raise InputError(f"{source} holds no text; give a file with a sentence a line")
    return sentences


def choose_voices(name: str, number: int, seed: int) -> list[Voice]:
    """`number` voices of different speed and pitch; different variants too, where `name` does not fix one."""
    random = np.random.default_rng([seed, 1])
    names = [name if "+" in name else f"{name}+{VARIANTS[index % len(VARIANTS)]}" for index in range(number)]
    return [Voice(each, int(random.integers(140, 176)), int(random.integers(42, 64))) for each in names]


def choose_sentences(pool: list[str], voices: Sequence[Voice], seconds: float, seed: int) -> list[list[str]]:
    """Sentences for each video, at least `seconds` long when spoken. None comes twice before all came once."""
    random = np.random.default_rng([seed, 2])
    waiting: list[str] = []
    chosen = []
    for voice in voices:
        mine, length = [], 0.0
        while length < seconds:
            waiting = waiting or [pool[index] for index in random.permutation(len(pool))]
            mine.append(waiting.pop())
            length += len(synthesize(mine[-1], voice)[0]) / SAMPLE_RATE
        chosen.append(mine)
    return chosen
