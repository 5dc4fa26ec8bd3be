#!/bin/sh
# Finds a Python that is new enough and hands over to setup.py. Plain sh, because there may be no Python at all.
# A pyenv shim of a version that is not switched on exists and fails: hence each candidate is tried, not only looked up.
cd "$(dirname "$0")/.." || exit 1
for candidate in "$PYTHON" python3 python3.13 python3.12 python3.14 python3.11 python3.15 python /usr/bin/python3; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        exec "$candidate" tools/setup.py "$@"
    fi
done
echo "minisys: no Python 3.11 or newer found ($(python3 --version 2>&1 | head -n 1))." >&2
echo "         Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python), or name it: make lab PYTHON=/path/to/python3" >&2
exit 1
