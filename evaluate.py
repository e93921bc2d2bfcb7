"""Score a generated video against the true one: mouth PSNR and SSIM, landmark distance, lip opening."""

import json
from pathlib import Path

from config.config import EvaluateOptions
from config.errors import InputError, run_script
from config.options import parse
from evaluation.contact_sheet import write_contact_sheet
from evaluation.metrics import score_pair
from evaluation.pairs import load_pair
from face.landmarks import FaceLandmarker
from media.files import written_whole


def evaluate(options: EvaluateOptions) -> dict[str, float]:
    """Score, print a table and write what was asked for. Raises InputError for videos that do not belong together."""
    for flag in ("generated", "reference"):
        if not getattr(options, flag):
            raise InputError(f"--{flag} is not set; see evaluate.py --help")
    with FaceLandmarker(options.face_landmarker_model or None) as landmarker:
        pair = load_pair(Path(options.generated), Path(options.reference), landmarker)
    scores = score_pair(pair)
    for name, value in scores.items():
        print(f"{name:<16} {value:9.3f}")
    if options.json:
        with written_whole(options.json) as temporary:
            temporary.write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    if options.contact_sheet:
        rows = {"generated": pair.generated_path, "true": pair.reference_path}
        if options.source:
            rows = {"source": Path(options.source), **rows}
        write_contact_sheet(Path(options.contact_sheet), rows, pair.frames, pair.matrices)
        print(options.contact_sheet)
    return scores


def main() -> None:
    evaluate(parse(EvaluateOptions, __doc__))


if __name__ == "__main__":
    run_script(main)
