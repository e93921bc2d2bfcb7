"""4.8: full disks and places that cannot be written. 4.9: loading processes and one bad file among many.
4.14: signals, kill -9, leftovers, pipes."""

import contextlib
import ctypes
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from launch import ROOT
from registry import table
from sandbox import Sandbox, Skipped

# 4.8

OUTPUTS = {  # script, flag, other flags, whether it names a folder
    "inference --output": ("inference.py", "output", {}, False),
    "inference --res_video_dir": ("inference.py", "res_video_dir", {"output": None}, True),
    "evaluate --json": ("evaluate.py", "json", {}, False),
    "evaluate --pictures": ("evaluate.py", "pictures", {}, True),
    "make_dataset --output_folder": ("make_dataset.py", "output_folder", {}, True),
    "make_dataset --training_data_path": ("make_dataset.py", "training_data_path", {}, True),
    "training --result_path": ("train_sequence.py", "result_path", {}, True),
    "training --result_path --dry_run": ("train_sequence.py", "result_path", {"dry_run": True}, True),
}
SUFFIXES = {"output": ".mp4", "json": ".json"}
PLACES = ("below a file", "the other kind", "a name too long", "below /proc", "read-only disk", "full disk")


def bad_place(box: Sandbox, disk: Path, place: str, name: str, is_folder: bool) -> Path:
    """A path that cannot be written; `disk` is a small disk."""
    if place in ("below a file", "the other kind"):
        file = box.write("file", b"a file")
        if place == "below a file":
            return file / name
        taken = box.user / f"taken {name}"
        taken.write_bytes(b"mine") if is_folder else taken.mkdir()
        return taken
    if place == "full disk":
        with contextlib.suppress(OSError), (disk / "filling").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    return {"a name too long": box.out / ("n" * 260 + name), "below /proc": Path("/proc/1/nowhere") / name}.get(
        place, disk / name
    )


@table("4.8", "nothing begins", {f"{output}, {place}": (output, place) for output in OUTPUTS for place in PLACES},
       fault=True, quick=("inference --output, below a file", "training --result_path, full disk",
                          "evaluate --json, the other kind"))  # fmt: skip
def unwritable(box: Sandbox, output: str, place: str) -> None:
    script, flag, more, is_folder = OUTPUTS[output]
    arguments = box.command(script, **more)
    with box.small_disk("64k") as disk:
        path = bad_place(box, disk, place, f"result{SUFFIXES.get(flag, '')}", is_folder)
        if place == "read-only disk":
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        arguments = [word for word in arguments if not word.startswith(f"--{flag}=")] + [f"--{flag}={path}"]
        box.refuses(script, *arguments, says=(f"--{flag}",))


@table("4.8", "the set cannot be written", {"read-only": ("ro",), "full": ("full",)}, fault=True)
def unwritable_set(box: Sandbox, how: str) -> None:
    with box.small_disk("3m") as disk:
        shutil.copytree(box.materials / "fresh_set", disk / "set")
        if how == "full":
            bad_place(box, disk, "full disk", "", True)
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        result = box.run("data_processing.py", "--all", "--training_data_path", disk / "set", "--num_workers", 1)
        box.must(result.status == 2, f"status {result.status} where 2 was expected: {result.tail}")


def fill(disk: Path, leave: int) -> None:
    """Leave `leave` bytes on a small disk."""
    free = shutil.disk_usage(disk).free
    with (disk / "filling").open("wb") as file:
        file.write(bytes(max(0, free - leave)))


@table("4.8", "the disk fills while training", {"at the first checkpoint": (0,), "at a later one": (2,)}, fault=True,
       quick=("at a later one",))  # fmt: skip
