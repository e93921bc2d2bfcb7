"""LiveDubber: one clock, the whole file's frames, rest without a jump, interruption, and memory that stays."""

import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from talking_photo import number_of, tiny_spec, write_checkpoint, write_speech, write_video

from config.config import AvatarOptions, InferenceOptions
from config.errors import InputError
from dubbing.avatar import Avatar, open_avatar
from dubbing.avatar_making import make_avatar
from dubbing.live.dubber import LiveDubber, LiveFrame
from dubbing.live.effort import Effort
from dubbing.live.shots import Shots
from dubbing.live.walk import Walk
from dubbing.pipeline import generate, make_plan, prepare
from dubbing.placer import open_placer
from face.alignment import transform
from face.geometry import mouth_box
from media.audio import read_audio
from media.playback import playback_runs
from media.video import VideoInfo

COUNT = 20


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    write_video(folder / "face.mp4", COUNT, faceless=(7,))
    write_video(folder / "fast.mp4", COUNT, 30)
    write_speech(folder / "speech.wav", 2.4)
    write_checkpoint(folder, tiny_spec()).rename(folder / "tiny.pth")
    return folder


def make(inputs: Path, name: str) -> Avatar:
    options = AvatarOptions(str(inputs / name), str(inputs / "tiny.pth"), "", cache_folder="")
    folder = inputs / f"avatar of {name}"
    if not folder.exists():
        make_avatar(options, folder)
    opened = open_avatar(folder)
    return replace(opened, record=replace(opened.record, rest=None, idle=None))  # as if its mouth were never closed


@pytest.fixture(scope="module")
def anna(inputs):
    return make(inputs, "face.mp4")


@pytest.fixture(scope="module")
def speech(inputs):
    return read_audio(inputs / "speech.wav")


def resting(avatar: Avatar, first: int, stop: int) -> Avatar:
    """The same avatar, said to have a closed mouth in frames first .. stop - 1."""
    return replace(avatar, record=replace(avatar.record, rest=first, idle=[first, stop]))


def dubber(avatar: Avatar) -> LiveDubber:
    return LiveDubber(avatar, device="cpu", precision="fp32")


def run(live: LiveDubber, wave: np.ndarray, piece: int) -> list[LiveFrame]:
    frames = []
    for begin in range(0, len(wave), piece):
        frames += live.push(wave[begin : begin + piece])
    return frames + live.finish()


@pytest.mark.parametrize("name, piece", [("face.mp4", 640), ("face.mp4", 7001), ("fast.mp4", 333)])
def test_one_clock_and_not_a_sample_lost(inputs, speech, name, piece):
    avatar = make(inputs, name)
    rate = float(avatar.record.rate)
    frames = run(dubber(avatar), speech[:-100], piece)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert [frame.time for frame in frames] == [k / rate for k in range(len(frames))]
    heard = np.concatenate([frame.samples for frame in frames])
    assert np.array_equal(heard[: len(speech) - 100], speech[:-100]) and not heard[len(speech) - 100 :].any()
    starts = np.cumsum([0] + [len(frame.samples) for frame in frames])[:-1]
    assert np.abs(starts / 16000 - [frame.time for frame in frames]).max() < 1 / 16000
    assert frames[0].image.shape == (232, 240, 3) and frames[0].image.dtype == np.uint8


def test_frames_are_the_whole_files(inputs, anna, speech):
    """But for the level of the sound, which the untrained generator hardly hears."""
    frames = run(dubber(anna), speech, 640)
    options = InferenceOptions(
        source_video_path=str(anna.folder),
        driving_audio_path=str(inputs / "speech.wav"),
        pretrained_clip_DINet_path=str(inputs / "tiny.pth"),
        cache_folder="",
        device="cpu",
        precision="fp32",
    )
    plan = make_plan(options)
    shown = np.concatenate(plan.runs)
    assert len(frames) == plan.num_frames
    (batch, faces), *others = generate(prepare(plan, 64), plan.renderer)
    assert not others
    with open_placer(plan.renderer.paster, plan.mouths, options) as placer:
        generated = iter(zip(faces, batch.crops, strict=True))
        for k, (picture, view) in enumerate(zip(batch.pictures, batch.views, strict=True)):
            whole = picture if view is None else placer.place(picture, view, *next(generated), shown[k] / 25)
            assert np.abs(frames[k].image[..., ::-1].astype(float) - whole.bgr()).mean() < 0.6, k
            assert number_of(frames[k].image) == shown[k]


def test_mouths_get_the_detail_of_the_avatars_own(anna, speech):
    """Its own, lighter, stand for generated ones, since a random generator's are like none of them."""
    shown = []
    for strength in (0.0, 1.0):
        live = LiveDubber(anna, device="cpu", precision="fp32", detail=strength)
        live.renderer.generate = lambda crops, windows: np.minimum(crops, 225) + 30
        shown.append(live.push(speech[:8000])[4].image.astype(int))
    changed = np.abs(shown[0] - shown[1]).max(2) > 0
    places = transform(np.argwhere(changed)[:, ::-1].astype(float), anna.faces.video_to_crop[4])
    rows, columns = mouth_box(256)
    assert changed.sum() > 500
    assert (places > (columns.start - 2, rows.start - 2)).all() and (places < (columns.stop + 2, rows.stop + 2)).all()


