"""handgrad beside others: first that all compute the same, then how long each takes.

``python -m benchmarks --help`` says what there is to run. Every contestant runs in a process of its
own, all with the same number of threads; the processes stay alive and take turns, so that whatever
else the machine does hits them alike. What is reported of two contestants is the ratio of their
minimums, and beside it the median, over the rounds, of the ratio within a round.
"""
