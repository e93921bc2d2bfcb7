"""What is hidden of a source."""

import numpy as np
import pytest

from face.masks import MASK_KINDS, source_mask


@pytest.mark.parametrize("kind", ["box", "smooth"])
def test_the_wider_masks_hide_more_and_the_same_above_the_middle_of_the_box(kind):
    mask, below, half = (source_mask(name, 64) for name in (kind, f"{kind}_below", "half"))
    assert np.array_equal(mask[:65], below[:65]) and (below <= mask + 1e-6).all()
    assert (mask[100:] > 0.9).all() and (below[65:, 12:68] < 0.01).all() and (below[65:, :4] > 0.9).all()
    assert (half[:32] == 1).all() and (half[32:] == 0).all()


@pytest.mark.parametrize("kind", MASK_KINDS)
@pytest.mark.parametrize("size", [32, 64, 96, 256])
def test_every_kind_at_every_size(kind, size):
    mask = source_mask(kind, size)
    assert mask.shape == (size // 2 * 3 + size // 8, size + size // 4) and mask.dtype == np.float32
    assert mask.min() < 0.01 and mask.max() == pytest.approx(1)
