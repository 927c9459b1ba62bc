"""`python -m ringback` is `ringback`."""

import sys

try:
    from ringback.cli import main
except KeyboardInterrupt:  # Ctrl-C before the first of our own lines runs
    sys.exit(130)

main()
