"""Why a pod was refused is told the same way every time it is tried."""

from towpath.localcluster.replicasets import without_name


def test_the_same_refusal_of_another_attempt_is_the_same_sentence() -> None:
    told = {
        without_name(
            f'pods "shop-1-{name}" is forbidden: exceeded quota', f"shop-1-{name}", "shop-1"
        )
        for name in ("abc", "xyz")
    }
    assert told == {'pods "shop-1" is forbidden: exceeded quota'}
