"""Adam's update alone, of vectors from a thousand to ten million parameters."""
