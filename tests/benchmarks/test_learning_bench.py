"""What learning.py does again of what it finds done."""

import json

from talking_photo import write_speech, write_video

from benchmarks.learning_bench import Bench
from benchmarks.learning_settings import LearningOptions, Protocol
from media.video import VideoWriter, read_frames


def test_a_scoring_that_left_a_video_out_is_done_again(tmp_path):
    bench = Bench(LearningOptions(output_folder=str(tmp_path)))
    photo, speech = write_video(tmp_path / "photo.mp4", 10), write_speech(tmp_path / "speech.wav", 0.4)
    with VideoWriter(bench.data / "truth" / "a.mp4", 240, 232, 25, audio_path=speech) as writer:
        for frame in read_frames(photo):
            writer.write(frame)
    scores = bench.folder / "scores" / "dub.json"
    scores.parent.mkdir()
    found = {"protocol": "paired", "mean": {"lmd": 9.0}, "failed": {}}
    protocol = Protocol("truth", "truth", "landmarks")

    scores.write_text(json.dumps(found))
    assert bench.score("dub", bench.data / "truth", protocol, None) == {"lmd": 9.0}
    scores.write_text(json.dumps(found | {"failed": {"a": "damaged"}}))
    assert bench.score("dub", bench.data / "truth", protocol, None)["lmd"] == 0
    assert json.loads(scores.read_text())["failed"] == {}
