"""Which device and which precision a network runs with."""

import os
import platform
import warnings
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch

from config.errors import InputError

NO_GPU = "PyTorch sees no GPU"
CUDA_FAILED = "CUDA initialization"  # in PyTorch's warning, before the reason
DRIVERS = (Path("/dev/nvidiactl"), Path("/usr/lib/wsl/lib/nvidia-smi"))  # one is there where NVIDIA's driver is
BF16_CAPABILITY = (8, 0)  # compute capability from which GPUs multiply in bf16; older ones emulate it slowly
X86 = ("x86_64", "amd64", "i386", "i686")
PRECISION_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """`name`: auto, cpu or cuda. Says in a line where a GPU is there and cannot be used.

    Raises InputError when a GPU is asked for and none can be used.
    """
    if name == "cpu":
        return torch.device("cpu")
    reason = why_no_gpu()
    if name == "cuda" and reason:
        raise InputError(f"--device cuda: {reason}, or use --device cpu")
    if reason and not reason.startswith(NO_GPU):
        print(f"warning: running on the CPU: {reason}")
    if reason:
        return torch.device("cpu")
    use_true_float32()
    return torch.device("cuda")


def why_no_gpu() -> str:
    """Why CUDA cannot be used, with what to install; empty where it can."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    if not available:
        said = next((text for warning in caught if CUDA_FAILED in (text := str(warning.message))), "")
        if "too old" in said:
            return f"the NVIDIA driver is too old for this PyTorch (CUDA {torch.version.cuda}); install a newer driver"
        if said:
            reason = said.partition(CUDA_FAILED)[2].splitlines()[0].strip(" :.")
            return f"CUDA cannot be started ({reason}); see what nvidia-smi says"
        if torch.version.cuda is None and any(path.exists() for path in DRIVERS):
            return "this PyTorch was built without CUDA; rm -r .venv, then TORCH_INDEX= ./setup.sh"
        return f"{NO_GPU}; install an NVIDIA driver and a PyTorch build with CUDA"
    built_for = torch.cuda.get_arch_list()
    capabilities = [torch.cuda.get_device_capability(index) for index in range(torch.cuda.device_count())]
    usable = [has_kernels(capability, built_for) for capability in capabilities]
    if all(usable):
        return ""
    index = usable.index(False)
    major, minor = capabilities[index]
    wrong = (
        f"GPU {index}, {torch.cuda.get_device_name(index)} (compute capability {major}.{minor}), cannot run this "
        f"PyTorch, built for {' '.join(built_for)}; "
    )
    if any(usable):
        chosen = ",".join(name for name, usable in zip(visible_gpus(len(usable)), usable, strict=True) if usable)
        return f"{wrong}leave it out with CUDA_VISIBLE_DEVICES={chosen}, or install a build of PyTorch for it"
    return f"{wrong}install a build of PyTorch for it"


def visible_gpus(count: int) -> list[str]:
    """The names by which CUDA_VISIBLE_DEVICES calls the `count` GPUs that PyTorch sees."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return names if len(names) == count and all(names) else [str(index) for index in range(count)]


def has_kernels(capability: tuple[int, int], built_for: list[str]) -> bool:
    """Whether a build with these architectures, such as sm_80 or compute_90, runs on a GPU of this capability.

    Machine code of one generation runs on equal and later minor versions of it; PTX, "compute", on all that is later.
    """
    for name in built_for:
        kind, _, number = name.partition("_")
        digits = "".join(filter(str.isdigit, number))  # sm_90a
        if not digits:  # a build for other makers' GPUs
            return True
        built = (int(digits[:-1]), int(digits[-1]))
        if built <= capability and (kind == "compute" or built[0] == capability[0]):
            return True
    return not built_for  # a build that does not say


def resolve_precision(device: torch.device, precision: str) -> str:
    """bf16, fp16 or fp32: "auto" is bf16 where the hardware multiplies in it, else fp32.

    Raises InputError for fp16 on a CPU.
    """
    if precision == "fp16" and device.type == "cpu":
        raise InputError("--precision fp16 is for GPUs; use auto, bf16 or fp32 on a CPU")
    if precision != "auto":
        return precision
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device) >= BF16_CAPABILITY
    else:
        fast = cpu_multiplies_in_bf16()
    return "bf16" if fast else "fp32"


def cpu_multiplies_in_bf16() -> bool:
    """Whether this processor has instructions for it. On x86 oneDNN itself says yes to AVX-512 without them too, where
    it converts to float32 and back, at less than half of float32's speed."""
    if not (torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return False
    if platform.machine().lower() not in X86:
        return True
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Autocast to what `resolve_precision` says; nothing where that is float32."""
    resolved = resolve_precision(device, precision)
    return nullcontext() if resolved == "fp32" else torch.autocast(device.type, PRECISION_TYPES[resolved])


def full_precision(device: torch.device) -> AbstractContextManager:
    """float32 inside autocast, of which the device that has shapes alone knows nothing."""
    is_cast = device.type != "meta" and torch.is_autocast_enabled(device.type)
    return torch.autocast(device.type, enabled=False) if is_cast else nullcontext()


def use_true_float32() -> None:
    """Keep float32 convolutions and products on CUDA from being rounded to TF32, which has 10 bits of mantissa."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def describe_device(device: torch.device, precision: str) -> str:
    """Device and precision for the first line of a run: "NVIDIA H100, bf16" or "CPU with 2 threads, fp32"."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"CPU with {torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"
    return f"{name}, {resolve_precision(device, precision)}"
