"""The name of a decision: one person has one on each promotion."""

import hashlib
import re


def approval_name(promotion: str, user: str) -> str:
    """One decision of one person on one promotion has one name."""
    readable = re.sub(r"[^a-z0-9]+", "-", user.lower()).strip("-")[:40]
    if readable != user:
        readable = f"{readable}-{hashlib.sha256(user.encode()).hexdigest()[:8]}".lstrip("-")
    return f"{promotion}-{readable}"
