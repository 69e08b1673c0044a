// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/volume_format.h"

#include "libvirt/error.h"
#include "libvirt/handle.h"
#include "libvirt/xml.h"

#include <libvirt/virterror.h>

namespace virtbus {

namespace {

[[noreturn]] void fail(virConnectPtr connection, const std::string& what) {
    const auto error = last_error();
    if (error.code == VIR_ERR_NO_STORAGE_POOL || error.code == VIR_ERR_NO_STORAGE_VOL)
        throw Error(Code::invalid_args, what + ": " + error.message);
    throw_error(connection, error, what);
}

}  // namespace

std::string volume_format(virConnectPtr connection, const std::string& pool, const std::string& volume) {
    const auto what = "Cannot find the format of volume " + volume + " in pool " + pool;
    const PoolHandle pool_handle(virStoragePoolLookupByName(connection, pool.c_str()));
    if (!pool_handle) fail(connection, what);
    const VolumeHandle volume_handle(virStorageVolLookupByName(pool_handle.get(), volume.c_str()));
    if (!volume_handle) fail(connection, what);
    const TextHandle xml(virStorageVolGetXMLDesc(volume_handle.get(), 0));
    if (!xml) fail(connection, what);
    return read_volume_format(xml.get());
}

std::string read_volume_format(std::string_view xml) {
    pugi::xml_document document;
    const auto root = parse_xml(document, xml, "volume");
    const auto format = attribute(root.child("target").child("format"), "type");
    // What has no structure of its own: logical volumes and the like have no format at all.
    const bool plain = format.empty() || format == "none" || format == "unknown" || format == "iso";
    return plain ? "raw" : format;
}

}  // namespace virtbus
