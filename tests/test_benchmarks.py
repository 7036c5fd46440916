import re
import subprocess
import sys
import tomllib
from itertools import chain

import pytest

# Packages of the project that timm needs too, and what settings are made of.
ALLOWED = {"torch", "torchvision", "timm", "numpy", "opencv-python", "pydantic", "pyyaml", "tqdm"}
ALLOWED |= {"safetensors", "xxhash"}  # which timm needs too; hashes of stored frames
BLOCK = """
import runpy, sys

sys.modules |= dict.fromkeys({blocked!r})  # None there is what cannot be imported
sys.argv = {argv!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
def test_the_gpu_benchmark_needs_few_packages(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {re.split(r"[><=\[; ]", line)[0] for line in lines}
    blocked = {name.replace("-", "_") for name in names - ALLOWED - {"fgstp"}}
    assert {"kedro", "mlflow", "lightning", "pandas"} <= blocked
    argv = [str(repository / "benchmarks" / "gpu.py"), "--quick", "--no-compile"]
    argv += ["--encoder", "pvt_v2_b0", "--size", "64", "--batch", "4"]
    answer = subprocess.run(
        [sys.executable, "-c", BLOCK.format(blocked=blocked, argv=argv)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    rows = [line for line in answer.stdout.splitlines() if line.startswith(("| fp32", "| bf16"))]
    assert len(rows) == 6
    assert not [row for row in rows if "fail" in row or "memory" in row]
