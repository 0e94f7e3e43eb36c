#!/bin/sh
# Make a virtual environment and install the checkout with one of its extras into it.
#
#   deploy/make_venv.sh <folder> <extra>      PYTHON=<interpreter> to choose one
#
# Says nothing of what pip says, unless it fails. Each fault is one line.
set -eu
venv=$1
extra=$2
hint="PYTHON=/path/to/another chooses one"

fail() {
    echo "$1" >&2
    exit 1
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

is_new_enough() {
    case $1 in
        3.[0-9] | 3.10 | [012].*) return 1 ;;
        [0-9]*.[0-9]*) return 0 ;;
        *) return 1 ;;
    esac
}

# Sets $python: PYTHON, or the newest one that is installed.
choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        version=$(version_of "$PYTHON") || fail "PYTHON=$PYTHON cannot be run as Python."
        is_new_enough "$version" ||
            fail "wsgikit needs Python 3.11 or newer, and $PYTHON is $version; $hint."
        python=$PYTHON
        return
    fi
    for python in python3.14 python3.13 python3.12 python3.11 python3; do
        version=$(version_of "$python") && is_new_enough "$version" && return
    done
    fail "wsgikit needs Python 3.11 or newer, and there is ${version:-none} here; $hint."
}

make_venv() {
    choose_python
    rm -rf "$venv"
    if ! said=$("$python" -m venv "$venv" 2>&1); then
        rm -rf "$venv" # half of one would look like a whole one next time
        case $said in
            *ensurepip* | *"No module named venv"*)
                fail "$python lacks its venv module (Debian, Ubuntu: apt install python$version-venv); $hint." ;;
            *) fail "$python -m venv failed: $(echo "$said" | tail -n 1)" ;;
        esac
    fi
    echo "Made $venv with $python ($version)."
}

install() {
    echo "Installing wsgikit[$extra] into $venv ..."
    log=$venv/pip.log
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --editable ".[$extra]" >"$log" 2>&1 || {
        cat "$log" >&2
        fail "pip could not install wsgikit[$extra]."
    }
}

# One that is there is kept, if its interpreter still runs and has pip.
"$venv/bin/python" -c 'import pip' 2>/dev/null || make_venv
install
