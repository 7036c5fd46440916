"""The graph of report.

scores, summaries, trainings of all models -> compare_models -> tables, headline
    predictions -> draw_figures -> figures, curves -> write_page -> page
"""

from kedro.pipeline import Node, Pipeline

from fgstp.pipelines.report import nodes


def create_pipeline(**_kwargs: object) -> Pipeline:
    """The pipeline `report`, of all models that have been evaluated."""
    return Pipeline(
        [
            Node(
                nodes.compare_models,
                inputs=["scores@all", "summaries@all", "model_costs"],
                outputs=["result_tables", "headline"],
                name="compare_models",
            ),
            Node(
                nodes.draw_figures,
                inputs=[
                    "scores@all",
                    "summaries@all",
                    "training@all",
                    "clips",
                    "videos",
                    "clip_files",
                    "predictions",
                ],
                outputs=["prediction_figures", "curve_figures"],
                name="draw_figures",
            ),
            Node(
                nodes.write_page,
                inputs=[
                    "scores@all",
                    "summaries@all",
                    "training@all",
                    "prediction_figures",
                    "curve_figures",
                    "model_costs",
                ],
                outputs="report_page",
                name="write_page",
            ),
        ]
    )
