"""How far work has come: on a bar for whoever watches the terminal, or told to whoever else asks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

Listener = Callable[[str, int, int], None]  # what is being done, frames of it that are done, of how many


@contextmanager
def progress_bar(
    work: str, total: int, listener: Listener | None = None, is_shown: bool = True
) -> Iterator[Callable[[int], None]]:
    """Show a bar while the block lasts, or tell `listener`, if there is one, whose exceptions end the work.

    Gives a function to be called with how many more frames are done.
    """
    done = 0
    is_hidden = listener is not None or not is_shown
    with tqdm(total=total, desc=work, unit=" frames", dynamic_ncols=True, leave=None, disable=is_hidden) as bar:

        def advance(count: int) -> None:
            nonlocal done
            done += count
            bar.update(count)
            if listener:
                listener(work, done, total)

        yield advance
