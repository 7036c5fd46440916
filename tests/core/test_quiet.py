import os
import sys
from pathlib import Path

import pytest

from fgstp.core.quiet import captured_stderr


def test_what_is_printed_in_the_block_is_kept(capfd):
    sys.stderr.write("before ")
    with captured_stderr() as said:
        os.write(2, b"noise")
    sys.stderr.write("after")
    assert said == [b"noise"]
    assert capfd.readouterr().err == "before after"


def test_an_error_leaves_everything_as_it_was(capfd):
    n_open = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(KeyError), captured_stderr():
            raise KeyError
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"
    assert len(list(Path("/proc/self/fd").iterdir())) == n_open
