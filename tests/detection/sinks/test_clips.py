import av

from fgstp.detection.sinks import event_clips


def test_a_clip_holds_some_seconds_before_and_after_the_event(hand_over, tmp_path):
    hand_over(event_clips)
    [path] = (tmp_path / "pad A" / "clips").iterdir()
    assert path.name == "pad A-1.webm"
    with av.open(str(path)) as container:
        times_s = [frame.time for frame in container.decode(video=0)]
    # The event lasts from 19 to 40 s, with a frame each half second.
    assert times_s[0] == 0
    assert times_s[-1] == (40 + 10) - (19 - 10)
    assert len(times_s) == 2 * times_s[-1] + 1
