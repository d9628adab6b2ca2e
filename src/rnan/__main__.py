"""``python -m rnan``."""

from rnan.cli.main import main

if __name__ == "__main__":
    main()
