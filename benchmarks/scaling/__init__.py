"""One process against two that train together, and what more machines would do."""
