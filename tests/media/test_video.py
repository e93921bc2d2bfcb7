"""Probing, seeking, reading forwards and backwards, and writing, compared with PyAV used directly."""

import os
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from clips import CONTAINERS, decode_directly, write_clip
from talking_photo import number_of, photo_frame, write_speech

from config.errors import InputError
from media.video import (
    TIME_TOLERANCE,
    VideoWriter,
    probe,
    read_chosen_frames,
    read_frames,
    read_frames_at,
    read_pictures_backwards,
)


@pytest.fixture(scope="module", params=CONTAINERS)
def clip(request, tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / request.param, 40)


def test_probe_says_what_the_packets_say(clip):
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        packets = sorted((p.pts, p.is_keyframe) for p in container.demux(stream) if p.pts is not None)
        sound = bool(container.streams.audio)
    times = np.array([(pts - packets[0][0]) * stream.time_base for pts, _ in packets], float)
    info = probe(clip)
    np.testing.assert_allclose(info.times, times, atol=1e-9)
    assert info.key_frames.tolist() == [number for number, (_, is_key) in enumerate(packets) if is_key]
    assert (info.width, info.height, info.num_frames, info.has_audio) == (240, 232, 40, sound)
    assert abs(float(info.fps) - 25) < 0.03 and info.is_constant_rate(25) and not info.is_constant_rate(24)
    assert abs(info.duration - 1.6) < 0.002


def test_reading_gives_the_pictures_that_pyav_gives(clip):
    ours, direct = list(read_frames(clip)), decode_directly(clip)
    assert [number_of(frame) for frame in ours] == list(range(40))
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(ours, direct, strict=True)) < 3


def test_any_start_and_stop_gives_the_same_as_reading_from_the_beginning(clip):
    whole = list(read_frames(clip))
    for start, stop in ((0, 3), (11, 14), (12, 13), (13, 40), (39, 40), (25, 25)):
        part = list(read_frames(clip, start, stop))
        assert all(np.array_equal(a, b) for a, b in zip(part, whole[start:stop], strict=True))


def test_backwards_and_chosen_frames_are_those_of_reading_forwards(clip):
    info, whole = probe(clip), list(read_frames(clip))
    backwards = [picture.bgr() for picture in read_pictures_backwards(info, 5, 37)]
    assert all(np.array_equal(a, b) for a, b in zip(backwards, whole[5:37][::-1], strict=True))
    numbers = [0, 1, 11, 12, 30, 39]
    chosen = read_chosen_frames(info, numbers)
    assert all(np.array_equal(frame, whole[number]) for frame, number in zip(chosen, numbers, strict=True))


def test_resampling_by_time_takes_the_frame_on_screen(tmp_path):
    clip = write_clip(tmp_path / "matroska.mkv", 40)
    times = [0.0, 0.01, 0.04 - TIME_TOLERANCE / 2, 0.04 - TIME_TOLERANCE * 2, 0.08, 0.5, 1.59, 9.0]
    assert [number_of(frame) for frame in read_frames_at(clip, sorted(times))] == [0, 0, 0, 1, 2, 12, 39, 39]


def test_a_rotated_picture_is_upright(tmp_path):
    path = tmp_path / "phone.mp4"
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, :48] = 255
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.set_display_rotation(90) if hasattr(stream, "set_display_rotation") else pytest.skip("PyAV cannot")
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    info = probe(path)
    assert (info.width, info.height) == (64, 96)


@pytest.mark.parametrize("size", [(240, 232), (33, 47)])
def test_what_is_written_is_what_pyav_reads(tmp_path, size):
    width, height = size
    frames = [np.full((height, width, 3), (40 + 4 * k, 90, 200 - 4 * k), np.uint8) for k in range(20)]
    path = tmp_path / "made.mp4"
    speech = write_speech(tmp_path / "speech.wav", 0.3)
    with VideoWriter(path, width, height, Fraction(30000, 1001), audio_path=speech, crf=5) as writer:
        for frame in frames:
            writer.write(frame)
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height, video.average_rate) == (width, height, Fraction(30000, 1001))
        sound = sum(frame.samples for frame in container.decode(audio)) / audio.rate
    assert abs(sound - 20 * 1001 / 30000) < 0.05  # padded to the pictures
    made = decode_directly(path)
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(frames, made, strict=True)) <= 4


def test_a_writer_that_fails_leaves_the_older_file_and_nothing_else(tmp_path):
    path = tmp_path / "made.mp4"
    path.write_bytes(b"older")
    with pytest.raises(ValueError, match="shape"), VideoWriter(path, 240, 232, 25) as writer:
        writer.write(photo_frame(0))
        writer.write(np.zeros((8, 8, 3), np.uint8))
    assert path.read_bytes() == b"older" and os.listdir(tmp_path) == ["made.mp4"]


@pytest.mark.parametrize(
    "name", ["12:30.mp4", "file:x.mp4", "http:x.mp4", "concat:a.mp4|b.mp4", "-i.mp4", "subfile,,start,0,:x"]
)
def test_a_name_is_never_a_protocol(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with VideoWriter(name, 240, 232, 25, audio_path=write_speech(tmp_path / "a:b.wav", 0.2)) as writer:
        for number in range(5):
            writer.write(photo_frame(number))
    assert os.path.exists(name) and probe(name).num_frames == 5
    assert [number_of(frame) for frame in read_frames(name)] == list(range(5))


def test_bytes_that_are_no_utf8_in_a_name_do_no_harm(tmp_path):
    clip = write_clip(tmp_path / "index last.mp4", 5)
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.mp4")
    os.rename(clip, odd)
    assert probe(odd).num_frames == 5


@pytest.mark.parametrize("content", [b"", b"no video\n" * 99], ids=["empty", "text"])
def test_what_is_no_video_is_named(tmp_path, content):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match="x.mp4"):
        probe(path)
    with pytest.raises(InputError, match="absent.mp4"):
        probe(tmp_path / "absent.mp4")


def test_interlaced_footage_is_deinterlaced(tmp_path):
    """A bar that moves: its two fields are of two moments, which show as combs unless they are taken apart."""
    path = tmp_path / "interlaced.mkv"
    fields = [
        cv2.rectangle(np.zeros((128, 192, 3), np.uint8), (x, 0), (x + 30, 127), (255,) * 3, -1)
        for x in range(0, 120, 6)
    ]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "4", "x264opts": "interlaced=1"})
        stream.width, stream.height, stream.pix_fmt = 192, 128, "yuv420p"
        for first, second in zip(fields[::2], fields[1::2], strict=True):
            woven = second.copy()
            woven[1::2] = first[1::2]  # this encoder says that the lower field is the first, whatever it is told
            container.mux(stream.encode(av.VideoFrame.from_ndarray(woven, format="bgr24").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    info = probe(path)
    assert info.is_interlaced
    shown = list(read_frames(path))
    assert len(shown) == info.num_frames == len(fields) // 2
    for number, frame in enumerate(shown):
        combs = np.abs(np.diff(frame[8:-8, :, 1].astype(int), axis=0)).mean()
        assert combs < 1.0, number
        row = frame[64, :, 1] > 127
        assert row.argmax() == 12 * number  # where the first field has it
    assert np.abs(next(read_frames(path, start=5)).astype(int) - shown[5]).max() <= 3
