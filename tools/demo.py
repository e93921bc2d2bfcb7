"""The whole chain on one small case: make data, train SyncNet, frame and clip stages, dub, score.

    tools/demo.py                 a photograph that is made to talk, so that the true result is known
    tools/demo.py VIDEO SPEECH    your own video: trained on that video alone, dubbed with that speech

Each step is one of the project's own commands, printed before it runs. Nothing is sent anywhere.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import DEVICES, LARGEST_SEED, MODELS
from config.errors import InputError, run_script
from config.options import build_parser, check, option
from tools.steps import ROOT, run

TRAINING_SENTENCES = 16  # videos of the sample speaker, each of 10 s or a little more
HELD_OUT_SEED = 1000  # light, framing and motion of the held-out video
# Neither text is among the sentences that the sample speaker trains on.
SOURCE_TEXT = (
    "The kettle boiled while nobody watched it. Seven grey geese crossed the empty field before noon. "
    "A letter came for the new teacher, but the door stayed shut."
)
SPEECH_TEXT = "My brother bought a broken piano. He plays it every evening, and the whole village complains."
HELD_OUT = 0.2  # of a person's own video
CRF = 10  # of its parts: no loss that matters


SHORTEST = 8.0  # seconds of a person's own video, of which four fifths are trained on
LEAST_MINUTES = 0.1
ROOM = 2 * 10**9  # bytes of everything that is made


@dataclass
class DemoOptions:
    minutes: float = option(
        0.0, "training budget in minutes; 0: 10 on a GPU, as long as the steps take on a CPU", low=0, high=10**5
    )
    model: str = option("dinet", "generator", choices=MODELS)
    output_folder: str = option(str(ROOT / "output" / "demo"), "folder of everything that is made")
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)
    seed: int = option(0, "seed of the sample speaker and of training", low=0, high=LARGEST_SEED)


def main() -> None:
    options, media = parse_command_line()
    began = time.perf_counter()
    results = own_video_demo(options, *media) if media else sample_speaker_demo(options)
    print(f"\ndone in {(time.perf_counter() - began) / 60:.1f} minutes")
    for label, path in results.items():
        print(f"{label:<16} {path}")


def parse_command_line() -> tuple[DemoOptions, list[Path]]:
    """The options, and a video and a speech or nothing. Raises InputError for what the machine or a step cannot do."""
    parser = build_parser(DemoOptions, __doc__)
    parser.add_argument("media", nargs="*", metavar="VIDEO SPEECH", help="your own video and the speech to dub it with")
    given = vars(parser.parse_args())
    media = [Path(path).absolute() for path in given.pop("media")]
    options = DemoOptions(**given)
    check(options)
    if len(media) not in (0, 2):
        raise InputError(f"{len(media)} file(s) given; give none, or a video and a speech: demo.sh VIDEO SPEECH")
    if 0 < options.minutes < LEAST_MINUTES:
        raise InputError(f"--minutes is {options.minutes}; expected at least {LEAST_MINUTES}, or 0 for the default")

    from models.device import choose_device

    choose_device(options.device)
    return options, media


def sample_speaker_demo(options: DemoOptions) -> dict[str, Path]:
    """Train on the sample speaker and dub a video of it that training never saw, with speech that it never heard."""
    from tools.marked_folder import cleared_folder

    folder = Path(options.output_folder).absolute() / "sample_speaker"
    with cleared_folder(folder, {}, ROOM):
        speaker = ["tools/sample_speaker.py", "--seed", options.seed]
        run(*speaker, "--output_folder", folder / "raw", "--number", TRAINING_SENTENCES, "--seconds", 10)
        held_out = {}
        # The source is longer than its new speech, so that it is not played backwards beside the truth.
        for name, text, seconds in (("source", SOURCE_TEXT, 9), ("truth", SPEECH_TEXT, 5)):
            sentences = folder / f"{name}.txt"
            sentences.write_text(text.replace(". ", ".\n") + "\n", encoding="utf-8")
            place = ["--output_folder", folder / name, "--sentences", sentences]
            run("tools/sample_speaker.py", *place, "--seed", HELD_OUT_SEED, "--number", 1, "--seconds", seconds)
            held_out[name] = folder / name / "speaker_00.mp4"
        checkpoint = train(options, folder)
        dubbed = folder / "dubbed.mp4"
        dub(options, held_out["source"], held_out["truth"], checkpoint, dubbed)
        return {"dubbed video": dubbed, **score(folder, dubbed, held_out["truth"], held_out["source"])}


def own_video_demo(options: DemoOptions, video: Path, speech: Path) -> dict[str, Path]:
    """Train on the first 80 % of a video, dub it with the speech, and score its last 20 % on its own sound."""
    from media.cut import cut_video
    from tools.marked_folder import cleared_folder

    duration = check_media(video, speech)
    folder = Path(options.output_folder).absolute() / video.stem
    with cleared_folder(folder, {"VIDEO": video, "SPEECH": speech}, ROOM):
        border = duration * (1 - HELD_OUT)
        cut_video(video, folder / "raw" / "video.mp4", 0, border, CRF)
        # An epoch of a single video is a few steps.
        checkpoint = train(options, folder, "--eval_every", 40, "--checkpoint_every", 200)
        dubbed = folder / "dubbed.mp4"
        dub(options, video, speech, checkpoint, dubbed)
        part, generated = folder / "held_out.mp4", folder / "held_out_dubbed.mp4"
        cut_video(video, part, border, duration, CRF)
        dub(options, part, part, checkpoint, generated)
        return {"dubbed video": dubbed, **score(folder, generated, part, part)}


def check_media(video: Path, speech: Path) -> float:
    """Seconds of the video. Raises InputError unless it can be read, is long enough, and both files have sound."""
    from media.audio import read_audio
    from media.video import probe

    duration = probe(video).duration
    if duration < SHORTEST:
        raise InputError(f"{video} lasts {duration:.1f} s; give a video of at least {SHORTEST:.0f} s to train on")
    for path in (video, speech):
        read_audio(path)
    return duration


def train(options: DemoOptions, folder: Path, *flags: object) -> Path:
    """From all of FOLDER/raw to the last checkpoint of the last stage. `flags` go to train_sequence.py."""
    from models.device import choose_device
    from training.checkpoints import best_checkpoint

    dataset = folder / "training_data"
    run("make_dataset.py", "--root_folder", folder / "raw", "--output_folder", folder / "25fps",
        "--training_data_path", dataset, "--keep_all")  # fmt: skip
    run("data_processing.py", "--all", "--training_data_path", dataset, "--num_workers", 2)
    on_gpu = choose_device(options.device).type == "cuda"
    stages = ROOT / "config" / "experiment" / ("demo_gpu" if on_gpu else "demo")
    minutes = options.minutes or (10 if on_gpu else 0)
    end = ("--total_minutes", minutes) if minutes else ("--max_minutes", 0)
    run("train_sequence.py", "--config_folder", stages, *end, "--model", options.model,
        "--train_data", dataset / "training_json.json", "--result_path", folder, "--name", "run",
        "--device", options.device, "--seed", options.seed, "--wandb", "disabled", *flags)  # fmt: skip
    last_stage = max((folder / "run").glob("clip_*"), key=lambda stage: int(stage.name.removeprefix("clip_")))
    return best_checkpoint(last_stage)


def dub(options: DemoOptions, video: Path, speech: Path, checkpoint: Path, output: Path) -> None:
    run("inference.py", "--source_video_path", video, "--driving_audio_path", speech,
        "--pretrained_clip_DINet_path", checkpoint, "--output", output, "--device", options.device,
        "--cache_folder", output.with_name("cache"))  # fmt: skip


def score(folder: Path, generated: Path, reference: Path, source: Path) -> dict[str, Path]:
    """Score a result, by the run's own SyncNet too, and draw it. Returns what there is to look at."""
    from training.checkpoints import best_checkpoint

    syncnet = best_checkpoint(folder / "run" / "syncnet")
    compared = ["--generated", generated, "--reference", reference, "--source", source, "--syncnet", syncnet]
    scores = folder / "metrics.json"
    run("evaluate.py", *compared, "--pictures", folder, "--json", scores)
    names = {"contact sheet": "contact_sheet.png", "lip opening": "lip_opening.png", "sync": "sync.png"}
    return {**{label: folder / name for label, name in names.items()}, "metrics": scores}


if __name__ == "__main__":
    run_script(main)
