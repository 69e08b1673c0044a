# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # what it sets and takes is of make-lab and run-lab
# kvm.sh: the lab kvm: a Debian whose kernel is the hypervisor, with the SVM and nested paging that QEMU emulates.

kernel=linux-image-cloud-amd64
loaded=(kvm_amd)
modules=(tun bridge)
packages=libvirt-daemon-driver-qemu,qemu-system-x86
hypervisor=qemu:///system
cpus=2

fetch_hypervisor() { :; }
configure_lab() { :; }

boot_options() {
    qemu=(-kernel "$lab/vmlinuz" -append "console=ttyS0 no_timer_check $command_line" -initrd "$lab/initrd.img")
    guest_kernel=$lab/vmlinuz
    virtio=
}
