"""Becomes a PostgreSQL program: drops to the server's user, ties its life to its parent's, and runs the command.

A program of its own, run by path: Python code between fork and exec in a parent with threads could deadlock, and
the death signal has to be asked for after the change of user, which clears it.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Replace this process by a command that its parent's death ends.

    Args:
        arguments: the parent's pid, the signal to get when it dies, the user id and group id to run as, then the
            command with its arguments.
    """
    parent, death_signal, uid, gid = (int(argument) for argument in arguments[:4])
    command = arguments[4:]
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent ended before this process could be tied to it")
    os.umask(0o077)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execv(command[0], command)  # noqa: S606 - becoming the command is what this program is for


if __name__ == "__main__":
    main(sys.argv[1:])
