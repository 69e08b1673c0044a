// SPDX-License-Identifier: LGPL-2.1-or-later
// Owners of what libvirt hands out. Any thread. Beware: freeing one resets the thread's last error, so that an error
// is copied (error.h) before a handle goes out of scope.
#pragma once

#include <libvirt/libvirt.h>

#include <cstdlib>
#include <memory>

namespace virtbus {

template <auto Release>
struct Releaser {
    template <typename T>
    void operator()(T* object) const {
        Release(object);
    }
};

using ConnectionHandle = std::unique_ptr<virConnect, Releaser<virConnectClose>>;
using DomainHandle = std::unique_ptr<virDomain, Releaser<virDomainFree>>;
using StreamHandle = std::unique_ptr<virStream, Releaser<virStreamFree>>;
using PoolHandle = std::unique_ptr<virStoragePool, Releaser<virStoragePoolFree>>;
using VolumeHandle = std::unique_ptr<virStorageVol, Releaser<virStorageVolFree>>;
using NetworkHandle = std::unique_ptr<virNetwork, Releaser<virNetworkFree>>;
using LeaseHandle = std::unique_ptr<virNetworkDHCPLease, Releaser<virNetworkDHCPLeaseFree>>;
using InterfaceHandle = std::unique_ptr<virDomainInterface, Releaser<virDomainInterfaceFree>>;
/// Text that libvirt allocated.
using TextHandle = std::unique_ptr<char, Releaser<std::free>>;

/// What a call of libvirt that lists objects gives. Who takes an object out of it leaves a null pointer.
template <typename Handle>
class HandleList {
public:
    using Pointer = typename Handle::pointer;

    HandleList() = default;
    HandleList(Pointer* objects, int count) : objects_(objects), count_(count) {}
    HandleList(const HandleList&) = delete;
    HandleList& operator=(const HandleList&) = delete;
    ~HandleList() {
        for (const auto object : *this) const Handle owner(object);
        std::free(objects_);
    }

    [[nodiscard]] Pointer* begin() const { return objects_; }
    [[nodiscard]] Pointer* end() const { return objects_ + count_; }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(count_); }

private:
    Pointer* objects_ = nullptr;
    int count_ = 0;
};

using DomainList = HandleList<DomainHandle>;
using PoolList = HandleList<PoolHandle>;
using VolumeList = HandleList<VolumeHandle>;
using NetworkList = HandleList<NetworkHandle>;
using LeaseList = HandleList<LeaseHandle>;
using InterfaceList = HandleList<InterfaceHandle>;

/// Typed parameters that libvirt allocates and fills in: pass `array()` and `count()`.
class TypedParameters {
public:
    TypedParameters() = default;
    TypedParameters(const TypedParameters&) = delete;
    TypedParameters& operator=(const TypedParameters&) = delete;
    ~TypedParameters() { virTypedParamsFree(parameters_, count_); }

    [[nodiscard]] virTypedParameterPtr* array() { return &parameters_; }
    [[nodiscard]] int* count() { return &count_; }

    /// The value under `name`, or 0.
    [[nodiscard]] unsigned long long number(const char* name) const {
        unsigned long long value = 0;
        virTypedParamsGetULLong(parameters_, count_, name, &value);
        return value;
    }

    /// The same for a signed one, or -1.
    [[nodiscard]] int integer(const char* name) const {
        int value = -1;
        virTypedParamsGetInt(parameters_, count_, name, &value);
        return value;
    }

private:
    virTypedParameterPtr parameters_ = nullptr;
    int count_ = 0;
};

}  // namespace virtbus
