"""When a relay tries again: Standard Webhooks' pauses, varied, then never (R42)."""

from __future__ import annotations

import pytest

from addressee.application.relay.schedule import LONGEST, STANDARD, Schedule


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
def test_R42_a_message_is_tried_ten_times_over_three_days(chance: float, factor: float) -> None:
    schedule = Schedule(chance=lambda: chance)
    hours = [5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    pauses = [schedule.failed(7) for _ in range(10)]
    assert pauses[:9] == [pytest.approx(each * 3600 * factor) for each in hours]
    assert pauses[9] is None
    assert schedule.failed(8) == pytest.approx(5 * factor)
    assert len(STANDARD) == 9


def test_R42_a_sink_that_is_away_is_asked_ever_more_seldom_and_without_end() -> None:
    schedule = Schedule(chance=lambda: 0.5)
    pauses = [schedule.away(0) for _ in range(1_500)]
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert set(pauses[6:]) == {LONGEST}
    assert schedule.away(60) == 60
    schedule.taken()
    assert schedule.away(0) == 0.1
