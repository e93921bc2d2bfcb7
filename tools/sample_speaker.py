"""Make videos of a talking photograph, with sound, for trying the pipeline without a recording.

    python tools/sample_speaker.py --output_folder output/sample_speaker --number 4
    python tools/sample_speaker.py --speech_only "Where were you?" --output question.wav --voice en-gb-x-rp

The face is skimage's photograph of the astronaut Eileen Collins (NASA, public domain), the voice is espeak-ng.
Per video: NAME.mp4 (25 frames a second) and NAME_mouth.csv with the true shape of the mouth in every frame: frame,
opening_px and width_px of the gap between the lips in pixels of the video, phoneme (IPA, empty in pauses).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import LARGEST_SEED
from config.errors import run_script
from config.options import option, parse


@dataclass
class SampleSpeakerOptions:
    output_folder: str = option("output/sample_speaker", "folder that the videos are written to")
    number: int = option(4, "number of videos", low=1, high=10**5)
    seed: int = option(0, "videos of the same seed and options are the same", low=0, high=LARGEST_SEED)
    size: int = option(512, "width and height of the videos in pixels, even", low=128, high=2048)
    voice: str = option("en-us", "espeak-ng voice; without a +VARIANT each video gets a variant of its own")
    sentences: str = option("builtin", "text file with a sentence a line, or builtin")
    seconds: float = option(
        8.0, "sentences are added to a video until it is at least this long, in seconds", low=0.5, high=86400
    )
    speech_only: str | None = option(None, "a sentence, or a text file, to speak into --output; no video is made")
    output: str = option("speech.wav", "16 kHz WAV file that --speech_only writes")


def main() -> None:
    options = parse(SampleSpeakerOptions, __doc__)
    if options.speech_only is not None:
        write_speech(options)
    else:
        write_videos(options)


def write_speech(options: SampleSpeakerOptions) -> None:
    from media.audio import write_wav
    from media.files import check_outputs
    from sample_speaker.sentences import read_sentences
    from sample_speaker.speech import Voice, synthesize_sentences

    text = options.speech_only
    is_file = len(text) < 256 and Path(text).is_file()
    check_outputs({"--output": options.output}, {"--speech_only": text if is_file else ""})
    sentences = read_sentences(text) if is_file else [text]
    wave, _ = synthesize_sentences(sentences, Voice(options.voice))
    write_wav(options.output, wave)
    print(options.output)


def write_videos(options: SampleSpeakerOptions) -> None:
    from media.files import check_outputs
    from sample_speaker.sentences import choose_sentences, choose_voices, read_sentences
    from sample_speaker.videos import make_speaker_videos, table_path, video_path

    given = {} if options.sentences == "builtin" else {"--sentences": options.sentences}
    for video in (video_path(options.output_folder, index) for index in range(options.number)):
        for output in (video, table_path(video)):
            check_outputs({"--output_folder": output}, given)
    voices = choose_voices(options.voice, options.number, options.seed)
    sentences = choose_sentences(read_sentences(options.sentences), voices, options.seconds, options.seed)
    for path in make_speaker_videos(options.output_folder, sentences, voices, options.size, options.seed):
        print(path)


if __name__ == "__main__":
    run_script(main)
