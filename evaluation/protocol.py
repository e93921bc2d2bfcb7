"""Paired or unpaired: which of two kinds of score a file holds, and whether what is claimed can be so."""

import filecmp
from collections.abc import Iterable

from config.errors import InputError
from evaluation.paths import Videos


def protocol_of(claimed: str, videos: Iterable[Videos]) -> str:
    """ "paired", "unpaired" or "unknown".

    Paired: a video was dubbed with its own sound, so that the truth's own frames surround the mouth and are among the
    references. It flatters (LatentSync's LPIPS of the mouth is 0.262 paired, 0.334 with references of another clip).
    Unpaired: other speech, or frames with other mouths. "auto" goes by the bytes: paired where every source is the
    same file as its reference, unpaired where none is, else unknown. A source may be the reference coded anew, which
    bytes do not tell: "paired" can be claimed for any files. Raises InputError for "unpaired" of identical ones.
    """
    known = [each for each in videos if each.source and each.reference]
    same = [filecmp.cmp(each.source, each.reference, shallow=False) for each in known]
    if claimed == "auto":
        return {(True,): "paired", (False,): "unpaired"}.get(tuple(set(same)), "unknown")
    if claimed == "unpaired" and any(same):
        each = known[same.index(True)]
        raise InputError(
            f"--protocol unpaired: --source {each.source} is the same file as --reference {each.reference}, which is "
            "paired; give --protocol paired, or other videos"
        )
    return claimed
