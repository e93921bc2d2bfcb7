"""The sequence of states that explains evidence best, when changes cost (Viterbi's algorithm)."""

from collections.abc import Iterator

import numpy as np


def best_path(gains: np.ndarray, change: float) -> tuple[np.ndarray, int]:
    """The best path (T,) of states over all columns, and its column.

    gains (S, T, K): what each state earns in each frame by each column's reading; every change of state costs `change`,
    and so does beginning in another state than 0.
    """
    origins = []
    for scores, origin in forward(gains, change):
        origins.append(origin)
    column = int(scores.max(0).argmax())
    state = int(scores[:, column].argmax())
    path = np.empty(len(origins), int)
    for frame in range(len(origins) - 1, -1, -1):
        path[frame] = state
        state = origins[frame][state, column]
    return path, column


def path_scores(gains: np.ndarray, change: float) -> np.ndarray:
    """(K,) what the best path earns by each column's reading; see best_path."""
    for scores, _ in forward(gains, change):
        pass
    return scores.max(0)


def forward(gains: np.ndarray, change: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For every frame: what the best paths to each state (S, K) have earned, and the states (S, K) they come from."""
    states = np.arange(len(gains))[:, None]
    scores = np.where(states == 0, 0.0, -np.inf) + np.zeros(gains.shape[2])
    for frame in range(gains.shape[1]):
        best = scores.argmax(0)
        moved = scores.max(0) - change
        stays = scores >= moved
        origin = np.where(stays, states, best)
        scores = np.where(stays, scores, moved) + gains[:, frame]
        yield scores, origin
