# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # what it sets and takes is of make-lab and run-lab
# xen.sh: the lab xen: Xen 4.17 with a Debian as dom0, whose libvirt has the xen driver. With the SVM and nested paging
# that QEMU emulates it runs PV, PVH and HVM guests.

kernel=linux-image-amd64                 # the cloud kernel can't be dom0
loaded=()                                # xen.service knows what it needs
modules=(xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs xen-netback xen-blkback tun bridge)
packages=xen-utils-4.17,xen-utils-common,xenstore-utils,qemu-system-xen,libvirt-daemon-driver-xen
hypervisor=xen:///system
cpus=1                                   # with two a guest and dom0 wait long for each other: no HVM in ten minutes

# Xen itself, as QEMU can load it.
fetch_hypervisor() {
    unpack "$work/xen" xen-hypervisor-4.17-amd64
    zcat "$work/xen/boot/xen-4.17-amd64.gz" >"$work/new/xen.elf"
}

# libvirt's xen driver does not start where no model of its CPU map fits, and all want "sep", which Xen hides on AMD.
configure_lab() {
    local model
    for model in qemu64 kvm64; do sed -i "/'sep'/d" "$1/usr/share/libvirt/cpu_map/x86_$model.xml"; done
    install -D -m 644 /dev/stdin "$1/etc/systemd/system/libvirtd.service.d/xen.conf" <<END
[Unit]
Wants=xen.service
After=xen.service
END
    chroot "$1" systemctl -q mask xendomains.service
}

# Modules are set apart by commas, so there can be none in the kernel's own command line. In a PV dom0 devices reach
# memory only through the IOMMU's interface.
boot_options() {
    qemu=(-kernel "$lab/xen.elf" -append "console=com1 com1=115200,8n1 dom0_mem=768M,max:768M dom0_max_vcpus=1"
          -initrd "$lab/vmlinuz console=hvc0 $command_line,$lab/initrd.img")
    guest_kernel=$lab/vmlinuz            # the cloud kernel is twice as large, and HVM guests get it byte by byte
    virtio=,disable-legacy=on,iommu_platform=on
}
