"""inference.py as a user runs it: lengths, rates, what is touched, and one line for everything that is wrong."""

import pickle
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from talking_photo import tiny_spec, write_checkpoint, write_speech, write_video

import inference
from audio.mel import MelFeature
from config.config import InferenceOptions
from config.constants import CROP_WIDTH
from config.errors import InputError, run_script
from dubbing.pipeline import make_plan, prepare, write_result
from dubbing.renderer import Renderer
from face.alignment import transform
from face.geometry import crop_size, mouth_box
from face.openface_csv import FaceTrack, write_openface_csv
from media.audio import read_audio
from media.picture import planes
from media.video import decode_from, probe, read_frames
from models.dinet import DINet
from models.loading import NetworkSpec, load_generator
from models.syncnet import SyncNet

COUNT = 24
MEL, REST = 80, ("aligned", "box", 64)


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """Inputs of every kind, good and bad, in a folder whose name needs care."""
    folder = tmp_path_factory.mktemp('it\'s 视频 "x"')
    write_video(folder / "face.mp4", COUNT)
    write_video(folder / "gap.mp4", COUNT, faceless=tuple(range(8, 16)))
    write_video(folder / "blank.mp4", 6, faceless=tuple(range(6)))
    write_checkpoint(folder / "tiny", tiny_spec()).rename(folder / "tiny.pth")
    write_checkpoint(folder / "legacy", tiny_spec(crop="legacy")).rename(folder / "legacy.pth")
    write_speech(folder / "short.wav", 0.5)
    write_speech(folder / "long.wav", 2.1, rate=44100)
    write_speech(folder / "empty.wav", 0)
    (folder / "junk.bin").write_bytes(bytes(range(256)) * 20)
    (folder / "cut.mp4").write_bytes((folder / "face.mp4").read_bytes()[:-3000])
    (folder / "pickle.pth").write_bytes(pickle.dumps(Path("x")))
    syncnet = SyncNet(15, MEL, 128)
    spec = NetworkSpec("syncnet", {"in_channel_image": 15, "in_channel_audio": MEL, "out_dim": 128}, "mel", *REST)
    torch.save({"spec": vars(spec), "state_dict": {"syncnet": syncnet.state_dict()}}, folder / "syncnet.pth")
    track = FaceTrack(np.zeros((COUNT + 3, 68, 2), np.float32), np.ones(COUNT + 3), np.zeros(COUNT + 3, bool))
    write_openface_csv(folder / "other.csv", track)
    lines = (folder / "other.csv").read_text().splitlines()
    cells = lines[1].split(", ")
    (folder / "far.csv").write_text("\n".join([lines[0], ", ".join([*cells[:-1], "1e300"]), *lines[2:]]))
    return folder


PLAIN = ("reference_frames", "output", "cache_folder", "precision")


def options(folder: Path, **changes: str) -> InferenceOptions:
    """Options whose files are in `folder` and whose result goes to folder/result."""
    chosen = {"source_video_path": "face.mp4", "driving_audio_path": "short.wav"}
    chosen["pretrained_clip_DINet_path"] = "tiny.pth"
    changes.setdefault("cache_folder", "")
    plain = {key: value for key, value in changes.items() if key in PLAIN}
    paths = {key: str(folder / value) for key, value in {**chosen, **changes}.items() if key not in plain}
    return InferenceOptions(**paths, res_video_dir=str(folder / "result"), device="cpu", **plain)


def frames_of(path: Path) -> list[np.ndarray]:
    return list(read_frames(path))


@pytest.mark.parametrize("speech", ["short.wav", "long.wav"])
def test_as_long_as_the_speech_with_its_sound(material, speech):
    result = inference.dub(options(material, driving_audio_path=speech))
    assert result == material / "result" / "face_facial_dubbing.mp4"
    spoken = len(read_audio(material / speech, 48000)) / 48000
    info = probe(result)
    assert abs(info.num_frames / 25 - spoken) <= 1 / 25
    assert abs(len(read_audio(result, 48000)) / 48000 - spoken) <= 1 / 25
    assert (info.width, info.height) == (240, 232)
    wanted, made = (read_audio(path, 16000, duration=0.4) for path in (material / speech, result))
    assert np.corrcoef(wanted[1000:], made[1000 : len(wanted)])[0, 1] > 0.9


