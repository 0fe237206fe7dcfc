#!/bin/sh
# Makes .venv with everything the checkout's programs and tests need: scripts/venv.sh EXTRAS
# Runs on a fresh Debian or Ubuntu with Python 3.11, 3.12 or 3.13; does nothing when .venv is up to date.
# PYTHON, where it is set, names the interpreter.
set -eu
cd "$(dirname "$0")/.."
extras=$1
stamp=.venv/.installed-$extras
wanted=$(cat pyproject.toml constraints.txt | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi

# A name on the PATH may be a shim without a Python behind it, so each candidate is run.
find_python() {
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

apt_install() {
    if [ "$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else return 1; fi
    command -v apt-get >/dev/null || return 1
    $sudo apt-get install -y -q "$@" || { $sudo apt-get update -q && $sudo apt-get install -y -q "$@"; }
}

python=$(find_python)
if [ -z "$python" ]; then
    apt_install python3 python3-venv >&2 && python=$(find_python) || true
fi
if [ -z "$python" ]; then
    echo "error: Python 3.11, 3.12 or 3.13 is needed and was not found" >&2
    exit 2
fi
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    rm -rf .venv
    # Debian keeps ensurepip in a package of its own.
    if ! "$python" -m venv .venv >/dev/null 2>&1; then
        rm -rf .venv
        apt_install python3-venv >&2 && "$python" -m venv .venv || {
            echo "error: $python cannot make a virtual environment; install python3-venv" >&2
            exit 2
        }
    fi
fi
echo "installing into .venv (about 1 GB, once)" >&2
.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[$extras]"
case $extras in
*browser*)
    command -v chromium >/dev/null || apt_install chromium >&2 || echo "no Chromium: tests of the page will be skipped" >&2
    ;;
esac
echo "$wanted" >"$stamp"
