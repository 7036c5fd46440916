import pandas as pd
import pytest

from fgstp.reporting.published import published_rows

# As the paper prints them: S, weighted F, MAE, E, mIoU, mDice.
PAPER = {
    "table1": """
sinet_v2 .684 .472 .022 .743 .361 .465
xmem_pp .675 .424 .036 .675 .361 .459
rmem .685 .431 .023 .711 .361 .451
zoomnext .691 .450 .025 .729 .378 .472
slt_net .702 .500 .025 .806 .392 .505
fgstp .705 .507 .022 .797 .399 .509""",
    "table2": """
fgstp_no_ctc_no_fsp .644 .419 .027 .741 .291 .408
fgstp_no_fsp .697 .488 .024 .782 .383 .488
fgstp_no_ctc .655 .430 .027 .761 .313 .428
fgstp .705 .507 .022 .797 .399 .509""",
}
COLUMNS = ["s_measure", "weighted_f", "mae", "e_mean", "iou_mean", "dice_mean"]


@pytest.mark.parametrize("table", PAPER)
def test_figures_are_those_that_the_paper_prints(table):
    printed = pd.DataFrame([line.split() for line in PAPER[table].split("\n") if line])
    printed = printed.set_index(0).astype(float)
    rows = published_rows(table).pivot(index="model", columns="metric", values="value")
    rows = rows.loc[printed.index, COLUMNS]
    assert rows.to_numpy().tolist() == printed.to_numpy().tolist()


def test_mg_has_no_figures_and_the_reason_is_told():
    rows = published_rows("table1")
    missing = rows[rows["value"].isna()]
    assert set(missing["model"]) == {"mg"}
    assert missing["metric"].tolist() == COLUMNS
    assert missing["note"].str.contains("no figures").all()
    assert (rows.loc[rows["model"] != "mg", "note"] == "").all()
