"""The words that a crowd is named with: areas, things, roles, people, and what breaks in them."""

AREAS = (
    *("payments", "orders", "checkout", "catalogue", "search", "pricing", "inventory", "shipping"),
    *("returns", "loyalty", "accounts", "identity", "billing", "invoicing", "ledger", "treasury"),
    *("risk", "fraud", "claims", "policies", "quotes", "customer-care", "notifications", "mail"),
    *("media", "content", "campaigns", "analytics", "reporting", "warehouse", "fleet", "routing"),
    *("maps", "weather", "energy", "metering", "grid", "telemetry", "devices", "firmware"),
    *("hiring", "payroll", "learning", "travel", "facilities", "procurement", "legal", "archive"),
)
"""Projects. The first are the ones that the demo's people belong to."""

THINGS = (
    *("invoice", "order", "basket", "price", "stock", "parcel", "label", "address", "customer"),
    *("session", "token", "ledger", "refund", "voucher", "coupon", "review", "image", "document"),
    *("contract", "quote", "claim", "event", "metric", "alert", "report", "export", "import"),
    *("schedule", "route", "vehicle", "meter", "tariff", "forecast", "profile", "consent", "mail"),
)
ROLES = (
    *("api", "worker", "gateway", "sync", "indexer", "exporter", "scheduler", "notifier"),
    *("projector", "importer", "cache", "proxy", "matcher", "renderer", "archiver", "service"),
)
LONG_NAMES = (
    "grundstuecksverkehrsgenehmigung-exporter",
    "kraftfahrzeughaftpflichtversicherung-api",
    "rechtsschutzversicherungsgesellschaften",
    "donaudampfschifffahrtsgesellschaft-sync",
)
"""At most 40 characters, which is what a workload's name may have."""

PEOPLE = ("alice", "bob", "carol", "dana", "emre", "fatima", "goran", "hanna", "ivo", "jamila")
PURPOSES = (
    "Answers what a {thing} costs and why.",
    "Keeps every {thing} of {area} and tells others when one changes.",
    "Turns a {thing} into what accounting wants to see.",
    "Checks a {thing} before anybody acts on it.",
    "Berechnet für jede {thing} die zuständige Außenstelle und benachrichtigt sie.",
    "مسؤول عن {thing} ويُخبر بقية الخدمات عند تغييره.",
    "Sends a {thing} to the right place, once, even when the other side is asleep for a weekend "
    "and comes back with a different idea of what has happened in the meantime.",
    "",
)
SUBJECTS = (
    "Round half to even, as accounting does",
    "Retry a {thing} that the other side refused",
    "Say which {thing} is missing instead of failing",
    "Read the {thing} once and not for every row",
    "Take out the old {thing} format that nobody sends any more",
    "Die Umsatzsteuerbefreiung innergemeinschaftlicher Lieferungen auch bei Teillieferungen prüfen",
    "Fix a crash on a {thing} without an address",
    "Update the dependencies",
)
REASONS = (
    "",
    "The customer asked for it before Friday.",
    "Tested in staging over the weekend.",
    "Rollback of the change that made every second request slow.",
)
CRASHES = (
    "CrashLoopBackOff: KeyError: 'PGHOST' in settings.py, line 12 (exit code 1, 14 restarts)",
    "the readiness probe answers 503: the database refuses connections",
    "OOMKilled: it used more than its 256Mi",
)
FAILED_TESTS = (
    "test_rounding: expected 12.50, got 12.49",
    "test_retry_after_timeout: TimeoutError after 5 s",
    "test_import_of_empty_file: IndexError: list index out of range",
)
