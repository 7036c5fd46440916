import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.clips import Clip
from fgstp.footage.masked_clips import MaskedClip, digest, masked_clips
from fgstp.footage.records import CLIP_COLUMNS, table


class Clips:
    """Clips on disk and their table."""

    def __init__(self, folder):
        self.store = ClipStore(folder)
        self.rows = []

    def add(self, name, split="test", mask_source="annotated", dropped=None, length=3, seed=0):
        rng = np.random.default_rng(seed)
        frames = rng.integers(0, 256, (length, 4, 5)).astype(np.uint8)
        masks = None if mask_source == "none" else frames % 2
        self.store.write(name, Clip(0, 0, frames, masks=masks))
        self.rows.append(
            {"clip": name, "split": split, "mask_source": mask_source, "dropped": dropped}
        )
        return MaskedClip(name, length)

    def of(self, split, allow_pseudo_masks=False):
        return masked_clips(
            table(self.rows, CLIP_COLUMNS),
            self.store,
            split,
            allow_pseudo_masks=allow_pseudo_masks,
            setting="evaluate.allow_pseudo_masks",
        )

    def sentence(self, split="test"):
        with pytest.raises(UserError) as error:
            self.of(split)
        assert "\n" not in str(error.value)
        return str(error.value)


@pytest.fixture
def clips(tmp_path):
    return Clips(tmp_path / "clips")


def test_kept_clips_of_the_split_that_have_masks_in_the_order_of_the_table(clips):
    wanted = [clips.add("b", length=5), clips.add("a", mask_source="synthetic")]
    clips.add("repeated", dropped="duplicate")
    clips.add("guard", dropped="guard")
    clips.add("bare", mask_source="none")
    other = clips.add("c", split="train")
    assert clips.of("test") == wanted
    assert clips.of("train") == [other]


def test_files_of_clips_that_are_not_wanted_need_not_be_there(clips):
    wanted = clips.add("a")
    clips.add("b", split="train")
    clips.add("c", dropped="duplicate")
    clips.store.remove_all_but(["a"])
    assert clips.of("test") == [wanted]


def test_without_clips_one_is_told_to_run_ingest(clips):
    assert "There are no clips; run `kedro run --pipelines=ingest` first." in clips.sentence()
    clips.add("a", dropped="duplicate")
    assert "There are no clips" in clips.sentence()


@pytest.mark.parametrize(
    ("split", "remedy"),
    [
        ("train", "give some videos the split train, and run ingest again"),
        ("validation", "raise ingest.validation.fraction, and run ingest again"),
        ("test", "give some videos the split test, and run ingest again"),
    ],
)
def test_an_empty_split_is_told_with_its_remedy(clips, split, remedy):
    splits = {"train", "validation", "test"}
    for number, other in enumerate(sorted(splits - {split})):
        clips.add(f"v_{number}", split=other)
    clips.add("dropped", split=split, dropped="duplicate")
    assert clips.sentence(split) == f"None of the 2 clips is in the split {split}; {remedy}."


def test_a_split_without_masks_is_told(clips):
    clips.add("a", mask_source="none")
    clips.add("b", split="train")
    assert "No clip of the split test has masks; put masks beside" in clips.sentence()


def test_pseudo_masks_have_to_be_allowed(clips):
    wanted = [clips.add("a"), clips.add("b", mask_source="pseudo")]
    clips.add("c", mask_source="none")
    said = clips.sentence()
    assert said.startswith("1 of the 2 clips of the split test have masks that were computed")
    assert "set evaluate.allow_pseudo_masks to take them" in said
    assert clips.of("test", allow_pseudo_masks=True) == wanted


def test_clips_that_are_left_out_and_masks_of_two_kinds_are_told(clips, caplog):
    clips.add("a")
    clips.add("b", mask_source="none", dropped="duplicate")
    clips.add("c", mask_source="none", split="train")
    clips.of("test")
    assert not caplog.records
    clips.add("d", mask_source="none")
    clips.add("e", mask_source="none")
    clips.add("f", mask_source="pseudo")
    clips.of("test", allow_pseudo_masks=True)
    assert [record.getMessage() for record in caplog.records] == [
        "2 of the 4 clips of the split test have no masks and are left out.",
        "Of the 2 clips of the split test, 1 have masks computed from the footage, the others not.",
    ]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_masks_that_are_all_computed_and_allowed_are_no_surprise(clips, caplog):
    clips.add("a", mask_source="pseudo")
    clips.of("test", allow_pseudo_masks=True)
    assert not caplog.records


@pytest.mark.parametrize("size", [(3, 4, 4), (2, 4, 5)])
def test_masks_that_are_gone_or_of_another_size_are_told(clips, size):
    clips.add("a")
    clips.add("b")
    clips.store.path("b", "masks").unlink()
    for _ in range(2):
        said = clips.sentence()
        assert said.startswith("The masks of the clip b are missing or do not fit its frames; ")
        assert said.endswith("run `kedro run --pipelines=ingest`.")
        np.save(clips.store.path("b", "masks"), np.zeros(size, np.uint8))


def test_frames_that_are_gone_are_told(clips):
    clips.add("a")
    clips.store.path("a", "frames").unlink()
    assert "The clip a cannot be read from" in clips.sentence()


# -------------------------------------------------------------------------- digest


def test_the_digest_is_of_names_and_contents_alone(clips, tmp_path):
    found = [clips.add("a"), clips.add("b", seed=1)]
    first = digest(found, clips.store)
    digest(found[:1], clips.store)
    assert digest(iter(found), clips.store) == first
    assert len(first) == 64
    assert set(first) <= set("0123456789abcdef")

    elsewhere = Clips(tmp_path / "another place")
    elsewhere.add("other", seed=7)  # in the folder, but not asked for
    copied = [elsewhere.add("b", seed=1, split="train"), elsewhere.add("a")]
    assert digest(copied[::-1], elsewhere.store) == first


@pytest.mark.parametrize("part", ["frames", "masks"])
@pytest.mark.parametrize("place", [(0, 0, 0), (2, 3, 4)])
def test_one_pixel_changes_the_digest(clips, part, place):
    found = [clips.add("a"), clips.add("b")]
    before = digest(found, clips.store)
    array = np.load(clips.store.path("b", part))
    array[place] ^= 1
    np.save(clips.store.path("b", part), array)
    assert digest(found, clips.store) != before


def test_names_and_which_clips_they_are_change_the_digest(clips):
    """The clips are all alike but the last."""
    a, b, c, d = clips.add("a"), clips.add("b"), clips.add("c"), clips.add("d", seed=1)
    chosen = [[], [a], [b], [a, b], [a, c], [b, a], [a, b, c], [a, d], [d]]
    assert len({digest(each, clips.store) for each in chosen}) == len(chosen)


def test_frames_and_masks_that_change_places_change_the_digest(clips):
    found = [clips.add("a")]
    before = digest(found, clips.store)
    one, other = (clips.store.path("a", part) for part in ("frames", "masks"))
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert digest(found, clips.store) != before
