"""All scores of one video."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.contact_sheet import write_contact_sheet
from evaluation.identity import identity_score
from evaluation.judges import SyncJudge
from evaluation.leak import check_source, frames_shown, leak_scores
from evaluation.metrics import image_scores, landmark_scores
from evaluation.pairs import Pair, TrackedVideo, check_same, make_pair
from evaluation.paths import WITHOUT_REFERENCE, Videos
from evaluation.plots import plot_lip_opening, plot_sync
from evaluation.silence import silence_scores
from evaluation.sync import sync_scores
from face.landmarks import FaceLandmarker
from face.tracking import track_video
from media.video import VideoInfo, probe

if TYPE_CHECKING:
    import cv2


@dataclass(frozen=True)
class Scorer:
    """Scores a video by the metrics, and by the judge and the recogniser, that it holds."""

    metrics: list[str]
    landmarker: FaceLandmarker
    judge: SyncJudge | None
    recogniser: "cv2.FaceRecognizerSF | None"

    def score(self, videos: Videos, folder: Path | None) -> tuple[dict[str, float], Pair | None]:
        """All scores that can be had, the pictures in `folder` if there is one, and the pair that was compared.

        A score that the video cannot have, such as of silence where nobody is silent, is left out. Raises InputError
        for videos that do not belong together.
        """
        compares = bool(set(self.metrics) - set(WITHOUT_REFERENCE))
        leaks = "leak" in self.metrics
        infos = [probe(path) if path else None for path in videos]
        if compares:
            check_same(infos[0], infos[1])
        if leaks:
            check_source(infos[0], infos[2])
        generated = self.track(infos[0])
        reference = self.track(infos[1]) if infos[1] else None
        pair = make_pair(generated, reference) if compares else None
        scores = self.compare(pair, folder, infos) if pair else {}
        if leaks:
            source = self.track(infos[2], int(frames_shown(infos[2], infos[0].num_frames).max()) + 1)
            scores |= leak_scores(generated, source, reference)
        if "silence" in self.metrics:
            scores |= silence_scores(generated, reference)
        frames = len(pair.frames) if pair else int(generated.track.success.sum())
        return {name: float(value) for name, value in scores.items() if np.isfinite(value)} | {"frames": frames}, pair

    def track(self, info: VideoInfo, num_frames: int | None = None) -> TrackedVideo:
        return TrackedVideo(info, track_video(info, [self.landmarker], num_frames))

    def compare(self, pair: Pair, folder: Path | None, infos: list[VideoInfo | None]) -> dict[str, float]:
        """The scores of a result beside the truth; infos: as of Videos."""
        scores: dict[str, float] = {}
        if "image" in self.metrics:
            scores |= image_scores(pair)
        if "landmarks" in self.metrics:
            scores |= landmark_scores(pair)
        if self.recogniser:
            scores["identity"] = identity_score(pair, self.recogniser)
        if self.judge:
            values, distances = sync_scores(pair, self.judge)
            scores |= values
            if folder:
                plot_sync(folder / "sync.png", distances)
        if folder:
            draw(pair, folder, *infos)
        return scores


def draw(pair: Pair, folder: Path, generated: VideoInfo, reference: VideoInfo, source: VideoInfo | None) -> None:
    """The pictures of a pair; the source's row has the frames that the result shows."""
    rows = {"generated": (generated, pair.frames), "true": (reference, pair.frames)}
    if source:
        rows = {"source": (source, frames_shown(source, generated.num_frames)[pair.frames]), **rows}
    write_contact_sheet(folder / "contact_sheet.png", rows, pair.matrices)
    plot_lip_opening(folder / "lip_opening.png", pair)
    print(f"pictures: {folder}")
