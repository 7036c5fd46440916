import hashlib
import os

import pytest
from xxhash import xxh3_128

from fgstp.core.errors import UserError
from fgstp.core.fingerprint import (
    BLOCK_BYTES,
    changed_facts,
    content_hash,
    fingerprint,
    is_current,
    read_stamp,
    signature,
    write_stamp,
)

FACTS = {"clips": ["a", "b"], "size": (48, 64), "rate": 0.5}


@pytest.fixture
def made(tmp_path):
    """A stamped file of four bytes, and its stamp."""
    file = tmp_path / "made.npy"
    file.write_bytes(b"1234")
    write_stamp(file, FACTS, files=[file])
    assert is_current(file, FACTS)
    return file, file.with_name("made.npy.stamp.json")


def test_the_fingerprint_is_the_sha256_of_sorted_json():
    expected = hashlib.sha256(b'{"a": [1], "b": null}').hexdigest()
    assert fingerprint({"b": None, "a": (1,)}) == expected


@pytest.mark.parametrize(("content", "later_ns"), [(b"123", 1), (b"1235", 1), (b"", 1), (b"12", 0)])
def test_a_changed_file_is_not_current(made, content, later_ns):
    file, _ = made
    before = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + later_ns))
    assert not is_current(file, FACTS)


def test_a_file_that_was_copied_back_is_current(made):
    file, _ = made
    os.utime(file, ns=(1, 1))
    assert is_current(file, FACTS)


PIECES = [(1, xxh3_128(b"1").hexdigest()), (3, xxh3_128(b"234").hexdigest())]


@pytest.mark.parametrize(
    ("pieces", "is_same"),
    [(PIECES, True), (PIECES[::-1], False), ([(1, PIECES[0][1]), (3, PIECES[0][1])], False)],
)
def test_a_file_is_told_by_hashes_of_its_pieces(made, pieces, is_same):
    file, _ = made
    write_stamp(file, FACTS, [file], {file: pieces})
    assert is_current(file, FACTS)  # nothing is read while its time stands
    os.utime(file, ns=(1, 1))
    assert is_current(file, FACTS) == is_same
    file.write_bytes(b"1244")
    assert not is_current(file, FACTS)


def test_a_missing_file_or_stamp_is_not_current(made):
    file, stamp = made
    file.unlink()
    assert not is_current(file, FACTS)
    stamp.unlink()
    assert read_stamp(file) is None


STAMP = '{{"fingerprint": "x", "facts": {}, "files": {}}}'


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"facts": {}}', '{"other": 1}', "[" * 100_000),
        *(STAMP.format(facts, "{}") for facts in ("[]", "1", '"a"', "null")),
        *(STAMP.format("{}", files) for files in ("[1]", "1", '{"a": {}}', '{"a": [1]}')),
        STAMP.format("{}", '{"a": {"size": 1, "mtime_ns": 1, "pieces": [1]}}'),
    ],
)
def test_a_damaged_stamp_is_none(made, text):
    file, stamp = made
    stamp.write_text(text)
    assert read_stamp(file) is None
    assert not is_current(file, FACTS)


def test_facts_that_differ_are_named(made):
    file, _ = made
    now = {"clips": ["a"], "size": [48, 64], "seed": 1}
    assert changed_facts(file, now) == ["clips", "rate", "seed"]
    assert changed_facts(file, FACTS) == []
    assert not is_current(file, now)


@pytest.fixture
def two_files(tmp_path):
    paths = [tmp_path / "ä 1.png", tmp_path / "2.png"]
    for path, text in zip(paths, ("a", "bc"), strict=True):
        path.write_text(text)
        os.utime(path, ns=(10**18, 10**18))
    return paths


def test_the_content_hash_is_that_of_the_files_one_after_the_other(two_files, tmp_path):
    assert content_hash(two_files) == hashlib.sha256(b"abc").hexdigest()
    large = b"0" * (2 * BLOCK_BYTES) + b"1"
    (tmp_path / "large").write_bytes(large)
    assert content_hash([tmp_path / "large"]) == hashlib.sha256(large).hexdigest()


def test_a_signature_stays_until_name_size_time_or_order_change(two_files):
    first, second = two_files
    before = signature(two_files)
    first.write_text("x")
    os.utime(first, ns=(10**18, 10**18))
    assert signature(two_files) == before  # it does not look at the content

    found = {before, signature(two_files[::-1])}
    os.utime(first, ns=(10**18, 10**18 + 1))
    found.add(signature(two_files))
    first.write_text("xy")
    os.utime(first, ns=(10**18, 10**18))
    found.add(signature(two_files))
    first.write_text("a")
    renamed = first.rename(first.with_name("b.png"))
    os.utime(renamed, ns=(10**18, 10**18))
    found.add(signature([renamed, second]))
    assert len(found) == 5


def test_names_and_sizes_do_not_run_into_each_other(tmp_path):
    signatures = set()
    for name, size in [("a1", 1), ("a", 11)]:
        path = tmp_path / name
        path.write_bytes(b"x" * size)
        os.utime(path, ns=(10**18, 10**18))
        signatures.add(signature([path]))
    assert len(signatures) == 2


@pytest.mark.parametrize("of", [content_hash, signature])
def test_a_file_that_is_gone_is_named(tmp_path, of):
    with pytest.raises(UserError, match=r"Cannot read .*gone.mp4: No such file or directory"):
        of([tmp_path / "gone.mp4"])
