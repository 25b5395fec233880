"""Lateness of the loop is counted in cumulative buckets, as Prometheus wants them."""

from towpath.runtime.looplag import LoopLag


def test_each_lateness_counts_in_its_bucket_and_all_above() -> None:
    lag = LoopLag()
    for late_s in (0.0, 0.02, 3.0):
        lag.note(late_s)
    lines = lag.metrics()
    assert 'towpath_event_loop_lag_seconds_bucket{le="0.01"} 1' in lines
    assert 'towpath_event_loop_lag_seconds_bucket{le="0.025"} 2' in lines
    assert 'towpath_event_loop_lag_seconds_bucket{le="+Inf"} 3' in lines
    assert "towpath_event_loop_lag_seconds_count 3" in lines
    assert "towpath_event_loop_lag_worst_seconds 3.000000" in lines
