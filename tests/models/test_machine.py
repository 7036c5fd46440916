import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.machine import explain_out_of_memory, use_cuda


@pytest.fixture
def gpu(monkeypatch):
    """Pretends that there is a GPU, or that there is none."""
    return lambda there: monkeypatch.setattr(torch.cuda, "is_available", lambda: there)


def test_a_gpu_is_taken_where_there_is_one(gpu):
    gpu(True)
    assert [use_cuda(wish, "train") for wish in ("auto", "cuda", "cpu")] == [True, True, False]


def test_no_gpu_is_said_and_a_gpu_asked_for_must_be_there(gpu, caplog):
    gpu(False)
    assert not use_cuda("auto", "train")
    assert [record.getMessage() for record in caplog.records] == [
        "No GPU is found: train works on the CPU."
    ]
    assert not use_cuda("cpu", "train")
    assert len(caplog.records) == 1
    with pytest.raises(UserError, match=r"train\.accelerator is cuda.*auto or cpu"):
        use_cuda("cuda", "train")


CPU = RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory")


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), CPU]
)
def test_exhausted_memory_is_explained(error):
    with pytest.raises(UserError, match=r"used up; lower it\.$"), explain_out_of_memory("lower it"):
        raise error


def test_a_real_allocation_that_fails_is_recognised():
    with pytest.raises(UserError, match="used up"), explain_out_of_memory("lower it"):
        torch.empty(2**60, dtype=torch.uint8)


@pytest.mark.parametrize("error", [RuntimeError("shape mismatch"), UserError("a clip is gone")])
def test_other_errors_pass(error):
    with pytest.raises(type(error)) as raised, explain_out_of_memory("lower it"):
        raise error
    assert raised.value is error