def full_while_training(box: Sandbox, after: int) -> None:
    """The message is one line, the last good checkpoint loads, and training goes on when there is room again."""
    with box.small_disk("400m") as disk:
        folder = disk / "run" / "frame"
        arguments = box.command("train_sequence.py", result_path=disk, non_decay=100000)
        running = box.start("train_sequence.py", *arguments)
        running.wait_until(lambda: folder.exists() and len(list(folder.glob("epoch_*.pth"))) >= after)
        running.signal(signal.SIGSTOP)
        fill(disk, 3 * 4096)
        running.signal(signal.SIGCONT)
        result = running.wait(60)
        box.check_clean(result)
        box.check_refusal(result, says=("full|room|space",))
        check_checkpoints(box, folder)
        (disk / "filling").unlink()
        box.must(not list(disk.rglob(".partial-*")), "a partial file was left")
        kept = [int(path.stem.removeprefix("epoch_")) for path in folder.glob("epoch_*.pth")]
        if kept:
            again = box.command("train_sequence.py", result_path=disk, resume=True, non_decay=max(kept) + 1)
            box.succeeds("train_sequence.py", *again)


def check_checkpoints(box: Sandbox, folder: Path) -> None:
    """Every checkpoint that is there is whole and finite."""
    import torch

    for path in folder.glob("*.pth"):
        content = torch.load(path, weights_only=True)
        finite = all(bool(value.isfinite().all()) for value in content["state_dict"]["net_g"].values())
        box.must(finite, f"{path.name} holds weights that are not finite")


SHORT_DISKS = {
    "inference": ("inference.py", "output", "result.mp4", {}),
    "evaluate --json": ("evaluate.py", "json", "scores.json", {}),
    "evaluate --pictures": ("evaluate.py", "pictures", "pictures", {}),
    "make_dataset": ("make_dataset.py", "output_folder", "25fps", {}),
}


@table("4.8", "a disk with a few bytes", {f"{name}, {room} bytes": (*row, room) for name, row in SHORT_DISKS.items()
                                          for room in (0, 4096, 12288)}, fault=True)  # fmt: skip
def short_disk(box: Sandbox, script: str, flag: str, name: str, more: dict, room: int) -> None:
    """Either it says what is missing, or it did fit; an older result stays what it was."""
    with box.small_disk("256k") as disk:
        fill(disk, room)
        arguments = box.command(script, **{flag: disk / name}, **more)
        if script == "make_dataset.py":
            arguments = [word for word in arguments if "training_data_path" not in word]
        result = box.run(script, *arguments)
        said = "full" in result.err + result.out or "room" in result.err + result.out or "space" in result.err
        fits = result.status == 0 and (disk / name).exists() and room
        box.must(fits or (result.status in (1, 2) and said), f"status {result.status}: {result.tail}")
        box.must(not list(disk.rglob(".partial-*")), "a partial file was left")


@table("4.8", "an older result stays when the disk is full", {
    "inference": ("inference.py", "output", "result.mp4"), "evaluate": ("evaluate.py", "json", "scores.json"),
}, fault=True)  # fmt: skip
def older_result_stays(box: Sandbox, script: str, flag: str, name: str) -> None:
    with box.small_disk("64k") as disk:
        (disk / name).write_bytes(b"an older result")
        fill(disk, 0)
        box.refuses(script, *box.command(script, **{flag: disk / name}))
        box.must((disk / name).read_bytes() == b"an older result", "the older result is gone")


@table("4.8", "the cache cannot be written", {place: (place,) for place in PLACES if place != "a name too long"},
       fault=True)  # fmt: skip
def unwritable_cache(box: Sandbox, place: str) -> None:
    """A cache is a convenience: the video is dubbed with a warning, or the flag is refused."""
    with box.small_disk("64k") as disk:
        path = bad_place(box, disk, place, "cache", True)
        if place == "read-only disk":
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        result = box.run("inference.py", *box.command("inference.py", cache_folder=path))
        box.must(result.status == 2 or (result.status == 0 and "cache_folder" in result.err), result.tail)


