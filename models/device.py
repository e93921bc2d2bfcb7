"""Which device and which precision a network runs with."""

from contextlib import AbstractContextManager

import torch

from config.errors import InputError

BF16_CAPABILITY = (8, 0)  # compute capability from which GPUs multiply in bf16; older ones emulate it slowly


def choose_device(name: str) -> torch.device:
    """`name`: auto, cpu or cuda. Raises InputError when a GPU is asked for and there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: PyTorch sees no GPU; install a driver, or use --device cpu")
    use_cuda = name == "cuda" or (name == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if use_cuda else "cpu")


def resolve_precision(device: torch.device, precision: str) -> str:
    """bf16 or fp32, whichever "auto" means on this device: bf16 where the hardware multiplies in it."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device) >= BF16_CAPABILITY
    else:
        fast = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bf16" if fast else "fp32"


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Autocast to bf16 where `resolve_precision` says so; else float32 throughout."""
    return torch.autocast(device.type, torch.bfloat16, enabled=resolve_precision(device, precision) == "bf16")
