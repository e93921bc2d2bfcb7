"""What the sample speaker says: sentences and voices by seed, phonemes in step with the sound, shapes of the mouth."""

import numpy as np
import pytest

from config.constants import SAMPLE_RATE
from config.errors import InputError
from sample_speaker.sentences import choose_sentences, choose_voices, read_sentences
from sample_speaker.speech import Voice, synthesize, synthesize_sentences
from sample_speaker.visemes import mouth_shapes

VOICE = Voice("en-us+f1", 160, 50)


def test_speech_is_the_same_after_other_speech_and_its_phonemes_have_no_gaps():
    wave, phonemes = synthesize("Where were you, Paul?", VOICE)
    synthesize("Something else.", Voice("en-gb-x-rp", 180, 30))
    again, _ = synthesize("Where were you, Paul?", VOICE)
    assert np.array_equal(wave, again)
    assert all(before[1] == after[0] for before, after in zip(phonemes, phonemes[1:], strict=False))
    assert phonemes[-1][1] == pytest.approx(len(wave) / SAMPLE_RATE, abs=1e-3)
    assert any("p" in name for *_, name in phonemes)


def test_phoneme_times_agree_with_the_sound():
    """Vowels are loud and pauses are silent where espeak-ng says that they are."""
    wave, phonemes = synthesize_sentences(["Bob may map a far farm.", "Father laughs."], VOICE)
    loudness = {"vowel": [], "pause": []}
    for start, end, name in phonemes:
        kind = "vowel" if "ɑː" in name else "pause" if not name else None
        if kind:
            part = wave[int((start + 0.02) * SAMPLE_RATE) : int((end - 0.02) * SAMPLE_RATE)]
            loudness[kind].append(np.sqrt(np.mean(part**2)) if len(part) else 0)
    assert min(loudness["vowel"]) > 20 * max(loudness["pause"])


def test_shapes_follow_the_phonemes():
    sounds = ["m", "ɑː", "b", "iː", "f", "uː", ""]
    phonemes = [(0.2 * index, 0.2 * index + 0.2, name) for index, name in enumerate(sounds)]
    m, ah, b, ee, f, oo, rest = mouth_shapes(phonemes, np.arange(7) * 0.2 + 0.1)
    assert m.opening == b.opening == 0 and abs(rest.opening) < 0.3
    assert ah.opening > 7 and ah.jaw > 4
    assert ee.width > 1.1 > 0.8 > oo.width and oo.pucker > 0.8
    assert f.tuck > 1 and f.upper_share > 0.6


def test_sentences_are_shared_out_without_repeats_and_by_seed():
    pool = read_sentences()
    voices = choose_voices("en-us", 3, seed=0)
    chosen = choose_sentences(pool, voices, 5, seed=0)
    flat = [sentence for mine in chosen for sentence in mine]
    assert len(set(flat)) == len(flat)
    assert chosen == choose_sentences(pool, voices, 5, seed=0) != choose_sentences(pool, voices, 5, seed=1)
    assert len(set(voices)) == 3


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xff\xfe", b"one\0two"])
def test_files_that_hold_no_sentences_are_refused(tmp_path, content):
    path = tmp_path / "sentences.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="sentences.txt"):
        read_sentences(str(path))
