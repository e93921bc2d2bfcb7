"""Score generated videos: pixels, what people see of a mouth, whether it obeys the new speech, sync, LPIPS, DISTS, FID.

python evaluate.py --generated dubbed.mp4 --reference true.mp4 --source before.mp4 --syncnet syncnet.pth --pictures out
python evaluate.py --generated results/ --reference truth/ --json scores.json
python evaluate.py --generated dubbed.mp4 --source before.mp4          no true video: leak and closed_in_silence alone

image       mouth_psnr, mouth_ssim, crop_psnr, crop_ssim, mouth_motion; texture_ratio: fine detail inside the lips
landmarks   lmd, lip_correlation, lip_lag; open_area_ratio: area between the lips; opening_gain: slope of the generated
            lip opening on the true one; jitter: second difference of the mouth's landmarks
leak        needs --source, and 100 frames that show all faces. leak: correlation of the lip opening with the one that
            the source frame had and that was hidden; leak_partial: the same without what the reference explains, to
            judge by; leak_chance: its spread where nothing leaks; obedience: correlation with the reference, any video
            with the new speech (of another scene: --metrics leak,silence)
silence     closed_in_silence: share of frames in pauses of the sound with closed lips; closed_in_silence_true: of the
            reference
sync        lse_d, lse_c, sync_offset; needs --syncnet
identity    cosine of face embeddings, generated and true; needs --identity_weights
lpips, dists, fid    where their weights are at hand

Ratios are generated over true: 1 is right. What a video does not show, such as pauses, is left out.
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
