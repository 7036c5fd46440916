import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from fgstp.hooks import RefusalHooks


def test_refused_videos_are_reported_at_the_end(caplog):
    videos = pd.DataFrame({"video": ["a", "b", "c"], "error": ["a: bad", None, "c: worse"]})
    pipeline = Pipeline([Node(lambda: videos, None, "videos", name="find")])
    catalog = DataCatalog({"videos": MemoryDataset(videos)})
    with caplog.at_level("WARNING", logger="fgstp"):
        RefusalHooks().after_pipeline_run(pipeline=pipeline, catalog=catalog)
        RefusalHooks().after_pipeline_run(pipeline=Pipeline([]), catalog=catalog)
    assert [record.getMessage() for record in caplog.records] == [
        "Video not used (1 of 2): a: bad",
        "Video not used (2 of 2): c: worse",
    ]
