"""The graph of report.

scores, summaries, timelines, costs -> compare_models -> comparison, tables, headline
comparison, trainings, footage, predictions and their scores -> gather_results -> results
results -> draw_charts -> charts;  results -> list_epochs -> history
results, charts -> draw_figures -> figures;  results, charts -> write_page -> page, beside it
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
                nodes.gather_results,
                inputs=[
                    *("comparison", "models", "clips", "videos", "video_store", "predictions"),
                    *("frame_scores", "timelines", "events"),
                ],
                outputs="results",
                name="gather_results",
            ),
            Node(nodes.draw_charts, inputs="results", outputs="charts", name="draw_charts"),
            Node(
                nodes.draw_figures,
                inputs=["results", "charts"],
                outputs="report_figures",
                name="draw_figures",
            ),
            Node(
                nodes.list_epochs, inputs="results", outputs="training_history", name="list_epochs"
            ),
            Node(
                nodes.write_page,
                inputs=["results", "charts", "parameters"],
                outputs=["report_page", "beside_page"],
                name="write_page",
            ),
        ]
    )
