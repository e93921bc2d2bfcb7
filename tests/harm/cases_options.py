"""4.12: options, stage files, environment. 4.13: names of files and folders."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from cases_faults import without_privileges
from launch import ROOT
from registry import case, table
from sandbox import Sandbox

LIST_OPTIONS = """
import dataclasses, json
from config import config
from config.options import value_type
scripts = {"inference.py": ["InferenceOptions"], "evaluate.py": ["EvaluateOptions"],
           "make_dataset.py": ["MakeDatasetOptions"], "data_processing.py": ["DataProcessingOptions"],
           "train_sequence.py": ["RunOptions", *(kind.__name__ for kind in config.STAGE_KINDS.values())]}
rows = []
for script, classes in scripts.items():
    for field in {f.name: f for c in classes for f in dataclasses.fields(getattr(config, c))}.values():
        m = field.metadata
        kinds = [k for k, c in config.STAGE_KINDS.items() if hasattr(c, field.name)]
        stage = (kinds or ["frame"])[0]
        rows.append([script, field.name, value_type(field).__name__, m["low"], m["high"], m["choices"], stage])
print(json.dumps(rows))
"""


def all_options() -> list[list]:
    """Every option of the five scripts: script, name, type, low, high, choices, a stage kind that has it."""
    listed = subprocess.run([sys.executable, "-c", LIST_OPTIONS], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(listed.stdout)


def bad_values() -> dict[str, tuple]:
    rows = {}
    for script, name, kind, low, high, choices, stage in all_options():
        values = ["no_such", ""] if choices else []
        if kind in ("int", "float"):
            values = ["x", "nan", "inf", "-inf", "1e400", ""] + ([f"{low - 1:g}"] if low is not None else [])
            values += [f"{high * 2 + 1:.0f}" if kind == "int" else f"{high * 2 + 1:g}"]
            values += ["9" * 5000, "1.5", "10**3"] if kind == "int" else []
        for value in values if name != "stage" else ["no_such"]:
            shown = value if len(value) < 20 else f"{len(value)} digits"
            rows[f"{Path(script).stem} --{name}={shown}"] = (script, name, value, stage)
    return rows


QUICK = ("train_sequence --lr_g=nan", "inference --batch_size=inf", "data_processing --seed=5000 digits")


@table("4.12", "value", bad_values(), quick=QUICK)
def bad_value(box: Sandbox, script: str, name: str, value: str, stage: str) -> None:
    more = {"all": True} if script == "data_processing.py" else {}
    if script == "train_sequence.py":
        more["config_path"] = box.stage(stage, stage=stage)
    box.refuses(script, *box.command(script, **{**more, name: value}), says=(f"--{name}",))


WRONG_USE = {
    "demo --minutes nan": ("tools/demo.py", {"minutes": "nan"}, "--minutes"),
    "demo --minutes inf": ("tools/demo.py", {"minutes": "inf"}, "--minutes"),
    "demo --minutes -1": ("tools/demo.py", {"minutes": "-1"}, "--minutes"),
    "demo --minutes 1e30": ("tools/demo.py", {"minutes": "1e30"}, "--minutes"),
    "demo --device cuda without a GPU": ("tools/demo.py", {"device": "cuda"}, "--device"),
    "demo --seed -1": ("tools/demo.py", {"seed": "-1"}, "--seed"),
    "demo --seed huge": ("tools/demo.py", {"seed": "9" * 30}, "--seed"),
    "demo --model none": ("tools/demo.py", {"model": "none"}, "--model"),
    "inference --device cuda without a GPU": ("inference.py", {"device": "cuda"}, "--device"),
    "training --device cuda without a GPU": ("train_sequence.py", {"device": "cuda"}, "--device"),
    "data_processing --device cuda without a GPU": (
        "data_processing.py", {"all": True, "audio_feature": "hf:x", "device": "cuda"}, "--device|hf:"),
    "training, no epochs at all": ("train_sequence.py", {"non_decay": 0, "decay": 0}, "--non_decay|--decay"),
    "training, no epochs at all, --dry_run": (
        "train_sequence.py", {"non_decay": 0, "decay": 0, "dry_run": True}, "--non_decay|--decay"),
    "training --total_minutes without time limits": ("train_sequence.py", {"total_minutes": 3}, "--total_minutes"),
    "training --mouth_size 33": ("train_sequence.py", {"mouth_size": 33}, "mouth_size"),
    "training --mouth_size 33 --dry_run": ("train_sequence.py", {"mouth_size": 33, "dry_run": True}, "mouth_size"),
    "training, batches of one sample, of which batch norm learns nothing": (
        "train_sequence.py", {"batch_size": 1}, "batch_size"),
    "training --accumulate more than the batch": ("train_sequence.py", {"accumulate": 5}, "accumulate"),
    "training, a flag that no stage uses": ("train_sequence.py", {"lamb_sync": 0.5}, "--lamb_sync"),
    "training, SyncNet's flag in a frame stage": ("train_sequence.py", {"lamb_contrast": 1.0}, "--lamb_contrast"),
    "training, --pretrained_syncnet_path in a frame stage": (
        "train_sequence.py", {"pretrained_syncnet_path": "x.pth"}, "--pretrained_syncnet_path"),
    "training --trust_syncnet in a frame stage": ("train_sequence.py", {"trust_syncnet": True}, "--trust_syncnet"),
    "training --train_data README.md": ("train_sequence.py", {"train_data": "README.md"}, "--train_data"),
    "training, an unknown flag": ("train_sequence.py", {"lr": 1}, "--lr"),
    "training, an abbreviated flag that means two": ("train_sequence.py", {"lamb": 1}, "--lamb"),
    "inference, an unknown flag": ("inference.py", {"everything": True}, "--everything"),
    "inference, two reference frames": ("inference.py", {"reference_frames": "1,2"}, "--reference_frames"),
    "inference, reference frames beyond the end": (
        "inference.py", {"reference_frames": "1,2,3,4,999"}, "--reference_frames"),
    "inference, a reference frame below zero": (
        "inference.py", {"reference_frames": "-1,2,3,4,5"}, "--reference_frames"),
    "inference, reference frames of words": ("inference.py", {"reference_frames": "a,b,c,d,e"}, "--reference_frames"),
    "inference, a huge reference frame": (
        "inference.py", {"reference_frames": f"1,2,3,4,{10**30}"}, "--reference_frames"),
    "inference, a result that is no MP4": ("inference.py", {"output": "x.avi"}, "--output"),
    "inference, the result is a folder": ("inference.py", {"output": "tests"}, "--output"),
    "evaluate, an unknown metric": ("evaluate.py", {"metrics": "image,beauty"}, "--metrics"),
    "evaluate, no metric": ("evaluate.py", {"metrics": ""}, "--metrics"),
    "evaluate, commas alone": ("evaluate.py", {"metrics": ","}, "--metrics"),
    "evaluate, sync without --syncnet": ("evaluate.py", {"metrics": "sync"}, "--metrics"),
    "data_processing, no step": ("data_processing.py", {}, "--all"),
    "data_processing --pack_crops 33": ("data_processing.py", {"pack_crops": 33}, "--pack_crops"),
    "data_processing --scheduler nobody answers": (
        "data_processing.py", {"crop_face": True, "scheduler": "tcp://127.0.0.1:9"}, "--scheduler"),
    "data_processing --scheduler no address": (
        "data_processing.py", {"crop_face": True, "scheduler": "hello world"}, "--scheduler"),
    "make_dataset --scheduler nobody answers": ("make_dataset.py", {"scheduler": "tcp://127.0.0.1:9"}, "--scheduler"),
}  # fmt: skip


@table("4.12", "use", WRONG_USE, quick=("training, no epochs at all", "demo --device cuda without a GPU",
                                        "training, a flag that no stage uses"))  # fmt: skip
def wrong_use(box: Sandbox, script: str, changes: dict, word: str) -> None:
    arguments = box.command(script, **changes)
    if script == "tools/demo.py":
        arguments += [str(box.take("talk.mp4")), str(box.take("speech.wav"))]
    box.refuses(script, *arguments, says=(word,))
    made = [path.name for path in box.out.iterdir() if path.name not in ("set", "runs")]
    box.must(not made, f"something was made before: {made}")


WORKING = {"inference": {}, "evaluate": {}, "make_dataset": {}, "data_processing": {"all": True}, "train_sequence": {}}


@table("4.12", "nothing is wrong with", {script: (f"{script}.py", more) for script, more in WORKING.items()})
def right_use(box: Sandbox, script: str, changes: dict) -> None:
    """What the other cases differ from does run."""
    box.succeeds(script, *box.command(script, **changes))


@table("4.12", "a word without its flag", {
    script: (script,) for script in ("inference.py", "evaluate.py", "make_dataset.py", "data_processing.py",
                                     "train_sequence.py", "tools/demo.py")
})  # fmt: skip
def stray_word(box: Sandbox, script: str) -> None:
    box.refuses(script, *box.command(script), "stray", says=("stray|1 file",))


STAGE_FILES = {  # what stands in the file, and a word of the message
    "an unknown option": ("learning_rate = 1e-4", "learning_rate"),
    "a wrong type": ("batch_size = '2'", "batch_size"),
    "a list": ("lr_g = [1e-4]", "lr_g"),
    "None": ("batch_size = None", "batch_size"),
    "a truth value as a number": ("batch_size = True", "batch_size"),
    "a number as a truth value": ("freeze_norms = 2", "freeze_norms"),
    "a fraction of an epoch": ("non_decay = 1.5", "non_decay"),
    "NaN": ("lr_g = float('nan')", "lr_g"),
    "infinity": ("lamb_mouth = float('inf')", "lamb_mouth"),
    "minus infinity": ("max_minutes = -float('inf')", "max_minutes"),
    "a huge number": ("augment_num = 10 ** 400", "augment_num"),
    "a huge seed": ("seed = 2 ** 64", "seed"),
    "below its range": ("val_fraction = -0.1", "val_fraction"),
    "a null character": ("pretrained_path = 'a\\0b'", "pretrained_path"),
    "an unknown stage": ("stage = 'video'", "stage"),
    "an unknown model": ("model = 'wav2lip'", "model"),
    "a stage that is no text": ("stage = ['frame']", "stage"),
    "an option of clip stages": ("lamb_gan_clip = 1.0", "lamb_gan_clip"),
    "another option of clip stages": ("syncnet_from = 'syncnet'", "syncnet_from"),
    "an option of SyncNet stages": ("lamb_contrast = 5.0", "lamb_contrast"),
    "an option of the run": ("resume = True", "resume"),
    "a function": ("def lr_g(): pass", "lr_g"),
    "an imported module": ("import os", "os"),
    "a syntax error": ("stage = ", "frame.py"),
    "a wrong indentation": ("  x = 1\n y = 2", "frame.py"),
    "an exception": ("1 / 0", "frame.py"),
    "an exception without words": ("raise ValueError", "frame.py"),
    "an exception of many lines": ("raise ValueError('a\\nerror: b\\nc')", "frame.py"),
    "a missing module": ("import no_such_module", "frame.py"),
    "sys.exit(0)": ("import sys; sys.exit(0)", "frame.py"),
    "sys.exit() in words": ("import sys; sys.exit('bye')", "frame.py"),
    "exit()": ("exit()", "frame.py"),
    "SystemExit": ("raise SystemExit", "frame.py"),
    "deep recursion": ("def _f(): _f()\n_f()", "frame.py"),
    "an endless loop": ("while True: pass", "frame.py"),
    "an endless sleep": ("import time as _t\n_t.sleep(10**6)", "frame.py"),
    "a null byte": ("stage = 'frame'\0", "frame.py"),
    "Latin-1": ("train_data = 'caf\udce9'", "frame.py"),
    "100,000 brackets": ("x = " + "[" * 100000, "frame.py"),
    "itself as a start": ("starts_from = 'frame'", "starts_from|frame"),
    "a stage that does not exist": ("starts_from = 'nowhere'", "starts_from|nowhere"),
}  # fmt: skip


@table("4.12", "stage file with", STAGE_FILES,
       quick=("sys.exit(0)", "an option of clip stages", "NaN", "an endless loop"))  # fmt: skip
def stage_file(box: Sandbox, text: str, word: str) -> None:
    path = box.stage()
    path.write_bytes((path.read_text() + text + "\n").encode("utf-8", "surrogateescape"))
    box.refuses("train_sequence.py", *box.command("train_sequence.py", dry_run=True), says=(word, "frame.py|frame"))


FOLDERS = {  # stage files of a folder, by name, and a word of the message
    "no stage file": ({}, "--config_folder"),
    "stages that start from each other": (
        {"a": {"starts_from": "b"}, "b": {"starts_from": "a"}}, "starts_from|a"),
    "a start from a SyncNet": ({"a": {"starts_from": "s"}, "s": {"stage": "syncnet"}}, "starts_from|s"),
    "a start from another model": ({"a": {"starts_from": "b"}, "b": {"model": "lawdnet"}}, "model|lawdnet"),
    "a start from another width": ({"a": {"starts_from": "b"}, "b": {"base_channels": 16}}, "base_channels|arguments"),
    "a SyncNet that is a frame stage": (
        {"c": {"stage": "clip", "syncnet_from": "b", "lamb_gan_clip": 0.0}, "b": {}}, "syncnet_from|b"),
    "a clip stage without a SyncNet": ({"c": {"stage": "clip", "lamb_gan_clip": 0.0}}, "syncnet"),
    "a bad second file": ({"a": {}, "b": {"mouth_size": "x"}}, "mouth_size"),
    "a bad last stage": ({"a": {}, "c": {"stage": "clip", "syncnet_from": "nowhere", "lamb_gan_clip": 0.0}}, "nowhere"),
    "training data of the second missing": (
        {"a": {}, "b": {"train_data": "nowhere.json", "mouth_size": 64}}, "nowhere"),
    "a pretrained path of the second missing": (
        {"a": {}, "b": {"pretrained_path": "nowhere.pth", "mouth_size": 64}}, "nowhere"),
    "weights of VGG19 of the second missing": (
        {"a": {}, "b": {"lamb_perception": 1.0, "perceptual_weights": "nowhere.pth", "mouth_size": 64}}, "nowhere"),
}  # fmt: skip


@table("4.12", "stage folder with", FOLDERS, quick=("a bad last stage", "stages that start from each other"))
def stage_folder(box: Sandbox, files: dict, word: str) -> None:
    """Everything that could have been known is said before the first stage begins."""
    (box.user / "stages").mkdir()
    data = box.take("tiny") / "training_json.json"
    for name, options in files.items():
        box.stage(name, **{"train_data": str(data), **options})
    arguments = box.command("train_sequence.py", config_folder=box.user / "stages", train_data=None, dry_run=True)
    box.refuses("train_sequence.py", *arguments, says=(word,))


TORCHRUN = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}
ENVIRONMENTS = {  # what differs from torchrun's variables, and a word of the message
    "RANK alone": ({name: None for name in TORCHRUN if name != "RANK"}, "WORLD_SIZE|torchrun"),
    "no variable": (dict.fromkeys(TORCHRUN), "torchrun"),
    **{f"no {name}": ({name: None}, f"{name}|torchrun") for name in TORCHRUN},
    "RANK is no number": ({"RANK": "x"}, "RANK"),
    "RANK is -1": ({"RANK": "-1"}, "RANK"),
    "RANK is empty": ({"RANK": ""}, "RANK"),
    "WORLD_SIZE is 0": ({"WORLD_SIZE": "0"}, "WORLD_SIZE"),
    "WORLD_SIZE is no number": ({"WORLD_SIZE": "two"}, "WORLD_SIZE"),
    "RANK beyond WORLD_SIZE": ({"RANK": "3", "WORLD_SIZE": "2"}, "RANK"),
    "MASTER_PORT is no number": ({"MASTER_PORT": "x"}, "MASTER_PORT"),
    "MASTER_PORT beyond its range": ({"MASTER_PORT": "99999"}, "MASTER_PORT"),
}


@table("4.12", "environment of torchrun", ENVIRONMENTS, quick=("no WORLD_SIZE",))
def environment(box: Sandbox, variables: dict, word: str) -> None:
    arguments = box.command("train_sequence.py")
    given = {name: value for name, value in {**TORCHRUN, **variables}.items() if value is not None}
    box.refuses("train_sequence_distributed.py", *arguments, says=(word,), timeout=90, **given)


# 4.13

NAMES = {
    **{name: (name,) for name in ("12:30.mp4", "file:x.mp4", "http:x.mp4", "concat:a.mp4", "pipe:0.mp4", "data:x.mp4",
                                  "-x.mp4", "--output.mp4", "%03d.mp4", "a b.mp4", "视频 (1).mp4", "it's \"x\".mp4",
                                  "[x]*.mp4", "a\\b.mp4", "x;rm -rf y.mp4", "$HOME.mp4", "a,b|c.mp4", "x.MP4", "é.mp4",
                                  "no suffix", "x.wav.mp4", "😀.mp4")},
    "a line break": ("a\nb.mp4",),
    "a tab": ("a\tb.mp4",),
    "200 letters": ("n" * 200 + ".mp4",),
}  # fmt: skip


@table("4.13", "inference, source and speech named", NAMES, quick=("12:30.mp4", "file:x.mp4"))
def names_inference(box: Sandbox, name: str) -> None:
    """Relative to the working folder, where a colon could be read as a protocol."""
    box.take("talk.mp4", name)
    arguments = box.command("inference.py", source_video_path=name, driving_audio_path=name, output=None,
                            res_video_dir=box.out)  # fmt: skip
    box.succeeds("inference.py", *arguments, cwd=box.user)
    result = box.out / f"{Path(name).stem}_facial_dubbing.mp4"
    box.must(result.is_file(), f"made {[path.name for path in box.out.iterdir()]}")


@table(
    "4.13",
    "inference, the result named",
    {name: NAMES[name] for name in ("12:30.mp4", "file:x.mp4", "-x.mp4", "%03d.mp4", "a\\b.mp4", "视频 (1).mp4")},
)
def names_result(box: Sandbox, name: str) -> None:
    box.succeeds("inference.py", *box.command("inference.py", output=name), cwd=box.out)
    box.must((box.out / name).is_file(), f"made {[path.name for path in box.out.iterdir()]}")


@table("4.13", "evaluate, videos named", {name: NAMES[name] for name in ("12:30.mp4", "file:x.mp4", "-x.mp4")})
def names_evaluate(box: Sandbox, name: str) -> None:
    box.take("face.mp4", name)
    box.succeeds("evaluate.py", *box.command("evaluate.py", generated=name, reference=name), cwd=box.user)


@table("4.13", "the whole preparation, videos named", {
    **{name: NAMES[name] for name in NAMES if name != "no suffix"},     "a trailing blank": ("x .mp4",),
}, quick=("12:30.mp4",))  # fmt: skip
def names_set(box: Sandbox, name: str) -> None:
    """make_dataset.py and data_processing.py, started in the folder of the videos."""
    box.take("talk.mp4", f"raw/{name}")
    arguments = box.command("make_dataset.py", root_folder=".")
    box.succeeds("make_dataset.py", *arguments, cwd=box.user / "raw")
    flags = ["--all", "--num_workers", 1, "--training_data_path"]
    box.succeeds("data_processing.py", *flags, box.out / "made")
    videos = json.loads((box.out / "made" / "training_json.json").read_text())["videos"]
    box.must(len(videos) == 1, f"the JSON holds {list(videos)}")


@table("4.13", "too long", {
    "the source's name, for the result": ("inference.py", "source_video_path", "n" * 245 + ".mp4"),
    "--output": ("inference.py", "output", "n" * 300 + ".mp4"),
    "--output in UTF-8": ("inference.py", "output", "视" * 90 + ".mp4"),
    "a path of 5,000 letters": ("inference.py", "output", "/".join(["n" * 200] * 25) + "/x.mp4"),
    "--json": ("evaluate.py", "json", "n" * 300 + ".json"),
    "--name": ("train_sequence.py", "name", "n" * 256),
    "--result_path": ("train_sequence.py", "result_path", "n" * 300),
    "--output_folder": ("make_dataset.py", "output_folder", "n" * 300),
    "--training_data_path": ("data_processing.py", "training_data_path", "n" * 300),
    "--train_data": ("train_sequence.py", "train_data", "n" * 5000),
    "--config_path": ("train_sequence.py", "config_path", "n" * 5000),
    "--config_folder": ("train_sequence.py", "config_folder", "n" * 5000),
    "--generated": ("evaluate.py", "generated", "n" * 5000),
    "--driving_audio_path": ("inference.py", "driving_audio_path", "n" * 5000),
    "--root_folder": ("make_dataset.py", "root_folder", "n" * 5000),
}, quick=("the source's name, for the result",))  # fmt: skip
def too_long(box: Sandbox, script: str, flag: str, value: str) -> None:
    more = {"all": True} if script == "data_processing.py" else {}
    if flag == "source_video_path":
        value, more = box.take("face.mp4", value), {"output": None, "res_video_dir": box.out}
    is_read = len(str(value)) == 5000 or flag == "training_data_path"
    words = "--res_video_dir|--source_video_path" if flag == "source_video_path" else f"--{flag}"
    box.refuses(
        script,
        *box.command(script, **more, **{flag: value}),
        says=(words + ("|nnnnnnnnnn" if is_read else ""),),
        cwd=box.out,
    )


@case("4.13", "a raw video's name of 250 letters costs that video at most")
def long_raw(box: Sandbox) -> None:
    box.take("raw")
    shutil.copyfile(box.materials / "talk.mp4", box.user / "raw" / ("n" * 251 + ".mp4"))
    result = box.run("make_dataset.py", *box.command("make_dataset.py"))
    box.must(result.status in (0, 1), f"status {result.status}: {result.tail}")
    box.must((box.out / "made" / "split_video_25fps" / "one.mp4").exists(), "the others were not made")


@table("4.13", "no permission to read", {
    "landmark table in a set": ("data_processing.py", "split_video_25fps_landmark_openface/two.csv"),
    "video in a set": ("data_processing.py", "split_video_25fps/two.mp4"),
    "raw video": ("make_dataset.py", "raw/two.mp4"),
    "landmark table of inference": ("inference.py", "source_openface_landmark_path"),
    "source video": ("inference.py", "source_video_path"),
    "speech": ("inference.py", "driving_audio_path"),
    "checkpoint": ("inference.py", "pretrained_clip_DINet_path"),
    "training JSON": ("train_sequence.py", "train_data"),
    "stage file": ("train_sequence.py", "config_path"),
    "generated video": ("evaluate.py", "generated"),
}, quick=("landmark table in a set",))  # fmt: skip
def unreadable(box: Sandbox, script: str, what: str) -> None:
    flags: dict = {}
    if script == "data_processing.py":
        flags = {"all": True, "training_data_path": box.dataset(made=False)}
    if what == "source_openface_landmark_path":
        flags[what] = box.user / "one.csv"
        shutil.copyfile(box.materials / "set" / "split_video_25fps_landmark_openface" / "one.csv", flags[what])
    arguments = box.command(script, **flags)
    if "/" in what:
        locked = (box.out / "set" if script == "data_processing.py" else box.user) / what
    else:
        locked = Path(next(word.partition("=")[2] for word in arguments if word.startswith(f"--{what}=")))
    locked.chmod(0)
    if "/" in what:
        box.reports(script, *arguments, before=without_privileges, names=("two",))
    else:
        box.refuses(script, *arguments, before=without_privileges, says=(locked.name,))


@table("4.13", "evaluate, folders that hold", {
    name: (name,) for name in (".DS_Store", "._a.mp4", ".hidden.mp4", ".partial-otherhost-1-x.mp4", "Thumbs.db")
}, quick=("._a.mp4",))  # fmt: skip
def hidden_evaluate(box: Sandbox, name: str) -> None:
    for folder in ("ours", "true"):
        box.take("face.mp4", f"{folder}/a.mp4")
    box.planted.add(box.write(f"ours/{name}", b"\0\5\x16\7 no video"))
    arguments = box.command("evaluate.py", generated=box.user / "ours", reference=box.user / "true", json=box.out / "s")
    box.succeeds("evaluate.py", *arguments)
    videos = json.loads((box.out / "s").read_text())["videos"]
    box.must(list(videos) == ["a"], f"scored {list(videos)}")


@table("4.13", "raw folder that holds", {
    name: (name,) for name in (".DS_Store", "._one.mp4", ".hidden.mp4", ".partial-otherhost-1-x.mp4", "notes.txt")
})  # fmt: skip
def hidden_raw(box: Sandbox, name: str) -> None:
    box.take("raw")
    box.planted.add(box.write(f"raw/{name}", b"\0\5\x16\7 no video"))
    box.succeeds("make_dataset.py", *box.command("make_dataset.py"))
    made = sorted(path.name for path in (box.out / "made" / "split_video_25fps").iterdir())
    box.must(made == ["one.mp4", "two.mp4"], f"placed {made}")


@table("4.13", "a folder named as a video", {"raw": ("raw",), "set": ("set",), "evaluate": ("ours",)})
def folder_as_video(box: Sandbox, where: str) -> None:
    if where == "raw":
        box.take("raw")
        (box.user / "raw" / "folder.mp4").mkdir()
        box.succeeds("make_dataset.py", *box.command("make_dataset.py"))
    elif where == "set":
        (box.dataset() / "split_video_25fps" / "folder.mp4").mkdir()
        result = box.run("data_processing.py", *box.command("data_processing.py", all=True))
        box.must(result.status in (0, 1), f"ends the step for all: status {result.status}: {result.tail}")
    else:
        for folder in ("ours", "true"):
            box.take("face.mp4", f"{folder}/a.mp4")
            (box.user / folder / "b.mp4").mkdir()
        result = box.run("evaluate.py", *box.command("evaluate.py", generated=box.user / "ours",
                                                     reference=box.user / "true"))  # fmt: skip
        if result.status:
            box.check_refusal(result, says=("b.mp4",))
