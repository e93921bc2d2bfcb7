"""What --precision auto is on this machine's processor."""

import platform
from pathlib import Path

import pytest
import torch

from models.device import X86, resolve_precision

CPUINFO = Path("/proc/cpuinfo")


@pytest.mark.skipif(
    not CPUINFO.exists() or platform.machine().lower() not in X86, reason="the flags are those that Linux shows of x86"
)
def test_auto_is_bf16_only_where_the_processor_multiplies_in_it():
    flags = set(next(line for line in CPUINFO.read_text().splitlines() if line.startswith("flags")).split())
    expected = "bf16" if flags & {"avx512_bf16", "amx_bf16"} else "fp32"
    assert resolve_precision(torch.device("cpu"), "auto") == expected


@pytest.mark.parametrize("emulated", (False, True))
def test_bf16_that_onednn_would_emulate_is_not_chosen(monkeypatch, emulated):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: not emulated)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert resolve_precision(torch.device("cpu"), "auto") == ("fp32" if emulated else "bf16")
