"""Loads batches, in processes of their own if wanted, and says in one line why loading failed."""

import errno
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from types import TracebackType

from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from config.errors import InputError, describe
from dataset.sampler import GlobalBatchSampler
from dataset.samples import TrainingSamples
from dataset.video import OPEN_FILES, allow_open_files

FILES_PER_WORKER = 32  # that the main process keeps open, in batches on their way


def make_loader(samples: TrainingSamples, sampler: GlobalBatchSampler, num_workers: int, pin_memory: bool) -> "Loader":
    """Batches of `samples`, to be iterated once an epoch. The processes, `num_workers`, live as long as the loader."""
    allow_open_files(OPEN_FILES + FILES_PER_WORKER * num_workers)
    warnings.filterwarnings("ignore", message="This DataLoader will create")  # more workers than cores: as was asked
    batches = DataLoader(
        Batches(samples),
        sampler=sampler,
        batch_size=None,  # the sampler's keys are those of whole batches
        num_workers=num_workers,
        pin_memory=pin_memory,
        persistent_workers=num_workers > 0,
        worker_init_fn=prepare_worker,
    )
    return Loader(batches)


class Loader:
    """Iterated once an epoch. Whatever makes loading fail is an InputError of one line.

    That holds for a loading process that dies while the main one is busy elsewhere, too: the error is then raised
    there. No process outlives this one: they end with it, or 5 s after it was killed.
    """

    def __init__(self, batches: DataLoader):
        self.batches = batches

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        """Dicts of tensors, (batch, ...) each."""
        try:
            for batch in self.batches:
                announce_deaths(True)
                if isinstance(batch, InputError):
                    raise InputError(str(batch))  # a new one: `batch` itself would hold this frame, and so the workers
                yield batch
        except InputError:
            raise
        except Exception as error:
            forget_half_started(error)
            raise explain(error) from error
        finally:
            announce_deaths(False)


def forget_half_started(error: Exception) -> None:
    """Keep an iterator of PyTorch's whose processes could not be started from ending them when it is deleted."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        iterator = frame.f_locals.get("self")
        if isinstance(iterator, _MultiProcessingDataLoaderIter) and not hasattr(iterator, "_workers"):
            iterator._shutdown = True


class Batches(Dataset):
    """Whole batches of samples by the lists of their keys.

    Where loading fails, the InputError is the batch: PyTorch would hand an exception on as the text of its traceback.
    """

    def __init__(self, samples: TrainingSamples):
        self.samples = samples

    def __getitem__(self, keys: list[tuple[int, int]]) -> dict[str, Tensor] | InputError:
        try:
            return default_collate([self.samples[key] for key in keys])
        except Exception as error:
            return explain(error)


def explain(error: Exception) -> InputError:
    """What the user can do about a failure of loading. Raises `error` itself where it is a mistake of the program."""
    text, number = " ".join(str(error).split()), getattr(error, "errno", None)
    if isinstance(error, InputError):
        return error
    if isinstance(error.__cause__, InputError):  # a DeathNotice that PyTorch took for a mere failure to read
        return InputError(str(error.__cause__))
    if isinstance(error, MemoryError) or number == errno.ENOMEM or "allocate memory" in text:
        return InputError("not enough memory to load batches; lower --num_workers or --batch_size")
    if number == errno.ENOSPC or "shared memory" in text:
        return InputError(
            "--num_workers: shared memory (/dev/shm) has no room for batches; give --num_workers 0, or a larger "
            "/dev/shm (docker run --shm-size=8g)"
        )
    if number in (errno.EMFILE, errno.ENFILE) or "Too many open files" in text or "ancdata" in text:
        return InputError("too many open files; lower --num_workers, or raise the limit with: ulimit -n 65536")
    if "Pin memory thread exited" in text:  # of the two above, PyTorch says which on standard error alone
        return InputError(
            "--num_workers: batches cannot be handed over to the GPU; lower it, raise the limit of open files "
            "(ulimit -n 65536), or give a larger /dev/shm (docker run --shm-size=8g)"
        )
    if "DataLoader worker (pid" in text or isinstance(error, (ConnectionError, EOFError)):
        return InputError(
            f"--num_workers: a loading process ended ({text}); the system ends processes where memory or /dev/shm runs "
            "out: lower --num_workers or --batch_size"
        )
    if isinstance(error, OSError) and not error.filename:
        return InputError(f"--num_workers: loading processes cannot be started ({text}); give --num_workers 0")
    if isinstance(error, OSError):
        return InputError(describe(error))
    raise error


class DeathNotice:
    """A handler of SIGCHLD around PyTorch's, which raises wherever the main thread is: this one says it our way.

    `due` only while batches are drawn, and once: taking a loader down ends its other workers, upon which PyTorch
    would speak of the first one again.
    """

    def __init__(self, report: Callable):
        self.report, self.due = report, True

    def __call__(self, *arguments) -> None:
        try:
            self.report(*arguments)
        except RuntimeError as error:
            if self.due:
                self.due = False
                raise explain(error) from error


def announce_deaths(due: bool) -> None:
    """Put DeathNotice around the handler that PyTorch installs once a process, when its first workers have started."""
    if os.name != "posix":
        return
    handler = signal.getsignal(signal.SIGCHLD)
    if isinstance(handler, DeathNotice):
        handler.due = due
    elif due and callable(handler):
        signal.signal(signal.SIGCHLD, DeathNotice(handler))


def prepare_worker(_number: int) -> None:
    """In a worker: Ctrl-C is for the main process, SIGTERM ends this one, and the main one says what else killed it."""
    signal.set_wakeup_fd(-1)  # the main process's, which a fork inherits
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    sys.excepthook = report_unless_gone
    for name in ("SIGBUS", "SIGSEGV", "SIGFPE"):  # of which PyTorch's workers speak on standard error
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


def report_unless_gone(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For the thread that hands batches over: that the main process no longer takes one is no news."""
    if not issubclass(kind, (OSError, EOFError)):
        sys.__excepthook__(kind, error, trace)
