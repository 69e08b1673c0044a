# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# lib.sh: what the scripts share. Sourced, never run.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# What meson sets up here links with mold, which takes a fifth of the time.
if [[ $(command -v mold) ]]; then export CXX_LD=${CXX_LD-mold}; fi

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# Prints the comment at the head of the calling script, which is its manual.
usage() { awk '/^# SPDX/ || NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"; }

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@"
}

# Builds in DIR, which is set up where it isn't yet, what is installed, and not the tests. One at a time, should several
# of us come.
build() {
    local dir=$1
    mkdir -p "$dir"
    (
        flock 9
        [[ -e $dir/build.ninja ]] || meson setup "$dir" "$checkout"
        ninja -C "$dir" installed
    ) 9>"$dir/.lock" >&2
}

# ---- the daemon of a throwaway instance; it writes to $VIRTBUS_LOG ---------------------------------------------------

# Starts virtbusd with these options, and returns when it has its name on the bus.
start_daemon() {
    local try
    "$VIRTBUS_BUILD/daemon/virtbusd" "$@" </dev/null >"$VIRTBUS_LOG" 2>&1 &
    daemon=$!
    for ((try = 0; try < 600; ++try)); do
        ! name_owned || return 0
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.05
    done
    tell_log "virtbusd didn't take its name on the bus"
    exit 1
}

name_owned() {
    local address=${DBUS_SESSION_BUS_ADDRESS-$DBUS_SYSTEM_BUS_ADDRESS} peer=org.freedesktop.DBus
    [[ $(busctl --address="$address" call $peer /org/freedesktop/DBus $peer NameHasOwner s org.virtbus1) == "b true" ]]
}

# Ends virtbusd as its service manager would, and fails when it crashed, hung, or a sanitizer complained.
stop_daemon() {
    local try code=0
    kill -TERM "$daemon" 2>/dev/null || true
    for ((try = 0; try < 600; ++try)); do
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "$daemon" 2>/dev/null || true
    wait "$daemon" || code=$?
    ((code == 0)) || tell_log "virtbusd ended with code $code"
    return "$code"
}

tell_log() {
    say "$1; it wrote:"
    tail -n 100 "$VIRTBUS_LOG" >&2
}
