"""ResourceQuota: what a namespace may hold, refused when it would be exceeded, shown in status.

usage.py       what one object uses, and what a namespace uses of what a quota limits
admission.py   the admission function; it counts writes that are under way
status.py      keeps status.used current
"""

from towpath.apiserver.quota.admission import QuotaAdmission
from towpath.apiserver.quota.status import QuotaStatus

__all__ = ["QuotaAdmission", "QuotaStatus"]
