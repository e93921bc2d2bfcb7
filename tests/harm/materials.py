"""What cases start from, made once a run: videos, speech, checkpoints, training sets, a run of two epochs."""

import shutil
import sys
from pathlib import Path

from launch import ROOT, start

FRAMES = 24  # of face.mp4, at 25 a second
SMALL = {  # options of a stage that takes a second or two
    **{"mouth_size": 32, "base_channels": 8, "batch_size": 2, "augment_num": 1, "num_workers": 0},
    **{"val_fraction": 0.25, "lamb_perception": 0.0, "lamb_gan": 0.0, "lamb_mouth": 1.0},
    **{"non_decay": 2, "decay": 0, "checkpoint_every": 1, "eval_every": 1, "log_every": 1},
}
SMALL_SYNCNET = {key: value for key, value in SMALL.items() if key != "base_channels" and "lamb" not in key}


def make_materials(folder: Path) -> None:
    """Make everything below `folder`. Only this file's own main uses the project's modules, in other processes."""
    folder.mkdir(parents=True)
    must_run(Path(__file__), [str(folder)], folder, "files")
    raw, made = folder / "raw", folder / "set"
    make = ["--root_folder", raw, "--output_folder", folder / "25fps", "--training_data_path", made]
    must_run(ROOT / "make_dataset.py", [*map(str, make), "--keep_all", "--num_workers", "1"], folder, "make_dataset")
    shutil.copytree(made, folder / "fresh_set")
    process = ["--all", "--training_data_path", str(made), "--num_workers", "1"]
    must_run(ROOT / "data_processing.py", process, folder, "data_processing")
    train = ["--train_data", folder / "tiny" / "training_json.json", "--result_path", folder / "runs", "--name", "run"]
    stage = write_stage(folder / "stages" / "frame.py", {"stage": "frame", **SMALL, "non_decay": 3})
    more = ["--config_path", stage, "--device", "cpu", "--wandb", "disabled", "--precision", "fp32"]
    must_run(ROOT / "train_sequence.py", [*map(str, [*train, *more])], folder, "train_sequence")
    (folder / "runs" / "run" / "frame" / "epoch_000003.pth").unlink()  # as if the machine had stopped after epoch 2


def must_run(script: Path, arguments: list[str], folder: Path, name: str) -> None:
    result = start(script, arguments, ROOT, folder / "logs" / name, {}).wait(600)
    if result.status:
        raise SystemExit(f"the materials could not be made: {name} ended with {result.status}: {result.tail}")


def write_stage(path: Path, options: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name} = {value!r}\n" for name, value in options.items()), encoding="utf-8")
    return path


def write_files(folder: Path) -> None:
    """The files that need the project's own code."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    import torch
    from talking_photo import photo_frame, tiny_spec, write_checkpoint, write_speech, write_video
    from tiny_set import CHANNELS, make_tiny_set

    from media.video import VideoWriter
    from models.loading import NetworkSpec

    def with_sound(path: Path, count: int, size: int = 240, shift: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        speech = write_speech(folder / "sound.wav", count / 25)
        with VideoWriter(path, size, 232, 25, audio_path=speech, audio_duration=count / 25) as writer:
            for number in range(count):
                writer.write(photo_frame(number + shift, size))
        return path

    write_video(folder / "face.mp4", FRAMES)
    with_sound(folder / "talk.mp4", FRAMES)
    write_speech(folder / "speech.wav", 0.5)
    with_sound(folder / "raw" / "one.mp4", 30)
    with_sound(folder / "raw" / "two.mp4", 27, shift=5)
    with_sound(folder / "shifted.mp4", FRAMES, shift=9)
    with_sound(folder / "wider.mp4", 36, size=260)
    write_checkpoint(folder / "tiny", tiny_spec()).rename(folder / "tiny.pth")
    write_checkpoint(folder / "heard", tiny_spec()).rename(folder / "other.pth")
    make_tiny_set(folder / "tiny")
    for channels, name in ((80, "syncnet"), (CHANNELS, "syncnet_tiny")):
        arguments = {"in_channel_image": 15, "in_channel_audio": channels, "out_dim": 128}
        spec = NetworkSpec("syncnet", arguments, "mel", "aligned", "box", 64)
        torch.manual_seed(0)
        content = {"format": 1, "epoch": 1, "best": 0.9, "spec": vars(spec)}
        torch.save({**content, "state_dict": {"syncnet": spec.build().state_dict()}}, folder / f"{name}.pth")


if __name__ == "__main__":
    write_files(Path(sys.argv[1]))
