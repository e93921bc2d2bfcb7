"""4.10: resuming, checkpoints, VGG19 weights. 4.11: training JSONs. And every file that a flag names."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from registry import case, table
from sandbox import Sandbox

# 4.10


@table("4.10", "resume with", {
    "another width": ({"base_channels": 16}, "base_channels|arguments"),
    "another model": ({"model": "lawdnet"}, "model|lawdnet"),
    "another mouth size": ({"mouth_size": 64}, "mouth_size"),
    "a GAN loss that was off": ({"lamb_gan": 1.0}, "lamb_gan|gan"),
    "fewer epochs than are done": ({"non_decay": 1}, "ANY"),
    "more epochs": ({"non_decay": 4}, "OK"),
    "nothing changed": ({}, "OK"),
    "another batch": ({"batch_size": 4}, "ANY"),
    "another seed": ({"seed": 1}, "ANY"),
    "another held-out share": ({"val_fraction": 0.4}, "ANY"),
    "another time limit": ({"max_minutes": 1.0}, "ANY"),
}, quick=("another mouth size", "another width", "a GAN loss that was off"))  # fmt: skip
def resume_changed(box: Sandbox, changes: dict, word: str) -> None:
    folder = box.trained()
    before = {path: path.read_bytes() for path in folder.glob("*.pth")}
    arguments = box.command("resume", **changes)
    if word in ("OK", "ANY"):
        result = box.run("train_sequence.py", *arguments)
        box.must(result.status == 0 or (word == "ANY" and result.status == 2), f"{result.status}: {result.tail}")
        if result.status:
            box.check_refusal(result)
    else:
        box.refuses("train_sequence.py", *arguments, says=(word,))
        kept = all(path.exists() and path.read_bytes() == content for path, content in before.items())
        box.must(kept, "a checkpoint of the run changed")


@table("4.10", "resume with stage file", {
    "of another kind": ({"stage": "syncnet"}, "stage|syncnet|spec"),
    "of a clip stage": ({"stage": "clip", "lamb_sync": 0.0, "lamb_gan_clip": 0.0}, "stage|clip"),
})  # fmt: skip
def resume_kind(box: Sandbox, options: dict, word: str) -> None:
    box.trained()
    arguments = box.command("resume", config_path=box.stage(**options))
    box.refuses("train_sequence.py", *arguments, says=(word,))


@table("4.10", "resume with training set", {
    "of another feature": ("feature", "audio"), "of other videos": ("videos", ""), "of another crop": ("crop", "crop"),
    "of other channels": ("channels", "audio|channel"),
})  # fmt: skip
def resume_data(box: Sandbox, what: str, word: str) -> None:
    box.trained()
    tiny = box.take("tiny")
    path = tiny / "training_json.json"
    content = json.loads(path.read_text())
    if what == "feature":
        content["audio_feature"] = "deepspeech"
    elif what == "crop":
        content["crop"] = "legacy"
    elif what == "videos":
        for number, name in enumerate(list(content["videos"])):
            content["videos"][f"other {number}"] = content["videos"].pop(name)
    else:
        import numpy as np

        for file in (tiny / "split_video_25fps_mel").glob("*.npy"):
            np.save(file, np.load(file)[:, :10])
        content |= {"audio_channel": 10, "silence": content["silence"][:10]}
    path.write_text(json.dumps(content))
    box.refuses("train_sequence.py", *box.command("resume", train_data=path), says=(word,))


def spoil_bytes(path: Path, fault: str) -> None:
    if fault == "missing":
        path.unlink()
    elif fault == "a folder":
        path.unlink()
        path.mkdir()
    elif fault.startswith("cut"):
        os.truncate(path, int(path.stat().st_size * int(fault.split()[-1]) / 100))
    elif fault == "zeros":
        path.write_bytes(bytes(path.stat().st_size))
    else:
        path.write_bytes({"empty": b"", "junk": os.urandom(5000), "text": b"hello\n",
                          "a picture": b"\xff\xd8\xff\xe0" + os.urandom(400)}[fault])  # fmt: skip


BYTES = ("empty", "junk", "text", "zeros", "cut to 10", "cut to 50", "cut to 99", "a folder")


@table("4.10", "resume, the newest checkpoint is", {fault: (fault,) for fault in BYTES}, True, ("cut to 50",))
def resume_torn(box: Sandbox, fault: str) -> None:
    """It is named; or an older good one is taken, in words."""
    folder = box.trained()
    spoil_bytes(folder / "epoch_000002.pth", fault)
    result = box.run("train_sequence.py", *box.command("resume"))
    if result.status == 0:
        box.must("epoch_000002" in result.out + result.err, "an older checkpoint was taken in silence")
    else:
        box.check_refusal(result, says=("epoch_000002.pth",))


@table("4.10", "resume, the newest checkpoint is that of", {
    "inference's tests, without training state": ("tiny.pth",), "a SyncNet": ("syncnet_tiny.pth",),
})  # fmt: skip
def resume_foreign(box: Sandbox, name: str) -> None:
    folder = box.trained()
    shutil.copyfile(box.materials / name, folder / "epoch_000099.pth")
    box.refuses("train_sequence.py", *box.command("resume"), says=("epoch_000099.pth",))


@table("4.10", "resume, metrics.jsonl", {
    "ends in a torn line": ("torn",), "is empty": ("empty",), "is missing": ("missing",), "is junk": ("junk",),
    "ends without a line break": ("no break",), "holds a line of text": ("text",), "is a folder": ("a folder",),
}, fault=True, quick=("ends in a torn line",))  # fmt: skip
def resume_metrics(box: Sandbox, fault: str) -> None:
    """What was there stays, a torn last line is closed, and every row that is written is a row of JSON."""
    path = box.trained() / "metrics.jsonl"
    text = path.read_text()
    if fault in ("torn", "no break", "text"):
        path.write_text({"torn": text + '{"epoch": 3, "mou', "no break": text.rstrip(),
                         "text": text + "hello\n"}[fault])  # fmt: skip
    else:
        spoil_bytes(path, fault)
    result = box.run("train_sequence.py", *box.command("resume"))
    if result.status:
        box.check_refusal(result, says=("metrics.jsonl",))
        box.must(fault not in ("torn", "empty", "missing", "no break"), result.tail)
        return
    bad = []
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            json.loads(line)
        except ValueError:
            bad.append(line)
    box.must(len(bad) <= (fault in ("torn", "text")) or fault == "junk", f"no row of JSON: {bad[:2]}")
    box.must(text.splitlines()[0] in path.read_text("utf-8", "replace") or fault in ("junk", "empty", "missing"),
             "earlier rows are gone")  # fmt: skip


@table("4.10", "resume,", {f"{name} is {fault}": (name, fault) for name in ("options.json", "split.json", "best.pth")
                           for fault in ("missing", "junk", "empty", "a folder")}, fault=True)  # fmt: skip
def resume_records(box: Sandbox, name: str, fault: str) -> None:
    spoil_bytes(box.trained() / name, fault)
    result = box.run("train_sequence.py", *box.command("resume"))
    if result.status:
        box.check_refusal(result, says=(f"{name}|runs/run/frame",))


@case("4.10", "resume of a run that is finished does nothing", quick=True)
def resume_finished(box: Sandbox) -> None:
    folder = box.trained()
    box.succeeds("train_sequence.py", *box.command("resume"))
    box.must((folder / "epoch_000003.pth").is_file(), "it did not go on")
    before = {path: path.read_bytes() for path in folder.glob("*.pth")}
    box.succeeds("train_sequence.py", *box.command("resume"))
    box.must(before == {path: path.read_bytes() for path in folder.glob("*.pth")}, "checkpoints changed")


@case("4.10", "resume of a run that does not exist says so or starts it")
def resume_nothing(box: Sandbox) -> None:
    result = box.run("train_sequence.py", *box.command("train_sequence.py", resume=True))
    if result.status:
        box.check_refusal(result, says=("--resume|--name",))


def set_spec(**values) -> Callable[[dict], None]:
    return lambda content: content["spec"].update(values)


def set_argument(name: str, value) -> Callable[[dict], None]:
    return lambda content: content["spec"]["arguments"].update({name: value})


def set_state(value) -> Callable[[dict], None]:
    return lambda content: content.update(state_dict=value)


def change_tensor(change) -> Callable[[dict], None]:
    def apply(content: dict) -> None:
        state = next(iter(content["state_dict"].values()))
        name = next(iter(state))
        state[name] = change(state[name])

    return apply


def drop(*keys: str) -> Callable[[dict], None]:
    def apply(content: dict) -> None:
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return apply


def drop_tensors(content: dict) -> None:
    state = next(iter(content["state_dict"].values()))
    for name in list(state)[::2]:
        del state[name]


def add_tensor(content: dict) -> None:
    import torch

    next(iter(content["state_dict"].values()))["one.more"] = torch.zeros(2)


def rename_networks(content: dict) -> None:
    content["state_dict"] = {f"other_{name}": value for name, value in content["state_dict"].items()}


CHECKPOINTS: dict[str, Callable | str] = {
    **{f"bytes: {fault}": fault for fault in BYTES},
    "spec is None": lambda c: c.update(spec=None),
    "spec is a list": lambda c: c.update(spec=[1]),
    "spec is text": lambda c: c.update(spec="dinet"),
    "spec is empty": lambda c: c.update(spec={}),
    "spec has one key more": set_spec(colour="red"),
    **{f"spec lacks {key}": drop("spec", key) for key in ("network", "arguments", "audio_feature", "crop", "mask",
                                                          "mouth_size")},
    "network is unknown": set_spec(network="unet"),
    "network is None": set_spec(network=None),
    "network is a list": set_spec(network=["dinet"]),
    "arguments are a list": set_spec(arguments=[3, 15]),
    "arguments are None": set_spec(arguments=None),
    "arguments are empty": set_spec(arguments={}),
    "an unknown argument": set_argument("layers", 3),
    "audio channels 0": set_argument("AUDIO", 0),
    "audio channels -1": set_argument("AUDIO", -1),
    "audio channels as text": set_argument("AUDIO", "80"),
    "audio channels 80.5": set_argument("AUDIO", 80.5),
    "audio channels huge": set_argument("AUDIO", 10**12),
    "audio channels 10**30": set_argument("AUDIO", 10**30),
    "audio channels of another feature": set_argument("AUDIO", 29),
    "crop is round": set_spec(crop="round"),
    "crop is 5": set_spec(crop=5),
    "mask is round": set_spec(mask="round"),
    "mask is None": set_spec(mask=None),
    "mouth size 63": set_spec(mouth_size=63),
    "mouth size 0": set_spec(mouth_size=0),
    "mouth size -64": set_spec(mouth_size=-64),
    "mouth size as text": set_spec(mouth_size="64"),
    "mouth size 10**9": set_spec(mouth_size=10**9),
    "mouth size NaN": set_spec(mouth_size=float("nan")),
    "feature is 5": set_spec(audio_feature=5),
    "feature is empty": set_spec(audio_feature=""),
    "feature is unknown": set_spec(audio_feature="melody"),
    "no state_dict": drop("state_dict"),
    "state_dict is None": set_state(None),
    "state_dict is a list": set_state([1]),
    "state_dict is text": set_state("weights"),
    "state_dict is empty": set_state({}),
    "networks of other names": rename_networks,
    "weights are None": lambda c: c.update(state_dict=dict.fromkeys(c["state_dict"])),
    "weights are a list": lambda c: c.update(state_dict={name: [1] for name in c["state_dict"]}),
    "weights are empty": lambda c: c.update(state_dict={name: {} for name in c["state_dict"]}),
    "half the tensors": drop_tensors,
    "one tensor more": add_tensor,
    "a tensor of another shape": change_tensor(lambda t: t.new_zeros(3, 2)),
    "a tensor without values": change_tensor(lambda t: t[:0]),
    "a tensor that is a number": change_tensor(lambda t: 0.5),
    "a tensor that is text": change_tensor(lambda t: "0.5"),
    "a tensor that is None": change_tensor(lambda t: None),
    "a tensor of integers": change_tensor(lambda t: t.int()),
    "a complex tensor": change_tensor(lambda t: t.cfloat()),
    "a sparse tensor": change_tensor(lambda t: t.to_sparse()),
    "a tensor on no device": change_tensor(lambda t: t.to("meta")),
}  # fmt: skip
WHOLE = {
    "a list": lambda torch: [1, 2],
    "a tensor": lambda torch: torch.zeros(3),
    "a number": lambda torch: 5,
    "an empty dict": lambda torch: {},
    "None": lambda torch: None,
    "keys that are no text": lambda torch: {1: 2},
}
READERS = {  # who reads a checkpoint, of which material, and how it is given
    "inference": ("inference.py", "tiny.pth", "pretrained_clip_DINet_path"),
    "training --pretrained_path": ("train_sequence.py", "start.pth", "pretrained_path"),
    "training --pretrained_syncnet_path": ("train_sequence.py", "syncnet_tiny.pth", "pretrained_syncnet_path"),
    "evaluate --syncnet": ("evaluate.py", "syncnet.pth", "syncnet"),
}
MAY_WORK = ("a tensor of integers",)  # values are what counts: reading them as float32 is fine


def reader_flags(box: Sandbox, reader: str, path: Path) -> list[str]:
    script, _, flag = READERS[reader]
    more: dict = {flag: path}
    if reader == "training --pretrained_syncnet_path":
        more |= {"config_path": box.stage("clip", stage="clip", lamb_gan_clip=0.0), "trust_syncnet": True}
    if reader == "evaluate --syncnet":
        more |= {"metrics": "sync", "generated": box.take("talk.mp4"), "reference": box.take("talk.mp4", "true.mp4")}
    return box.command(script, **more)


def checkpoint(box: Sandbox, material: str) -> Path:
    if material != "start.pth":
        return box.take(material, "bad.pth")
    return Path(shutil.copyfile(box.materials / "runs" / "run" / "frame" / "epoch_000002.pth", box.user / "bad.pth"))


QUICK = ("inference: network is unknown", "training --pretrained_path: arguments are a list",
         "evaluate --syncnet: half the tensors")  # fmt: skip


@table("4.10", "checkpoint,", {f"{reader}: {fault}": (reader, fault) for reader in READERS for fault in CHECKPOINTS},
       quick=QUICK)  # fmt: skip
def bad_checkpoint(box: Sandbox, reader: str, fault: str) -> None:
    import torch

    script, material, flag = READERS[reader]
    path = checkpoint(box, material)
    change = CHECKPOINTS[fault]
    if isinstance(change, str):
        spoil_bytes(path, change)
    else:
        content = torch.load(path, weights_only=True)
        change(content)
        arguments = content.get("spec") and isinstance(content["spec"], dict) and content["spec"].get("arguments")
        if isinstance(arguments, dict) and "AUDIO" in arguments:
            arguments["in_channel_audio" if "syncnet" in material else "audio_channel"] = arguments.pop("AUDIO")
        torch.save(content, path)
    words = () if fault == "feature is unknown" else (f"--{flag}", "bad.pth")
    if fault in MAY_WORK:
        result = box.run(script, *reader_flags(box, reader, path))
        if result.status:
            box.check_refusal(result, says=words)
    else:
        box.refuses(script, *reader_flags(box, reader, path), says=words)
    box.must(not (box.out / "result.mp4").exists() or fault in MAY_WORK, "a video was made all the same")


@table("4.10", "checkpoint, a good one:", {reader: (reader,) for reader in READERS})
def good_checkpoint(box: Sandbox, reader: str) -> None:
    """The refusals around it are for what was spoiled, and for nothing else."""
    script, material, _ = READERS[reader]
    box.succeeds(script, *reader_flags(box, reader, checkpoint(box, material)))


@table("4.10", "a .pth file that holds", {f"{what}, {reader}": (reader, what) for reader in READERS for what in WHOLE})
def other_content(box: Sandbox, reader: str, what: str) -> None:
    import torch

    path = box.user / "bad.pth"
    torch.save(WHOLE[what](torch), path)
    box.refuses(READERS[reader][0], *reader_flags(box, reader, path), says=("bad.pth",))


@table("4.10", "a pickle that would run a program", {reader: (reader,) for reader in READERS}, quick=("inference",))
def pickled_program(box: Sandbox, reader: str) -> None:
    import pickle

    mark = box.out / "ran"

    class Program:
        def __reduce__(self):
            return (os.mkdir, (str(mark),))

    path = box.write("bad.pth", pickle.dumps({"state_dict": Program()}))
    box.refuses(READERS[reader][0], *reader_flags(box, reader, path), says=("bad.pth",))
    box.must(not mark.exists(), "the pickle ran its program")


@table("4.10", "the other kind of checkpoint", {
    "a SyncNet for a generator, inference": ("inference.py", "syncnet.pth", {}),
    "a generator for a SyncNet, evaluate": ("evaluate.py", "tiny.pth", {"metrics": "sync"}),
    "a SyncNet for a generator, training": ("train_sequence.py", "syncnet_tiny.pth", {}),
    "a generator of other channels, training": ("train_sequence.py", "tiny.pth", {}),
    "VGG19 for a generator": ("inference.py", "vgg", {}),
})  # fmt: skip
def other_kind(box: Sandbox, script: str, material: str, more: dict) -> None:
    reader = next(name for name, row in READERS.items() if row[0] == script)
    if material == "vgg":
        import torch

        path = box.user / "bad.pth"
        torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, path)
    else:
        path = box.take(material, "bad.pth")
    reader = {"evaluate.py": "evaluate --syncnet"}.get(script, reader)
    box.refuses(script, *reader_flags(box, reader, path), says=("bad.pth",))


VGG_FAULTS = ("empty", "junk", "text", "cut to 50", "a folder", "missing", "a list", "other names", "a wrong shape",
              "NaN", "numbers", "half the layers", "a complex layer")  # fmt: skip


@table("4.10", "--perceptual_weights", {fault: (fault,) for fault in VGG_FAULTS}, quick=("cut to 50", "a list"))
def bad_vgg(box: Sandbox, fault: str) -> None:
    """A file of VGG19's first layers, wrong in some way. All of it is found before training begins."""
    import torch

    widths = [(0, 3, 64), (2, 64, 64), (5, 64, 128), (7, 128, 128), (10, 128, 256), (12, 256, 256)]
    state = {f"features.{n}.weight": torch.zeros(b, a, 3, 3) for n, a, b in widths}
    state |= {f"features.{n}.bias": torch.zeros(b) for n, _, b in widths}
    path, first = box.user / "vgg.pth", "features.0.weight"
    if fault == "other names":
        state = {f"x.{name}": value for name, value in state.items()}
    elif fault in ("a wrong shape", "NaN", "numbers", "a complex layer"):
        state[first] = {"a wrong shape": state[first][:, :1], "NaN": state[first] * float("nan"), "numbers": 1.5,
                        "a complex layer": state[first].cfloat()}[fault]  # fmt: skip
    torch.save([1] if fault == "a list" else state, path)
    if fault in (*BYTES, "missing"):
        spoil_bytes(path, fault)
    arguments = box.command("train_sequence.py", perceptual_weights=path, lamb_perception=1.0, dry_run=True)
    box.refuses("train_sequence.py", *arguments, says=("--perceptual_weights", "vgg.pth"))


