"""Speech from text, with the time of every phoneme, by the espeak-ng library inside the package espeakng_loader."""

import _ctypes
import ctypes
import os
from dataclasses import dataclass
from math import gcd

import espeakng_loader
import numpy as np
from scipy.signal import resample_poly

from config.constants import SAMPLE_RATE
from config.errors import InputError

# Values from espeak-ng's public header speak_lib.h.
OUTPUT_SYNCHRONOUS = 2
PHONEME_EVENTS, PHONEMES_AS_IPA, DO_NOT_EXIT = 0x0001, 0x0002, 0x8000
EVENT_LIST_END, EVENT_PHONEME = 0, 7
PARAMETER_RATE, PARAMETER_VOLUME, PARAMETER_PITCH = 1, 2, 3
VOLUME = 70  # percent; at the default of 100 loud voices are clipped
TEXT_IS_UTF8 = 1

Phoneme = tuple[float, float, str]  # start and end in seconds, IPA name; "" is a pause


class EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # milliseconds
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", EventId),
    ]


SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


@dataclass(frozen=True)
class Voice:
    """`name`: espeak-ng's language and variant, such as en-us or en-us+f1; `speed`: words a minute; `pitch`: 0..99.

    Variants that have breath (f2, f3, f5, whisper) are not the same twice: espeak-ng starts their noise filter from
    memory that it does not set. The times of their phonemes are.
    """

    name: str = "en-us"
    speed: int = 160
    pitch: int = 50


def synthesize(text: str, voice: Voice) -> tuple[np.ndarray, list[Phoneme]]:
    """Speak `text`: float32 mono (n,) in [-1, 1] at 16 kHz, and its phonemes and pauses in order, without gaps.

    The same text and voice give the same samples, whatever was said before; for exceptions see Voice. Raises InputError
    for a voice that espeak-ng does not have and for text without anything to say.
    """
    # The library keeps state between calls, random numbers included, which changes the samples: load it afresh.
    library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    try:
        rate, blocks, marks = speak(library, text, voice)
    finally:
        library.espeak_Terminate()
        _ctypes.dlclose(library._handle)
    wave = np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
    if not any(name for _, name in marks):
        raise InputError(f"there is nothing to say in the text {text[:40]!r}; give words")
    divisor = gcd(rate, SAMPLE_RATE)
    resampled = resample_poly(wave / 32768, SAMPLE_RATE // divisor, rate // divisor).astype(np.float32)
    ends = [sample for sample, _ in marks[1:]] + [len(wave)]
    phonemes = [(start / rate, end / rate, name) for (start, name), end in zip(marks, ends, strict=True) if end > start]
    return np.clip(resampled, -1, 1), phonemes


def speak(library: ctypes.CDLL, text: str, voice: Voice) -> tuple[int, list[np.ndarray], list[tuple[int, str]]]:
    """Sample rate, blocks of int16 samples, and (first sample, name) of each phoneme."""
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    options = PHONEME_EVENTS | PHONEMES_AS_IPA | DO_NOT_EXIT
    rate = library.espeak_Initialize(OUTPUT_SYNCHRONOUS, 0, str(espeakng_loader.get_data_path()).encode(), options)
    if rate <= 0:
        raise InputError("espeak-ng does not start; install the package espeakng_loader again")
    blocks, marks = [], []

    def collect(samples, count, events) -> int:
        if count > 0:
            blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != EVENT_LIST_END:
            if events[index].type == EVENT_PHONEME:
                marks.append((events[index].sample, events[index].id.string.decode()))
            index += 1
        return 0

    callback = SynthCallback(collect)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(os.fsencode(voice.name)) != 0:
        raise InputError(f"--voice {voice.name} is not a voice of espeak-ng; give one such as en-us or en-gb-x-rp+f1")
    library.espeak_SetParameter(PARAMETER_RATE, voice.speed, 0)
    library.espeak_SetParameter(PARAMETER_VOLUME, VOLUME, 0)
    library.espeak_SetParameter(PARAMETER_PITCH, voice.pitch, 0)
    data = text.encode(errors="replace") + b"\0"
    library.espeak_Synth(data, len(data), 0, 1, 0, TEXT_IS_UTF8, None, None)
    library.espeak_Synchronize()
    return rate, blocks, marks


def synthesize_sentences(sentences: list[str], voice: Voice, pause: float = 0.25) -> tuple[np.ndarray, list[Phoneme]]:
    """Speak sentences one after another with `pause` seconds of silence before, between and after; see synthesize."""
    silence = np.zeros(round(pause * SAMPLE_RATE), np.float32)
    waves, phonemes = [silence], [(0.0, pause, "")]
    for sentence in sentences:
        begin = sum(map(len, waves)) / SAMPLE_RATE
        wave, spoken = synthesize(sentence, voice)
        waves += [wave, silence]
        phonemes += [(begin + start, begin + end, name) for start, end, name in spoken]
        end = sum(map(len, waves)) / SAMPLE_RATE
        phonemes.append((phonemes[-1][1], end, ""))
    return np.concatenate(waves), phonemes
