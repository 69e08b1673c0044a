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

# Builds the programs in DIR, which is set up where it isn't yet. One at a time, should several of us come.
build() {
    local dir=$1
    mkdir -p "$dir"
    (
        flock 9
        [[ -e $dir/build.ninja ]] || meson setup "$dir" "$checkout"
        ninja -C "$dir" daemon/virtbusd daemon/helper/virtbus-{,guest-}helper client/virtbusctl
    ) 9>"$dir/.lock" >&2
}
