"""Videos that ingest could not use are reported once more at the end of the run."""

import logging

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from fgstp.reporting.ingest_summary import refusals

logger = logging.getLogger(__name__)


class RefusalHooks:
    """Logs the refused videos last, where they are not overlooked after hours of training."""

    @hook_impl(trylast=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log a line for each refused video."""
        if "videos" in pipeline.all_outputs():
            refused = refusals(catalog.load("videos"))
            for number, sentence in enumerate(refused, start=1):
                logger.warning("Video not used (%d of %d): %s", number, len(refused), sentence)
