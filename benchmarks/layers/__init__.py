"""Each layer, forward and backward, and two whole steps, beside other libraries.

Every contestant is one file here, as those of the networks are in `benchmarks.contestants`; they
run in the same processes and the same rounds. What a task allows our time to be is its bar.
"""
