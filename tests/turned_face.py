"""Landmarks of a head whose pose is known."""

import numpy as np

from face.pose import MODEL, POSE_INDEX


def turned_face(yaw: float, pitch: float, roll: float, rng: np.random.Generator) -> np.ndarray:
    """Landmarks (68, 2) of somebody whose face is not quite the model's, from 60 cm; only those of the pose."""
    yaw, pitch, roll = np.radians((yaw, pitch, roll))
    about_y = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    person = MODEL * rng.uniform(0.94, 1.06, 3) + rng.normal(0, 0.15, MODEL.shape)
    seen = person @ (about_z @ about_y @ about_x).T + (0, 0, 60)
    landmarks = np.zeros((68, 2))
    landmarks[POSE_INDEX] = seen[:, :2] / seen[:, 2:] * 1500 + (960, 540)
    return landmarks
