"""data_processing.py on a speaking sample video: every flag, running again, and what is refused."""

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from programs import run_program
from whole_videos import place_whole_video

from dataset.layout import TrainingSetLayout
from dataset.manifest import load_manifest
from face.alignment import TEMPLATE_INDEX, template_pixels
from media.audio import read_audio, write_wav
from media.video import VideoWriter, probe, read_frames
from sample_speaker.speech import Voice
from sample_speaker.videos import make_speaker_videos

ROOT = Path(__file__).resolve().parents[1]
NAME = "it's 说话 1"


def run(*arguments: object) -> subprocess.CompletedProcess:
    return run_program("data_processing.py", *arguments)


def place_in_set(root: Path, video: Path) -> None:
    raw = root / "raw" / f"{NAME}.mp4"
    raw.parent.mkdir(parents=True)
    shutil.copyfile(video, raw)
    place_whole_video(NAME, raw, root / "out", root / "set")


@pytest.fixture(scope="module")
def speaker(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("speaker")
    return make_speaker_videos(folder, [["Bob may map it."]], [Voice("en-us+f1", 160, 50)], size=256)[0]


@pytest.fixture(scope="module")
def whole_set(speaker, tmp_path_factory) -> TrainingSetLayout:
    """A set processed by the flags one by one, in the published order."""
    root = tmp_path_factory.mktemp("data set")
    place_in_set(root, speaker)
    layout = TrainingSetLayout(root / "set")
    for flag in (
        "extract_video_frame",
        "extract_audio",
        "extract_audio_feature",
        "crop_face",
        "generate_training_json",
    ):
        result = run(f"--{flag}", "--training_data_path", layout.root)
        assert result.returncode == 0, result.stdout + result.stderr
        assert f"{flag.replace('_feature', '_feature mel')}: 1 done, 0 up to date, 0 failed" in result.stdout
    return layout


def test_crops_are_packed_for_the_mouth_size_that_is_asked_for(whole_set, tmp_path):
    shutil.copytree(whole_set.root, tmp_path / "set")
    root = ["--training_data_path", tmp_path / "set"]
    assert "pack_crops is 33" in run("--pack_crops", 33, *root).stderr
    result = run("--pack_crops", 64, "--generate_training_json", *root)
    assert result.returncode == 0 and "pack_crops 64: 1 done" in result.stdout, result.stdout + result.stderr
    video = load_manifest(tmp_path / "set" / "training_json.json").videos[0]
    rows = np.load(video.packed_crops[64])
    assert rows.shape == (video.frame_numbers[-1] + 1, 104, 80, 3)
    stored = cv2.cvtColor(cv2.imdecode(np.fromfile(video.paths[5], np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    shrunk = cv2.resize(stored, (80, 104), interpolation=cv2.INTER_AREA)
    assert np.abs(rows[video.frame_numbers[5]].astype(int) - shrunk).mean() < 2


def test_every_step_counts_what_the_video_holds(whole_set):
    frames = probe(whole_set.videos / f"{NAME}.mp4").num_frames
    clips = frames // 9
    assert len(list((whole_set.frames / NAME).glob("*.jpg"))) == frames
    assert abs(len(read_audio(whole_set.audio / f"{NAME}.wav")) - frames * 640) <= 1
    assert np.load(whole_set.features("mel") / f"{NAME}.npy").shape == (frames, 80)
    crops = sorted((whole_set.crops / NAME).glob("*/*.jpg"))
    assert len(crops) == clips * 9 and crops[9].parts[-2:] == ("000001", "000009.jpg")
    assert all(cv2.imdecode(np.fromfile(p, np.uint8), 1).shape == (416, 320, 3) for p in crops[::9])
    manifest = load_manifest(whole_set.training_json)
    assert (manifest.silence == -1).all() and len(manifest.silence) == manifest.audio_channel  # mel's least value
    assert all(len(v.lip_opening) == len(v.paths) and v.lip_opening.max() > 1 for v in manifest.videos)
    assert (manifest.audio_feature, manifest.audio_channel, manifest.crop) == ("mel", 80, "aligned")
    assert manifest.num_frames == clips * 9


def test_landmarks_of_the_crops_load_without_pickle_and_lie_on_the_template(whole_set):
    records = np.load(whole_set.crop_landmarks, allow_pickle=False)
    assert records["path"][0] == f"{NAME}/000000/000000.jpg"
    distance = records["landmarks"][:, TEMPLATE_INDEX] - template_pixels()
    assert np.abs(distance).mean() < 12 and np.linalg.norm(distance.mean(1), axis=-1).max() < 3


def test_running_again_keeps_everything(whole_set):
    files = [path for path in whole_set.root.rglob("*") if path.is_file() and path.suffix in (".jpg", ".wav", ".npy")]
    written = {path: path.stat().st_mtime_ns for path in files if path != whole_set.crop_landmarks}
    result = run("--all", "--extract_video_frame", "--training_data_path", whole_set.root)
    assert result.returncode == 0 and result.stdout.count("0 done, 1 up to date") == 4
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_all_with_processes_equals_the_steps_and_needs_no_extracted_frames(whole_set, speaker, tmp_path):
    place_in_set(tmp_path, speaker)
    layout = TrainingSetLayout(tmp_path / "set")
    flags = ["--all", "--crop_face_multithreading", "--extract_video_frame_multithreading", "--num_workers", "2"]
    assert run(*flags, "--training_data_path", layout.root).returncode == 0
    for crop in (layout.crops / NAME).glob("*/*.jpg"):
        assert crop.read_bytes()[:3] == b"\xff\xd8\xff"
        other = whole_set.crops / crop.relative_to(layout.crops)
        pictures = [cv2.imdecode(np.fromfile(p, np.uint8), 1).astype(int) for p in (crop, other)]
        assert np.abs(pictures[0] - pictures[1]).mean() < 2  # one of them went through a JPEG of the whole frame
    assert (np.load(layout.features("mel") / f"{NAME}.npy") == np.load(whole_set.features("mel") / f"{NAME}.npy")).all()


@pytest.mark.parametrize("sound_seconds", [0.6, 5.0])
def test_features_are_as_many_as_frames_when_sound_and_pictures_differ_in_length(speaker, tmp_path, sound_seconds):
    video = tmp_path / "video.mp4"
    frames = list(read_frames(speaker))
    sound = tmp_path / "sound.wav"
    write_wav(sound, np.resize(read_audio(speaker), int(16000 * sound_seconds)))
    with VideoWriter(video, 256, 256, 25, audio_path=sound, audio_duration=sound_seconds) as writer:
        for frame in frames:
            writer.write(frame)
    place_in_set(tmp_path, speaker)
    layout = TrainingSetLayout(tmp_path / "set")
    shutil.move(video, layout.videos / f"{NAME}.mp4")  # as other tools cut it; make_dataset.py ends where speech does
    assert run("--extract_audio", "--extract_audio_feature", "--training_data_path", layout.root).returncode == 0
    rows = np.load(layout.features("mel") / f"{NAME}.npy")
    assert len(rows) == len(frames)
    # Row k is the sound at k / 25 s: after the sound has ended, rows are those of silence.
    ended = int(sound_seconds * 25) + 3
    assert ended > len(frames) or np.ptp(rows[ended:]) < 1e-3


def test_text_features_of_the_published_code_are_taken_over(whole_set, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(whole_set.root, root)
    layout = TrainingSetLayout(root)
    frames = len(np.load(layout.features("mel") / f"{NAME}.npy"))
    folder = layout.features("deepspeech")
    folder.mkdir()
    rows = np.random.default_rng(0).standard_normal((frames + 3, 29))
    np.savetxt(folder / f"{NAME}_deepspeech.txt", rows)
    result = run("--generate_training_json", "--audio_feature", "deepspeech", "--training_data_path", root)
    assert result.returncode == 0, result.stderr
    manifest = load_manifest(layout.training_json)
    assert manifest.audio_channel == 29
    assert np.allclose(manifest.videos[0].audio(10, 9).T, rows[10:19], atol=1e-6)


def test_one_bad_video_is_reported_and_the_others_go_on(whole_set, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(whole_set.root, root)
    (root / "split_video_25fps" / "broken.mp4").write_bytes(b"not a video")
    table = next((root / "split_video_25fps_landmark_openface").glob("*.csv"))
    (root / "split_video_25fps" / "short.mp4").write_bytes((root / "split_video_25fps" / f"{NAME}.mp4").read_bytes())
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.with_name("short.csv").write_text("".join(lines[:-5]), encoding="utf-8")
    result = run("--crop_face", "--training_data_path", root)
    assert result.returncode == 1 and "1 up to date, 2 failed" in result.stdout
    assert "short.csv has" in result.stdout and "broken" in result.stdout and "Traceback" not in result.stderr
    assert not (root / "split_video_25fps_crop_face" / "short").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "no step given"),
        (["--crop_face", "--training_data_path", "nowhere"], "nowhere"),
        (["--extract_deep_speech", "--deep_speech_model", "nowhere.pb"], "nowhere.pb"),
        (["--extract_audio_feature", "--audio_feature", "melody"], "melody"),
        (["--crop_face", "--crop", "square"], "--crop"),
        (["--all", "--num_workers", "0"], "--num_workers"),
        (["--everything"], "--everything"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(whole_set, arguments, message):
    if "--training_data_path" not in arguments:
        arguments = [*arguments, "--training_data_path", whole_set.root]
    result = run(*arguments)
    assert result.returncode == 2 and message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1 and "Traceback" not in result.stderr


def test_steps_say_which_step_is_missing(speaker, tmp_path):
    place_in_set(tmp_path, speaker)
    result = run("--extract_audio_feature", "--training_data_path", tmp_path / "set")
    assert result.returncode == 1 and "run --extract_audio first" in result.stdout
    result = run("--generate_training_json", "--training_data_path", tmp_path / "set")
    assert result.returncode == 2 and "run --crop_face first" in result.stderr


def test_real_clips_give_the_counts_of_their_length(real_clip, tmp_path):
    for name, frames in (("talking_woman_10s_25fps.mp4", 250), ("grid_brbk7n.mpg", 75)):
        place_whole_video(name[:-4], real_clip(name), tmp_path / "out", tmp_path / "set")
        assert probe(real_clip(name)).num_frames == frames
    result = run("--all", "--training_data_path", tmp_path / "set", "--num_workers", "2")
    assert result.returncode == 0, result.stdout
    assert load_manifest(tmp_path / "set" / "training_json.json").num_frames == (250 // 9 + 75 // 9) * 9
