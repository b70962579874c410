# What lies below is read by test_diagnosis_corpus.py; some of it cannot be imported on purpose.
collect_ignore_glob = ["*/*"]
