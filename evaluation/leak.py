"""Does a dubbed mouth follow the new speech, or the mouth that it hides?

A generator must not see the source's mouth, yet the chin and the cheeks around it give it away.
"""

from collections.abc import Callable

import numpy as np

from config.errors import InputError
from evaluation.opening import at_frames_of, opening
from evaluation.pairs import TrackedVideo
from face.mouth_scores import correlation, partial_correlation
from media.playback import playback_runs
from media.video import VideoInfo

LEAST_FRAMES = 100  # that show all faces: of 25, chance alone gives correlations of 0.4, and leak_chance says 0.06
LEAST_SHIFT = 12  # frames by which a curve says nothing of itself
MOST_SHIFTS = 500  # whose scores give chance: each takes as long as the curve
SAME_MOUTH = 0.95  # correlation from which the source says the same as the reference


def leak_scores(generated: TrackedVideo, source: TrackedVideo, reference: TrackedVideo | None) -> dict[str, float]:
    """Correlations of the generated lip opening with the hidden and with the wanted one, over the same frames.

    leak: with the source's own opening in the frame that the result shows; 0 is right, 1 is the source's mouth.
    obedience: with the reference's, the opening that belongs to the new speech; 1 is right. leak_partial: leak given
    the reference, that is without what any right result would have, as the source's opening and the right one
    correlate by chance (by 0.1 to 0.3 on a few seconds): judge by it where there is a reference. leak_chance: its
    standard deviation where there is none; a mean over n videos has it divided by the root of n.
    The leaks are left out where source and reference have the same mouth: nobody can tell then which is followed.

    The reference is a video with the new speech, of any size and of anybody who says it at the same times.
    """
    shown = frames_shown(source.info, generated.info.num_frames)
    ours, hidden = opening(generated.track), opening(source.track)[shown]
    known = np.isfinite(ours) & np.isfinite(hidden)
    if reference:
        wanted = at_frames_of(generated.info, reference)
        known &= np.isfinite(wanted)
    if known.sum() < LEAST_FRAMES:
        print(f"{generated.info.path}: leak left out: less than {LEAST_FRAMES} frames show all the faces")
        return {}
    ours, hidden = ours[known], hidden[known]
    if not reference:
        return {
            "leak": correlation(ours, hidden),
            "leak_chance": chance(lambda moved: correlation(ours, moved), hidden),
        }
    wanted = wanted[known]
    obedience = {"obedience": correlation(ours, wanted)}
    if correlation(hidden, wanted) > SAME_MOUTH:
        return obedience
    return {
        "leak": correlation(ours, hidden),
        "leak_partial": partial_correlation(ours, hidden, wanted),
        "leak_chance": chance(lambda moved: partial_correlation(ours, moved, wanted), hidden),
        **obedience,
    }


def chance(score: Callable[[np.ndarray], float], hidden: np.ndarray) -> float:
    """Standard deviation of a score of the hidden curve (T,) when it is moved around by LEAST_SHIFT frames or more.

    At most MOST_SHIFTS moves, spread evenly.
    Moved, it keeps its rhythm, which makes chance larger than of T independent values: 0.13 to 0.2 on 8 s of speech.
    """
    least, most = LEAST_SHIFT, len(hidden) - LEAST_SHIFT
    shifts = np.linspace(least, most, min(MOST_SHIFTS, most - least + 1)).astype(int)
    return float(np.std([score(np.roll(hidden, shift)) for shift in shifts]))


def frames_shown(source: VideoInfo, count: int) -> np.ndarray:
    """Numbers (T,) of the source frames that a result of `count` frames shows."""
    return np.concatenate(playback_runs(source, count))


def check_source(generated: VideoInfo, source: VideoInfo) -> None:
    """Raise InputError for a source that the result cannot have been made from."""
    ours, theirs = ((info.width, info.height, round(float(info.fps), 2)) for info in (generated, source))
    if ours != theirs:
        sizes = ["{} x {} at {} frames a second".format(*each) for each in (theirs, ours)]
        raise InputError(
            f"--source {source.path} has {sizes[0]}, --generated {generated.path} {sizes[1]}; give the video that was "
            "dubbed, or leave --source out"
        )
