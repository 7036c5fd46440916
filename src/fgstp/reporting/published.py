"""The rows that the paper publishes."""

import pandas as pd

from fgstp.reporting.models import ABLATION_TABLE, DAGGER, MAIN_TABLE

SOURCE = "arXiv 2505.00295"
DATA = "GasVid"
MASK_SOURCE = "annotated"
PUBLISHED_METRICS = ("s_measure", "weighted_f", "mae", "e_mean", "iou_mean", "dice_mean")
NO_VALUES = "the paper reports that the model fails, and gives no values"
SOURCE_NOTE = f"Source: {SOURCE}, which gives no intervals and no thresholds."
FIRST_MASK = f"{DAGGER} The model receives the mask of the first frame of each clip."
# In the order of PUBLISHED_METRICS; empty where the paper prints a dash.
COMPARISON = (
    ("mg", ()),
    ("sinet_v2", (0.684, 0.472, 0.022, 0.743, 0.361, 0.465)),
    ("xmem_pp", (0.675, 0.424, 0.036, 0.675, 0.361, 0.459)),
    ("rmem", (0.685, 0.431, 0.023, 0.711, 0.361, 0.451)),
    ("zoomnext", (0.691, 0.450, 0.025, 0.729, 0.378, 0.472)),
    ("slt_net", (0.702, 0.500, 0.025, 0.806, 0.392, 0.505)),
    ("fgstp", (0.705, 0.507, 0.022, 0.797, 0.399, 0.509)),
)
ABLATION = (
    ("fgstp_no_ctc_no_fsp", (0.644, 0.419, 0.027, 0.741, 0.291, 0.408)),
    ("fgstp_no_fsp", (0.697, 0.488, 0.024, 0.782, 0.383, 0.488)),
    ("fgstp_no_ctc", (0.655, 0.430, 0.027, 0.761, 0.313, 0.428)),
    ("fgstp", (0.705, 0.507, 0.022, 0.797, 0.399, 0.509)),
)


def published_rows(table: str) -> pd.DataFrame:
    """Published rows of a table, on GasVid, under a protocol that the paper does not state.

    Args:
        table: `table1`, the comparison of models, or `table2`, the ablation.

    Returns:
        A row for each model and metric: `model, metric, value, note`; value NaN and a note
        where the paper prints a dash.
    """
    rows = {MAIN_TABLE: COMPARISON, ABLATION_TABLE: ABLATION}[table]
    return pd.DataFrame(
        [
            {
                "model": model,
                "metric": metric,
                "value": values[place] if values else float("nan"),
                "note": "" if values else NO_VALUES,
            }
            for model, values in rows
            for place, metric in enumerate(PUBLISHED_METRICS)
        ]
    )
