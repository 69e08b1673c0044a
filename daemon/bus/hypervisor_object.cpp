// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/hypervisor_object.h"

#include "base/utf8.h"
#include "bus/changes.h"
#include "bus/machine_spec_reader.h"
#include "bus/network_spec_reader.h"
#include "bus/paths.h"
#include "model/image_rules.h"
#include "model/uri.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

namespace virtbus::bus {

namespace {

template <typename Word>
std::vector<std::string> to_strings(const std::vector<Word>& words) {
    std::vector<std::string> texts;
    std::transform(words.begin(), words.end(), std::back_inserter(texts),
                   [](Word word) { return std::string(to_string(word)); });
    return texts;
}

/// As they will be once the machine is defined.
std::vector<Disk> disks_of(const MachineSpec& spec) {
    std::vector<Disk> disks;
    for (const auto& wanted : spec.disks) {
        Disk& disk = disks.emplace_back();
        disk.file = wanted.file;
        disk.pool = wanted.pool;
        disk.volume = wanted.volume;
        disk.readonly = wanted.readonly.value_or(wanted.device == "cdrom");
    }
    return disks;
}

/// However it is written, in one way: rules compare it.
Details about_root(const Hypervisor& hypervisor, const std::string& root) {
    const auto path = std::filesystem::path(root).lexically_normal();
    auto details = about(hypervisor);
    details["root"] = to_utf8((path.has_filename() ? path : path.parent_path()).string());
    return details;
}

}  // namespace

HypervisorObject::HypervisorObject(Services services, std::shared_ptr<Hypervisor> hypervisor, Jobs& jobs,
                                   const AllowedFiles& allowed)
    : Published(services, hypervisor_path(hypervisor->name())),
      hypervisor_(std::move(hypervisor)),
      jobs_(jobs),
      allowed_(allowed) {}

void HypervisorObject::show(const HypervisorStatus& before, const HypervisorStatus& after) {
    Changes changes;
    const auto connected = [](const HypervisorStatus& status) {
        return status.connection == virtbus::ConnectionState::connected;
    };
    changes.compare("Driver", before.info.driver, after.info.driver);
    changes.compare("Features", features_of(before.info), features_of(after.info));
    changes.compare("Type", before.info.type, after.info.type);
    changes.compare("Connected", connected(before), connected(after));
    changes.compare("ConnectionState", before.connection, after.connection);
    changes.compare("ConnectionError", before.error, after.error);
    changes.compare("Version", before.info.version, after.info.version);
    changes.compare("LibvirtVersion", before.info.libvirt_version, after.info.libvirt_version);
    changes.compare("Hostname", before.info.hostname, after.info.hostname);
    changes.compare("Arch", before.info.arch, after.info.arch);
    changes.compare("Cpu", before.info.cpu, after.info.cpu);
    changes.compare("HardwareVirtualization", before.info.hardware, after.info.hardware);
    changes.compare("Accelerations", before.info.accelerations, after.info.accelerations);
    changes.compare("GuestTypes", before.info.guest_types, after.info.guest_types);
    changes.compare("PollIntervalUSec", before.info.has_events, after.info.has_events);
    changes.compare("Cpus", before.info.cpus, after.info.cpus);
    changes.compare("Memory", before.info.memory, after.info.memory);
    announce_changes(changes.names());
}

void HypervisorObject::show_pools() { announce_changes({"Pools"}); }
void HypervisorObject::show_networks() { announce_changes({"Networks"}); }

void HypervisorObject::CreateMachine(PathResult&& result, VariantMap spec) {
    serve(getObject(), std::move(result), Action::machine_create,
          [this, values = std::move(spec)](Call& call) mutable -> Task<sdbus::ObjectPath> {
              auto wanted = read_machine_spec(std::move(values));
              validate(wanted);
              // Before it has ever been connected nobody knows what it makes; the call fails then by itself.
              if (info().type != HypervisorType::unknown)
                  check_kind(wanted, info().type == HypervisorType::container ? Kind::container : Kind::vm);
              wanted.owner = call.uid;
              call.details["machine"] = wanted.name;
              const auto uuid = wanted.uuid.value_or(Uuid::random());
              wanted.uuid = uuid;
              call.details["uuid"] = uuid.text();
              hypervisor_->require(Feature::define);
              FileCheck check = [wanted](const AllowedFiles& allowed) { check_files(wanted, allowed); };
              co_await check_allowed(std::move(check));
              const auto place = services().machine_quota.reserve(call.uid);
              const auto images = co_await resolve_images(wanted);
              for (const auto& image : images)
                  co_await require(Action::image_attach, call, about(*hypervisor_, *image));
              if (!wanted.root.empty())
                  co_await require(Action::image_attach, call, about_root(*hypervisor_, wanted.root));
              const auto claim = claim_disks(jobs_, *hypervisor_, "the start of machine " + wanted.name,
                                             wanted.start ? disks_of(wanted) : std::vector<Disk>());
              auto work = [wanted = std::move(wanted)](Port& port) { return port.create(wanted); };
              co_await settled(hypervisor_->run(Lane::work, std::move(work)), uuid);
              co_return machine_path(hypervisor_->name(), uuid);
          });
}

Task<> HypervisorObject::check_allowed(FileCheck check) const {
    auto work = [check = std::move(check), allowed = allowed_](Port&) { check(allowed); };
    co_await hypervisor_->run(Lane::work, std::move(work));
}

Task<ImagePtr> HypervisorObject::image_of(DiskSpec& disk) const {
    auto& storage = hypervisor_->storage();
    // It may have come a moment ago, by other ways than ours.
    if (!disk.pool.empty()) {
        if (!storage.find_image(disk.pool, disk.volume)) co_await storage.refreshed(disk.pool, false);
        require_pool(*hypervisor_, disk.pool);
        co_return require_image(*hypervisor_, disk.pool, disk.volume);
    }
    co_return co_await image_at(disk.file);
}

Task<ImagePtr> HypervisorObject::image_at(std::string& file) const {
    auto& storage = hypervisor_->storage();
    const auto place = co_await find_place(hypervisor_, file);
    file = place.path;  // by which all others know it
    if (place.pool) {
        require_pool(*hypervisor_, place.pool->name);
        if (!storage.image_at(place.path)) co_await storage.refreshed(place.pool->name, true);
    }
    co_return storage.image_at(place.path);
}

Task<std::vector<ImagePtr>> HypervisorObject::resolve_images(MachineSpec& spec) const {
    std::vector<ImagePtr> images;
    for (auto* file : {&spec.kernel, &spec.initrd}) images.push_back(co_await image_at(*file));
    for (std::size_t i = 0; i < spec.disks.size(); ++i) {
        auto& disk = spec.disks[i];
        const auto image = co_await image_of(disk);
        images.push_back(image);
        if (!image) {
            // A guest that has had it as raw may have written a header into it, which names files of the host.
            if (disk.format == "qcow2" && !allowed_.is_everything())
                throw Error(Code::invalid_args,
                            fmt::format("disks[{}].file: {} is no image of a pool, and so can only be raw; CreatePool "
                                        "makes its directory a pool",
                                        i, disk.file));
            continue;
        }
        if (image->format != "raw") require_plain(*hypervisor_, *image, "use");
        if (disk.format.empty()) disk.format = image->format;
        // As another format a raw image's content would be a header that its guest has written.
        if (disk.format != image->format)
            throw Error(Code::invalid_args, fmt::format("disks[{}].format: image {}/{} is {}, not {}", i, image->pool,
                                                        image->name, image->format, disk.format));
    }
    std::erase(images, nullptr);
    co_return images;
}

Task<> HypervisorObject::settled(Task<Uuid> making, Uuid uuid) {
    std::exception_ptr failure;
    try {
        co_await std::move(making);
    } catch (...) {
        failure = std::current_exception();
    }
    try {
        co_await hypervisor_->inventory().refreshed(uuid);
    } catch (...) {
        if (!failure) throw;
    }
    if (failure) std::rethrow_exception(failure);
}

void HypervisorObject::DefineXml(PathResult&& result, std::string xml, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_define,
          [this, xml = std::move(xml),
           given = Options(std::move(options))](Call& call) mutable -> Task<sdbus::ObjectPath> {
              given.refuse_unknown();
              hypervisor_->require(Feature::define);
              const auto place = services().machine_quota.reserve(call.uid);
              auto work = [xml = std::move(xml), owner = call.uid](Port& port) { return port.define(xml, owner); };
              const auto uuid = co_await hypervisor_->run(Lane::work, std::move(work));
              call.details["uuid"] = uuid.text();
              co_await hypervisor_->inventory().refreshed(uuid);
              co_return machine_path(hypervisor_->name(), uuid);
          });
}

