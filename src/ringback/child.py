"""`python -m ringback.child ROLE SETTINGS`: a process of a server, as `serve` starts it.

It goes past the command line of users, which takes longer to be read in than all that a node needs.
"""

import sys

try:
    import asyncio
    import os

    from ringback.config import DATABASE_URL
    from ringback.errors import RingbackError
    from ringback.processes import NODE, log_to_stderr, run_api, run_node, told_settings
except KeyboardInterrupt:  # Ctrl-C before the first of our own lines runs
    sys.exit(130)


def main() -> None:
    """Do the role's work; an error of ours is one line on standard error and exit code 1."""
    role, told = sys.argv[1:]
    log_to_stderr()
    run = run_node if role == NODE else run_api
    try:
        asyncio.run(run(os.environ[DATABASE_URL], told_settings(told)))
    except RingbackError as failed:
        sys.exit(f"error: {failed}")


if __name__ == "__main__":
    main()
