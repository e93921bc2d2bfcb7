"""Whether a generated face is still the same person's, as a face recogniser sees it."""

import cv2
import numpy as np

from config.errors import InputError
from evaluation.pairs import Pair
from face.alignment import transform
from face.landmarks import silent_stderr

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)  # of the picture
NOSE_TIP, LEFT_CORNER, RIGHT_CORNER = 30, 48, 54
FLAG = "--identity_weights"


def load_recogniser(path: str) -> "cv2.FaceRecognizerSF":
    """SFace from an ONNX file, read by OpenCV alone, which runs no code from it.

    The file of the OpenCV Zoo is face_recognition_sface_2021dec.onnx (Apache-2.0, 37 MB). Raises InputError for
    another kind of file.
    """
    try:
        with silent_stderr():  # OpenCV's notices of what its engine does not know
            recogniser = cv2.FaceRecognizerSF.create(path, "")
            recogniser.feature(np.zeros((112, 112, 3), np.uint8))
    except cv2.error as error:
        raise InputError(
            f"{FLAG} {path}: OpenCV cannot use it as a face recogniser; give the OpenCV Zoo's "
            "face_recognition_sface_2021dec.onnx"
        ) from error
    return recogniser


def identity_score(pair: Pair, recogniser: "cv2.FaceRecognizerSF") -> float:
    """Mean cosine, -1 to 1, of the embeddings of generated and true face in the same frame; 1 is the same face."""
    cosines = []
    landmarks = zip(pair.generated, pair.reference, strict=True)
    for pictures, both, matrix in zip(pair.pictures(), landmarks, pair.matrices, strict=True):
        points = [transform(points, np.linalg.inv(matrix)) for points in both]  # in pixels of the video
        ours, theirs = (embedding(*face, recogniser) for face in zip(pictures, points, strict=True))
        cosines.append(recogniser.match(ours, theirs, cv2.FaceRecognizerSF_FR_COSINE))
    return float(np.mean(cosines))


def embedding(picture: np.ndarray, landmarks: np.ndarray, recogniser: "cv2.FaceRecognizerSF") -> np.ndarray:
    """(1, D) of the face with landmarks (68, 2) in a picture (H, W, 3) BGR."""
    eyes = landmarks[LEFT_EYE].mean(0), landmarks[RIGHT_EYE].mean(0)
    points = [*eyes, *landmarks[[NOSE_TIP, LEFT_CORNER, RIGHT_CORNER]]]
    face = np.concatenate([np.zeros(4), *points, [1]]).astype(np.float32)[None]  # a row of OpenCV's face detector
    return recogniser.feature(recogniser.alignCrop(picture, face)).copy()  # the next call reuses the memory
