import os

import pytest

from fgstp.core.errors import FootageError
from fgstp.footage.fingerprints import BLOCK_BYTES, files_hash, files_signature, text_hash

# FIPS 180-4's own example.
SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def two_files(tmp_path):
    paths = [tmp_path / "ä 1.png", tmp_path / "2.png"]
    for path, text in zip(paths, ("a", "bc"), strict=True):
        path.write_text(text)
        os.utime(path, ns=(10**18, 10**18))
    return paths


def test_hashes_are_sha_256(two_files):
    assert text_hash("abc") == SHA256_OF_ABC
    assert files_hash(two_files) == SHA256_OF_ABC


def test_a_large_file_is_hashed_to_its_end(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(b"0" * (2 * BLOCK_BYTES) + b"1")
    other = tmp_path / "other"
    other.write_bytes(b"0" * (2 * BLOCK_BYTES) + b"2")
    assert files_hash([path]) != files_hash([other])


def test_a_signature_stays_until_name_size_time_or_order_change(two_files):
    first, second = two_files
    before = files_signature(two_files)
    first.write_text("x")
    os.utime(first, ns=(10**18, 10**18))
    assert files_signature(two_files) == before  # it does not look at the content

    assert files_signature(two_files[::-1]) != before
    os.utime(first, ns=(10**18, 10**18 + 1))
    assert files_signature(two_files) != before
    first.write_text("xy")
    os.utime(first, ns=(10**18, 10**18))
    assert files_signature(two_files) != before
    first.write_text("a")
    os.utime(first, ns=(10**18, 10**18))
    assert files_signature(two_files) == before
    renamed = first.rename(first.with_name("b.png"))
    assert files_signature([renamed, second]) != before


def test_names_and_sizes_do_not_run_into_each_other(tmp_path):
    signatures = set()
    for name, size in [("a1", 1), ("a", 11)]:
        path = tmp_path / name
        path.write_bytes(b"x" * size)
        os.utime(path, ns=(10**18, 10**18))
        signatures.add(files_signature([path]))
    assert len(signatures) == 2


@pytest.mark.parametrize("fingerprint", [files_hash, files_signature])
def test_a_file_that_is_gone_is_named(tmp_path, fingerprint):
    with pytest.raises(FootageError, match=r"gone.mp4 cannot be read: No such file or directory"):
        fingerprint([tmp_path / "gone.mp4"])
