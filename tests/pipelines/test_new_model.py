"""A model is added in two places, as the documentation says, and every pipeline knows it."""

import json
import re
import shutil

import pandas as pd
import yaml

MODELS = "conf/base/parameters_models.yml"


def test_a_model_takes_a_file_and_a_block(kedro, finished_job, repository, tmp_path):
    page = (repository / "docs/add_a_model.md").read_text("utf-8")
    [code] = re.findall(r"```python no-run\n(.*?)```", page, flags=re.DOTALL)
    [block] = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    project = tmp_path / "project"
    shutil.copytree(kedro.project, project)
    shutil.rmtree(project / "conf/test/parameters_models.yml", ignore_errors=True)
    (project / "src/fgstp/models/small.py").write_text(code, "utf-8")
    blocks = yaml.safe_load((project / MODELS).read_text("utf-8"))
    blocks["models"] |= yaml.safe_load(block)["models"]
    (project / MODELS).write_text(yaml.safe_dump(blocks), "utf-8")
    folder = tmp_path / "job"
    shutil.copytree(finished_job[0] / "data", folder / "data")

    answer = type(kedro)(project).run(
        folder, "--pipelines=train,evaluate,report", parameters=["model=small"]
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    record = json.loads((folder / "data/06_models/small/seed_1/training.json").read_text("utf-8"))
    assert (record["model"], record["trained"], record["n_epochs"]) == ("small", True, 2)
    table = pd.read_csv(folder / "data/08_reporting/tables/table1.csv")
    own = table[table["model"] == "small"]
    assert set(own["name"]) == {"Small network"}
    assert own["value"].notna().any()
    scored = list(dict.fromkeys(table.loc[table["block"] == "paper", "model"]))
    assert scored == ["background", "small", "fgstp"]  # as `order` says
