"""Pictures in the decoder's planes: parts of them, changes to them, and what a writer makes of them."""

import av
import cv2
import numpy as np
import pytest
from talking_photo import photo_frame

from media.picture import EXACT, PASSED, Picture, copy_colour, in_planes, like, planes
from media.video import VideoWriter, decode_from, probe

MATRICES = {"BT.709": 1, "not told": 2, "BT.601": 6, "BT.2020": 9}


def coloured_frame(pixel_format: str, matrix: int = 1, color_range: int = 1, number: int = 0) -> av.VideoFrame:
    """The photograph, reddish, so that a wrong matrix shows."""
    image = np.ascontiguousarray(photo_frame(number) * np.array([0.6, 0.8, 1.0]), np.float64).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(image, format="bgr24")
    frame.colorspace, frame.color_range = matrix, 0
    frame = frame.reformat(format=pixel_format, dst_colorspace=matrix, dst_color_range=color_range, interpolation=EXACT)
    frame.colorspace, frame.color_range = matrix, color_range
    return frame


def write_frames(path, frames: list[av.VideoFrame], **options: str) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", **options})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, frames[0].format.name
        copy_colour(frames[0], stream.codec_context)
        for number, frame in enumerate(frames):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("pixel_format", PASSED)
@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize("color_range", [1, 2])
def test_a_part_is_what_the_whole_shows_and_a_change_changes_it_alone(pixel_format, matrix, color_range):
    picture = Picture(coloured_frame(pixel_format, matrix, color_range))
    region = picture.region(61.5, 150, 70, 171.2)
    whole, part = picture.bgr(), picture.cut(region)
    seen = whole[region.top : region.bottom, region.left : region.right]
    assert np.array_equal(part[4:-4, 4:-4], seen[4:-4, 4:-4])  # chroma at the border is guessed
    after = part.copy()
    after[20:60, 30:70] = 255 - after[20:60, 30:70]
    changed = picture.changed(region, part, after)
    error = changed.cut(region).astype(float) - after
    assert np.abs(error[24:56, 34:66]).mean() < 3 and np.abs(error[24:56, 34:66].mean((0, 1))).max() < 1
    for ours, theirs in zip(planes(changed.frame), planes(picture.frame), strict=True):
        step = picture.frame.height // ours.shape[0]
        top, left = (region.top + 20) // step, (region.left + 30) // step
        inside = np.zeros(ours.shape, bool)
        inside[top : top + 40 // step, left : left + 40 // step] = True
        assert np.array_equal(ours[~inside], theirs[~inside]) and (ours[inside] != theirs[inside]).mean() > 0.8
    assert picture.changed(region, part, part.copy()) is picture


@pytest.mark.parametrize("height, width", [(72, 64), (71, 63)])
@pytest.mark.parametrize("row, column", [(0, 0), (0, -1), (-1, 0), (-1, -1)])
def test_a_change_of_one_pixel_in_a_corner_is_what_converting_all_gives(height, width, row, column):
    image = np.ascontiguousarray(photo_frame(0)[60 : 60 + height, 60 : 60 + width])
    picture = Picture(in_planes(av.VideoFrame.from_ndarray(image, format="bgr24")))
    region = picture.region(0, height, 0, width)
    part = picture.cut(region)
    after = part.copy()
    after[row, column] = 255 - after[row, column]
    converted = av.VideoFrame.from_ndarray(after, format="bgr24")
    copy_colour(picture.frame, converted)
    frames = (picture.frame, like(converted, picture.frame), picture.changed(region, part, after).frame)
    for before, whole, ours in zip(*map(planes, frames), strict=True):
        step = height // len(ours)
        expected = before.copy()
        place = row % height // step, column % width // step
        expected[place] = whole[place]
        assert np.array_equal(ours, expected)


def test_regions_end_with_the_picture():
    picture = Picture(coloured_frame("yuv420p"))
    height, width, _ = picture.shape
    assert picture.region(-50, height + 9, -3, width * 2) == (0, height, 0, width)
    for outside in ((height + 60, height + 90, 10, 50), (-300, -100, 10, 50), (10, 50, width + 5, width + 9)):
        assert min(picture.cut(picture.region(*outside)).shape[:2]) >= 4  # what is nearest
    top, bottom, left, right = picture.region(100, 110, 100, 110, step=3)
    assert top % 12 == left % 12 == 0 and top <= 88 and bottom >= 122 and left <= 88 and right >= 122


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_of_a_phone_is_turned_without_loss(tmp_path, turns):
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 240, 232, "yuv420p"
        stream.set_display_rotation(90 * turns) if hasattr(stream, "set_display_rotation") else pytest.skip("too old")
        container.mux([*stream.encode(coloured_frame("yuv420p")), *stream.encode(None)])
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        turned = Picture(frame)
    angle = round(frame.rotation / 90) % 4
    for ours, theirs in zip(planes(turned.frame), planes(frame), strict=True):
        assert np.array_equal(ours, np.rot90(theirs, angle))
    assert turned.shape[:2] == ((240, 232) if turns % 2 else (232, 240))


@pytest.mark.parametrize("pixel_format", ["yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "rgb24", "gray", "nv12"])
def test_other_formats_are_reduced_to_8_bits_and_look_the_same(pixel_format):
    frame = coloured_frame(pixel_format, matrix=1)
    picture = Picture(frame)
    assert picture.frame.format.name == "yuv420p"
    difference = picture.bgr().astype(float) - frame.to_ndarray(format="bgr24", interpolation=EXACT)
    assert np.abs(difference.mean((0, 1))).max() < 1 and np.abs(difference).mean() < 3


def test_odd_sizes_keep_their_last_row_and_column():
    image = photo_frame(0)[:231, :239]
    picture = Picture(in_planes(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")))
    assert picture.frame.format.name == "yuv444p" and np.abs(picture.bgr().astype(int) - image).max() <= 3
    region = picture.region(200, 231, 200, 239)
    assert np.array_equal(picture.cut(region), picture.bgr()[region.top :, region.left :])


@pytest.mark.parametrize("matrix, color_range", [(1, 1), (2, 1), (6, 2), (9, 1)])
def test_what_is_written_without_loss_has_the_samples_and_the_colours_of_the_source(tmp_path, matrix, color_range):
    frames = [coloured_frame("yuv420p", matrix, color_range, number) for number in range(12)]
    write_frames(tmp_path / "source.mp4", frames, bf="2")
    info = probe(tmp_path / "source.mp4")
    source = [frame for _, frame in decode_from(info, 0)]
    with VideoWriter(tmp_path / "made.mp4", info.width, info.height, 25, crf=0) as writer:
        for frame in source:
            writer.write(Picture(frame))
    made = [frame for _, frame in decode_from(probe(tmp_path / "made.mp4"), 0)]
    for ours, theirs in zip(made, source, strict=True):
        assert (ours.colorspace, ours.color_range) == (theirs.colorspace, theirs.color_range)
        assert all(np.array_equal(a, b) for a, b in zip(planes(ours), planes(theirs), strict=True))


@pytest.mark.parametrize("first", [(1, 1), (2, 0), (6, 2), (9, 1)])
@pytest.mark.parametrize("second", [(1, 1), (2, 0), (6, 2)])
def test_a_frame_of_another_kind_than_the_first_is_converted(tmp_path, first, second):
    with VideoWriter(tmp_path / "made.mp4", 240, 232, 25, crf=5) as writer:
        writer.write(Picture(coloured_frame("yuv420p", *first)))
        writer.write(Picture(coloured_frame("yuvj420p" if second[1] == 2 else "yuv420p", *second)))
    shown = [frame.to_ndarray(format="bgr24") for _, frame in decode_from(probe(tmp_path / "made.mp4"), 0)]
    means = [image.astype(float).mean((0, 1)) for image in shown]
    assert np.abs(means[0] - means[1]).max() < 1.5


@pytest.mark.parametrize("size", [(232, 240), (231, 239)])
@pytest.mark.parametrize("channels", ["grey", "colour", "transparent"])
def test_a_picture_file_is_written_in_its_colours(tmp_path, size, channels):
    image = photo_frame(0)[: size[0], : size[1]]
    kept = {
        "grey": cv2.cvtColor(image, cv2.COLOR_BGR2GRAY),
        "colour": image,
        "transparent": cv2.cvtColor(image, cv2.COLOR_BGR2BGRA),
    }[channels]
    assert cv2.imwrite(str(tmp_path / "still.png"), kept)
    with av.open(str(tmp_path / "still.png")) as container:
        picture = Picture(next(container.decode(video=0)))
    with VideoWriter(tmp_path / "made.mp4", size[1], size[0], 25, crf=5) as writer:
        writer.write(picture)
    (made,) = (frame for _, frame in decode_from(probe(tmp_path / "made.mp4"), 0))
    assert (made.colorspace, made.color_range) == (1, 1)
    expected = cv2.cvtColor(kept, cv2.COLOR_GRAY2BGR) if channels == "grey" else image
    difference = made.to_ndarray(format="bgr24", interpolation=EXACT).astype(float) - expected
    assert np.abs(difference.mean((0, 1))).max() < 1 and np.abs(difference).mean() < 4