def test_longer_speech_plays_the_video_backwards(material):
    plan = make_plan(options(material, driving_audio_path="long.wav"))
    backwards = list(range(COUNT - 2, -1, -1))
    assert np.concatenate(plan.runs).tolist() == (list(range(COUNT)) + backwards + list(range(1, COUNT)))[:52]
    played = [picture.bgr() for batch in prepare(plan, 5) for picture in batch.pictures]
    source = frames_of(material / "face.mp4")
    assert len(played) == plan.num_frames == 52
    assert all(np.array_equal(frame, source[n]) for frame, n in zip(played, np.concatenate(plan.runs), strict=True))


@pytest.mark.parametrize("rate", [Fraction(30), Fraction(30000, 1001), Fraction(24)])
def test_any_rate_and_odd_sizes_are_kept(material, rate, tmp_path):
    source = write_video(tmp_path / "odd.mp4", 20, rate, width=239, height=231)
    result = inference.dub(options(material, source_video_path=source, output=str(tmp_path / "out.mp4")))
    info = probe(result)
    assert info.fps == rate and (info.width, info.height) == (239, 231) and info.is_constant_rate(float(rate))
    assert abs(info.num_frames - 0.5 * rate) <= 1


@pytest.mark.parametrize("checkpoint", ["tiny.pth", "legacy.pth"])
def test_the_mouth_changes_and_the_surroundings_do_not(material, checkpoint, tmp_path):
    """Both crops. The limit outside allows for two encodings; the bars at the bottom stay readable."""
    result = inference.dub(options(material, pretrained_clip_DINet_path=checkpoint, output=str(tmp_path / "out.mp4")))
    for number, (before, after) in enumerate(zip(frames_of(material / "face.mp4"), frames_of(result), strict=False)):
        difference = np.abs(before.astype(float) - after)
        left, top = round(8 + 6 * np.sin(number / 7)), round(4 + 3 * np.cos(number / 9))
        middle = (slice(top + 80, top + 130), slice(left + 85, left + 135))  # the mouth of the photograph
        assert difference[middle].mean() > 20
        assert difference[-16:].mean() < 4 and difference[:, -10:].mean() < 4
    assert number == 11


def test_frames_without_a_face_pass_through(material, tmp_path, capsys):
    speech = write_speech(tmp_path / "speech.wav", COUNT / 25)
    chosen = options(material, source_video_path="gap.mp4", driving_audio_path=speech)
    plan = make_plan(chosen)
    assert plan.faces.usable.tolist() == [number not in range(8, 16) for number in range(COUNT)]
    pasted = []
    plan.renderer.paster.paste = lambda frame, *rest: pasted.append(1) or frame
    write_result(plan, chosen, tmp_path / "out.mp4")
    assert len(pasted) == COUNT - 8 and plan.num_untouched == 8
    inference.dub(options(material, source_video_path="gap.mp4", driving_audio_path=speech))
    assert "24 frames" in (line := capsys.readouterr().out.splitlines()[-1]) and "8 without" in line


def test_landmarks_of_a_csv_are_used(material, tmp_path):
    found = make_plan(options(material, reference_frames=f"0,1,2,3,{COUNT - 1}")).faces
    moved = found.landmarks + np.float32((9, 0))
    write_openface_csv(tmp_path / "own.csv", FaceTrack(moved, np.ones(COUNT), np.arange(COUNT) % 4 != 3))
    plan = make_plan(options(material, source_openface_landmark_path=tmp_path / "own.csv"))
    assert plan.faces.usable.tolist() == [number % 4 != 3 for number in range(12)]
    shift = plan.faces.landmarks[::4] - found.landmarks[:12:4]
    assert np.abs(np.median(shift, axis=(0, 1)) - (9, 0)).max() < 1


def test_named_references_are_used(material):
    plan = make_plan(options(material, reference_frames="20,3,3,1,7"))
    assert len(plan.faces.landmarks) == 21  # as far as the last one