def test_a_frame_comes_as_soon_as_its_window_has_been_heard(anna, speech):
    live = dubber(anna)
    for piece in range(0, 16000, 160):
        for frame in live.push(speech[piece : piece + 160]):
            needed = round((frame.time + 0.106) * 16000)
            assert needed <= piece + 160 < needed + 160


def test_the_walk_is_playback_until_it_rests_and_never_jumps():
    walk = Walk(COUNT, range(12, 16))
    spoken = [walk.next(False) for _ in range(50)]
    info = VideoInfo(Path(), 8, 8, Fraction(25), np.arange(COUNT) / 25, 0.0, False, np.arange(COUNT))
    assert spoken == np.concatenate(playback_runs(info, 50)).tolist()
    rng = np.random.default_rng(0)
    rests = np.repeat(rng.integers(0, 2, 60), rng.integers(1, 40, 60)).astype(bool)
    path = [walk.next(bool(rest)) for rest in rests]
    assert np.abs(np.diff(path)).max() == 1 and min(path) == 0 and max(path) == COUNT - 1
    assert set([walk.next(True) for _ in range(60)][20:]) == {12, 13, 14, 15}
    assert [Walk(1, range(1)).next(rest) for rest in (True, False)] == [0, 0]


def test_at_rest_the_avatars_own_mouth_is_shown_and_speech_draws_again(anna, speech):
    avatar = resting(anna, 10, 16)
    live = dubber(avatar)
    frames = live.push(speech[:16000]) + live.idle(2.0)
    assert frames[-1].index == int((3.0 - 0.106) * 25)  # the clock goes on while nobody speaks
    own = [index for index, frame in enumerate(frames) if is_own(avatar, frame)]
    assert min(own) > 25 and set(own) >= set(range(55, 70))  # the walk goes to the closed mouth and stays there
    assert {number_of(frames[index].image) for index in own} == set(range(10, 16))
    assert not np.concatenate([frame.samples for frame in frames])[16000:].any()
    later = live.push(speech[:8000])
    jumps = np.abs(np.diff([number_of(frame.image) for frame in frames + later]))
    assert jumps.max() == 1
    drawn = [not is_own(avatar, frame) for frame in later if number_of(frame.image) != 7]
    assert all(drawn[1:])  # by the time that speech is heard the mouth is drawn


def test_a_mouth_at_rest_is_closed_three_frames_after_speech_and_needs_no_generator(anna, speech, monkeypatch):
    """Where the frames have none of their own, the one of frame 3 is laid on them, and nothing else of it."""
    live = dubber(replace(anna, record=replace(anna.record, rest=3)))
    live.push(speech[:16000])
    first = live.index
    live.interrupt()
    frames = live.idle(0.3)
    monkeypatch.setattr(live.renderer, "generate", None)
    frames += live.idle(2.0)
    for frame in frames[2:]:
        number = number_of(frame.image)
        own = anna.frames.read(number)[..., ::-1].astype(float)
        assert frame.index >= first and np.abs(frame.image[:20] - own[:20]).max() == 0
        if number in (3, 7):
            continue
        left, top = round(8 + 6 * np.sin(number / 7)), round(4 + 3 * np.cos(number / 9))
        mouth = (slice(top + 80, top + 130), slice(left + 85, left + 135))  # the photograph's, which is the same
        assert np.abs(frame.image[mouth] - own[mouth]).mean() < 12


def is_own(avatar: Avatar, frame: LiveFrame) -> bool:
    number = number_of(frame.image)
    return number != 7 and np.array_equal(frame.image[..., ::-1], avatar.frames.read(number))


def test_without_a_closed_mouth_to_show_it_is_drawn_from_silence(anna):
    live = dubber(anna)
    frames = live.idle(1.0)
    assert len(frames) == 23 and not any(is_own(anna, frame) for frame in frames)


def test_an_interruption_silences_what_is_not_shown_yet(anna, speech):
    live = dubber(anna)
    before = live.push(speech[:20000])
    cut = live.boundary(before[-1].index + 1)
    assert cut < 20000
    live.interrupt()
    live.interrupt()  # twice is once
    after = live.idle(0.5)
    heard = np.concatenate([frame.samples for frame in before + after])
    assert np.array_equal(heard[:cut], speech[:cut]) and not heard[cut + 80 :].any()
    assert np.abs(heard[cut : cut + 80]).max() <= np.abs(speech[cut : cut + 80]).max()
    assert [frame.index for frame in before + after] == list(range(len(before + after)))
    quiet = LiveDubber(anna, device="cpu", precision="fp32", renderer=live.renderer)
    silence = quiet.push(np.concatenate((speech[:cut], np.zeros(20000, np.float32))))
    for frame in after[4:]:  # nothing is left of it after 160 ms
        assert np.abs(frame.image.astype(int) - silence[frame.index].image).max() <= 1


