"""Files whose end is missing: refused, or every frame is there."""

import pytest
from clips import CONTAINERS, write_clip

from config.errors import InputError
from media.video import probe

COUNT = 50


@pytest.fixture(scope="module", params=CONTAINERS)
def whole(request, tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("whole") / request.param, COUNT)


def test_a_whole_file_is_accepted(whole):
    assert probe(whole).num_frames == COUNT


@pytest.mark.parametrize("share", [0.995, 0.99, 0.97, 0.95, 0.9, 0.8, 0.5, 0.3])
def test_a_file_that_was_cut_is_refused_or_has_every_frame(whole, tmp_path, share):
    content = whole.read_bytes()
    cut = tmp_path / f"cut{whole.suffix}"
    cut.write_bytes(content[: int(len(content) * share)])
    try:
        info = probe(cut)
    except InputError as error:
        assert "cut" in str(error)
    else:
        assert info.num_frames == COUNT and info.is_constant_rate(25)
        assert share > 0.9
