"""Summary of ingest: what came in, what was kept, what was refused and why."""

import pandas as pd

NO_VALIDATION = (
    "No clip is held out for validation: there are too few training clips. Give more training "
    "videos, longer ones, or validation videos of their own."
)


def summarise(videos: pd.DataFrame, clips: pd.DataFrame) -> str:
    """Describe the outcome of ingest as a page of Markdown.

    Args:
        videos: the video table.
        clips: the clip table, the dropped clips too.

    Returns:
        Markdown: clips by category and split, reasons for dropping, refused videos, remarks.
    """
    lacking = NO_VALIDATION if without_validation(clips) else ""
    parts = ["# Ingest", *overview(videos, clips), _annotated(clips), lacking, *_notes(videos)]
    return "\n\n".join(part for part in parts if part) + "\n"


def overview(videos: pd.DataFrame, clips: pd.DataFrame) -> tuple[str, str]:
    """The table of kept clips by category and split, and a sentence on the dropped ones."""
    return _counts(videos, clips), _dropped(clips)


def refusals(videos: pd.DataFrame) -> list[str]:
    """One sentence for each video that could not be used."""
    return [str(error) for error in videos["error"].dropna()]


def _counts(videos: pd.DataFrame, clips: pd.DataFrame) -> str:
    kept = clips[clips["dropped"].isna()].merge(videos[["video", "category"]], on="video")
    lines = [
        "| category | split | videos | clips | gas, share of pixels |",
        "|---|---|--:|--:|--:|",
    ]
    for (category, split), rows in kept.groupby(["category", "split"]):
        gas = rows["gas_fraction"].mean()
        share = "unknown" if pd.isna(gas) else f"{gas:.3f}"
        lines.append(
            f"| {category} | {split} | {rows['video'].nunique()} | {len(rows)} | {share} |"
        )
    return "\n".join(lines)


def _dropped(clips: pd.DataFrame) -> str:
    reasons = clips["dropped"].value_counts()
    text = ", ".join(f"{count} as {reason}" for reason, count in reasons.items())
    kept = int(clips["dropped"].isna().sum())
    return f"{kept} of {len(clips)} clips kept" + (f"; dropped: {text}." if text else ".")


def _annotated(clips: pd.DataFrame) -> str:
    kept = clips[clips["dropped"].isna()]
    n_annotated, n_frames = int(kept["annotated_frames"].sum()), int(kept["frames"].sum())
    return f"{n_annotated} of the {n_frames} frames of the kept clips are annotated."


def _notes(videos: pd.DataFrame) -> list[str]:
    refused = refusals(videos)
    noted = videos[videos["remarks"].fillna("") != ""]
    left_over = int(videos["frames_left_over"].fillna(0).sum())
    return [
        f"{left_over} frames at the ends of videos filled no clip." if left_over else "",
        _listed(f"{len(refused)} of {len(videos)} videos could not be used:", refused),
        _listed("Remarks:", [f"{row.video}: {row.remarks}" for row in noted.itertuples()]),
    ]


def without_validation(clips: pd.DataFrame) -> bool:
    """Whether there are training clips, but none to choose a checkpoint by."""
    kept = clips.loc[clips["dropped"].isna(), "split"]
    return bool((kept == "train").any() and not (kept == "validation").any())


def _listed(title: str, lines: list[str]) -> str:
    return "\n".join([title, "", *(f"- {line}" for line in lines)]) if lines else ""
