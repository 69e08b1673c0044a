# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# bash's completion of virtbusctl, which knows best what may follow.
_virtbusctl() {
    local candidates
    # The cursor's place is counted in characters, as the shell's locale has them: so it is the shell that cuts.
    candidates=$(COMP_LINE=${COMP_LINE:0:COMP_POINT} "$1" complete --bash 2>/dev/null)
    [[ $? != 3 ]] || compopt -o default    # names of files
    COMPREPLY=()
    [[ -z $candidates ]] || mapfile -t COMPREPLY <<<"$candidates"
}
complete -F _virtbusctl virtbusctl
