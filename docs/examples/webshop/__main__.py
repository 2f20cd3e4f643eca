"""`python docs/examples/webshop` opens the shop."""

import sys
from pathlib import Path

# Python puts this folder on the path, and the package is this folder: its parent must stand there instead.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from webshop.command import main  # noqa: E402 # after the path is right

if __name__ == "__main__":
    sys.exit(main())
