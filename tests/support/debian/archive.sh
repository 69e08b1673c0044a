# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# archive.sh: where the host's apt takes its packages from, for the systems that tests make of them. Sourced, never run.

release=bookworm

# Prints the lines of a sources.list with what the host has of the release.
sources() {
    # shellcheck disable=SC2016  # apt's variables
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Identifier: Packages' 'Origin: Debian' | grep -E " $release(-updates|-security)? main\$" | sort -u
}

# Prints how the host reaches the archive: proxies, and whether it trusts the clock.
apt_options() { apt-config dump --format '%F "%v";%n' | grep -E '^Acquire::(https?::Proxy|Check-)' || true; }

# Makes a tree of a Debian in DIR, with PACKAGES (a,b,c) and without documentation, which only takes space. More
# arguments are mmdebstrap's. A tree with owners and devices can't be made without root's rights.
install_debian() {
    local tree=$1 packages=$2 lines options
    shift 2
    mapfile -t lines < <(sources)
    ((${#lines[@]})) || die "apt has no package list of Debian's $release: run apt-get update, on a Debian 12"
    options=$(mktemp)
    apt_options >"$options"
    say "installing Debian ($release)"
    as_root mmdebstrap --mode=root --variant=essential --format=directory --quiet \
        --aptopt="$options" --aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --include="$packages" \
        "$@" "$release" "$tree" "${lines[@]}" >&2 || die "can't install Debian; mmdebstrap says above why"
    rm -f "$options"
}

# linux-image-amd64 and the like are empty packages that depend on the newest kernel.
kernel_package() { apt-cache depends "$1" | awk '/Depends:/ { print $2; exit }'; }

# Unpacks packages' files into DIR, without installing them.
unpack() {
    local into=$1 package
    shift
    for package; do
        say "fetching $package"
        (cd "${into%/*}" && apt-get -q -o APT::Sandbox::User=root download "$package" && dpkg -x "$package"_*.deb "$into") >&2 ||
            return
    done
}