# 4.11


def first(content: dict) -> dict:
    return next(iter(content["videos"].values()))


def put(key: str, value) -> Callable[[dict], None]:
    return lambda content: content.update({key: value})


def put_video(key: str, value) -> Callable[[dict], None]:
    return lambda content: first(content).update({key: value})


def put_clip(key: str, value) -> Callable[[dict], None]:
    return lambda content: first(content)["clip_data_list"][1].update({key: value})


def put_frame(value) -> Callable[[dict], None]:
    return lambda content: first(content)["clip_data_list"][1]["frame_path_list"].__setitem__(3, value)


NAN = float("nan")
MANIFESTS: dict[str, Callable[[dict], None]] = {
    **{f"no {key}": drop(key) for key in ("format", "version", "fps", "audio_feature", "audio_channel", "crop")},
    "format of others": put("format", "coco"), "version 2": put("version", 2), "30 fps": put("fps", 30),
    "fps as text": put("fps", "25"), "version as text": put("version", "1"),
    "feature 5": put("audio_feature", 5), "feature empty": put("audio_feature", ""),
    "feature null": put("audio_feature", None), "feature a list": put("audio_feature", ["mel"]),
    "channels as text": put("audio_channel", "many"), "channels null": put("audio_channel", None),
    "channels 0": put("audio_channel", 0), "channels -12": put("audio_channel", -12),
    "channels 12.5": put("audio_channel", 12.5), "channels 13": put("audio_channel", 13),
    "channels 10**30": put("audio_channel", 10**30), "channels NaN": put("audio_channel", NAN),
    "channels true": put("audio_channel", True),
    "crop round": put("crop", "round"), "crop null": put("crop", None), "crop 5": put("crop", 5),
    "silence of one": put("silence", [1.0]), "silence of text": put("silence", ["a"] * 12),
    "silence of NaN": put("silence", [NAN] * 12), "silence 3": put("silence", 3),
    "silence of lists": put("silence", [[1.0] * 12]), "silence null": put("silence", None),
    "silence of 1e999": put("silence", [float("inf")] * 12),
    "videos a list": put("videos", [1]), "videos null": put("videos", None), "no videos": put("videos", {}),
    "videos text": put("videos", "all"), "a video null": lambda c: c["videos"].update(x=None),
    "a video a list": lambda c: c["videos"].update(x=[1]), "a video empty": lambda c: c["videos"].update(x={}),
    "no clips key": lambda c: first(c).pop("clip_data_list"), "clips empty": put_video("clip_data_list", []),
    "clips null": put_video("clip_data_list", None), "clips a number": put_video("clip_data_list", 4),
    "clips of text": put_video("clip_data_list", ["a"]),
    "no audio path": lambda c: first(c).pop("audio_feature_path"),
    "audio path null": put_video("audio_feature_path", None), "audio path 5": put_video("audio_feature_path", 5),
    "audio path empty": put_video("audio_feature_path", ""), "audio missing": put_video("audio_feature_path", "no.npy"),
    "audio a folder": put_video("audio_feature_path", "split_video_25fps_mel"),
    "audio path too long": put_video("audio_feature_path", "n" * 5000),
    "audio path with a null": put_video("audio_feature_path", "a\0b.npy"),
    "audio path a picture": put_video("audio_feature_path", "PICTURE"),
    **{f"audio_start {value!r:.20}": put_clip("audio_start", value)
       for value in (10**30, 0.5, -1, -9, "9", None, True, [9], NAN, 10**18, 9.0000001, 100000)},
    "audio_start twice the same": lambda c: first(c)["clip_data_list"][1].update(audio_start=0),
    "audio_start falling": lambda c: first(c)["clip_data_list"].reverse(),
    "no audio_start": lambda c: first(c)["clip_data_list"][1].pop("audio_start"),
    "frames empty": put_clip("frame_path_list", []), "frames null": put_clip("frame_path_list", None),
    "frames text": put_clip("frame_path_list", "abcdefghi"), "frames numbers": put_clip("frame_path_list", [1] * 9),
    "frames a dict": put_clip("frame_path_list", {"a": 1}),
    "no frames key": lambda c: first(c)["clip_data_list"][1].pop("frame_path_list"),
    "a frame null": put_frame(None), "a frame 5": put_frame(5), "a frame empty": put_frame(""),
    "a frame a list": put_frame(["a"]), "a frame with a null": put_frame("a\0b.jpg"),
    "all frames of all videos empty": lambda c: [clip.update(frame_path_list=[], lip_opening=[])
                                                 for v in c["videos"].values() for clip in v["clip_data_list"]],
    "opening too short": put_clip("lip_opening", [1.0] * 8), "opening of text": put_clip("lip_opening", ["a"] * 9),
    "opening of NaN": put_clip("lip_opening", [NAN] * 9), "opening null": put_clip("lip_opening", None),
    "opening a number": put_clip("lip_opening", 4.0), "opening of lists": put_clip("lip_opening", [[1.0]] * 9),
    "opening 1e999": put_clip("lip_opening", [float("inf")] * 9),
    "opening below zero": put_clip("lip_opening", [-5.0] * 9),
    "packed crops a list": put_video("packed_crops", [1]), "packed crops null": put_video("packed_crops", None),
    "packed crops of size x": put_video("packed_crops", {"x": "a.npy"}),
    "packed crops missing": put_video("packed_crops", {"32": "a.npy"}),
    "packed crops a number": put_video("packed_crops", {"32": 5}),
    "packed crops of size -32": put_video("packed_crops", {"-32": "a.npy"}),
}  # fmt: skip
MAY_WORK_JSON = ("silence null", "channels 12.5", "audio_start falling", "audio_start True", "opening null",
                 "opening below zero", "audio_start 100000")  # fmt: skip


