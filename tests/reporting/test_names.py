import pandas as pd

from fgstp.models.registry import list_models
from fgstp.reporting.names import evaluated_rows, model_rows, rows_of_table


def test_models_are_in_the_order_of_the_report():
    rows = model_rows(["newcomer", "fgstp", "rmem", "sinet_v2", "fgstp", "background"])
    assert [row.model for row in rows] == ["background", "sinet_v2", "rmem", "fgstp", "newcomer"]
    assert rows[-1].title() == "newcomer"


def test_fgstp_is_part_of_both_tables_and_its_variants_of_the_ablation():
    every = [row.model for row in model_rows(list_models())]
    main = {row.model for row in rows_of_table("table1", model_rows(list_models()))}
    ablation = [row.model for row in rows_of_table("table2", model_rows(list_models()))]
    assert ablation == ["fgstp_no_ctc_no_fsp", "fgstp_no_fsp", "fgstp_no_ctc", "fgstp"]
    assert main & set(ablation) == {"fgstp"}
    assert main | set(ablation) == set(every)


def test_titles_name_what_was_added_what_was_used_and_what_was_received():
    [without_fsp] = model_rows(["fgstp_no_fsp"])
    assert (without_fsp.title("table2"), without_fsp.title()) == ("+ CTC", "FGSTP without FSP")
    summaries = pd.DataFrame(
        {
            "model": ["background", "rmem", "mg", "mg"],
            "prompt": ["none", None, "all_masks", "all_masks"],
            "label": ["MOG2", "AOT-L", "", ""],
        }
    )
    titles = ["Background subtraction (MOG2)", "MG ‡", "RMem (AOT-L) †"]
    assert [row.title() for row in evaluated_rows(summaries)] == titles
