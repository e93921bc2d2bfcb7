import numpy as np
from talking_photo import number_of, photo_frame, write_speech

from media.audio import read_audio
from media.cut import cut_video
from media.video import VideoWriter, probe, read_frames


def test_a_part_shows_and_says_what_the_video_does_then(tmp_path):
    speech = write_speech(tmp_path / "speech.wav", 3)
    video = tmp_path / "video.mp4"
    with VideoWriter(video, 240, 232, 50, audio_path=speech, crf=12) as writer:
        for number in range(150):
            writer.write(photo_frame(number))
    part = tmp_path / "part.mp4"
    cut_video(video, part, 1.1, 1.82, crf=10)
    assert (probe(part).fps, probe(part).num_frames) == (25, 18)
    assert [number_of(frame) for frame in read_frames(part)] == list(range(55, 91, 2))
    there, here = read_audio(video, start=1.1, duration=0.7), read_audio(part, duration=0.7)
    assert np.corrcoef(there, here)[0, 1] > 0.99
    assert np.corrcoef(read_audio(video, duration=0.7), here)[0, 1] < 0.9
