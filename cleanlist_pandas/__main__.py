"""``python -m cleanlist_pandas`` is the same as ``cleanlist-pandas``."""

from cleanlist_pandas.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
