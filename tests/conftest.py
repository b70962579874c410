"""What holds for the whole suite."""

from hypothesis import settings

# Two shared cores are slow at times, and a deadline would only measure them.
settings.register_profile("handgrad", deadline=None, max_examples=60)
settings.load_profile("handgrad")
