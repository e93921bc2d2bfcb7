"""OpenFace CSV files: what is written is what OpenFace writes, and what OpenFace and its users write can be read."""

import csv

import numpy as np
import pytest

from config.errors import InputError
from face.openface_csv import FaceTrack, read_openface_csv, write_openface_csv

FRAMES = 4
X_NAMES, Y_NAMES = [f"x_{i}" for i in range(68)], [f"y_{i}" for i in range(68)]


@pytest.fixture
def track() -> FaceTrack:
    landmarks = np.random.default_rng(0).uniform(10, 900, (FRAMES, 68, 2)).astype(np.float32)
    return FaceTrack(landmarks, np.array([1, 0.5, 0, 0.98], np.float32), np.array([True, True, False, True]))


def row(frame: int, points: np.ndarray, face: int | None = 0, confidence: float = 0.9, success: int = 1) -> list[str]:
    faces = [] if face is None else [face]
    return [str(v) for v in (frame, *faces, (frame - 1) / 25, confidence, success, *points[:, 0], *points[:, 1])]


def write_rows(path, rows, face_id: bool = True, separator: str = ", ", prefix: str = "") -> None:
    head = ["frame", *(["face_id"] if face_id else []), "timestamp", "confidence", "success", *X_NAMES, *Y_NAMES]
    path.write_text(prefix + "\n".join(separator.join(cells) for cells in [head, *rows]) + "\n", encoding="utf-8")


def test_written_file_is_laid_out_as_openface_writes_it(tmp_path, track):
    write_openface_csv(tmp_path / "a.csv", track)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0].startswith("frame, face_id, timestamp, confidence, success, x_0, x_1, ")
    assert lines[0].endswith(", x_67, y_0, " + ", ".join(Y_NAMES[1:]))
    with open(tmp_path / "a.csv", newline="") as file:
        table = list(csv.DictReader(file, skipinitialspace=True))
    assert [line["frame"] for line in table] == ["1", "2", "3", "4"]
    assert [float(line["timestamp"]) for line in table] == [0, 0.04, 0.08, 0.12]
    assert [line["success"] for line in table] == ["1", "1", "0", "1"]
    assert float(table[1]["x_30"]) == pytest.approx(track.landmarks[1, 30, 0], abs=0.006)
    assert float(table[1]["y_67"]) == pytest.approx(track.landmarks[1, 67, 1], abs=0.006)
    assert float(table[2]["x_30"]) == 0


def test_round_trip(tmp_path, track):
    path = tmp_path / "名 '字\".csv"
    write_openface_csv(path, track)
    read = read_openface_csv(path)
    assert read.landmarks.shape == (FRAMES, 68, 2) and read.landmarks.dtype == np.float32
    assert read.success.dtype == bool and read.success.tolist() == track.success.tolist()
    np.testing.assert_allclose(read.landmarks[track.success], track.landmarks[track.success], atol=0.006)
    np.testing.assert_allclose(read.confidence, track.confidence, atol=0.006)


@pytest.mark.parametrize("separator", [",", ", ", " ,  "])
@pytest.mark.parametrize("prefix", ["", "\ufeff"])
def test_old_files_without_face_id_with_bom_or_spaces(tmp_path, track, separator, prefix):
    rows = [row(i + 1, points, face=None) for i, points in enumerate(track.landmarks)]
    write_rows(tmp_path / "a.csv", rows, face_id=False, separator=separator, prefix=prefix)
    np.testing.assert_allclose(read_openface_csv(tmp_path / "a.csv").landmarks, track.landmarks, rtol=1e-5)