def test_held_mouths_are_the_ones_before_on_frames_of_their_own(anna, speech, monkeypatch):
    calls = []
    live = dubber(anna)
    generate_face = live.renderer.generate
    monkeypatch.setattr(live.renderer, "generate", lambda *given: calls.append(len(given[0])) or generate_face(*given))
    live.effort = Effort(mouths_every=3)
    frames = run(live, speech[:16000], 640)
    assert sum(calls) == 9 and live.shots.num_held == 24 - 9  # 0, 3, .. 24; of 25 frames one shows no face
    assert [number_of(frame.image) for frame in frames[:20]] == list(range(20))
    assert not any(is_own(anna, frame) for frame in frames) and live.shots.num_repeated == 0


def test_where_holding_mouths_is_not_enough_pictures_are_shown_again_with_sound_of_their_own(anna, speech):
    live = dubber(anna)
    live.effort = Effort(mouths_every=4, pictures_every=5)
    frames = run(live, speech[:16000], 640)
    assert [number_of(frame.image) for frame in frames[:20]] == [k - k % 5 for k in range(20)]
    assert np.array_equal(np.concatenate([frame.samples for frame in frames]), speech[:16000])
    assert live.shots.num_repeated == 20 and live.shots.num_held == 0  # a new picture has a new mouth
    assert not frames[1].image.flags.writeable and frames[1].image is frames[0].image


def test_the_later_the_less_is_drawn(anna):
    work = []
    for seconds in (-1, 0.09, 0.11, 0.16, 0.21, 0.26, 0.31, 0.36, 0.5, 100):
        shots = Shots(Walk(COUNT, None), np.ones(COUNT, bool), can_rest=False)
        drawn = [shots.next(False, Effort.when_late(seconds)) for _ in range(960)]
        work.append((sum(shot.is_spoken for shot in drawn), sum(shot.is_new for shot in drawn)))
        assert shots.num_repeated == 960 - work[-1][1] and shots.num_held == work[-1][1] - work[-1][0]
    assert work[:6] == [(960, 960), (960, 960), (320, 960), (240, 960), (240, 480), (240, 240)]
    assert work[6:] == [(120, 120)] * 4


def test_an_idle_stream_forgets_what_it_has_heard(anna, speech):
    live = dubber(resting(anna, 10, 16))
    live.push(speech[:16000])
    for _ in range(20):
        live.idle(1.0)
    assert len(live.features.wave) < 16000 and len(live.features.decibels) < 200


def test_a_mouth_that_leaves_is_not_drawn_anew(anna, speech, monkeypatch):
    live = dubber(resting(anna, 10, 16))
    live.push(speech[:16000])
    live.interrupt()
    monkeypatch.setattr(live.renderer, "generate", None)
    assert len(live.idle(1.0)) == 25 and live.shots.num_held == 0


def test_what_ended_or_never_was_sound_is_refused(anna):
    live = dubber(anna)
    assert live.push(np.zeros(0, np.float32)) == []
    with pytest.raises(ValueError, match="shape"):
        live.push(np.zeros((10, 2), np.float32))
    with pytest.raises(InputError, match="NaN"):
        live.push(np.array([np.inf], np.float32))
    with pytest.raises(ValueError, match="idle for"):
        live.idle(-1)
    assert live.finish() == [] == live.finish()
    with pytest.raises(ValueError, match="has ended"):
        live.push(np.zeros(10, np.float32))


def test_a_generator_that_must_hear_everything_says_so_before_it_is_loaded(anna):
    deaf = replace(anna, record=replace(anna.record, audio_feature="deepspeech"), folder=Path("nowhere"))
    with pytest.raises(InputError, match="deepspeech cannot be had live"):
        dubber(deaf)


def test_several_dubbers_share_weights_and_not_their_state(anna, speech):
    first = dubber(anna)
    second = LiveDubber(anna, renderer=first.renderer)
    assert second.renderer.network is first.renderer.network
    one = run(first, speech[:16000], 640)
    two = run(second, speech[:16000], 640)
    assert len(one) > 20  # a frame's pixels may differ by a rounding, in float32
    assert all(np.abs(a.image.astype(int) - b.image).max() <= 1 for a, b in zip(one, two, strict=True))


def test_memory_does_not_grow_with_the_stream(anna, speech):
    live = dubber(replace(anna, record=replace(anna.record, rest=3)))

    def speak_and_rest(times: int) -> None:
        for _ in range(times):
            live.push(speech[:3200])
            live.idle(1.8)
            live.interrupt()

    speak_and_rest(2)
    tracemalloc.start()
    speak_and_rest(8)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 2**19


def test_bf16_takes_the_stored_features_too(anna, speech):
    live = LiveDubber(anna, device="cpu", precision="bf16")
    assert live.renderer.reference.encoded.dtype == torch.bfloat16
    assert len(run(live, speech[:8000], 4000)) == 13
