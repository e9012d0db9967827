#!/bin/sh
# Makes .venv and installs labelnb into it, with every version pinned. Called by the Makefile; safe to run again.
#   PYTHON=python3.12 scripts/set_up.sh     uses that interpreter
set -eu
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if [ -n "${PYTHON:-}" ]; then
    if ! new_enough "$PYTHON"; then
        echo "PYTHON=$PYTHON: expected Python 3.11 or newer, got $("$PYTHON" --version 2>&1 || echo 'no such program')" >&2
        exit 1
    fi
else
    for PYTHON in python3 python3.13 python3.12 python3.11 python none; do
        if [ "$PYTHON" = none ]; then
            echo "no Python 3.11 or newer found; install one, or name it: make PYTHON=/path/to/python3.12 test" >&2
            exit 1
        fi
        if new_enough "$PYTHON"; then break; fi
    done
fi

# A .venv that a stopped run left half made is made anew.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "making $venv with $("$PYTHON" --version)"
    if ! "$PYTHON" -m venv --clear "$venv"; then
        echo "this Python cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
fi

# torch goes in first: whatever asks for it afterwards then takes the build that is there.
quiet="-qq --disable-pip-version-check"   # errors only: some set-ups warn of every package
echo "installing torch (the largest part: minutes on a slow line)"
"$venv/bin/python" -m pip install $quiet -c constraints.txt torch torchvision hatchling editables
echo "installing labelnb and what it needs"
"$venv/bin/python" -m pip install $quiet -c constraints.txt --no-build-isolation -e '.[all,test]'
"$venv/bin/python" scripts/check_install.py
