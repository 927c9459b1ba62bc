#!/bin/sh
# Installs the system packages that are named, and those that the tests need, where they are missing.
set -eu
# The tests want no package beyond those of a plain Debian machine yet.
missing=
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
run=
[ "$(id -u)" = 0 ] || run=sudo
$run apt-get update -qq
# shellcheck disable=SC2086 # a list of names
DEBIAN_FRONTEND=noninteractive $run apt-get install -qq -y --no-install-recommends $missing
