"""A fresh folder for one case: copies of the materials, scripts run in it, and what must hold after every run."""

import contextlib
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from launch import ROOT, Missed, Result, Running, start
from materials import SMALL, SMALL_SYNCNET, write_stage

PATIENCE = 120  # seconds for a run that must end by itself


class Skipped(Exception):
    """This machine cannot make the fault."""


class Sandbox:
    """`user`: what belongs to the user and must stay as it is, compared by checksum; results go to `out`."""

    def __init__(self, folder: Path, materials: Path):
        self.folder, self.materials = folder, materials
        self.user, self.out = folder / "user", folder / "out"
        for place in (self.user, self.out):
            place.mkdir(parents=True)
        self.guarded = [self.user]
        self.planted: set[Path] = set()
        self.before: dict[Path, tuple] | None = None
        self.runs = 0

    # Files

    def take(self, name: str, to: str = "") -> Path:
        """A copy of a material, file or folder, in the user's folder, under its own name or `to`."""
        target = self.user / (to or name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            source = self.materials / name
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
        return target

    def write(self, name: str, content: bytes | str) -> Path:
        """A file of the user's."""
        target = self.user / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def dataset(self, made: bool = True) -> Path:
        """A training set in `out`, processed unless `made` is false; its videos and landmark tables are the user's."""
        folder = self.out / "set"
        if not folder.exists():
            shutil.copytree(self.materials / ("set" if made else "fresh_set"), folder)
            self.guard(folder / "split_video_25fps", folder / "split_video_25fps_landmark_openface")
        return folder

    def stage(self, name: str = "frame", folder: str = "stages", **changes: object) -> Path:
        """A stage file of the user's: a small frame stage with changes; None leaves an option out."""
        options = {"stage": "frame", **(SMALL_SYNCNET if changes.get("stage") == "syncnet" else SMALL), **changes}
        chosen = {key: value for key, value in options.items() if value is not None}
        path = self.user / folder / f"{name}.py"
        return path if path.exists() else write_stage(path, chosen)

    def trained(self) -> Path:
        """A run named run in `out`, of a frame stage that was cut off after two epochs of three; see `resume`."""
        shutil.copytree(self.materials / "runs" / "run", self.out / "runs" / "run")
        self.guard(self.materials / "tiny", self.materials / "stages")
        return self.out / "runs" / "run" / "frame"

    def guard(self, *places: Path) -> None:
        self.guarded += places

    # Command lines

    def command(self, script: str, **changes: object) -> list[str]:
        """The arguments of a run that works, with changes: None leaves a flag out, True gives it without a value."""
        flags = {**COMMANDS[script](self, changes), **changes}
        words: list[str] = []
        for flag, value in flags.items():
            if value is True:
                words.append(f"--{flag}")
            elif value is not None and value is not False:
                words.append(f"--{flag}={value}")
        return words

    # Runs

    def start(self, script: str, *arguments: object, cwd: Path | None = None, before=None, **environment) -> Running:
        """Start a script of the project. What is the user's is remembered before the first one."""
        if self.before is None:
            self.before = self.state()
        self.runs += 1
        logs = self.folder / "logs" / str(self.runs)
        return start(ROOT / script, [str(a) for a in arguments], cwd or ROOT, logs, environment, before)

    def run(self, script: str, *arguments: object, timeout: float = PATIENCE, **how) -> Result:
        """Run a script to its end and check what holds for every run: no traceback, nothing left behind."""
        result = self.start(script, *arguments, **how).wait(timeout)
        self.check_clean(result)
        return result

    def check_clean(self, result: Result) -> None:
        if "Traceback" in result.err + result.out:
            raise Missed(f"status {result.status}, a traceback: {result.tail}")
        if result.left:
            raise Missed(f"left running: {result.left}")
        self.check_no_partial()

    def check_no_partial(self) -> None:
        leftovers = [path for path in self.folder.rglob(".partial-*") if path not in self.planted]
        if leftovers:
            raise Missed(f"left behind: {leftovers[0].relative_to(self.folder)} ({len(leftovers)} in all)")

    def refuses(self, script: str, *arguments: object, says: Sequence[str] = (), **how) -> Result:
        """The run must end with status 2 and one line that starts with "error:" and holds every word of `says`."""
        result = self.run(script, *arguments, **how)
        self.check_refusal(result, says)
        return result

    def check_refusal(self, result: Result, says: Sequence[str] = ()) -> None:
        complaints = [line for line in result.err.split("\n") if "error:" in line]
        if result.status != 2:
            raise Missed(f"status {result.status} where 2 was expected: {result.tail}")
        if len(complaints) != 1 or not complaints[0].startswith("error:"):
            raise Missed(f"{len(complaints)} lines with error: {result.tail}")
        for words in says:
            if not any(word in complaints[0] for word in words.split("|")):
                raise Missed(f"does not say {words!r}: {complaints[0]}")

    def succeeds(self, script: str, *arguments: object, **how) -> Result:
        result = self.run(script, *arguments, **how)
        if result.status:
            raise Missed(f"status {result.status} where 0 was expected: {result.tail}")
        return result

    def reports(self, script: str, *arguments: object, names: Sequence[str], **how) -> Result:
        """A step over many videos must end with status 1 and a row that calls each of `names` failed, with a reason."""
        result = self.run(script, *arguments, **how)
        if result.status != 1:
            raise Missed(f"status {result.status} where 1 was expected: {result.tail}")
        rows = [line for line in result.out.splitlines() if "FAILED" in line or "NOT USED" in line]
        for name in names:
            row = next((row for row in rows if name in row.split("FAILED")[0].split("NOT USED")[0]), None)
            if row is None or len(row.split("FAILED")[-1].split("NOT USED")[-1].strip(": ")) < 10:
                raise Missed(f"no row says why {name} failed: {result.out.strip()[-300:]}")
        return result

    # What must hold

    def state(self) -> dict[Path, tuple]:
        """Content, mode and time of change of everything guarded; links by where they point."""
        found = {}
        for place in self.guarded:
            for path in [place, *place.rglob("*")]:
                status = path.lstat()
                if path.is_symlink():
                    content = os.readlink(path)
                else:
                    content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
                times = status.st_mtime_ns if not path.is_dir() else 0
                found[path] = (content, status.st_mode, times)
        return found

    def check_untouched(self) -> None:
        """Nothing of the user's was changed, deleted or added to."""
        before, after = self.before or {}, self.state() if self.before else {}
        for path in sorted(before.keys() | after.keys()):
            if before.get(path) != after.get(path):
                what = "deleted" if path not in after else "added" if path not in before else "changed"
                raise Missed(f"a file of the user's was {what}: {path.relative_to(self.folder.parent)}")

    def must(self, holds: object, otherwise: str) -> None:
        if not holds:
            raise Missed(otherwise)

    # Faults

    @contextlib.contextmanager
    def small_disk(self, size: str, name: str = "disk", options: str = "") -> Iterator[Path]:
        """A file system of `size` (such as 1m) in the sandbox."""
        place = self.folder / name
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", ",".join(filter(None, [f"size={size}", options])), "tmpfs", str(place)]
        if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
            raise Skipped("only root can mount a small disk")
        try:
            yield place
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


# The runs that work


def inference(box: Sandbox, changes: dict) -> dict:
    return {
        "source_video_path": changes.get("source_video_path") or box.take("face.mp4"),
        "driving_audio_path": changes.get("driving_audio_path") or box.take("speech.wav"),
        "pretrained_clip_DINet_path": changes.get("pretrained_clip_DINet_path") or box.take("tiny.pth"),
        **{"output": box.out / "result.mp4", "cache_folder": "", "device": "cpu", "precision": "fp32"},
    }


def evaluate(box: Sandbox, changes: dict) -> dict:
    generated = changes.get("generated") or box.take("face.mp4")
    return {"generated": generated, "reference": box.take("face.mp4", "true/face.mp4"), "metrics": "image"}


def make_dataset(box: Sandbox, changes: dict) -> dict:
    return {"root_folder": changes.get("root_folder") or box.take("raw"), "output_folder": box.out / "25fps",
            "training_data_path": box.out / "made", "num_workers": 1, "keep_all": True}  # fmt: skip


def data_processing(box: Sandbox, changes: dict) -> dict:
    return {"training_data_path": changes.get("training_data_path") or box.dataset(), "num_workers": 1}


def train_sequence(box: Sandbox, changes: dict) -> dict:
    sources = {}
    if "config_folder" not in changes:
        sources["config_path"] = changes.get("config_path") or box.stage()
    if "train_data" not in changes:
        sources["train_data"] = box.take("tiny") / "training_json.json"
    return {**sources, "name": "run", "result_path": box.out / "runs", "device": "cpu", "wandb": "disabled",
            "precision": "fp32"}  # fmt: skip


def resume(box: Sandbox, changes: dict) -> dict:
    """Go on with `trained`: the same stage file and training set."""
    made = box.materials
    return {"config_path": made / "stages" / "frame.py", "train_data": made / "tiny" / "training_json.json",
            "name": "run", "result_path": box.out / "runs", "device": "cpu", "wandb": "disabled", "precision": "fp32",
            "resume": True}  # fmt: skip


def demo(box: Sandbox, changes: dict) -> dict:
    return {"output_folder": box.out / "demo", "device": "cpu", "minutes": 0.1}


COMMANDS: dict[str, Callable[[Sandbox, dict], dict]] = {
    "inference.py": inference,
    "evaluate.py": evaluate,
    "make_dataset.py": make_dataset,
    "data_processing.py": data_processing,
    "train_sequence.py": train_sequence,
    "resume": resume,
    "tools/demo.py": demo,
}
