"""The cross-entropy of a softmax."""
