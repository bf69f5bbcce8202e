"""``python -m hyenascope`` is the shell command."""

from hyenascope.cli import main

if __name__ == "__main__":
    main()
