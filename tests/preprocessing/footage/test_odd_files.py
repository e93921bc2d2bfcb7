"""make_dataset.py on files that are broken, odd or named oddly: each has its row, and a reason if it is no use."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data
from programs import run_program

ROOT = Path(__file__).resolve().parents[3]
PHOTO = cv2.resize(skimage.data.astronaut()[30:230, 120:320, ::-1], (160, 160), interpolation=cv2.INTER_AREA)
FRAMES = 55
LONG = "长" * 82  # with its suffix 250 bytes

ODD_NAMES = {'it\'s "quoted"', "two\nlines", LONG, "中文 名字", "-dash", "100%d"}
GOOD = {"ten_bit", "odd_size", "variable", "interlaced", "tall_4k", *ODD_NAMES}
BROKEN = {  # the name, and what the reason has to say
    "zero": "cannot be read",
    "truncated": "cannot be read",
    "sound_only": "no video stream",
    "picture_only": "no sound",
    "damaged": "damaged",
    "wrong_suffix": "no sound",  # a PNG, which FFmpeg reads as a video of one picture
    "no_permission": "cannot be read",
    "dangling": "No such file",
}


def picture(number: int, size: tuple[int, int]) -> np.ndarray:
    """BGR (height, width, 3): a photograph of a face that moves a little to the right with every frame."""
    width, height = size
    image = np.full((height, width, 3), 90, np.uint8)
    return cv2.warpAffine(
        PHOTO,
        np.float32([[1, 0, 6 + number / 10], [0, 1, 5]]),
        size,
        image,
        borderMode=cv2.BORDER_TRANSPARENT,
    )


def write(
    path: Path,
    frames: int = FRAMES,
    size: tuple[int, int] = (176, 176),
    pixels: str = "yuv420p",
    sound: bool = True,
    **options,
) -> Path:
    """A clip of 25 fps with a quiet noise as its sound, written with PyAV alone. `options`: of libx264."""
    with av.open(str(path), "w", format=None if path.suffix else "mp4") as container:
        video = container.add_stream("libx264", rate=25, options={"crf": "18", **options})
        video.width, video.height, video.pix_fmt = *size, pixels
        track = container.add_stream("aac", rate=16000, layout="mono") if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="bgr24")
            container.mux(video.encode(frame.reformat(format=pixels)))
        container.mux(video.encode(None))
        if track:
            noise = np.random.default_rng(0).normal(0, 500, (1, 640 * frames)).astype(np.int16)
            heard = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
            heard.sample_rate = 16000
            container.mux([*track.encode(heard), *track.encode(None)])
    return path


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        track = container.add_stream("aac", rate=16000, layout="mono")
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 32000), np.int16), format="s16", layout="mono")
        heard.sample_rate = 16000
        container.mux([*track.encode(heard), *track.encode(None)])


def write_variable(path: Path, source: Path) -> None:
    """The packets of `source`, some of them shown up to 25 ms later."""
    late = np.random.default_rng(1).integers(0, 300, FRAMES)
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        ticks = old.streams.video[0].time_base.denominator
        for packet in old.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "video":
                packet.pts += int(late[packet.pts * 25 // ticks] * ticks // 12800)
            packet.stream = streams[packet.stream.index]
            new.mux(packet)


def write_raw(raw: Path) -> None:
    plain = write(raw / "中文 名字.mp4", bframes="0")
    for name in ODD_NAMES - {plain.stem}:
        shutil.copy(plain, raw / f"{name}.mp4")
    write(raw / "ten_bit.mkv", pixels="yuv420p10le")
    write(raw / "odd_size.mkv", size=(177, 179), pixels="yuv444p")
    write(raw / "interlaced.mkv", x264opts="interlaced=1:tff=1")
    write(raw / "tall_4k.mp4", frames=52, size=(2160, 3840), preset="ultrafast")
    write_variable(raw / "variable.mp4", plain)
    whole = plain.read_bytes()
    (raw / "zero.mp4").write_bytes(b"")
    (raw / "truncated.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    write_sound(raw / "sound_only.mp4")
    write(raw / "picture_only.mp4", sound=False)
    write(raw / "one_frame.mp4", frames=1)
    middle = len(whole) // 2
    (raw / "damaged.mp4").write_bytes(whole[: middle - 6000] + b"\x5a" * 12000 + whole[middle + 6000 :])
    (raw / "wrong_suffix.mp4").write_bytes(cv2.imencode(".png", PHOTO)[1].tobytes())
    shutil.copy(plain, raw / "no_permission.mp4")
    (raw / "no_permission.mp4").chmod(0)
    (raw / "dangling.mp4").symlink_to("nowhere.mp4")
    (raw / "loop").symlink_to(raw, target_is_directory=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[subprocess.CompletedProcess, dict[str, dict]]:
    """What a run says, and the rows of its report by the name of the file."""
    folder = tmp_path_factory.mktemp("odd")
    raw = folder / "raw"
    raw.mkdir()
    write_raw(raw)
    arguments = ["--root_folder", raw, "--output_folder", folder / "out", "--training_data_path", folder / "set"]
    result = run_program("make_dataset.py", *arguments, "--keep_all", "--num_workers", "1")
    rows = json.loads((folder / "out" / "report.json").read_text(encoding="utf-8"))["videos"]
    return result, {Path(row["path"]).stem: row for row in rows}


def test_the_run_goes_on_and_says_that_files_were_refused(made):
    result, rows = made
    assert result.returncode == 1 and "Traceback" not in result.stderr, result.stderr
    assert rows.keys() == GOOD | BROKEN.keys() | {"one_frame"}  # and nothing twice, by the loop
    assert rows["one_frame"]["status"] == "left out" and "lasts 1 frame" in rows["one_frame"]["reason"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_use_has_a_row_with_its_reason(made, name):
    if name == "no_permission" and os.geteuid() == 0:
        pytest.skip("the superuser reads every file")
    row = made[1][name]
    assert row["status"] == "failed" and BROKEN[name] in row["reason"] and not row["clips"], row


@pytest.mark.parametrize("name", sorted(GOOD))
def test_an_odd_file_becomes_a_clip(made, name):
    row = made[1][name]
    assert row["status"] != "failed" and [clip["kept"] for clip in row["clips"]] == [True], row
    assert row["clips"][0]["measures"]["face_share"] > 0.95
