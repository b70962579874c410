"""``python -m handgrad``: the command line, where its script is not on the path."""

from handgrad.cli import main

if __name__ == "__main__":
    main()
