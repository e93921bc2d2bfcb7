"""make_dataset.py as a user runs it, on a folder of good and bad files of many kinds."""

import os
import shutil
import stat
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data
from programs import run_program

import config.errors
import make_dataset
from face.openface_csv import read_openface_csv
from media.audio import read_audio
from media.video import probe, read_frames
from preprocessing.placing import place
from preprocessing.raw_videos import find_raw_videos

REPOSITORY = Path(__file__).resolve().parents[1]
PHOTO = cv2.resize(skimage.data.astronaut()[30:230, 120:320, ::-1], (160, 160), interpolation=cv2.INTER_AREA)
SECONDS, AUDIO_RATE = 3.0, 44100
EVENTS = (0.6, 2.5)  # seconds at which the corner flashes and a tone sounds, each for EVENT_LENGTH
EVENT_LENGTH = 0.2
TICKS = 60000  # of the clock of the clips, a second
VIDEO_START = 0.52  # seconds by which the pictures of one clip begin after its sound


def frame_at(time: float, face: bool = True) -> np.ndarray:
    """BGR picture at a time: a drifting photograph, and a corner that is white during the events."""
    image = np.full((176, 176, 3), 90, np.uint8)
    if face:
        drift = np.float32([[1, 0, 8], [0, 1, 4 + 3 * np.sin(time)]])
        image = cv2.warpAffine(PHOTO, drift, (176, 176), image, borderMode=cv2.BORDER_TRANSPARENT)
    lit = any(event <= time + 1e-6 < event + EVENT_LENGTH for event in EVENTS)
    image[-16:, -16:] = 255 if lit else 0
    return image


def tone(seconds: float, delay: float) -> np.ndarray:
    """int16 samples: silence but for 1 kHz during the events, which are `delay` seconds later in the sound."""
    time = np.arange(int(seconds * AUDIO_RATE)) / AUDIO_RATE - delay
    on = sum(((time >= event) & (time < event + EVENT_LENGTH)) for event in EVENTS)
    return (12000 * np.sin(2 * np.pi * 1000 * time) * on).astype(np.int16)


def write_clip(
    path: Path, times: np.ndarray, *, face=True, sound=True, codec="libx264", audio="aac", start=0.0
) -> None:
    """A clip whose frames are shown at `times` seconds after `start`; written with PyAV alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=30)
        video.width = video.height = 176
        video.bit_rate = 4_000_000  # so that key frames do not look like cuts
        video.pix_fmt, video.codec_context.time_base = "yuv420p", Fraction(1, TICKS)
        if sound:
            track = container.add_stream(audio, rate=AUDIO_RATE, layout="mono")
        for time in times:
            frame = av.VideoFrame.from_ndarray(frame_at(time, face), format="bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = round((time + start) * TICKS), Fraction(1, TICKS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound:
            samples = tone(SECONDS + start, start)
            for offset in range(0, len(samples), 1024):
                block = np.ascontiguousarray(samples[None, offset : offset + 1024])
                frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, offset, Fraction(1, AUDIO_RATE)
                container.mux(track.encode(frame))
            container.mux(track.encode(None))


def at_rate(rate: float) -> np.ndarray:
    return np.arange(round(SECONDS * rate)) / rate


def at_variable_rate() -> np.ndarray:
    """Frames 15 to 60 ms apart, as phones record them."""
    return np.cumsum(np.random.default_rng(3).uniform(0.015, 0.060, 80)) - 0.015


RESAMPLED = {
    "thirty": ("thirty.mp4", at_rate(30), {}),
    "ntsc '29.97'": ("ntsc '29.97'.mov", at_rate(30000 / 1001), {}),
    "电影_film 23": ("电影/film 23.mkv", at_rate(24000 / 1001), {}),
    "sixty_late sound": ("sixty/late sound.mkv", at_rate(60), {"start": VIDEO_START}),
    'phone "vfr"': ('phone "vfr".mkv', at_variable_rate(), {}),
}
KEPT = {
    "kept 25": ("kept 25.mp4", at_rate(25), {}),
    "deep_er_kept": ("deep/er/kept.mkv", at_rate(25), {"codec": "mpeg4", "audio": "mp3"}),
}
REFUSED = {
    "no face": "shows no face",
    "mute": "no sound",
    "only sound": "no video stream",
    "text": "cannot be read",
    "cut": "cut.mp4",
    "empty": "cannot be read",
    "blink": "lasts 5 frames",
}


def write_raw_folder(raw: Path) -> None:
    for name, times, settings in [*RESAMPLED.values(), *KEPT.values()]:
        write_clip(raw / name, times, **settings)
    write_clip(raw / "no face.mp4", at_rate(25)[:30], face=False)
    write_clip(raw / "mute.mp4", at_rate(25), sound=False)
    write_clip(raw / "blink.mp4", at_rate(25)[:5])
    with av.open(str(raw / "only sound.mp4"), "w") as container:
        track = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(1, 0)[None, :1024], format="s16", layout="mono")
        frame.sample_rate = AUDIO_RATE
        container.mux([*track.encode(frame), *track.encode(None)])
    (raw / "text.mp4").write_text("this is no video\n" * 99)
    (raw / "empty.mkv").write_bytes(b"")
    whole = (raw / "kept 25.mp4").read_bytes()
    (raw / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (raw / "notes.txt").write_text("not looked at")
    (raw / ".hidden.mp4").write_text("not looked at")


def run_as_user(*arguments: str) -> subprocess.CompletedProcess:
    return run_program("make_dataset.py", *arguments)


def state_of(folder: Path) -> dict[str, tuple]:
    """Mode, times and content of every file."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


