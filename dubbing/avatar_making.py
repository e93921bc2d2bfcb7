"""Makes an avatar: finds out, once, all of a video that does not depend on the speech, and keeps it in a folder."""

import json
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch

from config.config import AvatarOptions
from dubbing.avatar_record import ARRAYS, CHECKED, FRAMES, GENERATOR, MOUTHS, PREVIEW, RECORD, VERSION, AvatarRecord
from dubbing.cache import Cache, content_hash
from dubbing.detail import choose_mouths, gains_detail, take_mouths
from dubbing.faces import SourceFaces, find_faces
from dubbing.pipeline import reference_crops
from dubbing.references import choose_references, pose_deviation, upright
from dubbing.renderer import Renderer
from face.lips import is_closed, lip_opening
from media.files import atomic_write_folder, check_writable
from media.frame_store import BYTES_A_PIXEL, write_frames
from media.progress import Listener, progress_bar
from media.video import VideoInfo, frames_on_screen, probe, read_chosen_frames
from models.loading import LoadedNetwork, load_generator

LEAST_IDLE = 0.8  # seconds of a closed mouth; fewer, played forwards and backwards, look like trembling
PREVIEW_SIDE = 512  # pixels, of the longer side


@dataclass(frozen=True)
class Footage:
    """A source at a constant rate. `numbers` (T,) are the source's frames on screen at k / fps; `source_faces` of all
    frames of the source; `rest`, `idle`: see AvatarRecord, as frames of the avatar."""

    info: VideoInfo
    fps: Fraction
    numbers: np.ndarray
    source_faces: SourceFaces
    rest: int | None
    idle: range | None

    @property
    def faces(self) -> SourceFaces:
        every, numbers = self.source_faces, self.numbers
        return SourceFaces(every.landmarks[numbers], every.confidence[numbers], every.video_to_crop[numbers])


def make_avatar(options: AvatarOptions, output: Path, listener: Listener | None = None) -> str:
    """Make the folder `output`, whole or not at all, and give a line about it. Raises InputError for unusable input.

    `listener`: as that of dubbing.pipeline.dub.
    """
    began = time.perf_counter()
    generator = load_generator(options.pretrained_clip_DINet_path, "--pretrained_clip_DINet_path")
    footage = look_at(options, output, generator.spec.crop, listener)
    with atomic_write_folder(output) as folder:
        checksums = write_pictures(folder, footage, listener)
        torch.save(
            {"spec": asdict(generator.spec), "state_dict": {"net_g": generator.network.state_dict()}},
            folder / GENERATOR,
        )
        write_arrays(folder, footage, checksums, encode_references(footage, generator))
        if gains_detail(generator.spec.mouth_size):
            faces = footage.source_faces
            mouths = take_mouths(choose_mouths(faces), faces, footage.info, listener)
            for name, array in zip(MOUTHS, mouths, strict=True):
                np.save(folder / name, array)
        write_record(folder, footage, options, generator)
    megabytes = sum(path.stat().st_size for path in output.iterdir()) / 1e6
    resting = describe_rest(footage)
    seconds = time.perf_counter() - began
    return f"{output}: {len(footage.numbers)} frames, {megabytes:.0f} MB, {resting}, made in {seconds:.1f} s"


def describe_rest(footage: Footage) -> str:
    if footage.idle:
        return f"idles in frames {footage.idle.start} to {footage.idle.stop - 1}"
    if footage.rest is not None:
        return f"idles with the closed mouth of frame {footage.rest}"
    return "its mouth is never closed, so idling mouths are drawn from silence"


def look_at(options: AvatarOptions, output: Path, crop: str, listener: Listener | None) -> Footage:
    """Find the faces of the source, and where it may idle. Raises InputError, also where there is no room for it."""
    info = probe(options.source_video_path)
    fps = info.fps if options.fps is None else Fraction(options.fps).limit_denominator(1001)
    numbers = frames_on_screen(info, np.arange(max(1, round(info.duration * fps))) / float(fps))
    check_writable("--output_folder", output, round(len(numbers) * info.width * info.height * BYTES_A_PIXEL), True)
    csv, model = options.source_openface_landmark_path, options.face_landmarker_model
    cache = Cache(options.cache_folder, info.path)
    faces = find_faces(info, info.num_frames, crop, csv, model, cache, options.num_workers, listener)
    closed = np.zeros(info.num_frames, bool)
    closed[faces.usable] = is_closed(upright(faces.landmarks[faces.usable]))
    closed = closed[numbers]
    rest = rest_frame(faces.landmarks[numbers], closed)
    return Footage(info, fps, numbers, faces, rest, idle_stretch(closed, float(fps)))