@table("4.11", "training JSON,", {fault: (fault,) for fault in MANIFESTS},
       quick=("crop round", "audio_start 10000000000000000000", "silence of one"))  # fmt: skip
def bad_manifest(box: Sandbox, fault: str) -> None:
    tiny = box.take("tiny")
    path = tiny / "training_json.json"
    content = json.loads(path.read_text())
    MANIFESTS[fault](content)
    if fault == "audio path a picture":
        first(content)["audio_feature_path"] = first(content)["clip_data_list"][0]["frame_path_list"][0]
    path.write_text(json.dumps(content))
    check_data(box, fault in MAY_WORK_JSON, "training_json.json|user/tiny")


def check_data(box: Sandbox, may_work: bool, word: str) -> None:
    """--dry_run refuses the training set, and so does every run that begins with the same checks."""
    arguments = box.command("train_sequence.py", dry_run=True)
    if may_work:
        result = box.run("train_sequence.py", *arguments)
        if result.status:
            box.check_refusal(result, says=(word,))
    else:
        box.refuses("train_sequence.py", *arguments, says=(word,))


@case("4.11", "a good training set passes the same checks")
def good_data(box: Sandbox) -> None:
    box.succeeds("train_sequence.py", *box.command("train_sequence.py", dry_run=True))