class Run:
    """Results of make_dataset.py on the raw folder, and of running it a second time."""

    def __init__(self, folder: Path):
        self.raw, self.out, self.set = folder / "raw 原始", folder / "out", folder / "set"
        write_raw_folder(self.raw)
        (self.raw / "kept 25.mp4").chmod(0o444)
        self.raw_before = state_of(self.raw)
        arguments = ["--root_folder", str(self.raw), "--output_folder", str(self.out)]
        arguments += ["--training_data_path", str(self.set), "--num_workers", "2", "--keep_all"]
        self.first = run_as_user(*arguments)
        self.made = state_of(self.out)
        self.second = run_as_user(*arguments)
        self.videos = self.set / "split_video_25fps"
        self.tables = self.set / "split_video_25fps_landmark_openface"

    def row(self, name: str) -> str:
        return next(line for line in self.first.stdout.splitlines() if line.startswith(f"{name}  "))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Run:
    return Run(tmp_path_factory.mktemp("dataset"))


def test_bad_files_are_reported_and_the_run_goes_on(made):
    assert made.first.returncode == 1, made.first.stderr
    assert "Traceback" not in made.first.stderr
    for name, reason in REFUSED.items():
        assert "NOT USED" in made.row(name) and reason in made.row(name), made.row(name)
    rows = [line for line in made.first.stdout.splitlines() if line.strip()]
    assert len(rows) == len(RESAMPLED) + len(KEPT) + len(REFUSED) + 1 and rows[-1].endswith("report.html")


def test_exactly_the_good_videos_are_placed_in_pairs(made):
    good = sorted([*RESAMPLED, *KEPT])
    assert sorted(path.stem for path in made.videos.iterdir()) == good
    assert sorted(path.stem for path in made.tables.iterdir()) == good
    for video in made.videos.iterdir():
        track = read_openface_csv(made.tables / f"{video.stem}.csv")
        info = probe(video)
        assert info.is_constant_rate(25)
        assert len(track.success) == info.num_frames == sum(1 for _ in read_frames(video))
        assert track.success.mean() > 0.95


def test_landmarks_follow_the_face(made):
    track = read_openface_csv(made.tables / "thirty.csv")
    eyes = track.landmarks[:, [36, 45], 1].mean(1)
    drift = 4 + 3 * np.sin(np.arange(len(eyes)) / 25)
    assert np.corrcoef(eyes, drift)[0, 1] > 0.9


@pytest.mark.parametrize("name", KEPT)
def test_videos_at_25_fps_stay_what_they_are(made, name):
    raw = made.raw / KEPT[name][0]
    placed = made.videos / f"{name}{raw.suffix}"
    assert placed.samefile(raw)
    assert not (made.out / f"{name}.mp4").exists()
    assert "25 fps as it was, 75 frames, 3.0 s, face in 100%" in made.row(name)


@pytest.mark.parametrize("name", RESAMPLED)
def test_other_rates_are_resampled_by_time_with_sound_in_step(made, name):
    video = made.videos / f"{name}.mp4"
    assert "resampled from" in made.row(name)
    lit = np.array([frame[-10:-4, -10:-4].mean() > 128 for frame in read_frames(video)])
    times = RESAMPLED[name][1]
    assert abs(len(lit) / 25 - times[-1]) < 0.08
    flashes = (np.flatnonzero(np.diff(lit.astype(int)) == 1) + 1) / 25
    shown = np.array([times[times >= event - 1e-6][0] for event in EVENTS])  # by the first raw frame of each event
    assert (flashes > shown - 0.001).all() and (flashes < shown + 0.041).all()
    loud = np.abs(read_audio(video, 16000)) > 0.1
    onsets = [np.flatnonzero(loud[int((event - 0.3) * 16000) :])[0] / 16000 + event - 0.3 for event in EVENTS]
    np.testing.assert_allclose(onsets, EVENTS, atol=0.01)


