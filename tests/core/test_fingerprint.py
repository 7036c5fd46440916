import hashlib
import os

import pytest

from fgstp.core.fingerprint import (
    changed_facts,
    fingerprint,
    is_current,
    read_stamp,
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


@pytest.mark.parametrize("content", [b"123", b"1235", b""])
def test_a_changed_file_is_not_current(made, content):
    file, _ = made
    before = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert not is_current(file, FACTS)


def test_a_truncated_file_is_noticed_even_at_the_same_time(made):
    file, _ = made
    before = file.stat()
    file.write_bytes(b"12")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not is_current(file, FACTS)


def test_a_file_that_was_copied_back_is_current(made):
    file, _ = made
    os.utime(file, ns=(1, 1))
    assert is_current(file, FACTS)


def test_a_missing_file_or_stamp_is_not_current(made):
    file, stamp = made
    file.unlink()
    assert not is_current(file, FACTS)
    stamp.unlink()
    assert read_stamp(file) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"facts": {}}', '{"other": 1}'])
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
