"""A set that tools/merge_datasets.py made, as data_processing.py sees it."""

import shutil

import numpy as np
from small_set import run, steps, write_set

from dataset.layout import TrainingSetLayout


def test_a_merged_set_is_what_data_processing_would_have_made(tmp_path):
    """All steps find it up to date, and write the same JSON and landmarks."""
    a = write_set(tmp_path / "a", ("b", "d.e"))
    flags = ("all", "extract_video_frame")
    assert steps(a, *flags).returncode == 0
    shutil.copytree(a.root, tmp_path / "c.d")
    merged = TrainingSetLayout(tmp_path / "m")
    assert run(tmp_path / "c.d", a.root, "--output", merged.root, script="tools/merge_datasets.py").returncode == 0
    made = [path.read_bytes() for path in (merged.training_json, merged.crop_landmarks)]
    again = steps(merged, *flags)
    assert again.returncode == 0 and again.stdout.count("0 done, 4 up to date, 0 failed") == 4, again.stdout
    assert [path.read_bytes() for path in (merged.training_json, merged.crop_landmarks)] == made
    assert len(np.load(merged.crop_landmarks)) == 4 * 18