def test_a_second_dub_searches_no_face_and_encodes_no_reference(material, tmp_path, monkeypatch):
    cached = {"cache_folder": str(tmp_path / "cache")}
    found = make_plan(options(material, **cached))
    first = inference.dub(options(material, output=str(tmp_path / "first.mp4"), **cached))
    shutil.copy(material / "face.mp4", tmp_path / "renamed.mp4")

    def fail(*arguments, **named):
        raise AssertionError("done again")

    monkeypatch.setattr("dubbing.faces.track_video", fail)
    with monkeypatch.context() as patch:
        patch.setattr(Renderer, "encode", fail)
        source = {"source_video_path": tmp_path / "renamed.mp4"}
        known = make_plan(options(material, **source, **cached))
        assert np.array_equal(known.faces.video_to_crop, found.faces.video_to_crop, equal_nan=True)
        assert all(map(torch.equal, known.renderer.reference, found.renderer.reference))
        second = inference.dub(options(material, output=str(tmp_path / "second.mp4"), **source, **cached))
        # Products of float32 differ in the last bit by where in memory they are, and pixels at an edge with them.
        for a, b in zip(frames_of(first), frames_of(second), strict=True):
            assert np.abs(a.astype(int) - b).mean() < 0.1
        for other in ({"reference_frames": "1,2,3,4,5"}, {"pretrained_clip_DINet_path": "legacy.pth"}):
            with pytest.raises(AssertionError, match="done again"):
                make_plan(options(material, **other, **cached))
    for change in ({"source_video_path": "gap.mp4"}, {"driving_audio_path": "long.wav"}):
        with pytest.raises(AssertionError, match="done again"):  # other pictures, and more of them than are known
            make_plan(options(material, **change, **cached))


def test_published_weights_load_as_they_are(material, tmp_path):
    """Names from DataParallel, the legacy crop, and DeepSpeech features, whose model is named when it is missing."""
    state = {f"module.{name}": value for name, value in DINet(3, 15, 29, base_channels=8).state_dict().items()}
    torch.save({"state_dict": {"net_g": state}}, tmp_path / "published.pth")
    generator = load_generator(tmp_path / "published.pth", "--pretrained_clip_DINet_path")
    crops = np.full((5, *crop_size(256), 3), 128, np.uint8)
    renderer = Renderer(generator, torch.device("cpu"), "fp32")
    renderer.reference = renderer.encode(crops)
    assert generator.spec.crop == "legacy" and renderer.generate(crops[:1], np.zeros((1, 5, 29), np.float32)).any()
    with pytest.raises(InputError, match="--deepspeech_model_path"):
        inference.dub(options(material, pretrained_clip_DINet_path=tmp_path / "published.pth"))


BAD = {
    "missing source": ({"source_video_path": "no.mp4"}, "no.mp4"),
    "sound as source": ({"source_video_path": "short.wav"}, "no video stream"),
    "junk source": ({"source_video_path": "junk.bin"}, "junk.bin"),
    "truncated source": ({"source_video_path": "cut.mp4"}, "cut.mp4"),
    "no face": ({"source_video_path": "blank.mp4"}, "no face"),
    "missing speech": ({"driving_audio_path": "no.wav"}, "no.wav"),
    "silent video as speech": ({"driving_audio_path": "face.mp4"}, "no sound"),
    "speech of length zero": ({"driving_audio_path": "empty.wav"}, "empty.wav"),
    "junk checkpoint": ({"pretrained_clip_DINet_path": "junk.bin"}, "junk.bin"),
    "pickled object": ({"pretrained_clip_DINet_path": "pickle.pth"}, "pickle.pth"),
    "SyncNet": ({"pretrained_clip_DINet_path": "syncnet.pth"}, "SyncNet"),
    "CSV of another video": ({"source_openface_landmark_path": "other.csv"}, "27 rows"),
    "reference beyond the end": ({"reference_frames": "1,2,3,4,99"}, "--reference_frames"),
    "an impossible CSV": ({"source_openface_landmark_path": "far.csv"}, "far.csv, line 2"),
    "three references": ({"reference_frames": "1,2,3"}, "--reference_frames"),
}


