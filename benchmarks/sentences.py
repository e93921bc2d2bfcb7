"""English sentences without end, composed from word lists, so that a held-out set shares none with training."""

import numpy as np

WHO = """my brother; the old doctor; a young farmer; her best friend; our neighbour; the driver; that woman; the
happy child; every teacher; the village baker; a quiet visitor; the football team; his father; the new
manager; a famous painter; the captain; somebody; the youngest girl; a brave pilot; the whole family"""
DID = """bought; painted; found; lost; carried; watched; remembered; forgot; borrowed; repaired; opened; wanted;
showed us; threw away; picked up; described; measured; promised me; cleaned; gave back"""
WHAT = """a blue bicycle; the wooden box; five fresh apples; a pair of shoes; the broken window; some very old maps; a
bowl of warm soup; the heavy piano; a piece of white paper; two silver spoons; the purple umbrella; a
photograph of the moon; the last loaf of bread; a jar of honey; the radio; eight yellow flowers; a fishing
boat; the leather bag; a poem about love; the keys of the church"""
WHERE = """in the morning; before the storm; at the market; near the river; on Wednesday; after a long journey; by
mistake; behind the house; for almost nothing; without a word; while we were asleep; under the bridge; at
half past four; in the middle of June; during the film; far away from home; on the way to school; with great
pleasure; two weeks ago; because it was cheap"""


def compose_sentences(number: int, seed: int) -> list[str]:
    """`number` different sentences (of 160,000). The same seed gives the same ones."""
    lists = [" ".join(words.split()).split("; ") for words in (WHO, DID, WHAT, WHERE)]
    total = int(np.prod([len(words) for words in lists]))
    chosen = np.random.default_rng(seed).choice(total, number, replace=False)
    places = np.stack(np.unravel_index(chosen, [len(words) for words in lists]), axis=1)
    phrases = (" ".join(words[i] for words, i in zip(lists, row, strict=True)) for row in places)
    return [phrase[0].upper() + phrase[1:] + "." for phrase in phrases]
