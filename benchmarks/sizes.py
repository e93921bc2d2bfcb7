"""How much speed.py measures. At toy sizes its figures mean nothing; they show that everything runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """By device where the two differ; seconds are of video."""

    product: dict[str, int]  # side of the matrices whose product says what the machine can do
    width: int  # of generators
    mouths: tuple[int, ...]
    batches: dict[str, tuple[int, ...]]
    steps: dict[int, int]  # mouth size and batch of the training steps on a CPU, and at toy sizes on a GPU
    dubs: dict[str, tuple[tuple[int, float], ...]]  # mouth size and seconds
    seconds: float
    long_seconds: dict[str, float]
    drawn: tuple[tuple[str, int], ...]  # kinds of samples and their mouth sizes
    samples: int
    clips: int  # of each video of the loader's set
    fed_seconds: float
    raw_videos: int
    many_clips: int
    repeats: int  # of whole commands and dubs
    is_toy: bool = False


REAL = Sizes(
    product={"cpu": 2048, "cuda": 8192},
    width=64,
    mouths=(64, 256),
    batches={"cpu": (1,), "cuda": (1, 16)},
    steps={64: 4, 128: 2},
    dubs={"cpu": ((64, 20), (256, 4)), "cuda": ((256, 20),)},
    seconds=20,
    long_seconds={"cpu": 200, "cuda": 60},
    drawn=(("frame", 64), ("frame", 128), ("frame", 256), ("clip", 256), ("syncnet", 256)),
    samples=64,
    clips=20,
    fed_seconds=4.0,  # so long that filling the first batches counts for little
    raw_videos=2,
    many_clips=100_000,
    repeats=5,
)
TOY = Sizes(
    product={"cpu": 64, "cuda": 64},
    width=8,
    mouths=(32,),
    batches={"cpu": (1,), "cuda": (1, 2)},
    steps={32: 2},
    dubs={"cpu": ((32, 0.2),), "cuda": ((32, 0.2),)},
    seconds=2.4,  # make_dataset.py leaves out what is shorter than 2 s
    long_seconds={"cpu": 0.4, "cuda": 0.4},
    drawn=(("frame", 32), ("clip", 32), ("syncnet", 32)),
    samples=2,
    clips=3,
    fed_seconds=0.1,
    raw_videos=1,
    many_clips=200,
    repeats=1,
    is_toy=True,
)
