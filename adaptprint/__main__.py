"""``python -m adaptprint`` and the installed command: the command line, quiet where it is stopped while it loads."""

from adaptprint.errors import EXIT_INTERRUPTED


def main() -> None:
    """Runs the program."""
    try:
        from adaptprint.cli.main import main as program

        program()
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None


if __name__ == "__main__":
    main()
