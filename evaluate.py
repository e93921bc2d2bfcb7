"""Score generated videos against the true ones: pixels, landmarks, lip opening, sync, LPIPS and FID.

python evaluate.py --generated dubbed.mp4 --reference true.mp4 --syncnet output/.../syncnet/best.pth --pictures out
python evaluate.py --generated results/ --reference truth/ --json scores.json
"""

from config.config import EvaluateOptions
from config.errors import run_script
from config.options import parse


def main() -> int:
    """0, or 1 where some of the videos could not be scored."""
    options = parse(EvaluateOptions, __doc__)
    from evaluation.scoring import evaluate  # seconds, which --help should not take

    return 1 if evaluate(options)["failed"] else 0


if __name__ == "__main__":
    run_script(main)