TEXTS = {
    "empty": b"", "blanks": b"   \n", "junk": bytes(range(256)) * 9, "text": b"hello", "null": b"null", "5": b"5",
    "a list": b"[]", "a text": b'"videos"', "an empty object": b"{}", "100,000 brackets": b"[" * 100000,
    "100,000 objects": b'{"a":' * 100000, "half": b"HALF", "one byte short": b"SHORT", "UTF-16": b"UTF16",
    "two objects": b"{}{}", "a huge number": b'{"videos": 1' + b"0" * 10000 + b"}", "a picture": b"\xff\xd8\xff\xe0",
    "nulls": bytes(2000), "a lone surrogate": b'{"videos": {"\\ud800": {}}}', "a video's bytes": b"VIDEO",
}  # fmt: skip


@table("4.11", "training JSON of", {name: (text,) for name, text in TEXTS.items()}, quick=("100,000 brackets", "half"))
def bad_json_text(box: Sandbox, text: bytes) -> None:
    path = box.take("tiny") / "training_json.json"
    whole = path.read_bytes()
    special = {b"HALF": whole[: len(whole) // 2], b"SHORT": whole[:-1], b"UTF16": whole.decode().encode("utf-16"),
               b"VIDEO": (box.materials / "face.mp4").read_bytes()}  # fmt: skip
    path.write_bytes(special.get(text, text))
    check_data(box, False, "training_json.json")


AUDIO = ("empty", "junk", "torn", "objects", "text", "no axis", "one axis", "three axes", "complex", "other channels",
         "no rows", "too few rows", "booleans", "structured", "an archive", "a text file", "a huge header")  # fmt: skip


@table("4.11", "audio of a video is", {fault: (fault,) for fault in AUDIO}, quick=("objects", "one axis"))  # fmt: skip
def bad_audio(box: Sandbox, fault: str) -> None:
    import numpy as np

    path = sorted((box.take("tiny") / "split_video_25fps_mel").glob("*.npy"))[1]
    rows = np.load(path)
    arrays = {
        "objects": rows.astype(object), "text": rows.astype(str), "no axis": np.float32(3), "one axis": rows[:, 0],
        "three axes": rows[None], "complex": rows.astype(np.complex64), "other channels": rows[:, :7],
        "no rows": rows[:0], "too few rows": rows[:3], "booleans": rows > 0,
        "structured": np.zeros(40, [("a", "f4"), ("b", "f4")]),
    }  # fmt: skip
    if fault in arrays:
        np.save(path, arrays[fault])
    elif fault == "an archive":
        with path.open("wb") as file:
            np.savez(file, rows=rows)
    elif fault == "torn":
        os.truncate(path, path.stat().st_size // 2)
    elif fault == "a huge header":
        path.write_bytes(path.read_bytes().replace(b"(42, 12)", b"(4200000000000, 12)"))
    else:
        path.write_bytes({"empty": b"", "junk": os.urandom(3000), "a text file": b"1 2 3\n"}[fault])
    may_work = fault in ("too few rows", "booleans")  # clips without audio are left out; a truth value is 0 or 1
    check_data(box, may_work, path.stem)


PACKED = ("empty", "junk", "objects", "floats", "another size", "three axes", "too few rows", "torn", "a folder")


@table("4.11", "packed crops are", {fault: (fault,) for fault in PACKED}, quick=("another size",))  # fmt: skip
def bad_packed(box: Sandbox, fault: str) -> None:
    import numpy as np

    tiny = box.take("tiny")
    content = json.loads((tiny / "training_json.json").read_text())
    first(content)["packed_crops"] = {"32": "packed.npy"}
    (tiny / "training_json.json").write_text(json.dumps(content))
    path, good = tiny / "packed.npy", np.zeros((36, 52, 40, 3), np.uint8)
    arrays = {"objects": np.array([{}] * 36, object), "floats": good.astype(np.float32), "another size": good[:, :50],
              "three axes": good[..., 0], "too few rows": good[:5], "torn": good}  # fmt: skip
    if fault in arrays:
        np.save(path, arrays[fault])
        if fault == "torn":
            os.truncate(path, path.stat().st_size // 2)
    elif fault == "a folder":
        path.mkdir()
    else:
        path.write_bytes(b"" if fault == "empty" else os.urandom(500))
    check_data(box, False, "packed.npy")


@table("4.11", "published training JSON,", {
    name: (name,) for name in ("steps of text", "steps of two lengths", "steps of NaN", "frames without numbers",
                               "eight frames", "no steps key", "a clip null", "nothing usable", "crops missing")
})  # fmt: skip
def bad_published(box: Sandbox, fault: str) -> None:
    frames = [f"crops/one/000000/{number:06d}.jpg" for number in range(9)]
    clip = {"frame_path_list": frames, "deep_speech_list": [[0.1] * 29 for _ in range(9)]}
    changes: dict = {
        "steps of text": {"deep_speech_list": [["a"] * 29] * 9}, "steps of NaN": {"deep_speech_list": [[NAN] * 29] * 9},
        "steps of two lengths": {"deep_speech_list": [[0.1] * 29] * 8 + [[0.1] * 28]},
        "frames without numbers": {"frame_path_list": ["a.jpg"] * 9}, "eight frames": {"frame_path_list": frames[:8]},
        "nothing usable": {"frame_path_list": [], "deep_speech_list": []},
    }  # fmt: skip
    clip |= changes.get(fault, {})
    if fault == "no steps key":
        del clip["deep_speech_list"]
    path = box.write("old.json", json.dumps({"one": {"clip_data_list": [None if fault == "a clip null" else clip]}}))
    box.refuses("train_sequence.py", *box.command("train_sequence.py", train_data=path), says=("old.json",))


# Every flag that names a file to be read

FILES = {  # script, flag, line of the list, other flags
    "inference --source_video_path": ("inference.py", "source_video_path", {}),
    "inference --driving_audio_path": ("inference.py", "driving_audio_path", {}),
    "inference --source_openface_landmark_path": ("inference.py", "source_openface_landmark_path", {}),
    "inference --face_landmarker_model": ("inference.py", "face_landmarker_model", {}),
    "evaluate --generated": ("evaluate.py", "generated", {}),
    "evaluate --reference": ("evaluate.py", "reference", {}),
    "evaluate --face_landmarker_model": ("evaluate.py", "face_landmarker_model", {}),
    "evaluate --source": ("evaluate.py", "source", {"pictures": "OUT"}),
    "make_dataset --root_folder": ("make_dataset.py", "root_folder", {}),
    "make_dataset --face_landmarker_model": ("make_dataset.py", "face_landmarker_model", {}),
    "data_processing --training_data_path": ("data_processing.py", "training_data_path", {"all": True}),
    "data_processing --deepspeech_model_path": (
        "data_processing.py",
        "deepspeech_model_path",
        {"extract_deep_speech": True},
    ),
    "data_processing --deep_speech_model": ("data_processing.py", "deep_speech_model", {"extract_deep_speech": True}),
    "training --train_data": ("train_sequence.py", "train_data", {}),
    "training --config_path": ("train_sequence.py", "config_path", {}),
    "training --config_folder": ("train_sequence.py", "config_folder", {}),
    "training --pretrained_path": ("train_sequence.py", "pretrained_path", {}),
}
KINDS = ("missing", "a folder", "empty", "junk", "text", "a dangling link", "a link to itself", "a pipe", "a device",
         "a picture", "another user's path")  # fmt: skip
SILENT = {"training --config_path": ("empty", "a device"), "inference --face_landmarker_model": ()}


def unusable(box: Sandbox, kind: str) -> Path:
    path = box.user / "input.bin"
    with contextlib.suppress(KeyError):
        path.write_bytes({"empty": b"", "junk": os.urandom(3000), "text": b"hello world\n" * 30,
                          "a picture": b"\xff\xd8\xff\xe0" + os.urandom(3000)}[kind])  # fmt: skip
    if kind == "a folder":
        path.mkdir()
    elif kind == "a dangling link":
        path.symlink_to(box.user / "nowhere")
    elif kind == "a link to itself":
        path.symlink_to(path)
    elif kind == "a pipe":
        os.mkfifo(path)
    return {"a device": Path("/dev/null"), "another user's path": Path("/proc/1/mem")}.get(kind, path)


@table("4.13", "a file that cannot be used,", {f"{flag}: {kind}": (flag, kind) for flag in FILES for kind in KINDS
                                               if kind not in SILENT.get(flag, ())})  # fmt: skip
def bad_input_file(box: Sandbox, which: str, kind: str) -> None:
    script, flag, more = FILES[which]
    path = unusable(box, kind)
    more = {key: str(box.out / "pictures") if value == "OUT" else value for key, value in more.items()}
    arguments = box.command(script, **more, **{flag: path})
    name = flag.replace("deep_speech_model", "deep")
    box.refuses(script, *arguments, says=(f"--{name}|{path.name}",), timeout=60)
