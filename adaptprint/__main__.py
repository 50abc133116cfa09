"""``python -m adaptprint`` is the command line."""

from adaptprint.cli.main import main

if __name__ == "__main__":
    main()
