from fgstp.reporting.systems import SYSTEM_ROWS, rows_of_table, system_rows


def test_systems_stand_in_the_order_of_the_paper_and_unknown_ones_last():
    rows = system_rows(["newcomer", "fgstp", "rmem", "sinet_v2", "fgstp", "background"])
    assert [row.system for row in rows] == ["background", "sinet_v2", "rmem", "fgstp", "newcomer"]
    assert rows[-1].title() == "newcomer"


def test_fgstp_stands_in_both_tables_and_its_parts_in_the_ablation_only():
    every = [row.system for row in SYSTEM_ROWS]
    main = {row.system for row in rows_of_table("table1", every)}
    ablation = [row.system for row in rows_of_table("table2", [*every, "newcomer"])]
    assert ablation == ["fgstp_no_ctc_no_fsp", "fgstp_no_fsp", "fgstp_no_ctc", "fgstp"]
    assert main & set(ablation) == {"fgstp"}
    assert main | set(ablation) == set(every)
    assert "newcomer" in {row.system for row in rows_of_table("table1", ["newcomer"])}


def test_the_ablation_is_named_by_what_is_added():
    titles = {row.system: row.title("table2") for row in rows_of_table("table2", ["fgstp_no_fsp"])}
    assert titles == {"fgstp_no_fsp": "+ CTC"}  # without FSP, CTC is what is left


def test_systems_with_the_first_mask_have_a_dagger():
    marked = {row.system for row in SYSTEM_ROWS if row.title().endswith("†")}
    assert marked == {"xmem_pp", "rmem"}
