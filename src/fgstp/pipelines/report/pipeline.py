"""The graph of report.

scores, summaries, timelines, costs -> compare_models -> comparison, tables, headline
comparison, predictions, timelines, events, trainings -> draw_figures -> figures, curves
comparison, trainings -> list_epochs -> history
comparison, trainings, figures, curves -> write_page -> page
"""

from kedro.pipeline import Node, Pipeline

from fgstp.pipelines.report import nodes


def create_pipeline(**_kwargs: object) -> Pipeline:
    """The pipeline `report`, of all models that have been evaluated."""
    return Pipeline(
        [
            Node(
                nodes.compare_models,
                inputs=["scores", "summaries", "timelines", "model_costs"],
                outputs=["comparison", "result_tables", "headline"],
                name="compare_models",
            ),
            Node(
                nodes.draw_figures,
                inputs=[
                    *("comparison", "models", "clips", "videos", "video_store", "predictions"),
                    *("timelines", "events"),
                ],
                outputs=["prediction_figures", "training_curves"],
                name="draw_figures",
            ),
            Node(
                nodes.list_epochs,
                inputs=["comparison", "models"],
                outputs="training_history",
                name="list_epochs",
            ),
            Node(
                nodes.write_page,
                inputs=["comparison", "models", "prediction_figures", "training_curves"],
                outputs="report_page",
                name="write_page",
            ),
        ]
    )