def rest_frame(landmarks: np.ndarray, closed: np.ndarray) -> int | None:
    """Of the frames with closed mouths (T,) that in the most usual pose among the half with the least opening."""
    if not closed.any():
        return None
    numbers = np.flatnonzero(closed)
    aligned = upright(landmarks[numbers])
    opening = lip_opening(aligned)
    deviation = np.where(opening <= np.median(opening), pose_deviation(aligned), np.inf)
    return int(numbers[deviation.argmin()])


def idle_stretch(closed: np.ndarray, fps: float) -> range | None:
    """The longest run of frames with closed mouths (T,), None where it is shorter than LEAST_IDLE; a picture's is 1."""
    edges = np.flatnonzero(np.diff(np.r_[False, closed, False]))
    starts, stops = edges[::2], edges[1::2]
    if not len(starts):
        return None
    longest = int((stops - starts).argmax())
    run = range(int(starts[longest]), int(stops[longest]))
    return run if len(run) >= min(LEAST_IDLE * fps, len(closed)) else None


def write_pictures(folder: Path, footage: Footage, listener: Listener | None) -> np.ndarray:
    """Write frames and preview. Returns the frames' checksums (T,) uint32."""
    info, count = footage.info, len(footage.numbers)
    shown = int(footage.faces.usable.argmax()) if footage.rest is None else footage.rest
    frames = read_chosen_frames(info, footage.numbers.tolist())
    with (
        write_frames(folder / FRAMES, info.width, info.height, footage.fps) as writer,
        progress_bar("frames", count, listener) as advance,
    ):
        for number, image in enumerate(frames):
            writer.write(image)
            advance(1)
            if number == shown:
                write_preview(folder / PREVIEW, image)
    return np.array(writer.checksums, np.uint32)


def write_preview(path: Path, image: np.ndarray) -> None:
    scale = min(1, PREVIEW_SIDE / max(image.shape))
    cv2.imwrite(str(path), cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def encode_references(footage: Footage, generator: LoadedNetwork) -> dict[str, np.ndarray]:
    """The generator's features of five frames, by their names. The generator is changed for inference."""
    renderer = Renderer(generator, torch.device("cpu"), "fp32")
    chosen = footage.numbers[choose_references(footage.faces)]
    features = renderer.encode(reference_crops(chosen, footage.source_faces, footage.info, renderer.mouth_size))
    return {name: tensor.numpy() for name, tensor in features._asdict().items()}


def write_arrays(folder: Path, footage: Footage, checksums: np.ndarray, reference: dict[str, np.ndarray]) -> None:
    faces = footage.faces
    arrays = {"landmarks": faces.landmarks, "confidence": faces.confidence, "video_to_crop": faces.video_to_crop}
    arrays |= {"checksums": checksums} | {f"reference_{name}": values for name, values in reference.items()}
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", arrays[name])


def write_record(folder: Path, footage: Footage, options: AvatarOptions, generator: LoadedNetwork) -> None:
    idle = footage.idle
    record = AvatarRecord(
        VERSION,
        Path(options.source_video_path).name,
        footage.info.width,
        footage.info.height,
        str(footage.fps),
        len(footage.numbers),
        generator.spec.mouth_size,
        generator.spec.audio_feature,
        content_hash(options.pretrained_clip_DINet_path),
        footage.rest,
        [idle.start, idle.stop] if idle else None,
        {name: content_hash(folder / name) for name in (*CHECKED, *MOUTHS) if (folder / name).is_file()},
    )
    (folder / RECORD).write_text(json.dumps(asdict(record), indent=1, ensure_ascii=False), encoding="utf-8")
