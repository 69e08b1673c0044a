# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# namespaces.sh: what throwaway hosts and systems are made of: cgroups, devices, and the guard that ends them. Sourced after
# scripts/lib.sh, never run.

# shellcheck disable=SC2034  # by those who source this
namespaces=(--mount --uts --ipc --net --cgroup --pid --fork --kill-child=KILL)

# shellcheck disable=SC2034
controllers=(cpuacct devices memory)     # without them libvirt starts no container

skipped=77
skip() {
    say "$*; what needs it is SKIPPED"
    exit $skipped
}

# Runs the calling script anew, where it isn't root's yet. With the caller's environment: sanitizers and tests take their
# settings from there.
become_root() {
    ((EUID != 0)) || return 0
    sudo -n true 2>/dev/null || skip "not root, and sudo would ask"
    exec sudo -n -E "PATH=$PATH" "$@"
}

# Makes a directory below our own in each hierarchy; $DIR/cgroups lists hierarchies and directories. Fails when they have
# not the controllers that follow.
make_cgroups() {
    local dir=$1 parent name have=,
    shift
    while IFS=$'\t' read -r name parent; do
        mkdir "$parent/${dir##*/}"
        printf '%s\t%s\n' "$name" "$parent/${dir##*/}" >>"$dir/cgroups"
        [[ $name != cpuset ]] || copy_cpuset "$parent" "$parent/${dir##*/}"
        have+=$name,
        # Of the second version nobody is asked for cpuacct and devices: they are always there.
        [[ $name != unified ]] || ! grep -qw memory "$parent/cgroup.subtree_control" || have+=cpuacct,devices,memory,
    done < <(own_cgroups)
    for name; do
        [[ $have == *,$name,* ]] || return 1
    done
}

copy_cpuset() {
    local file
    for file in cpuset.cpus cpuset.mems; do cat "$1/$file" >"$2/$file"; done
}

# Prints NAME<tab>DIRECTORY of our own cgroup in each hierarchy; the second version's name is "unified".
own_cgroups() {
    local number name path point
    while IFS=: read -r number name path; do
        ((number != 0)) || name=unified
        point=$(mount_point "$name" "$path")
        [[ ! -d $point ]] || printf '%s\t%s\n' "$name" "${point%/}"
    done </proc/self/cgroup
}

# Prints where PATH of the hierarchy NAME is to be found: a mount may show only a part of the hierarchy.
mount_point() {
    awk -v name="$1" -v path="$2" '
        {
            for (i = 7; $i != "-"; ++i) { }
            type = $(i + 1); options = "," $(i + 3) ","; root = $4 == "/" ? "" : $4
            if (type == "cgroup" ? !index(options, "," name ",") : type != "cgroup2" || name != "unified") next
            if (index(path "/", root "/") != 1) next
            print $5 substr(path, length(root) + 1); exit
        }' /proc/self/mountinfo
}

# Waits for the end of the script that made the pipe which is our input; then nothing of the host is left.
_guard() {
    cat >/dev/null
    end_cgroups "$1"
    rm -rf --one-file-system "$1"
}

# What is in the host's cgroups is the host's; and a frozen container only dies when it thaws.
end_cgroups() {
    local dir=$1 directories pids
    while mapfile -t directories < <(host_cgroups "$dir") && ((${#directories[@]})); do
        mapfile -t pids < <(cat "${directories[@]/%//cgroup.procs}" 2>/dev/null | sort -u)
        kill -KILL "${pids[@]}" 2>/dev/null || true
        thaw "${directories[@]}"
        rmdir "${directories[@]}" 2>/dev/null || sleep 0.02
    done
}

# Prints all cgroups of the host, inner ones first.
host_cgroups() {
    [[ ! -e $1/cgroups ]] || cut -f2 "$1/cgroups" | while read -r top; do
        find "$top" -depth -type d 2>/dev/null || true
    done
}

thaw() {
    local directory
    for directory; do
        [[ ! -e $directory/freezer.state ]] || echo THAWED >"$directory/freezer.state" || true
        [[ ! -e $directory/cgroup.freeze ]] || echo 0 >"$directory/cgroup.freeze" || true
    done 2>/dev/null
}

# No KVM: libvirt looks for half a minute at one that opens and doesn't work.
mount_devices() {
    local node
    mount -t tmpfs -o mode=755 virtbus /dev
    mkdir /dev/{pts,shm,net}
    for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 fuse:10:229 net/tun:10:200; do
        IFS=: read -r node major minor <<<"$node"
        mknod -m 666 "/dev/$node" c "$major" "$minor"
    done
    ln -s /proc/self/fd /dev/fd
    ln -s fd/0 /dev/stdin
    ln -s fd/1 /dev/stdout
    ln -s fd/2 /dev/stderr
    mount -t devpts -o newinstance,mode=620,gid=5,ptmxmode=666 devpts /dev/pts
    ln -s pts/ptmx /dev/ptmx
    mount -t tmpfs -o mode=1777 virtbus /dev/shm
}
