"""Paired or unpaired: which of two kinds of score a file holds, and whether what is claimed can be so."""

import filecmp
from collections.abc import Iterable

from config.errors import InputError
from evaluation.paths import Videos


def protocol_of(claimed: str, videos: Iterable[Videos]) -> str:
    """ "paired", "unpaired" or "unknown".

    Paired: a video was dubbed with its own sound, so that the truth's own frames surround the mouth and are among the
    references. It flatters (LatentSync's LPIPS of the mouth is 0.262 paired, 0.334 with references of another clip).
    Unpaired: other speech, or frames with other mouths. "auto" is what the inputs tell: paired where every source is
    its reference, unpaired where none is, else unknown. Raises InputError for a claim that the inputs contradict.
    """
    known = [each for each in videos if each.source and each.reference]
    same = [filecmp.cmp(each.source, each.reference, shallow=False) for each in known]
    if claimed == "auto":
        return {(True,): "paired", (False,): "unpaired"}.get(tuple(set(same)), "unknown")
    for each, is_same in zip(known, same, strict=True):
        if is_same != (claimed == "paired"):
            relation, right = ("the same file as", "paired") if is_same else ("another file than", "unpaired")
            raise InputError(
                f"--protocol {claimed}: --source {each.source} is {relation} --reference {each.reference}, which is "
                f"{right}; give --protocol {right}, or other videos"
            )
    return claimed
