"""Check sums that FFV1 has of its slices, at which FFmpeg looks without telling."""

import zlib

FOOTER_BYTES = 8  # of a slice: 3 for its size, 1 for its state, 4 for the check sum
# The check sum of FFV1 takes the bits of a byte from the highest on, that of zlib from the lowest.
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class CheckSums:
    """Counts the frames of a video of FFV1 whose check sums are wrong.

    See RFC 9043, 4.9: version 3 can have a check sum of each slice.
    """

    def __init__(self) -> None:
        self._are_right: list[bool] = []

    def take(self, packet: bytes) -> None:
        """Take the next packet, which is a frame."""
        self._are_right.append(_is_right(packet))

    def remarks(self) -> list[str]:
        """A sentence if some frames are damaged; none if not even half of them are sound."""
        wrong = [place for place, is_right in enumerate(self._are_right) if not is_right]
        if not wrong or len(wrong) > len(self._are_right) / 2:  # it has no check sums
            return []
        return [
            f"{len(wrong)} of its frames are damaged, the first is frame {wrong[0]}: their check "
            "sums are wrong"
        ]


def _is_right(packet: bytes) -> bool:
    """Whether a frame consists of slices whose check sums are right, from the last to the first."""
    end = len(packet)
    while end >= FOOTER_BYTES:
        footer = end - FOOTER_BYTES
        start = footer - int.from_bytes(packet[footer : footer + 3], "big")
        if start < 0 or _check_sum(packet[start:end]):
            return False
        end = start
    return end == 0


def _check_sum(data: bytes) -> int:
    """CRC-32 of IEEE, from 0 and not inverted: 0 if the data ends with its check sum."""
    return ~zlib.crc32(data.translate(REVERSED), 0xFFFFFFFF) & 0xFFFFFFFF
