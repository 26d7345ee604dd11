"""`python -m tsdeep` is the command `tsdeep`."""

import sys

from tsdeep.cli import main

if __name__ == "__main__":
    sys.exit(main())