void HypervisorObject::CreatePool(PathResult&& result, std::string name, std::string path, VariantMap options) {
    serve(getObject(), std::move(result), Action::pool_manage,
          [this, name = std::move(name), path = std::move(path),
           given = Options(std::move(options))](Call& call) mutable -> Task<sdbus::ObjectPath> {
              // libvirt refuses a second pool of one directory only if it is written in the same way.
              const PoolSpec spec{name, std::filesystem::path(path).lexically_normal(),
                                  given.take<bool>("autostart").value_or(true)};
              given.refuse_unknown();
              check_pool_name("name", name);
              call.details["pool"] = name;
              hypervisor_->require(Feature::pools);
              FileCheck check = [path](const AllowedFiles& allowed) { allowed.check("path", path); };
              co_await check_allowed(std::move(check));
              const auto place = co_await find_place(hypervisor_, spec.path + "/any");
              if (place.pool)
                  throw Error(Code::already_exists,
                              fmt::format("pool {} has the directory {} already", place.pool->name, place.pool->path));
              auto work = [spec](Port& port) { port.storage().create_pool(spec); };
              co_await hypervisor_->run(Lane::work, std::move(work));
              co_await hypervisor_->storage().refreshed(name, false);
              co_return pool_path(hypervisor_->name(), name);
          });
}

