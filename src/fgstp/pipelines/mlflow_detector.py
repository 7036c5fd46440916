"""A trained model as MLflow runs it, which stores this file with the weights (models from code)."""

from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from fgstp.core.errors import UserError
from fgstp.detection.detector import Detector
from fgstp.detection.event_files import COLUMNS, row


class VideoDetector(PythonModel):
    """Turns paths of videos into a table of events, as `fgstp detect` does at its defaults."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the weights, onto a GPU if there is one."""
        self._detector = Detector(context.artifacts["weights"])

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Watch videos to their ends.

        Args:
            context: of MLflow.
            model_input: a video a row; its column `path` is a file or a folder of pictures.
            params: there are none.

        Returns:
            An event a row, with the columns of `events.csv`.

        Raises:
            MlflowException: a video cannot be read; there is no answer then, as MLflow asks for.
        """
        rows: list[dict[str, Any]] = []
        for path in model_input["path"]:
            try:
                report = self._detector.detect(path)
            except UserError as error:
                raise MlflowException.invalid_parameter_value(str(error)) from error
            rows += [dict.fromkeys(COLUMNS) | row(event, report.facts) for event in report.events]
        return pd.DataFrame(rows, columns=list(COLUMNS))


set_model(VideoDetector())
