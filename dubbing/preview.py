"""One frame of a dub, in seconds, before the whole is made."""

from pathlib import Path

import cv2
import numpy as np

from config.config import InferenceOptions
from config.constants import SAMPLE_RATE
from dubbing.face_view import face_view
from dubbing.lip_strength import VIEW_CORNERS
from dubbing.pipeline import Plan, make_plan
from dubbing.placer import open_placer
from dubbing.renderer import Renderer
from face.alignment import network_crop
from media.audio import read_audio
from media.files import atomic_write
from media.playback import play
from media.progress import Listener

SECONDS = 3.0  # of the result that are looked at: finding faces in them takes about a second


def preview(options: InferenceOptions, output: Path, renderer: Renderer, listener: Listener | None = None) -> str:
    """Dub the loudest frame of the first SECONDS, write a JPEG of its face beside the source's, and give a line.

    Reference frames, unless they are named, and mouths that give detail are of those seconds too. Raises InputError as
    `dub` does.
    """
    plan = make_plan(options, renderer, SECONDS, listener)
    number = loudest_usable(plan, options.driving_audio_path)
    source = np.concatenate(plan.runs)[number]
    _, picture = next(play(plan.info, [np.array([source])]))
    view = face_view(picture, plan.faces.video_to_crop[source], VIEW_CORNERS)
    crop = network_crop(view.image, view.video_to_crop, renderer.mouth_size)
    face = renderer.generate(crop[None], plan.speech.windows(np.array([number / float(plan.info.fps)])))[0]
    with open_placer(renderer.paster, plan.mouths, options) as placer:
        result = placer.place(picture, view, face, crop, float(plan.info.times[source]))
    with atomic_write(output) as temporary:
        temporary.write_bytes(
            cv2.imencode(".jpg", np.hstack([view.image, result.cut(view.region)]), [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
        )
    return f"{output}: frame {number}, at {number / float(plan.info.fps):.2f} s"


def loudest_usable(plan: Plan, speech: str) -> int:
    """The frame of the result in whose time the speech is loudest, among those with a face; one whose lips open."""
    fps = float(plan.info.fps)
    wave = read_audio(speech, duration=plan.num_frames / fps)
    begins = (np.arange(plan.num_frames) * SAMPLE_RATE / fps).astype(int).clip(max=len(wave) - 1)
    energy = np.add.reduceat(np.square(wave), begins)
    return int(np.where(plan.faces.usable[np.concatenate(plan.runs)], energy, -1).argmax())