@pytest.mark.parametrize("changes, part", BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_leaves_nothing(material, tmp_path, changes, part):
    chosen = options(material, **changes, output=str(tmp_path / "out.mp4"))
    with pytest.raises(InputError) as caught:
        inference.dub(chosen)
    assert part in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("precision, remedy", [("fp32", "the checkpoint is at fault"), ("bf16", "--precision fp32")])
def test_weights_that_overflow_are_not_dubbed_with(material, tmp_path, precision, remedy):
    content = torch.load(material / "tiny.pth", weights_only=True)
    content["state_dict"]["net_g"]["ref_in_conv.0.conv.weight"].fill_(3e38)
    torch.save(content, tmp_path / "large.pth")
    large, output = tmp_path / "large.pth", str(tmp_path / "out.mp4")
    chosen = options(material, pretrained_clip_DINet_path=large, output=output, precision=precision)
    with pytest.raises(InputError, match=f"--pretrained_clip_DINet_path: .* not finite in {precision}; .*{remedy}"):
        inference.dub(chosen)
    assert [path.name for path in tmp_path.iterdir()] == ["large.pth"]


def test_features_that_are_not_finite_name_the_speech(material, monkeypatch):
    compute = MelFeature.compute
    monkeypatch.setattr(MelFeature, "compute", lambda self, wave: compute(self, wave) / np.float32(0))
    with pytest.raises(InputError, match="--driving_audio_path .*short.wav: its mel features"):
        make_plan(options(material))


@pytest.mark.parametrize(
    "name, part", [("out.avi", ".mp4"), ("face.mp4", "--source_video_path"), ("tiny.pth/x.mp4", "--output")]
)
def test_results_never_replace_an_input(material, name, part):
    before = (material / "face.mp4").read_bytes()
    with pytest.raises(InputError, match=part):
        inference.dub(options(material, output=str(material / name)))
    assert (material / "face.mp4").read_bytes() == before


def test_a_failure_on_the_way_leaves_nothing(material, tmp_path):
    chosen = options(material, output=str(tmp_path / "out.mp4"))
    plan = make_plan(chosen)
    shutil.copy(material / "junk.bin", tmp_path / "gone.mp4")
    broken = replace(plan, info=replace(plan.info, path=tmp_path / "gone.mp4"))
    with pytest.raises(InputError):
        write_result(broken, chosen, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["gone.mp4"]


@pytest.mark.parametrize("flags", [["--preset", "quick"], ["--crf", "99"], ["--batch_size", "0"], []])
def test_bad_flags_exit_with_2_and_one_line(flags, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["inference.py", *flags])
    with pytest.raises(SystemExit) as ended:
        run_script(inference.main)
    lines = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == 2 and len(lines) == 1 and "--" in lines[0]


def test_lip_strength_reaches_the_pictures_and_1_looks_for_no_lips(material, monkeypatch):
    chosen = replace(options(material), crf=0)
    plan, path, results = make_plan(chosen), material / "result" / "strength.mp4", []
    for strength in (1.6, 1.0):
        write_result(plan, replace(chosen, lip_strength=strength), path)
        results.append(np.stack(frames_of(path)))
        monkeypatch.setattr("dubbing.placer.LipStrength", None)  # cannot be called
    assert results[0].shape == results[1].shape and (results[0] != results[1]).any()


@pytest.mark.parametrize("flag, most", [("lip_strength", "2"), ("detail", "1")])
@pytest.mark.parametrize("value", ["-0.1", "{most}.1", "nan", "wide"])
def test_a_bad_share_is_one_line(flag, most, value, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["inference.py", f"--{flag}", value.format(most=most)])
    with pytest.raises(SystemExit) as ended:
        run_script(inference.main)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.startswith("error:") and flag in said and said.count("\n") == 1


@pytest.mark.parametrize("checkpoint", ["tiny.pth", "legacy.pth"])
def test_without_loss_every_sample_outside_the_mouth_is_the_decoders(material, checkpoint, tmp_path):
    chosen = options(material, pretrained_clip_DINet_path=checkpoint, output=str(tmp_path / "out.mp4"))
    chosen.crf = 0
    faces = make_plan(chosen).faces
    result, source = (decode_from(probe(path), 0) for path in (inference.dub(chosen), material / "face.mp4"))
    rows, columns = mouth_box(CROP_WIDTH * 4 // 5)
    corners = np.array([[x, y] for x in (columns.start, columns.stop) for y in (rows.start, rows.stop)], np.float64)
    for (number, made), (_, given) in zip(result, source, strict=False):
        places = transform(corners, np.linalg.inv(faces.video_to_crop[number]))
        (left, top), (right, bottom) = (edge.astype(int) // 2 for edge in (places.min(0), places.max(0)))
        for ours, theirs in zip(planes(made), planes(given), strict=True):
            step = 2 * ours.shape[0] // given.height
            differs = ours != theirs
            assert differs[top * step : (bottom + 2) * step, left * step : (right + 2) * step].mean() > 0.2
            differs[(top - 1) * step : (bottom + 2) * step, (left - 1) * step : (right + 2) * step] = False
            assert not differs.any()
    assert number == 11