def without_privileges() -> None:
    """For this process and its children permissions count, though they are root's: no capability is left."""
    if os.geteuid():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.prctl(28, 3, 0, 0, 0) or libc.capset(header, none):  # PR_SET_SECUREBITS: root gets none back by exec
        os._exit(77)


@table("4.8", "no permission", {
    "inference --output": ("inference.py", "output", "result.mp4"),
    "evaluate --json": ("evaluate.py", "json", "scores.json"),
    "evaluate --pictures": ("evaluate.py", "pictures", "pictures"),
    "make_dataset --output_folder": ("make_dataset.py", "output_folder", "25fps"),
    "training --result_path": ("train_sequence.py", "result_path", "runs"),
}, fault=True)  # fmt: skip
def no_permission(box: Sandbox, script: str, flag: str, name: str) -> None:
    locked = box.out / "locked"
    locked.mkdir(mode=0o555)
    box.refuses(script, *box.command(script, **{flag: locked / name}), before=without_privileges, says=(f"--{flag}",))


# 4.9

LOADERS = {"0 processes": (0,), "1 process": (1,), "2 processes": (2,)}
BAD_CROPS = ("missing", "empty", "junk", "torn", "a folder", "grey", "small")


def spoil_crop(box: Sandbox, fault: str) -> None:
    """The same fault in every crop but those that are looked at before training: of every video's later clips."""
    import cv2
    import numpy as np

    for path in sorted((box.user / "tiny").rglob("*.jpg")):
        if int(path.stem) < 2:
            continue
        content = path.read_bytes()
        path.unlink()
        if fault == "a folder":
            path.mkdir()
        elif fault in ("grey", "small"):
            picture = np.zeros((416, 320), np.uint8) if fault == "grey" else np.zeros((40, 30, 3), np.uint8)
            path.write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
        elif fault != "missing":
            path.write_bytes({"empty": b"", "junk": os.urandom(900), "torn": content[: len(content) // 3]}[fault])


@table("4.9", "training, a crop is", {f"{fault}, {name}": (fault, *row) for fault in BAD_CROPS
                                      for name, row in LOADERS.items()},
       fault=True, quick=("missing, 2 processes", "junk, 1 process"))  # fmt: skip
def bad_crop(box: Sandbox, fault: str, workers: int) -> None:
    box.take("tiny")
    spoil_crop(box, fault)
    arguments = box.command("train_sequence.py", num_workers=workers)
    if fault in ("grey", "small", "torn"):  # what decodes is a picture: JPEG says nothing of what was cut off
        result = box.run("train_sequence.py", *arguments)
        box.must(result.status == 0 or (result.status == 2 and ".jpg" in result.err), result.tail)
    else:
        box.refuses("train_sequence.py", *arguments, says=(".jpg",))


@table("4.9", "training, a loading process is killed", {"of 1": (1,), "of 2": (2,)}, fault=True, quick=("of 2",))
def killed_loader(box: Sandbox, workers: int) -> None:
    arguments = box.command("train_sequence.py", num_workers=workers, non_decay=100000)
    running = box.start("train_sequence.py", *arguments)
    folder = box.out / "runs" / "run" / "frame"
    running.wait_until(lambda: list(folder.glob("epoch_*.pth")))
    running.wait_until(lambda: kill_one(running.children()))
    result = running.wait(60)
    box.check_clean(result)
    box.check_refusal(result, says=("num_workers|memory",))
    check_checkpoints(box, folder)


def kill_one(children: dict[int, str]) -> bool:
    loaders = [number for number, name in children.items() if "resource_tracker" not in name]
    if loaders:
        os.kill(loaders[0], signal.SIGKILL)
    return bool(loaders)


def tiny_shared_memory() -> None:
    """A private /dev/shm of 16 kB, seen by this process and its children alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) or libc.mount(b"none", b"/", None, 0x44000, None):
        os._exit(77)
    if libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, b"size=16k"):
        os._exit(77)


@table("4.9", "training, /dev/shm is full", {"1 process": (1,), "2 processes": (2,)}, fault=True, quick=("1 process",))
def full_shared_memory(box: Sandbox, workers: int) -> None:
    """Training says so in one line, or does without."""
    arguments = box.command("train_sequence.py", num_workers=workers)
    result = box.run("train_sequence.py", *arguments, before=tiny_shared_memory)
    if result.status == 77:
        raise Skipped("only root can mount a small /dev/shm")
    if result.status:
        box.check_refusal(result, says=("shm|shared memory|num_workers",))


BAD_FILES = {  # a file of video "two" in a processed set: where, and what is put there
    **{f"landmarks.npy {fault}": ("split_video_25fps_crop_face/two/landmarks.npy", fault)
       for fault in ("empty", "junk", "torn", "text", "objects", "numbers", "missing", "a folder")},
    **{f"crop.json {fault}": ("split_video_25fps_crop_face/two/crop.json", fault)
       for fault in ("empty", "junk", "torn", "text", "a list", "an object", "missing", "a folder", "brackets")},
    **{f".silence.npy {fault}": ("split_video_25fps_mel/.silence.npy", fault)
       for fault in ("empty", "junk", "torn", "text", "objects", "numbers", "a folder")},
    **{f"audio {fault}": ("split_video_25fps_audio/two.wav", fault) for fault in ("empty", "junk", "text", "a folder")},
    **{f"Thumbs.jpg {place}": (f"split_video_25fps_crop_face/{place}/Thumbs.jpg", "junk")
       for place in ("two/000000", "two", ".")},
    "a file among the clips": ("split_video_25fps_crop_face/two/notes.txt", "text"),
    "a folder among the clips": ("split_video_25fps_crop_face/two/other/x.jpg", "junk"),
    "a file among the videos' crops": ("split_video_25fps_crop_face/.DS_Store", "junk"),
    **{f"landmark table {fault}": ("split_video_25fps_landmark_openface/two.csv", fault)
       for fault in ("empty", "junk", "torn", "text", "missing", "a folder", "brackets")},
    **{f"video {fault}": ("split_video_25fps/two.mp4", fault) for fault in ("empty", "junk", "text", "a folder")},
    "a hidden video": ("split_video_25fps/._two.mp4", "junk"),
}  # fmt: skip
STEPS = {"json": {"generate_training_json": True}, "crop": {"crop_face": True},
         "all and packed": {"all": True, "pack_crops": 64, "num_workers": 2}}  # fmt: skip


def spoil(path: Path, fault: str) -> None:
    import numpy as np

    old = path.read_bytes() if path.is_file() else b""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if fault == "a folder":
        path.mkdir()
    elif fault in ("objects", "numbers"):
        np.save(path, np.array([{}, []], object) if fault == "objects" else np.arange(7))
    elif fault != "missing":
        content = {
            **{"empty": b"", "junk": b"\xff\xfe" + os.urandom(700), "torn": old[: len(old) * 2 // 3]},
            **{"text": b"hello\nworld\n", "a list": b"[1]", "an object": b"{}", "brackets": b"[" * 100000},
        }
        path.write_bytes(content[fault])


@table("4.9", "a bad file", {f"{name}, {step}": (*row, step) for name, row in BAD_FILES.items() for step in STEPS},
       quick=("landmarks.npy junk, json", "crop.json text, all and packed", "Thumbs.jpg two/000000, json"))  # fmt: skip
def bad_file(box: Sandbox, file: str, fault: str, step: str) -> None:
    """It costs its video at most, with the reason; the other video goes on."""
    data = box.dataset()
    spoil(data / file, fault)
    result = box.run("data_processing.py", *box.command("data_processing.py", **STEPS[step]))
    text = result.out + result.err
    box.must(result.status in (0, 1), f"ends the step for all videos: status {result.status}: {result.tail}")
    if result.status == 1:
        box.must("FAILED" in text and ("two" in text or "DS_Store" in text), f"no row says why: {result.out[-300:]}")
    if step != "crop":
        videos = json.loads((data / "training_json.json").read_text())["videos"]
        box.must("one" in videos and set(videos) <= {"one", "two"}, f"the JSON holds {sorted(videos)}")
        box.must(result.status == 1 or "two" in videos, f"two is left out in silence: {result.out[-300:]}")


@table("4.9", "a name that is not UTF-8", {
    name: (name,) for name in ("raw video", "video of the set", "crop folder", "evaluate", "crop in a clip")
})  # fmt: skip
def bad_name(box: Sandbox, what: str) -> None:
    """It costs that file, with its reason, or works; the others go on."""
    name = os.fsdecode(b"caf\xe9.mp4")
    if what == "raw video":
        shutil.copyfile(box.materials / "talk.mp4", box.take("raw") / name)
        result = box.run("make_dataset.py", *box.command("make_dataset.py"))
    elif what == "evaluate":
        for folder in ("ours", "true"):
            box.take("face.mp4", f"{folder}/a.mp4")
            shutil.copyfile(box.materials / "face.mp4", box.user / folder / name)
        folders = {"generated": box.user / "ours", "reference": box.user / "true"}
        result = box.run("evaluate.py", *box.command("evaluate.py", **folders, json=box.out / "s.json"))
        box.must(result.status in (0, 2), f"status {result.status}: {result.tail}")
        return
    else:
        data = box.dataset()
        crops = data / "split_video_25fps_crop_face"
        if what == "video of the set":
            shutil.copyfile(data / "split_video_25fps" / "one.mp4", data / "split_video_25fps" / name)
        elif what == "crop folder":
            shutil.copytree(crops / "one", crops / name)
        else:
            shutil.copyfile(crops / "one" / "000000" / "000000.jpg", crops / "two" / "000000" / name)
        result = box.run("data_processing.py", *box.command("data_processing.py", all=True))
    box.must(result.status in (0, 1), f"ends the step for all: status {result.status}: {result.tail}")
    if what != "raw video":
        videos = json.loads((data / "training_json.json").read_text())["videos"]
        box.must("one" in videos, f"the JSON holds {sorted(videos)}")


WORKER_FAULTS = {"ImportError": "raise ImportError('cannot import name x: broken install')",
                 "MemoryError": "raise MemoryError()",
                 "kill -9": "import os; os.kill(os.getpid(), 9)",
                 "RuntimeError": "raise RuntimeError('native code failed')"}  # fmt: skip


@table("4.9", "in a worker", {f"{fault}, {workers} processes": (fault, workers) for fault in WORKER_FAULTS
                              for workers in (1, 2) if (fault, workers) != ("kill -9", 1)},
       fault=True, quick=("MemoryError, 2 processes",))  # fmt: skip
def worker_fault(box: Sandbox, fault: str, workers: int) -> None:
    """OpenCV fails on the one video whose pictures are 260 wide: a stand-in for a library or memory that gives out."""
    data = box.dataset(made=False)
    shutil.copyfile(box.materials / "wider.mp4", data / "split_video_25fps" / "wide.mp4")
    lines = (data / "split_video_25fps_landmark_openface" / "one.csv").read_text().splitlines(keepends=True)
    rows = lines + [f"{number}, {lines[-1].partition(', ')[2]}" for number in range(31, 37)]
    (data / "split_video_25fps_landmark_openface" / "wide.csv").write_text("".join(rows))
    box.write(
        "patch/sitecustomize.py",
        f"""
import cv2
whole = cv2.imencode
def encode(suffix, image, *rest):
    if image.shape[1] == 260:
        {WORKER_FAULTS[fault]}
    return whole(suffix, image, *rest)
cv2.imencode = encode
""",
    )
    environment = {**os.environ, "PYTHONPATH": str(box.user / "patch")}
    flags = ["--extract_video_frame_multithreading", "--training_data_path", data, "--num_workers", workers]
    box.before = box.state()
    done = subprocess.run([sys.executable, ROOT / "data_processing.py", *map(str, flags)], env=environment,
                          capture_output=True, text=True, timeout=120, cwd=ROOT)  # fmt: skip
    box.must("Traceback" not in done.stderr + done.stdout, f"a traceback: {done.stderr[-300:]}")
    box.must(done.returncode == 1, f"status {done.returncode}: {done.stderr[-200:]}")
    failed = [line for line in done.stdout.splitlines() if "FAILED" in line]
    box.must(any("wide" in line for line in failed), f"no row: {done.stdout[-300:]}")
    if fault != "kill -9":
        box.must(len(failed) == 1, f"it costs other videos too: {failed}")


# 4.14


SCRIPTS = {  # what runs for long enough, and what says that it works: started child processes, or a file
    "make_dataset": ("make_dataset.py", {"num_workers": 2}, "children"),
    "make_dataset, one process": ("make_dataset.py", {}, "partial"),
    "crop_face_multithreading": (
        "data_processing.py", {"crop_face_multithreading": True, "num_workers": 2}, "children"),
    "extract_video_frame_multithreading": (
        "data_processing.py", {"extract_video_frame_multithreading": True, "num_workers": 2}, "children"),
    "extract_video_frame": ("data_processing.py", {"extract_video_frame": True}, "partial"),
    "pack_crops": ("data_processing.py", {"pack_crops": 256, "num_workers": 2}, "children"),
    "training": ("train_sequence.py", {"non_decay": 100000}, "checkpoint"),
    "training with loading processes": ("train_sequence.py", {"non_decay": 100000, "num_workers": 2}, "checkpoint"),
    "training at its start": ("train_sequence.py", {"non_decay": 100000}, "folder"),
    "inference": ("inference.py", {}, "partial"),
    "evaluate": ("evaluate.py", {"metrics": "image,landmarks"}, "time"),
}  # fmt: skip
SIGNALS = {"SIGTERM": (signal.SIGTERM, False, (143, -15)), "Ctrl-C": (signal.SIGINT, True, (130, -2)),
           "kill -9": (signal.SIGKILL, False, (-9,))}  # fmt: skip
MOMENTS = (0.0, 0.4, 1.5)


def long_command(box: Sandbox, script: str, changes: dict) -> list[str]:
    """The command with enough to do that a signal comes in its middle."""
    if script == "make_dataset.py":
        raw = box.user / "raw"
        for number in range(6):
            write_long(box, raw / f"{number}.mp4")
    elif script == "inference.py":
        changes = {**changes, "driving_audio_path": long_speech(box), "source_video_path": box.take("face.mp4")}
    elif script == "data_processing.py":
        data = box.dataset(made="pack_crops" in changes)
        for kind, suffix in (("split_video_25fps", "mp4"), ("split_video_25fps_landmark_openface", "csv")):
            for number in range(6):
                shutil.copyfile(data / kind / f"one.{suffix}", data / kind / f"{number}.{suffix}")
    return box.command(script, **changes)


def write_long(box: Sandbox, path: Path) -> None:
    """A video at 30 frames a second, so that it is encoded anew."""
    from cases_user_files import write_other_rate

    if not (box.user / "raw" / "0.mp4").exists():
        write_other_rate(box, path)
    else:
        shutil.copyfile(box.user / "raw" / "0.mp4", path)


def long_speech(box: Sandbox) -> Path:
    import wave

    path = box.user / "long.wav"
    if not path.exists():
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(os.urandom(2 * 16000 * 60))
    return path


def is_working(box: Sandbox, running, sign: str) -> bool:
    if sign == "children":
        return any("spawn_main" in name or "fork" in name for name in running.children().values())
    if sign == "partial":
        return any(box.folder.rglob(".partial-*"))
    if sign == "time":
        return time.monotonic() - running.began > 1
    pattern = "epoch_*.pth" if sign == "checkpoint" else "*"
    return any((box.out / "runs").rglob(pattern))


@table("4.14", "stopped", {
    f"{script} by {how}, {moment} s in": (*SCRIPTS[script], *SIGNALS[how], moment)
    for script in SCRIPTS for how in SIGNALS for moment in MOMENTS[: 2 if "training" in script else 3]
}, fault=True, quick=("make_dataset by SIGTERM, 0.4 s in", "extract_video_frame_multithreading by SIGTERM, 0.0 s in",
                      "training with loading processes by kill -9, 0.4 s in"))  # fmt: skip
def stopped(box: Sandbox, script: str, changes: dict, sign: str, number: int, group: bool, statuses, moment) -> None:
    """Children end within 5 s; after SIGTERM and Ctrl-C nothing is left; after kill -9 the next run sweeps."""
    arguments = long_command(box, script, changes)
    running = box.start(script, *arguments)
    running.wait_until(lambda: is_working(box, running, sign))
    time.sleep(moment)
    over = running.is_over()
    if not over:
        running.signal(number, group)
    result = running.wait(30)
    box.must(over or result.status in statuses or result.status == 0, f"status {result.status}: {result.tail}")
    box.must("Traceback" not in result.err, f"a traceback: {result.err[-1500:]}")
    box.must(not result.left, f"left running after 5 s: {result.left}")
    if number == signal.SIGKILL:
        run_again(box, script, arguments)
    box.check_no_partial()


def run_again(box: Sandbox, script: str, arguments: list[str]) -> None:
    """The same command once more, as far as it is quick, must leave nothing of the dead process behind."""
    if script == "train_sequence.py":
        epochs = max([0, *(int(path.stem[-6:]) for path in box.out.rglob("epoch_*.pth"))])
        arguments = [word for word in arguments if not word.startswith("--non_decay")]
        arguments += ["--resume", f"--non_decay={epochs + 1}"]
    if script == "inference.py":
        arguments = [word for word in arguments if not word.startswith("--driving_audio_path")]
        arguments.append(f"--driving_audio_path={box.materials / 'speech.wav'}")
    result = box.start(script, *arguments).wait(120)
    box.must(result.status == 0, f"the run after it: status {result.status}: {result.tail}")


def dead_process() -> int:
    """The number of a process that lived a moment ago."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


WRITERS = {  # where each script writes
    "inference --output": ("inference.py", {}, "out"),
    "evaluate --json": ("evaluate.py", {"json": "OUT/s.json"}, "out"),
    "evaluate --pictures": ("evaluate.py", {"pictures": "OUT/pictures"}, "out/pictures"),
    "make_dataset --output_folder": ("make_dataset.py", {}, "out/25fps"),
    "make_dataset --training_data_path": ("make_dataset.py", {}, "out/made/split_video_25fps_landmark_openface"),
    "extract_video_frame": ("data_processing.py", {"extract_video_frame": True}, "out/set/split_video_25fps_frame"),
    "extract_audio": ("data_processing.py", {"extract_audio": True}, "out/set/split_video_25fps_audio"),
    "extract_audio_feature": ("data_processing.py", {"extract_audio_feature": True}, "out/set/split_video_25fps_mel"),
    "crop_face": ("data_processing.py", {"crop_face": True}, "out/set/split_video_25fps_crop_face"),
    "generate_training_json": ("data_processing.py", {"generate_training_json": True}, "out/set"),
    "pack_crops": ("data_processing.py", {"pack_crops": 64}, "out/set/split_video_25fps_crop_face_64"),
    "training": ("train_sequence.py", {"non_decay": 1}, "out/runs/run/frame"),
}  # fmt: skip


@table("4.14", "leftovers of a dead process are swept, others stay", {name: row for name, row in WRITERS.items()},
       fault=True, quick=("inference --output", "crop_face"))  # fmt: skip
def swept(box: Sandbox, script: str, changes: dict, place: str) -> None:
    changes = {key: str(value).replace("OUT", str(box.out)) if isinstance(value, str) else value
               for key, value in changes.items()}  # fmt: skip
    arguments = box.command(script, **changes)
    folder, host = box.folder / place, socket.gethostname()
    folder.mkdir(parents=True, exist_ok=True)
    dead, living = (folder / f".partial-{host}-{number}-x" for number in (dead_process(), os.getpid()))
    other = folder / ".partial-otherhost-1-x"
    dead_folder = folder / f"{dead.name}-folder"
    for path in (dead, living, other):
        path.write_bytes(b"part")
    dead_folder.mkdir()
    (dead_folder / "file").write_bytes(b"part")
    box.planted |= {living, other, dead, dead_folder}
    box.succeeds(script, *arguments)
    box.must(living.exists() and other.exists(), "a leftover of a living process or of another machine was removed")
    box.must(not dead.exists() and not dead_folder.exists(), f"what a dead process left in {place} is still there")


@table("4.14", "| head -1", {
    "training --dry_run": ("train_sequence.py", {"dry_run": True}),
    "training": ("train_sequence.py", {}),
    "training --help": ("train_sequence.py", {"help": True}),
    "make_dataset": ("make_dataset.py", {}),
    "data_processing": ("data_processing.py", {"all": True}),
    "evaluate": ("evaluate.py", {}),
    "inference": ("inference.py", {}),
}, fault=True, quick=("training --dry_run",))  # fmt: skip
def head(box: Sandbox, script: str, changes: dict) -> None:
    """Whoever reads the output stops reading: no traceback, no error line."""
    arguments = box.command(script, **changes)
    with subprocess.Popen(["head", "-1"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader:
        pipe = f"/proc/{os.getpid()}/fd/{reader.stdin.fileno()}"
        running = box.start(script, *arguments, before=lambda: os.dup2(os.open(pipe, os.O_WRONLY), 1))
        while output_of(running.process) != output_of("self", reader.stdin.fileno()) and not running.is_over():
            time.sleep(0.01)
        reader.stdin.close()
    result = running.wait(60)
    box.check_clean(result)
    box.must("rror" not in result.err, result.tail)
    box.must(result.status in (0, 128 + signal.SIGPIPE), f"status {result.status}")


def output_of(process: int | str, number: int = 1) -> str:
    """Where a file of a process goes, its standard output if nothing else is said."""
    try:
        return os.readlink(f"/proc/{process}/fd/{number}")
    except OSError:
        return ""


@table("4.14", "error: on a line of its own on a terminal", {
    "data_processing": ("data_processing.py", {"all": True}),
    "training": ("train_sequence.py", {}),
    "make_dataset": ("make_dataset.py", {"root_folder": "nowhere"}),
})  # fmt: skip
def error_line(box: Sandbox, script: str, changes: dict) -> None:
    if script == "train_sequence.py":
        box.take("tiny")
        spoil_crop(box, "junk")
    arguments = box.command(script, **changes)
    if script == "data_processing.py":
        shutil.rmtree(box.out / "set" / "split_video_25fps")
        box.guarded = [box.user]
    leader, follower = pty.openpty()
    name = os.ttyname(follower)
    running = box.start(script, *arguments, before=lambda: os.dup2(os.open(name, os.O_WRONLY | os.O_NOCTTY), 2))
    text = read_terminal(leader, running)
    box.must(running.wait(60).status == 2, "status is not 2")
    rows = [row for row in text.replace("\r\n", "\n").split("\n") if "error:" in row]
    box.must(len(rows) == 1 and rows[0].startswith("error:"), f"on the terminal: {rows}")


def read_terminal(leader: int, running) -> str:
    text = b""
    os.set_blocking(leader, False)
    over = False
    while not over:
        over = running.is_over()
        with contextlib.suppress(BlockingIOError, OSError):
            while part := os.read(leader, 65536):
                text += part
        time.sleep(0.02)
    return text.decode("utf-8", "replace")
