"""The student's code: how it is called, where its arrays are, what its exceptions say."""
