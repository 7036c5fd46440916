"""Settings of ingest."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fgstp.core.config import Fraction, OddPixels, Settings
from fgstp.core.errors import did_you_mean
from fgstp.core.parallel import ParallelSettings
from fgstp.plumes.conditions import Conditions
from fgstp.plumes.presets import NamedConditions


def _known_sources(names: tuple[str, ...]) -> tuple[str, ...]:
    from fgstp.footage.sources import list_sources  # noqa: PLC0415 - they import the settings

    known = list_sources()
    for name in names:
        if name not in known:
            close = did_you_mean(name, known)
            raise ValueError(f"there is no such source{close}; choose one of {', '.join(known)}")
    if not names or len(set(names)) < len(names):
        raise ValueError("name at least one source, and none twice")
    return names


class SyntheticSettings(Settings):
    """Synthetic videos to render.

    Attributes:
        train_videos_per_category: training videos of each of the five categories.
        validation_videos_per_category: validation videos of each category; 0: clips of training
            videos are held out, see `ingest.validation`.
        test_videos_per_category: test videos of each category.
        seconds: length of each video.
        fps_hz: frame rate.
        height_px: frame height.
        width_px: frame width.
        still_plumes: plumes in each video that do not move and are no gas; in a single frame
            they look like a leak. Each takes some time to render, about 1.6 s at 320 x 240 pixels.
        conditions: what the videos may show: `demo`, `wide`, or what differs from `demo`; see
            `fgstp.plumes.Conditions`.
    """

    train_videos_per_category: int = Field(3, ge=0, le=2500)
    validation_videos_per_category: int = Field(0, ge=0, le=2500)
    test_videos_per_category: int = Field(1, ge=0, le=5000)
    seconds: float = Field(60.0, gt=0, le=86_400)
    fps_hz: float = Field(15.0, ge=0.1, le=1000)
    height_px: int = Field(240, ge=32, le=8192)
    width_px: int = Field(320, ge=32, le=8192)
    still_plumes: int = Field(0, ge=0, le=20)
    conditions: NamedConditions = Conditions()

    @model_validator(mode="after")
    def _some_videos(self) -> "SyntheticSettings":
        if self.train_videos_per_category + self.test_videos_per_category == 0:
            raise ValueError("ask for at least one training or test video per category")
        return self


class FolderSettings(Settings):
    """A folder of footage.

    Attributes:
        path: the folder, absolute or relative to the raw data folder.
        table: name of the table in it; without that file, splits are guessed.
    """

    path: str = "footage"
    table: str = "videos.csv"


class CompositeSettings(Settings):
    """Plumes rendered into leak-free footage.

    Attributes:
        per_video: composites made of each leak-free video, each with a plume of its own.
        seconds: length of each; shorter footage is played forwards and backwards in turn.
        highest_fps_hz: frames are left out, evenly, so that the rate does not exceed this.
    """

    per_video: int = Field(1, ge=1, le=1000)
    seconds: float = Field(30.0, gt=0, le=86_400)
    highest_fps_hz: float = Field(15.0, ge=0.1, le=1000)


class SpanSettings(Settings):
    """Mapping of 16-bit footage to 8 bits: one span for a whole video.

    Attributes:
        mode: `robust` for the span between two percentiles of the video's counts, `fixed` for
            given counts.
        low_percentile: percentile that becomes black (robust).
        high_percentile: percentile that becomes white (robust).
        low_counts: counts that become black (fixed).
        high_counts: counts that become white (fixed).
    """

    mode: Literal["robust", "fixed"] = "robust"
    low_percentile: float = Field(0.1, ge=0, le=100)
    high_percentile: float = Field(99.9, ge=0, le=100)
    low_counts: int = Field(0, ge=0, le=65535)
    high_counts: int = Field(65535, ge=0, le=65535)

    @model_validator(mode="after")
    def _low_below_high(self) -> "SpanSettings":
        if self.low_percentile >= self.high_percentile or self.low_counts >= self.high_counts:
            raise ValueError("the low end of a span must lie below its high end")
        return self


class CategorySettings(Settings):
    """Limits of the categories of videos.

    Attributes:
        close_below_m: a leak nearer than this is `close`.
        long_from_m: a leak at this distance or farther is `long`, between them `medium`.
        moving_levels: grey levels by which a cell must vary in time to count as moving.
        complex_from_fraction: fraction of moving cells from which a background is `complex`.
        opening_s: length of the beginning that is taken to be free of gas, in footage without
            masks and leak schedule.
    """

    close_below_m: float = Field(6.0, gt=0, le=100_000)
    long_from_m: float = Field(14.0, gt=0, le=100_000)
    moving_levels: float = Field(1.0, gt=0, le=255)
    complex_from_fraction: Fraction = 0.05
    opening_s: float = Field(120.0, gt=0, le=1e7)

    @model_validator(mode="after")
    def _close_before_long(self) -> "CategorySettings":
        if self.close_below_m > self.long_from_m:
            raise ValueError("close_below_m must not exceed long_from_m")
        return self


class DuplicateSettings(Settings):
    """Detection of clips that repeat an earlier one of the same video.

    Test clips without masks are never dropped, as they are scored over time.

    Attributes:
        threshold: similarity from which a clip is dropped; above 1 keeps every clip.
        floor_levels: grey levels of change up to which a cell is taken to be at rest.
    """

    threshold: float = Field(0.5, gt=0, le=1.01)
    floor_levels: float = Field(2.0, gt=0, le=255)


class ValidationSettings(Settings):
    """Validation clips that are held out of the training videos.

    Attributes:
        fraction: fraction of the kept training clips that is held out.
        gap_clips: number of clips before and after a validation clip that are not trained on.
    """

    fraction: Fraction = 0.15
    gap_clips: int = Field(1, ge=1, le=1000)


Label = Annotated[str, Field(coerce_numbers_to_str=True)]  # YAML takes 2 for a number


class MaskSettings(Settings):
    """How masks are read.

    Attributes:
        labelmap: meaning of each label: `gas`, `background` or `void`, which is left out of losses
            and scores. A label is a level or a palette's index (`"2"`), a colour (`"#ff0000"`), or
            the name of a class in an export; empty to take what is unambiguous.
        void_band_px: half the width of a void band along the edges of gas, which are uncertain.
    """

    labelmap: dict[Label, Literal["gas", "background", "void"]] = Field({}, max_length=1000)
    void_band_px: int = Field(0, ge=0, le=50)


class PseudoMaskSettings(Settings):
    """Masks computed from the footage, for footage without annotations.

    They have no gas in frames of which a leak schedule tells that none is released.

    Attributes:
        enabled: whether clips without masks get them.
        polarity: gas brighter than its background, darker, or both.
        percentile: temporal percentile taken as background (100 minus it for dark gas).
        window_s: length of footage around a clip from which its background is taken.
        threshold_levels: grey levels by which gas must differ from the background.
        opening_px: diameter of the morphological opening that removes thin parts, odd; 1 for none.
        min_area_px: connected components smaller than this are removed.
    """

    enabled: bool = False
    polarity: Literal["bright", "dark", "both"] = "bright"
    percentile: float = Field(10.0, gt=0, lt=50)
    window_s: float = Field(60.0, gt=0, le=1e7)
    threshold_levels: float = Field(10.0, gt=0, le=255)
    opening_px: OddPixels = 3
    min_area_px: int = Field(40, ge=0, le=100_000_000)


class ContactSheetSettings(Settings):
    """Layout of the contact sheets.

    Attributes:
        clips: rows of a sheet, one clip each.
        frames_per_clip: frames of a clip, spread evenly over it.
        difference_gain: factor on the difference to the neighbouring frame.
    """

    clips: int = Field(4, ge=1, le=1000)
    frames_per_clip: int = Field(2, ge=1, le=1000)
    difference_gain: float = Field(6.0, gt=0, le=1000)


class IngestSettings(Settings):
    """All settings of ingest.

    Attributes:
        source: name of a source in `fgstp.footage.sources`, or a list of several.
        clip_length_frames: frames of a clip.
        tolerate_bad_videos: whether a run succeeds although some videos could not be used; if
            false, it finishes all other videos and then fails.
    """

    source: Annotated[
        tuple[str, ...],
        BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
        AfterValidator(_known_sources),
    ]
    clip_length_frames: int = Field(150, ge=3, le=100_000)
    tolerate_bad_videos: bool = True
    synthetic: SyntheticSettings = SyntheticSettings()
    folder: FolderSettings = FolderSettings()
    leak_free: FolderSettings = FolderSettings(path="leak_free")
    composite: CompositeSettings = CompositeSettings()
    span: SpanSettings = SpanSettings()
    categories: CategorySettings = CategorySettings()
    duplicates: DuplicateSettings = DuplicateSettings()
    validation: ValidationSettings = ValidationSettings()
    masks: MaskSettings = MaskSettings()
    pseudo_masks: PseudoMaskSettings = PseudoMaskSettings()
    parallel: ParallelSettings = ParallelSettings()
    contact_sheet: ContactSheetSettings = ContactSheetSettings()
