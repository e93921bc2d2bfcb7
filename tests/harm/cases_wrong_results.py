"""4.4: hf: features. 4.5: two videos of one stem. 4.6: torn and stale files. 4.7: features in the training JSON."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from registry import case, table
from sandbox import Sandbox

# 4.4


def write_encoder(folder: Path, kind: str) -> None:
    """A small speech encoder of random weights, written in a process of its own: transformers stays out of this one."""
    program = f"""
import torch, transformers as t
torch.manual_seed(0)
common = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
conv = dict(conv_dim=(16,)*7, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2)
if {kind!r} == "whisper":
    c = t.WhisperConfig(d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
                        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, vocab_size=32,
                        pad_token_id=0, bos_token_id=0, eos_token_id=0, decoder_start_token_id=0)
    model, extractor = t.WhisperModel(c), t.WhisperFeatureExtractor()
elif {kind!r} == "bert":
    model, extractor = t.BertModel(t.BertConfig(vocab_size=32, **common)), t.Wav2Vec2FeatureExtractor()
elif {kind!r} == "hubert":
    model, extractor = t.HubertModel(t.HubertConfig(**common, **conv)), t.Wav2Vec2FeatureExtractor()
else:
    model = t.Wav2Vec2Model(t.Wav2Vec2Config(**common, **conv))
    extractor = t.Wav2Vec2FeatureExtractor(sampling_rate=8000 if {kind!r} == "8 kHz" else 16000)
model.save_pretrained({str(folder)!r}); extractor.save_pretrained({str(folder)!r})
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@table("4.4", "hf: with default options, from clips to a dubbed video", {
    "wav2vec 2.0": ("wav2vec2",), "HuBERT": ("hubert",), "Whisper": ("whisper",),
}, quick=("wav2vec 2.0",))  # fmt: skip
def hf_end_to_end(box: Sandbox, kind: str) -> None:
    encoder = box.user / "encoder 编码"
    write_encoder(encoder, kind)
    for script in ("train_sequence.py", "inference.py"):  # what later steps read is the user's from the first one on
        box.command(script)
    data = box.dataset()
    flags = ["--extract_audio_feature", "--generate_training_json", "--audio_feature", f"hf:{encoder}"]
    box.succeeds("data_processing.py", *flags, "--training_data_path", data)
    manifest = json.loads((data / "training_json.json").read_text())
    box.must(manifest["audio_channel"] == 16, f"audio_channel is {manifest['audio_channel']}, not 16")
    arguments = box.command("train_sequence.py", train_data=data / "training_json.json", non_decay=1)
    box.succeeds("train_sequence.py", *arguments)
    checkpoint = box.out / "runs" / "run" / "frame" / "epoch_000001.pth"
    box.succeeds("inference.py", *box.command("inference.py", pretrained_clip_DINet_path=checkpoint))
    box.must((box.out / "result.mp4").stat().st_size > 1000, "no dubbed video")


@table("4.4", "hf: a model that cannot be used", {
    name: (name,) for name in ("missing", "empty folder", "no weights", "torn weights", "junk weights", "pickle only",
                               "torn config", "config of a list", "8 kHz", "bert", "a file", "no name",
                               "missing tensors")
}, quick=("missing",))  # fmt: skip
def hf_bad(box: Sandbox, fault: str) -> None:
    folder = box.user / "encoder"
    if fault in ("missing", "no name"):
        pass
    elif fault == "a file":
        box.write("encoder", b"text")
    elif fault == "empty folder":
        folder.mkdir()
    else:
        write_encoder(folder, fault if fault in ("8 kHz", "bert") else "wav2vec2")
        spoil_encoder(folder, fault)
    box.dataset()
    name = "hf:" if fault == "no name" else f"hf:{folder}"
    arguments = box.command("data_processing.py", extract_audio_feature=True, audio_feature=name)
    box.refuses("data_processing.py", *arguments, says=("hf:",))


