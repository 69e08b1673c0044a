#compdef virtbusctl
# SPDX-License-Identifier: LGPL-2.1-or-later
# zsh's completion of virtbusctl, which knows best what may follow.
local line text
integer code
local -a texts shown
line=$($words[1] complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
code=$?
for line in ${(f)line}; do
    text=${line%%$'\t'*}
    texts+=("$text")
    shown+=("$text  -- ${line#*$'\t'}")
done
((code == 3)) && _files
# What is typed of "--option=" stays.
[[ $PREFIX == --*=* ]] && compset -P '*='
((${#texts})) && compadd -l -d shown -a texts
