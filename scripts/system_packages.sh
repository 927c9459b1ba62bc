#!/bin/sh
# Installs the system packages that are named, and those that the tests need, where they are missing.
set -eu
# The far end of SIP calls, a proxy before it, what looks at their media, the voice of messages, and networks that go away.
tests="sip-tester kamailio tshark espeak-ng iproute2"
missing=
for package in $tests "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "This is no Debian: see to it by other means that there is what these packages bring:$missing" >&2
    exit 0
fi
run=
[ "$(id -u)" = 0 ] || run=sudo
$run apt-get update -qq
# By env, since sudo hands on no variables: tshark has a question, which would be waited for.
# shellcheck disable=SC2086 # a list of names
$run env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing </dev/null