def spoil_encoder(folder: Path, fault: str) -> None:
    weights, config = folder / "model.safetensors", folder / "config.json"
    if fault == "no weights":
        weights.unlink()
    elif fault == "torn weights":
        os.truncate(weights, weights.stat().st_size // 2)
    elif fault == "junk weights":
        weights.write_bytes(os.urandom(4000))
    elif fault == "pickle only":
        weights.rename(folder / "pytorch_model.bin")
    elif fault == "torn config":
        os.truncate(config, 40)
    elif fault == "config of a list":
        config.write_text("[1]")
    elif fault == "missing tensors":
        from safetensors.torch import load_file, save_file

        tensors = load_file(weights)
        save_file(dict(list(tensors.items())[:3]), weights, metadata={"format": "pt"})


# 4.5

STEPS = ("extract_video_frame", "extract_audio", "crop_face", "crop_face_multithreading", "all")


@table("4.5", "two videos of one stem, data_processing", {step: (step,) for step in STEPS}, quick=("extract_audio",))
def two_stems(box: Sandbox, step: str) -> None:
    data = box.dataset(made=False)
    shutil.copyfile(box.materials / "wider.mp4", data / "split_video_25fps" / "one.mkv")
    arguments = box.command("data_processing.py", **{step: True})
    box.refuses("data_processing.py", *arguments, says=("one.mkv|one.mp4",))


@table("4.5", "two videos of one stem, evaluate", {"generated": ("ours",), "reference": ("true",)},
       quick=("generated",))  # fmt: skip
def two_stems_evaluate(box: Sandbox, folder: str) -> None:
    for name in ("ours/a.mp4", "true/a.mp4", f"{folder}/a.mkv"):
        box.take("face.mp4", name)
    arguments = box.command("evaluate.py", generated=box.user / "ours", reference=box.user / "true")
    box.refuses("evaluate.py", *arguments, says=("a.mkv|a.mp4",))


@case("4.5", "two videos of one stem, make_dataset: both are kept under names of their own")
def two_stems_raw(box: Sandbox) -> None:
    box.take("talk.mp4", "raw/a.mp4")
    box.take("wider.mp4", "raw/a.mkv")
    box.succeeds("make_dataset.py", *box.command("make_dataset.py", root_folder=box.user / "raw"))
    made = sorted(path.stem for path in (box.out / "made" / "split_video_25fps").iterdir())
    box.must(len(set(made)) == 2, f"made {made}")


@case("4.5", "make_dataset: the training set has the name with another suffix")
def stem_in_set(box: Sandbox) -> None:
    folder = box.out / "made" / "split_video_25fps"
    folder.mkdir(parents=True)
    shutil.copyfile(box.materials / "wider.mp4", folder / "one.mkv")
    result = box.run("make_dataset.py", *box.command("make_dataset.py"))
    box.must(result.status in (1, 2) and "one.mkv" in result.out + result.err, f"{result.status}: {result.tail}")


# 4.6

CONTAINERS = {"mp4": {}, "mp4 index first": {"movflags": "faststart"}, "mkv": {}, "mov": {}, "ts": {}}
CUTS = (0.99, 0.9, 0.5, 0.1, 0.0)


def remux(source: Path, target: Path, options: dict[str, str]) -> None:
    """The same streams in another container."""
    import av

    with av.open(str(source)) as opened, av.open(str(target), "w", options=options) as container:
        streams = {stream.index: container.add_stream_from_template(stream) for stream in opened.streams
                   if stream.type == "video" or not target.suffix == ".avi"}  # fmt: skip
        for packet in opened.demux():
            if packet.dts is not None and packet.stream_index in streams:
                packet.stream = streams[packet.stream_index]
                container.mux(packet)


def torn_video(box: Sandbox, container: str, share: float) -> tuple[Path, int]:
    """A video of the user's cut at a share of its length, and how many frames it still holds."""
    path = box.user / "torn" / f"clip.{container.split()[0]}"
    path.parent.mkdir()
    remux(box.materials / "talk.mp4", path, CONTAINERS[container])
    os.truncate(path, int(path.stat().st_size * share))
    return path, count_frames(path)


def count_frames(path: Path) -> int:
    """Frames that a decoder gets out of a file, whatever it complains about."""
    import av

    count = 0
    with contextlib.suppress(av.FFmpegError, IndexError), av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        with contextlib.suppress(av.FFmpegError):
            for packet in opened.demux(stream):
                with contextlib.suppress(av.FFmpegError):
                    count += len(packet.decode()) if packet.size else 0
        count += len(stream.codec_context.decode(None))
    return count


def is_whole(container: str, count: int) -> bool:
    """Whether a file that holds `count` frames of 24 may be used: a transport stream promises no length."""
    return count == 24 or (container == "ts" and count > 0)


TORN = {f"{name} at {cut:.0%}": (name, cut) for name in CONTAINERS for cut in CUTS}


def refused_or_whole(box: Sandbox, script: str, arguments: list, container: str, count: int, path: Path) -> None:
    """A file that was cut may be refused with all its pictures in it: its sound is torn. It is not used with fewer."""
    result = box.run(script, *arguments)
    if result.status or not is_whole(container, count):
        box.must(result.status == 2 and path.name in result.err, f"status {result.status}: {result.tail}")


@table("4.6", "torn video, make_dataset", TORN, fault=True, quick=("mp4 index first at 99%", "mkv at 50%"))
def torn_raw(box: Sandbox, container: str, share: float) -> None:
    """Either it is whole and all of it is used, or it is not used."""
    path, count = torn_video(box, container, share)
    arguments = box.command("make_dataset.py", root_folder=path.parent)
    result = box.run("make_dataset.py", *arguments)
    tables = list((box.out / "made").rglob("clip.csv"))
    if tables:
        rows = len(tables[0].read_text().splitlines()) - 1
        whole = is_whole(container, count) and (rows == count or container == "ts")
        box.must(whole, f"{rows} frames were used of a video of 24 that was cut to {count}")
    else:
        box.must(result.status == 1 and "NOT USED" in result.out, f"status {result.status}: {result.tail}")


@table("4.6", "torn video, inference", {name: TORN[name] for name in TORN if "99%" in name or "50%" in name},
       fault=True)  # fmt: skip
def torn_source(box: Sandbox, container: str, share: float) -> None:
    path, count = torn_video(box, container, share)
    arguments = box.command("inference.py", source_video_path=path)
    refused_or_whole(box, "inference.py", arguments, container, count, path)


@table("4.6", "torn video in a training set", {name: TORN[name] for name in TORN if "mp4" in name and "0%" not in name},
       fault=True)  # fmt: skip
def torn_in_set(box: Sandbox, container: str, share: float) -> None:
    data, (path, count) = box.dataset(made=False), torn_video(box, container, share)
    shutil.copyfile(path, data / "split_video_25fps" / "torn.mp4")
    box.must(count < 24 or share == 0.99, "the cut did not reach the pictures")
    box.reports("data_processing.py", *box.command("data_processing.py", all=True), names=("torn",))


@table("4.6", "torn video, evaluate", {name: TORN[name] for name in TORN if "mp4" in name and "0%" not in name},
       fault=True)  # fmt: skip
def torn_generated(box: Sandbox, container: str, share: float) -> None:
    path, count = torn_video(box, container, share)
    arguments = box.command("evaluate.py", generated=path, reference=box.take("talk.mp4"))
    refused_or_whole(box, "evaluate.py", arguments, container, count, path)


@table("4.6", "speech that was cut", {f"{kind} at {cut:.0%}": (kind, cut) for kind in ("wav", "mp4") for cut in CUTS},
       fault=True)  # fmt: skip
def torn_speech(box: Sandbox, kind: str, share: float) -> None:
    """A WAV cut short is refused, or used for what it promised; nothing is used of a file that opens no more."""
    path = box.take("speech.wav" if kind == "wav" else "talk.mp4", f"torn.{kind}")
    os.truncate(path, int(path.stat().st_size * share))
    arguments = box.command("inference.py", driving_audio_path=path)
    if kind == "mp4" or share == 0:
        box.refuses("inference.py", *arguments, says=("torn",))
    else:
        result = box.run("inference.py", *arguments)
        box.must(result.status in (0, 2), f"status {result.status}: {result.tail}")


NAN_PLACES = {"a NaN in one weight": ("weight", "nan"), "an infinity": ("weight", "inf"),
              "a NaN in a running mean": ("running_mean", "nan"), "all NaN": ("", "nan")}  # fmt: skip


def spoil_weights(path: Path, network: str, place: str, value: str) -> None:
    import torch

    content = torch.load(path, weights_only=True)
    for name, tensor in content["state_dict"][network].items():
        if name.endswith(place) and tensor.is_floating_point():
            tensor[(0,) * tensor.dim() if place else ...] = float(value)
            if place:
                break
    torch.save(content, path)


@table("4.6", "weights that are not finite, inference", NAN_PLACES, quick=("a NaN in one weight",))
def nan_generator(box: Sandbox, place: str, value: str) -> None:
    path = box.take("tiny.pth")
    spoil_weights(path, "net_g", place, value)
    box.refuses("inference.py", *box.command("inference.py"), says=("tiny.pth",))


@table("4.6", "weights that are not finite, --pretrained_path", NAN_PLACES)
def nan_start(box: Sandbox, place: str, value: str) -> None:
    path = box.trained() / "epoch_000002.pth"
    shutil.copyfile(path, box.user / "start.pth")
    spoil_weights(box.user / "start.pth", "net_g", place, value)
    arguments = box.command("train_sequence.py", name="next", pretrained_path=box.user / "start.pth")
    box.refuses("train_sequence.py", *arguments, says=("start.pth",))


@table(
    "4.6", "weights that are not finite, SyncNet", {name: (f"{name}.py",) for name in ("evaluate", "train_sequence")}
)
def nan_syncnet(box: Sandbox, script: str) -> None:
    path = box.take("syncnet.pth" if script == "evaluate.py" else "syncnet_tiny.pth", "judge.pth")
    spoil_weights(path, "syncnet", "weight", "nan")
    clip = box.stage("clip", stage="clip", lamb_gan_clip=0.0)
    talk = {"generated": box.take("talk.mp4"), "reference": box.take("talk.mp4", "true/talk.mp4")}
    flags = ({"syncnet": path, "metrics": "sync", **talk} if script == "evaluate.py"
             else {"pretrained_syncnet_path": path, "config_path": clip})  # fmt: skip
    box.refuses(script, *box.command(script, **flags), says=("judge.pth",))


def replace_older(target: Path, source: Path) -> None:
    """Another content under the same name, with a time of change long ago."""
    target.unlink()
    shutil.copyfile(source, target)
    os.utime(target, (10**9, 10**9))


@case("4.6", "make_dataset: a raw video replaced by an older file has new landmarks", quick=True)
def older_raw(box: Sandbox) -> None:
    raw, arguments = box.take("raw"), box.command("make_dataset.py", training_data_path=None)
    box.succeeds("make_dataset.py", *arguments)
    replace_older(raw / "one.mp4", box.materials / "wider.mp4")
    box.before = None
    result = box.succeeds("make_dataset.py", *arguments)
    rows = len(next((box.out / "25fps").rglob("one.csv")).read_text().splitlines()) - 1
    box.must(rows == 36, f"{rows} landmarks of a video that now has 36 frames: {result.out.strip()}")


@case("4.6", "make_dataset: the same when the older file has the same number of frames")
def older_raw_same_length(box: Sandbox) -> None:
    raw, arguments = box.take("raw"), box.command("make_dataset.py", training_data_path=None)
    shutil.copyfile(box.materials / "talk.mp4", raw / "one.mp4")
    box.succeeds("make_dataset.py", *arguments)
    replace_older(raw / "one.mp4", box.materials / "shifted.mp4")
    box.before = None
    result = box.succeeds("make_dataset.py", *arguments)
    row = next(line for line in result.out.splitlines() if line.startswith("one"))
    box.must("up to date" not in row, row)


@case("4.6", "data_processing: a video of the set replaced by an older file is cut anew")
def older_in_set(box: Sandbox) -> None:
    data = box.dataset()
    shutil.rmtree(box.out / "25fps", ignore_errors=True)
    raw = box.user / "replaced"
    raw.mkdir()
    shutil.copyfile(box.materials / "wider.mp4", raw / "one.mp4")
    arguments = box.command("make_dataset.py", root_folder=raw, output_folder=box.out / "new", training_data_path=None)
    box.succeeds("make_dataset.py", *arguments)
    replace_older(data / "split_video_25fps" / "one.mp4", raw / "one.mp4")
    table_file = data / "split_video_25fps_landmark_openface" / "one.csv"
    replace_older(table_file, next((box.out / "new").rglob("one.csv")))
    box.before = None
    box.succeeds("data_processing.py", *box.command("data_processing.py", all=True))
    import numpy as np

    rows = len(np.load(data / "split_video_25fps_mel" / "one.npy"))
    crops = len(list((data / "split_video_25fps_crop_face" / "one").rglob("*.jpg")))
    box.must(rows == 36 and crops == 36, f"{rows} rows of audio and {crops} crops of a video that now has 36 frames")


LEFTOVERS = {"crops": "split_video_25fps_crop_face", "videos": "split_video_25fps", "audio": "split_video_25fps_audio",
             "features": "split_video_25fps_mel", "landmarks": "split_video_25fps_landmark_openface",
             "packed crops": "split_video_25fps_crop_face_64"}  # fmt: skip
OTHER = ".partial-otherhost-77-x"  # of another machine, which nobody may sweep


@table("4.6", "leftovers are no data", {name: (folder,) for name, folder in LEFTOVERS.items()}, fault=True,
       quick=("crops",))  # fmt: skip
def leftover_is_no_data(box: Sandbox, folder: str) -> None:
    data = box.dataset()
    place = data / folder
    place.mkdir(exist_ok=True)
    entries = sorted(place.iterdir())
    planted = place / (OTHER + (entries[0].suffix if entries and entries[0].is_file() else ""))
    if entries:
        (shutil.copytree if entries[0].is_dir() else shutil.copyfile)(entries[0], planted)
    else:
        planted.write_bytes(b"torn")
    box.planted.add(planted)
    result = box.succeeds("data_processing.py", *box.command("data_processing.py", all=True, pack_crops=64))
    videos = json.loads((data / "training_json.json").read_text())["videos"]
    box.must(sorted(videos) == ["one", "two"] and OTHER not in result.out, f"{sorted(videos)}: {result.tail}")
    box.must(OTHER.encode() not in (data / "landmark_crop_dic.npy").read_bytes().replace(b"\0", b""), "in landmarks")
    box.must(planted.exists(), "a leftover of another machine was swept")


CACHE_FAULTS = ("empty", "junk", "torn", "other keys", "a list", "a tensor", "wrong shapes", "no rows", "NaN", "text",
                "other types", "a folder", "half the frames")  # fmt: skip


@table("4.6", "a cache entry that holds", {fault: (fault,) for fault in CACHE_FAULTS},
       quick=("other keys", "no rows"))  # fmt: skip
def bad_cache(box: Sandbox, fault: str) -> None:
    arguments = box.command("inference.py", cache_folder=box.out / "cache")
    box.succeeds("inference.py", *arguments)
    good = decoded(box.out / "result.mp4")
    entries = [path for path in (box.out / "cache").rglob("*") if path.is_file()]
    box.must(entries, "nothing was cached")
    for entry in entries:
        spoil_entry(entry, fault)
    box.succeeds("inference.py", *arguments)
    box.must(decoded(box.out / "result.mp4") == good, "the result differs from that without the spoiled cache")


def decoded(path: Path) -> dict[int, list[bytes]]:
    """Pictures and sound, by stream: the same ones may be coded in other bytes, as x264's threads take turns."""
    import av

    with av.open(str(path)) as opened:
        found: dict[int, list[bytes]] = {stream.index: [] for stream in opened.streams}
        for packet in opened.demux():
            found[packet.stream_index] += [frame.to_ndarray().tobytes() for frame in packet.decode()]
    return found


def spoil_entry(path: Path, fault: str) -> None:
    import torch

    if fault in ("empty", "junk", "text"):
        path.write_bytes({"empty": b"", "junk": os.urandom(999), "text": b"hello"}[fault])
    elif fault == "torn":
        os.truncate(path, path.stat().st_size // 2)
    elif fault == "a folder":
        path.unlink()
        path.mkdir()
    else:
        entry = torch.load(path, weights_only=True)
        changed = {
            "other keys": lambda: {f"x{key}": value for key, value in entry.items()},
            "a list": lambda: list(entry.values()),
            "a tensor": lambda: torch.zeros(3),
            "wrong shapes": lambda: each_tensor(entry, lambda value: value.reshape(-1, 1)),
            "no rows": lambda: each_tensor(entry, lambda value: value[:0]),
            "half the frames": lambda: each_tensor(entry, lambda value: value[: len(value) // 2]),
            "NaN": lambda: each_tensor(entry, lambda value: torch.full_like(value.float(), float("nan"))),
            "other types": lambda: each_tensor(entry, lambda value: value.to(torch.complex64)),
        }[fault]()
        torch.save(changed, path)


def each_tensor(entry: dict, change: Callable) -> dict:
    return {key: change(value) if hasattr(value, "reshape") else value for key, value in entry.items()}


# 4.7

FEATURES = ("12 values", "complex", "objects", "text", "NaN", "infinity", "one axis", "three axes", "no rows",
            "no axis", "empty file", "junk", "torn", "a folder", "booleans", "an archive")  # fmt: skip


def write_feature(path: Path, fault: str) -> None:
    import numpy as np

    rows = np.load(path)
    path.unlink()
    arrays = {
        "12 values": rows[:, :12], "complex": rows.astype(np.complex64), "objects": rows.astype(object),
        "text": rows.astype(str), "one axis": rows[:, 0], "three axes": rows[None], "no rows": rows[:0],
        "no axis": np.float32(1), "NaN": np.where(np.arange(len(rows))[:, None] == 11, np.nan, rows),
        "infinity": np.where(np.arange(len(rows))[:, None] == 11, np.inf, rows), "booleans": rows > 0,
    }  # fmt: skip
    if fault in arrays:
        np.save(path, arrays[fault])
    elif fault == "a folder":
        path.mkdir()
    elif fault == "an archive":
        with path.open("wb") as file:
            np.savez(file, rows=rows)
    elif fault == "torn":
        np.save(path, rows)
        os.truncate(path, path.stat().st_size // 2)
    else:
        path.write_bytes(b"" if fault == "empty file" else os.urandom(2000))


@table("4.7", "a feature file, the JSON step", {fault: (fault,) for fault in FEATURES}, quick=("12 values", "complex"))
def bad_feature(box: Sandbox, fault: str) -> None:
    """The video is left out with its reason; the other one goes into the JSON. Rows of 80 stay the set's."""
    data = box.dataset()
    write_feature(data / "split_video_25fps_mel" / "two.npy", fault)
    arguments = box.command("data_processing.py", generate_training_json=True)
    box.reports("data_processing.py", *arguments, names=("two",))
    content = json.loads((data / "training_json.json").read_text())
    box.must(list(content["videos"]) == ["one"] and content["audio_channel"] == 80, str(list(content["videos"])))


@case("4.7", "a feature file of 12 values in the first video, the JSON step")
def bad_first_feature(box: Sandbox) -> None:
    data = box.dataset()
    write_feature(data / "split_video_25fps_mel" / "one.npy", "12 values")
    result = box.run("data_processing.py", *box.command("data_processing.py", generate_training_json=True))
    box.must(result.status in (1, 2), f"status {result.status}: {result.tail}")
    box.must("12" in result.out + result.err and "80" in result.out + result.err, f"12 or 80 unsaid: {result.tail}")


@table("4.7", "a value that is not finite in a feature, training", {"NaN": ("NaN",), "infinity": ("infinity",)},
       quick=("NaN",))  # fmt: skip
def nan_feature_training(box: Sandbox, fault: str) -> None:
    tiny = box.take("tiny")
    import numpy as np

    for path in (tiny / "split_video_25fps_mel").glob("*.npy"):
        rows = np.load(path)
        rows[:, 5] = np.nan if fault == "NaN" else np.inf
        np.save(path, rows)
    result = box.refuses("train_sequence.py", *box.command("train_sequence.py"), says=(".npy|video ",))
    box.must("lr_g" not in result.err, f"blames --lr_g: {result.tail}")


@case("4.7", "a good JSON stays when nothing is usable any more")
def json_is_kept(box: Sandbox) -> None:
    """A JSON that was good stays when a later run finds nothing usable."""
    data = box.dataset()
    box.guard(data / "training_json.json")
    for name in ("one", "two"):
        write_feature(data / "split_video_25fps_mel" / f"{name}.npy", "complex")
    box.refuses("data_processing.py", *box.command("data_processing.py", generate_training_json=True))
