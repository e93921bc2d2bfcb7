"""Candidates for clips: every stretch of every face of a video, with all that decides whether it is kept."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np

from config.constants import FPS, WINDOW_FRAMES
from config.errors import InputError
from evaluation.judges import SyncJudge
from face.lips import lip_opening
from face.openface_csv import FaceTrack
from face.smoothing import fill, smooth_landmarks, stretches
from preprocessing.footage.clip_measures import clip_measures
from preprocessing.footage.judging import distances, offset_and_confidence, speaking_faces
from preprocessing.footage.passages import GREY, TILE, TILE_QUALITY, Passage, PassageFace
from preprocessing.footage.report import ClipPictures
from preprocessing.footage.sound import Sound, loudness
from preprocessing.footage.speaking import moving_faces
from preprocessing.footage.turns import Turn

SHORTEST = FPS // 2  # frames; what is shorter is not even reported
STRIP_TILES = 6


@dataclass(frozen=True)
class Candidate:
    """Frames start .. stop - 1 of the video at 25 fps, in which one face is seen without a break.

    `reason`: why it is not this face that speaks, "" where it is. `offset` is by how many frames the sound comes late,
    None without a SyncNet. `measures`: by the names of measures.MEASURES.
    """

    start: int
    stop: int
    reason: str
    offset: int | None
    measures: dict[str, float | None]

    def as_json(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class CandidateData:
    """What is kept of a candidate beside its numbers: smoothed landmarks of its frames, and what the page shows."""

    track: FaceTrack
    pictures: ClipPictures


def candidates(passage: Passage, sound: Sound, judge: SyncJudge | None) -> Iterator[tuple[Candidate, CandidateData]]:
    """All stretches of SHORTEST frames or more of all faces of a passage, by start."""
    speech, wave = sound.speech[passage.start : passage.stop], sound.read(passage.start, passage.stop)
    if judge is None:
        far = [None for _ in passage.faces]
        turns = moving_faces([bridged(face) for face in passage.faces], speech)
    else:
        far = [distances(judge, face.seen, wave) for face in passage.faces]
        turns = speaking_faces([face.seen for face in passage.faces], far, speech)
    levels = loudness(wave)
    found = [
        (turn, face, apart)
        for face, apart, own in zip(passage.faces, far, turns, strict=True)
        for turn in own
        if turn.stop - turn.start >= SHORTEST
    ]
    for turn, face, apart in sorted(found, key=lambda item: (item[0].start, item[0].stop)):
        yield candidate(passage, turn, face, judge, apart, speech, wave), data(turn, face, levels)


def bridged(face: PassageFace) -> np.ndarray:
    """The landmarks (T, 68, 2) with short gaps filled by interpolation."""
    result = face.landmarks.copy()
    for start, stop in stretches(face.found):
        result[start:stop] = fill(face.landmarks[start:stop], np.flatnonzero(face.found[start:stop]))
    return result


def candidate(
    passage: Passage,
    turn: Turn,
    face: PassageFace,
    judge: SyncJudge | None,
    apart: np.ndarray | None,
    speech: np.ndarray,
    wave: np.ndarray,
) -> Candidate:
    """The numbers of one stretch. apart (W, 31): distances of the face's windows to the sound at every offset."""
    frames = slice(turn.start, turn.stop)
    samples = slice(turn.start * len(wave) // len(speech), turn.stop * len(wave) // len(speech))
    offset = confidence = None
    if judge is not None:
        numbers = face.seen.numbers
        inside = (numbers >= turn.start) & (numbers + WINDOW_FRAMES <= turn.stop)
        if inside.any():
            offset, confidence = offset_and_confidence(judge, apart[inside])
    measures = clip_measures(face.landmarks[frames], face.signs[frames], wave[samples], speech[frames])
    measures["confidence"] = confidence
    return Candidate(passage.start + turn.start, passage.start + turn.stop, turn.reason, offset, measures)


def data(turn: Turn, face: PassageFace, levels: np.ndarray) -> CandidateData:
    frames = slice(turn.start, turn.stop)
    landmarks, found = smooth_landmarks(face.landmarks, face.found)[frames], face.found[frames]
    track = FaceTrack(landmarks, found.astype(np.float32), found, smoothed=True)
    size = float(np.nanmedian(np.ptp(landmarks[found], axis=1).max(-1))) if found.any() else 1.0
    opening = np.where(np.isnan(landmarks[:, 0, 0]), np.nan, lip_opening(landmarks) / size)
    pictures = ClipPictures(strip(turn, face), opening.astype(np.float32), levels[frames])
    return CandidateData(track, pictures)


def strip(turn: Turn, face: PassageFace) -> bytes:
    """Six pictures of a stretch side by side as a JPEG, a box around the face."""
    shown = sorted(number for number in face.tiles if turn.start <= number < turn.stop) or sorted(face.tiles)
    tiles = []
    for wanted in np.linspace(turn.start, turn.stop - 1, STRIP_TILES + 2)[1:-1] if shown else ():
        number = min(shown, key=lambda frame: abs(frame - wanted))
        tiles.append(cv2.imdecode(np.frombuffer(face.tiles[number], np.uint8), cv2.IMREAD_COLOR))
    picture = np.hstack(tiles) if tiles else np.full((TILE, STRIP_TILES * TILE, 3), GREY, np.uint8)
    return cv2.imencode(".jpg", picture, TILE_QUALITY)[1].tobytes()


def save(path: Path, kept: CandidateData) -> None:
    """Write a candidate's data as .npz, into a folder that is not yet in its place."""
    pictures = kept.pictures
    strip = np.frombuffer(pictures.strip, np.uint8)
    values = {"strip": strip, "opening": pictures.opening, "loudness": pictures.loudness}
    np.savez(path, landmarks=kept.track.landmarks, found=kept.track.success, **values)


def load(path: Path) -> CandidateData:
    """What `save` wrote. Raises InputError where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as held:
            found = held["found"]
            track = FaceTrack(held["landmarks"], found.astype(np.float32), found, smoothed=True)
            return CandidateData(track, ClipPictures(held["strip"].tobytes(), held["opening"], held["loudness"]))
    except (ValueError, KeyError, EOFError, BadZipFile) as error:
        raise InputError(f"{path} is damaged ({error}); remove {path.parent} and run again") from error
