"""`python -m fgstp.pipelines.merged_settings ENV FILE`: what a run reads as its settings.

DVC compares single settings of the file with those of the last run. It cannot merge an environment
with `conf/base` itself, and demands every setting of every file that it is told of.
"""

import sys
from pathlib import Path

import yaml
from kedro.config import OmegaConfigLoader

from fgstp.core.files import write_text
from fgstp.settings import CONFIG_LOADER_ARGS


def main(environment: str, out: str) -> None:
    """Merge the environment with `conf/base`, and write the result as YAML."""
    loader = OmegaConfigLoader("conf", env=environment, **CONFIG_LOADER_ARGS)
    write_text(Path(out), yaml.safe_dump(loader["parameters"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