def test_raw_files_are_not_touched(made):
    assert state_of(made.raw) == made.raw_before


def test_second_run_makes_nothing_anew(made):
    assert made.second.returncode == 1
    again = state_of(made.out)
    reports = ("report.json", "report.csv", "report.html")  # written anew, the same
    assert all(again.pop(name)[2] == made.made[name][2] for name in reports)
    assert again == {name: state for name, state in made.made.items() if name not in reports}
    for name in [*RESAMPLED, *KEPT]:
        line = next(line for line in made.second.stdout.splitlines() if line.startswith(f"{name}  "))
        assert "up to date" in line
    assert not [path for path in made.out.parent.rglob(".partial-*")]


def test_all_good_exits_with_0_also_with_results_inside_the_raw_folder(tmp_path):
    write_clip(tmp_path / "one.mp4", at_rate(30)[:40])
    arguments = ["--root_folder", str(tmp_path), "--output_folder", str(tmp_path / "out"), "--num_workers", "1"]
    arguments += ["--keep_all"]  # its sound is no speech
    for word in ("made", "up to date"):
        result = run_as_user(*arguments)
        assert result.returncode == 0, result.stderr
        assert len(result.stdout.splitlines()) == 2 and word in result.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--root_folder"),
        (["--root_folder", "RAW"], "--output_folder"),
        (["--root_folder", "RAW/absent", "--output_folder", "OUT"], "--root_folder"),
        (["--root_folder", "RAW", "--output_folder", "OUT"], "holds no videos"),
        (["--root_folder", "RAW", "--output_folder", "RAW"], "--root_folder"),
        (["--root_folder", "RAW", "--output_folder", "OUT", "--num_workers", "0"], "--num_workers"),
        (["--root_folder", "RAW", "--output_folder", "OUT", "--face_landmarker_model", "no.task"], "no.task"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(tmp_path, monkeypatch, capsys, arguments, named):
    (tmp_path / "RAW").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["make_dataset.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        config.errors.run_script(make_dataset.main)
    complaint = capsys.readouterr().err
    assert stopped.value.code == 2
    assert named in complaint and len(complaint.strip().splitlines()) == 1
    assert not (tmp_path / "OUT").exists()


def test_names_are_unique(tmp_path):
    for name in ("a/b.mp4", "a/b.mov", "a_b.mkv", "c.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    videos = find_raw_videos(tmp_path)
    assert {name: path.name for name, path in videos.items()} == {
        "a_b_mov": "b.mov",
        "a_b_mp4": "b.mp4",
        "a_b_mkv": "a_b.mkv",
        "c": "c.mp4",
    }


def test_placing_falls_back_to_a_symbolic_link_and_a_copy_and_keeps_what_is_there(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("not on this file system")

    source = tmp_path / "源.mp4"
    source.write_bytes(b"video")
    source.chmod(0o400)
    monkeypatch.setattr(os, "link", refuse)
    place(source, tmp_path / "set" / "link.mp4", tmp_path / "set")
    assert (tmp_path / "set" / "link.mp4").is_symlink()
    monkeypatch.setattr(os, "symlink", refuse)
    place(source, tmp_path / "set" / "copy.mp4", tmp_path / "set")
    assert not (tmp_path / "set" / "copy.mp4").is_symlink()
    assert (tmp_path / "set" / "copy.mp4").read_bytes() == b"video"
    assert stat.S_IMODE(source.stat().st_mode) == 0o400

    other = tmp_path / "set" / "other.mp4"
    other.write_bytes(b"somebody's")
    with pytest.raises(Exception, match="other.mp4 exists and is another file"):
        place(source, other, tmp_path / "set")
    assert other.read_bytes() == b"somebody's"
    shutil.rmtree(tmp_path / "set")
    assert source.exists()


def test_a_model_that_cannot_be_loaded_is_said_before_any_video_is_read(tmp_path):
    write_clip(tmp_path / "raw" / "one.mp4", at_rate(25))
    write_clip(tmp_path / "raw" / "two.mp4", at_rate(25))
    (tmp_path / "junk.task").write_text("junk")
    arguments = ["--root_folder", str(tmp_path / "raw"), "--output_folder", str(tmp_path / "out")]
    result = run_as_user(*arguments, "--face_landmarker_model", str(tmp_path / "junk.task"))
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert result.returncode == 2 and len(errors) == 1 and "junk.task" in errors[0] and not result.stdout
    assert not (tmp_path / "out").exists()