def test_columns_are_found_by_name_among_gaze_and_pose(tmp_path, track):
    head = ["pose_Tx", *Y_NAMES, "gaze_0_x", "success", "frame", *X_NAMES[::-1], "AU01_r", "confidence"]
    rows = [[-5, *points[:, 1], 0.1, 1, i + 1, *points[::-1, 0], 3.3, 0.7] for i, points in enumerate(track.landmarks)]
    text = "\n".join(",".join(map(str, cells)) for cells in [head, *rows])
    (tmp_path / "a.csv").write_text(text)
    read = read_openface_csv(tmp_path / "a.csv")
    np.testing.assert_allclose(read.landmarks, track.landmarks, rtol=1e-5)
    np.testing.assert_allclose(read.confidence, 0.7, rtol=1e-6)


def test_of_two_people_the_larger_is_followed_though_the_other_is_surer_in_a_frame(tmp_path, track):
    large, small = track.landmarks, track.landmarks * 0.3
    rows = []
    for i in range(FRAMES):
        rows.append(row(i + 1, small[i], face=0, confidence=0.99 if i == 1 else 0.8))
        rows.append(row(i + 1, large[i], face=1, confidence=0.9))
    write_rows(tmp_path / "a.csv", rows)
    np.testing.assert_allclose(read_openface_csv(tmp_path / "a.csv").landmarks, large, rtol=1e-5)


def test_a_frame_that_lost_the_main_face_gives_the_one_it_has(tmp_path, track):
    rows = [row(i + 1, points, face=1) for i, points in enumerate(track.landmarks)]
    rows[2] = row(3, track.landmarks[2] * 0, face=1, confidence=0, success=0)
    rows.insert(3, row(3, track.landmarks[2] * 0.5, face=7))
    write_rows(tmp_path / "a.csv", rows)
    read = read_openface_csv(tmp_path / "a.csv")
    assert read.success.all()
    np.testing.assert_allclose(read.landmarks[2], track.landmarks[2] * 0.5, rtol=1e-5)


def test_a_row_of_zeros_is_no_success_even_if_it_says_so(tmp_path, track):
    rows = [row(i + 1, points) for i, points in enumerate(track.landmarks)]
    rows[1] = row(2, np.zeros((68, 2)), success=1)
    write_rows(tmp_path / "a.csv", rows)
    assert read_openface_csv(tmp_path / "a.csv").success.tolist() == [True, False, True, True]


def broken(rows: list[list[str]], kind: str) -> list[list[str]]:
    if kind == "text":
        rows[2][20] = "n/a"
    elif kind == "nan":
        rows[2][20] = "nan"
    elif kind == "short":
        rows[2] = rows[2][:50]
    elif kind == "gap":
        del rows[1]
    elif kind == "from 0":
        rows = [[str(int(cells[0]) - 1), *cells[1:]] for cells in rows]
    return rows


@pytest.mark.parametrize(
    ("kind", "place"),
    [("text", "line 4"), ("nan", "line 4"), ("short", "line 4"), ("gap", "line 3"), ("from 0", "line 2")],
)
def test_errors_name_file_and_line(tmp_path, track, kind, place):
    rows = [row(i + 1, points) for i, points in enumerate(track.landmarks)]
    write_rows(tmp_path / "bad one.csv", broken(rows, kind))
    with pytest.raises(InputError, match=f"bad one.csv, {place}:") as caught:
        read_openface_csv(tmp_path / "bad one.csv")
    assert "\n" not in str(caught.value)


def test_missing_column_is_named(tmp_path, track):
    rows = [row(i + 1, points) for i, points in enumerate(track.landmarks)]
    write_rows(tmp_path / "a.csv", rows)
    text = (tmp_path / "a.csv").read_text().replace("y_33", "z_33")
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match="a.csv, line 1: has no column y_33"):
        read_openface_csv(tmp_path / "a.csv")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x01binary", b"frame, face_id\n", None])
def test_files_that_are_no_csv(tmp_path, content):
    if content is not None:
        (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.csv"):
        read_openface_csv(tmp_path / "a.csv")


def test_header_without_rows(tmp_path):
    write_rows(tmp_path / "a.csv", [])
    with pytest.raises(InputError, match="has no rows"):
        read_openface_csv(tmp_path / "a.csv")
