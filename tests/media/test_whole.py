"""Files whose end is missing: refused, or every frame is there."""

import numpy as np
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


def test_a_file_that_was_cut_is_refused_or_has_every_frame(whole, tmp_path):
    content = whole.read_bytes()
    cut = tmp_path / f"cut{whole.suffix}"
    refused = 0
    for share in [0.999, 0.995, *np.linspace(0.3, 0.99, 100)]:
        cut.write_bytes(content[: int(len(content) * share)])
        try:
            info = probe(cut)
        except InputError as error:
            assert "cut" in str(error)
            refused += 1
        else:
            assert info.num_frames == COUNT and info.is_constant_rate(25) and share > 0.85
    assert refused > 80
