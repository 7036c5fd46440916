import pandas as pd

from fgstp.reporting.models import MODEL_ROWS, evaluated_rows, model_rows, rows_of_table


def test_models_stand_in_the_order_of_the_paper_and_unknown_ones_last():
    rows = model_rows(["newcomer", "fgstp", "rmem", "sinet_v2", "fgstp", "background"])
    assert [row.model for row in rows] == ["background", "sinet_v2", "rmem", "fgstp", "newcomer"]
    assert rows[-1].title() == "newcomer"


def test_fgstp_stands_in_both_tables_and_its_parts_in_the_ablation_only():
    every = [row.model for row in MODEL_ROWS]
    main = {row.model for row in rows_of_table("table1", MODEL_ROWS)}
    ablation = [row.model for row in rows_of_table("table2", model_rows([*every, "newcomer"]))]
    assert ablation == ["fgstp_no_ctc_no_fsp", "fgstp_no_fsp", "fgstp_no_ctc", "fgstp"]
    assert main & set(ablation) == {"fgstp"}
    assert main | set(ablation) == set(every)
    assert "newcomer" in {row.model for row in rows_of_table("table1", model_rows(["newcomer"]))}


def test_the_ablation_is_named_by_what_is_added():
    titles = {
        row.model: row.title("table2")
        for row in rows_of_table("table2", model_rows(["fgstp_no_fsp"]))
    }
    assert titles == {"fgstp_no_fsp": "+ CTC"}  # without FSP, CTC is what is left


def test_models_with_the_first_mask_have_a_dagger():
    marked = {row.model for row in MODEL_ROWS if row.title().endswith("†")}
    assert marked == {"xmem_pp", "rmem"}


def test_what_an_evaluated_model_was_told_is_what_its_scores_say():
    facts = {"fgstp": {"needs": "first_mask"}, "mg": {"needs": "all_masks"}, "rmem": {}}
    facts["xmem_pp"] = {"needs": "frames"}
    titles = {row.model: row.title() for row in model_rows([*facts, "slt_net"], facts)}
    assert titles == {
        "fgstp": "FGSTP †",
        "mg": "MG ‡",
        "rmem": "RMem †",  # as published, since nothing else is known
        "xmem_pp": "XMem++",
        "slt_net": "SLT-Net",
    }


def test_rows_of_summaries_take_what_stands_there():
    known = pd.DataFrame({"model": ["mg", "mg", "rmem"], "needs": ["all_masks"] * 2 + [None]})
    assert [row.title() for row in evaluated_rows(known)] == ["MG ‡", "RMem †"]
    unknown = known.drop(columns="needs")
    assert [row.title() for row in evaluated_rows(unknown)] == ["MG", "RMem †"]


def test_a_model_of_several_methods_is_named_with_that_which_was_scored():
    facts = {"background": {"label": "MOG2"}, "rmem": {"label": "AOT-L"}, "fgstp": {"label": ""}}
    titles = ["Background subtraction (MOG2)", "RMem (AOT-L) †", "FGSTP"]
    assert [row.title() for row in model_rows(facts, facts)] == titles
    known = pd.DataFrame(
        {"model": list(facts), "label": [each["label"] for each in facts.values()]}
    )
    assert [row.title() for row in evaluated_rows(known)] == titles
    assert [row.title() for row in evaluated_rows(known.replace({"label": {"": None}}))] == titles
