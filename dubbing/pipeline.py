"""From a video and speech to a dubbed video, in memory that does not grow with their length.

First the faces are found, and only their landmarks kept. Then frames are decoded and cropped, mouths generated, and
results pasted and encoded, each in a thread of its own, a batch at a time.
"""

import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from config.config import InferenceOptions
from dubbing.avatar import open_for_dubbing
from dubbing.avatar_record import is_avatar
from dubbing.cache import Cache
from dubbing.detail import gains_detail, source_mouths
from dubbing.face_view import CROP_CORNERS, FaceView, face_view
from dubbing.faces import SourceFaces, find_faces
from dubbing.lip_strength import VIEW_CORNERS
from dubbing.memory import keep_freed_blocks
from dubbing.placer import open_placer
from dubbing.references import RANDOM, check_references, choose_references, draw_references, parse_references
from dubbing.renderer import Renderer, load_renderer
from dubbing.result import check_room
from dubbing.source_copy import SourceCopy
from dubbing.speech import Speech, read_speech
from face.alignment import network_crop
from face.detail import OwnMouths
from media.picture import Picture
from media.playback import play, playback_runs
from media.prefetch import prefetch
from media.progress import Listener, progress_bar
from media.video import VideoInfo, VideoWriter, probe, read_chosen_frames
from models.dinet import ReferenceFeatures


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first frame is generated. `runs`: see playback_runs; `mouths`: the source's
    own, where their detail is wanted."""

    info: VideoInfo
    runs: list[np.ndarray]
    faces: SourceFaces
    speech: Speech
    renderer: Renderer
    mouths: OwnMouths | None

    @property
    def num_frames(self) -> int:
        """Of the result."""
        return sum(len(run) for run in self.runs)

    @property
    def num_untouched(self) -> int:
        """Frames of the result without a usable face, which pass through as they are."""
        usable = self.faces.usable
        return sum(int((~usable[run]).sum()) for run in self.runs)


class Batch(NamedTuple):
    """Consecutive frames of the result, of which F have a usable face, their crops and their audio."""

    numbers: list[int]  # of frames of the source
    pictures: list[Picture]
    views: list[FaceView | None]  # None for a picture without a usable face
    crops: np.ndarray  # (F, h, w, 3)
    windows: np.ndarray  # (F, 5, dim)


def dub(
    options: InferenceOptions,
    output: Path,
    renderer: Renderer | None = None,
    comment: str = "",
    listener: Listener | None = None,
    played: Path | None = None,
) -> str:
    """Dub one video, and give a line about it. Raises InputError for unusable input.

    `renderer`: what load_renderer gave for such options, where it is loaded already; `comment`: see VideoWriter;
    `listener` hears how far finding faces, taking mouths and dubbing have come, and may end them by raising;
    `played`: where the source is to be written too, small and as it is played, see SourceCopy.
    """
    began = time.perf_counter()
    plan = make_plan(options, renderer, listener=listener)
    write_result(plan, options, output, comment, listener, played)
    seconds = time.perf_counter() - began
    rate = plan.num_frames / seconds
    untouched = f"{plan.num_untouched} without a usable face left as they were"
    return f"{output}: {plan.num_frames} frames in {seconds:.1f} s, {rate:.1f} frames/s, {untouched}"


def make_plan(
    options: InferenceOptions,
    renderer: Renderer | None = None,
    seconds: float = math.inf,
    listener: Listener | None = None,
) -> Plan:
    """Read and check all that is given, find the faces and, unless there is a `renderer`, load the generator.

    `seconds`: the plan is of no more than the beginning; `listener`: see dub.

    Raises InputError for every input that cannot be used; nothing has been written then.
    """
    keep_freed_blocks()
    renderer = renderer or load_renderer(options)
    spec = renderer.spec
    avatar = open_for_dubbing(options) if is_avatar(options.source_video_path) else None
    info = probe(avatar.frames.path if avatar else options.source_video_path)
    named = parse_references(options.reference_frames, info.num_frames)
    model, device = options.deepspeech_model_path, str(renderer.device)
    speech = read_speech(options.driving_audio_path, spec, model, device, options.smooth)
    runs = playback_runs(info, max(1, round(min(speech.duration, seconds) * info.fps)))
    check_room(options, info.width * info.height * sum(map(len, runs)))
    last = max(runs[0].max(), 0 if named is None else named.max())
    cache = Cache(options.cache_folder, info.path)
    csv, model = options.source_openface_landmark_path, options.face_landmarker_model
    if avatar:
        faces = avatar.faces
    else:
        faces = find_faces(info, int(last) + 1, spec.crop, csv, model, cache, options.num_workers, listener)
    if avatar and not options.reference_frames:
        renderer.reference = avatar.reference_for(renderer)
    else:
        numbers = reference_numbers(options, named, faces)
        renderer.reference = cached_reference(renderer, numbers, faces, info, options.pretrained_clip_DINet_path, cache)
    mouths = avatar.mouths if avatar else None
    if mouths is None and options.detail and gains_detail(renderer.mouth_size):
        mouths = source_mouths(faces, info, cache, listener)
    return Plan(info, runs, faces, speech, renderer, mouths)


def reference_numbers(options: InferenceOptions, named: np.ndarray | None, faces: SourceFaces) -> np.ndarray:
    """The frames (5,) that the options ask for. Raises InputError where one of those that are `named` has no face."""
    if named is not None:
        check_references(named, faces)
        return named
    return draw_references(faces, options.seed) if options.reference_frames == RANDOM else choose_references(faces)


def cached_reference(
    renderer: Renderer, numbers: np.ndarray, faces: SourceFaces, info: VideoInfo, checkpoint: str, cache: Cache
) -> ReferenceFeatures:
    """Features of these frames, or what an earlier run made of the same frames, crops and checkpoint."""
    crops = faces.video_to_crop[numbers]
    settings = (numbers.tolist(), crops.tolist(), renderer.device, renderer.precision)
    depends_on = ("reference", Path(checkpoint), *settings)
    known = cache.load(renderer.is_reference, *depends_on)
    if known is None:
        features = renderer.encode(reference_crops(numbers, faces, info, renderer.mouth_size))
        known = {name: tensor.cpu() for name, tensor in features._asdict().items()}
        cache.store(known, *depends_on)
    return renderer.placed(known[name] for name in ReferenceFeatures._fields)


def reference_crops(numbers: np.ndarray, faces: SourceFaces, info: VideoInfo, mouth_size: int) -> list[np.ndarray]:
    """The crops (h, w, 3) of these frames, in this order; a number may occur more than once."""
    distinct = np.unique(numbers)
    frames = zip(distinct, read_chosen_frames(info, distinct), strict=True)
    crops = {number: network_crop(frame, faces.video_to_crop[number], mouth_size) for number, frame in frames}
    return [crops[number] for number in numbers]


def write_result(
    plan: Plan,
    options: InferenceOptions,
    output: Path,
    comment: str = "",
    listener: Listener | None = None,
    played: Path | None = None,
) -> None:
    """Generate, paste and encode every frame; `output` appears when it is whole. `listener`, `played`: see dub."""
    info = plan.info
    writer = VideoWriter(
        output,
        info.width,
        info.height,
        info.fps,
        options.driving_audio_path,
        plan.speech.duration,
        options.crf,
        options.preset,
        comment=comment,
    )
    corners = CROP_CORNERS if options.lip_strength == 1 else VIEW_CORNERS
    finished = prefetch(generate(prefetch(prepare(plan, options.batch_size, corners)), plan.renderer))
    copy = SourceCopy(played, info) if played else nullcontext()
    placer = open_placer(plan.renderer.paster, plan.mouths, options)
    with placer as placed, writer, copy, progress_bar("dubbing", plan.num_frames, listener) as advance:
        for batch, generated in finished:
            faces = zip(generated, batch.crops, strict=True)
            for number, picture, view in zip(batch.numbers, batch.pictures, batch.views, strict=True):
                time = float(info.times[number])
                writer.write(picture if view is None else placed.place(picture, view, *next(faces), time))
                if played:
                    copy.write(picture)
            advance(len(batch.pictures))


def prepare(plan: Plan, batch_size: int, corners: np.ndarray = CROP_CORNERS) -> Iterator[Batch]:
    """Decode the frames in the order of the result, and cut them into batches with what the generator needs.

    `corners`: of what is wanted of a picture around its face, see face_view.
    """
    played = play(plan.info, plan.runs)
    usable, video_to_crop = plan.faces.usable, plan.faces.video_to_crop
    start = 0
    while group := list(islice(played, batch_size)):
        views = [face_view(picture, video_to_crop[k], corners) if usable[k] else None for k, picture in group]
        with_face = [i for i, view in enumerate(views) if view is not None]
        crops = [network_crop(views[i].image, views[i].video_to_crop, plan.renderer.mouth_size) for i in with_face]
        times = (start + np.array(with_face)) / float(plan.info.fps)
        numbers, pictures = map(list, zip(*group, strict=True))
        yield Batch(numbers, pictures, views, np.array(crops), plan.speech.windows(times))
        start += len(group)


def generate(batches: Iterator[Batch], renderer: Renderer) -> Iterator[tuple[Batch, np.ndarray]]:
    """Each batch with its generated faces (F, h, w, 3)."""
    for batch in batches:
        yield batch, renderer.generate(batch.crops, batch.windows) if len(batch.crops) else batch.crops
