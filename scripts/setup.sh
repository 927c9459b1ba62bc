#!/bin/sh
# Makes .venv with the pinned dependencies and an editable Ringback in it. Called by make when it is missing or stale.
set -eu
python=${1:-python3}
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || {
    echo "Ringback wants Python 3.11 to 3.13; name one by: make PYTHON=python3.11 ..." >&2
    exit 1
}
if ! [ -x .venv/bin/python ]; then
    # Debian keeps what makes virtual environments in a package of its own.
    "$python" -m venv .venv 2>/dev/null || {
        rm -rf .venv
        scripts/system_packages.sh "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
        "$python" -m venv .venv
    }
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
touch .venv/ready