void HypervisorObject::GetDefaultPool(PathResult&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::pool_manage,
          [this, given = Options(std::move(options))](Call&) -> Task<sdbus::ObjectPath> {
              given.refuse_unknown();
              hypervisor_->require(Feature::pools);
              const auto spec = default_pool(is_session_uri(hypervisor_->uri()));
              co_await provide_pool(spec);
              co_return pool_path(hypervisor_->name(), spec.name);
          });
}

Task<> HypervisorObject::provide_pool(PoolSpec spec) {
    auto& storage = hypervisor_->storage();
    if (!storage.find_pool(spec.name)) co_await storage.refreshed(spec.name, false);
    const auto pool = storage.find_pool(spec.name);
    if (pool && pool->state == PoolState::running) co_return;
    if (!pool && !hypervisor_->is_local())
        throw Error(Code::not_supported, "the hypervisor is on another host: make a pool there with CreatePool");
    auto work = [spec, is_there = pool != nullptr](Port& port) {
        const auto expected = is_there ? Code::invalid_state : Code::already_exists;
        try {
            if (is_there)
                port.storage().start_pool(spec.name);
            else
                port.storage().create_pool(spec);
        } catch (const Error& error) {
            if (error.code() != expected) throw;  // another call was first
        }
    };
    co_await hypervisor_->run(Lane::work, std::move(work));
    co_await storage.refreshed(spec.name, false);
}

void HypervisorObject::CreateNetwork(PathResult&& result, VariantMap spec) {
    serve(getObject(), std::move(result), Action::network_manage,
          [this, values = std::move(spec)](Call& call) mutable -> Task<sdbus::ObjectPath> {
              const auto wanted = read_network_spec(std::move(values));
              validate(wanted);
              call.details["network"] = wanted.name;
              hypervisor_->require(Feature::networks);
              co_await make_network(wanted);
              co_return network_path(hypervisor_->name(), wanted.name);
          });
}

Task<> HypervisorObject::make_network(NetworkSpec spec) {
    std::exception_ptr failure;
    auto work = [spec = std::move(spec)](Port& port) {
        // Not those of the mirror: after a start it may not have them yet, and knows late what others make.
        std::vector<NetworkPtr> others;
        for (auto& other : port.networks().list_networks())
            others.push_back(std::make_shared<const virtbus::Network>(std::move(other)));
        refuse_conflicts(spec, others);
        port.networks().create_network(spec);
    };
    try {
        co_await hypervisor_->run(Lane::work, std::move(work));
    } catch (...) {
        failure = std::current_exception();
    }
    try {
        co_await hypervisor_->networks().refreshed();
    } catch (...) {
        if (!failure) throw;
    }
    if (failure) std::rethrow_exception(failure);
}

void HypervisorObject::GetCapabilitiesXml(sdbus::Result<std::string>&& result) {
    serve(getObject(), std::move(result), Action::hypervisor_inspect, [this](Call&) -> Task<std::string> {
        co_return co_await hypervisor_->run(Lane::query, [](Port& port) { return port.capabilities_xml(); });
    });
}

void HypervisorObject::Reconnect(sdbus::Result<>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::hypervisor_manage,
          [this, given = Options(std::move(options))](Call&) -> Task<> {
              given.refuse_unknown();
              hypervisor_->reconnect();
              co_return;
          });
}

std::vector<sdbus::ObjectPath> HypervisorObject::Pools() {
    std::vector<sdbus::ObjectPath> paths;
    for (const auto& pool : hypervisor_->storage().pools()) paths.push_back(pool_path(hypervisor_->name(), pool->name));
    return paths;
}

std::vector<sdbus::ObjectPath> HypervisorObject::Networks() {
    std::vector<sdbus::ObjectPath> paths;
    for (const auto& network : hypervisor_->networks().all())
        paths.push_back(network_path(hypervisor_->name(), network->name));
    return paths;
}

std::vector<std::string> HypervisorObject::Features() { return to_strings(features_of(info())); }
std::vector<std::string> HypervisorObject::Accelerations() { return to_strings(info().accelerations); }
std::vector<std::string> HypervisorObject::GuestTypes() { return to_strings(info().guest_types); }

}  // namespace virtbus::bus
