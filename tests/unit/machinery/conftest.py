"""Properties here are about results, not about time: a busy machine must not fail them."""

from hypothesis import settings

settings.register_profile("machinery", deadline=None, max_examples=60)
settings.load_profile("machinery")
