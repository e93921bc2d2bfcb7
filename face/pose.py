"""How far a head is turned and raised, from its landmarks and a general face."""

import numpy as np

# What does not move in speech: of the jaw's outline its two ends, the nose, the corners of the eyes.
POSE_INDEX = np.array([0, 16, 27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45])
# These points of the face model that mediapipe's mesh was made on (canonical_face_model), centimetres: x to the
# picture's right, y down, z away from the camera, as in pictures.
MODEL = np.array(
    [
        *((-7.743, -2.365, 2.005), (7.743, -2.365, 2.005)),
        *((0, -3.271, -5.236), (0, -1.728, -6.317), (0, -0.366, -7.243), (0, 1.127, -7.476)),
        *((-1.406, 1.714, -5.241), (0, 2.089, -6.058), (1.406, 1.714, -5.241)),
        *((-4.446, -2.664, -3.173), (-1.856, -2.585, -3.758), (1.856, -2.585, -3.758), (4.446, -2.664, -3.173)),
    ]
)


def head_pose(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """yaw and pitch (T,) in degrees of landmarks (T, 68, 2) in pixels of the video or of its crops.

    Against the line of sight: yaw is above 0 for a face turned to the picture's right, pitch above 0 for one that looks
    up; a head that leans to a shoulder keeps both. The camera is taken to be far away. For a face like the model at 60
    cm that costs 4 degrees.
    """
    points = landmarks[:, POSE_INDEX].astype(np.float64)
    points -= points.mean(1, keepdims=True)
    # The affine map (T, 2, 3) of the model to the picture, then the rotation nearest to it.
    affine = np.einsum("mi,tmj->tji", np.linalg.pinv(MODEL - MODEL.mean(0)).T, points)
    left, _, right = np.linalg.svd(affine, full_matrices=False)
    x_axis, y_axis = np.moveaxis(left @ right, 1, 0)
    # The rotation is one about the picture's z (roll), y (yaw) and x (pitch); its third row is free of the roll.
    x, y, z = np.cross(x_axis, y_axis).T
    return np.degrees(np.arcsin(np.clip(x, -1, 1))), np.degrees(np.arctan2(-y, z))
