"""`python -m wmenv` is the `wmenv` command."""

from wmenv.cli import main

if __name__ == "__main__":
    main()
