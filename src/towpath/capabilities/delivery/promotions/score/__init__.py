"""Score v1b1: what a workload needs, said once for every environment. Pure: text in, values out.

Authority: score-spec/spec `score-v1b1.json`, score-spec/score-go `framework/`.
"""

from towpath.capabilities.delivery.promotions.score.parse import (
    Container,
    Problem,
    Resource,
    Score,
    ScoreError,
    load_score,
    parse_score,
)

__all__ = [
    "Container",
    "Problem",
    "Resource",
    "Score",
    "ScoreError",
    "load_score",
    "parse_score",
]
