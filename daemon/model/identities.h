// SPDX-License-Identifier: LGPL-2.1-or-later
// The machine-ids of this host and of all machines, as far as they are known, and which of them are the same. Guests'
// ids are learnt by reading disks, which is slow: so they are kept in the state directory, readable by us alone, for
// machine-id(5) calls them confidential.
//
// What was learnt is stale when the guest has run since, and when a file that its disks are was written to since, or
// another put in its place, whoever did it and whether or not virtbus was there to see it. Where no file of a watched
// pool can tell, as for a container, a partition or a pool on a network, it counts only as long as virtbus has watched
// the machine without a break: after a start, or a lost connection, it is stale. So is everything, for a moment, until
// the pools are listed. Main thread only.
#pragma once

#include "model/hypervisors.h"
#include "model/identity.h"
#include "model/inventory.h"
#include "model/object_ref.h"
#include "model/state_file.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace virtbus {

class IdentitiesObserver {
public:
    virtual ~IdentitiesObserver() = default;
    /// What is known of it, or who else has the same id, has changed.
    virtual void identity_changed(const ObjectRef& subject) = 0;
    /// These have one id. Told once more when others come to have it too.
    virtual void duplicates_found(const std::string& fingerprint, const std::vector<ObjectRef>& subjects) = 0;
    virtual void duplicates_resolved(const std::string& fingerprint) = 0;
};

class Identities final : public HypervisorsObserver {
public:
    /// Those that have one id.
    struct Group {
        std::string fingerprint;
        std::vector<ObjectRef> subjects;
    };

    /// Reads what `file` holds. A damaged file is logged and begun anew.
    Identities(asio::io_context& loop, std::filesystem::path file);
    ~Identities() override;

    void observe(IdentitiesObserver* observer) { observer_ = observer; }

    /// From now on its machines are known here, as long as they are there.
    void added(const std::shared_ptr<Hypervisor>& hypervisor) override;
    /// What was known of its machines is forgotten.
    void removed(const std::shared_ptr<Hypervisor>& hypervisor) override;

    /// What is known: of a machine or the host; nothing of others.
    [[nodiscard]] Identity find(const ObjectRef& subject) const;
    /// Whoever else has the same id.
    [[nodiscard]] std::vector<ObjectRef> duplicates(const ObjectRef& subject) const;
    [[nodiscard]] std::vector<ObjectRef> with(const MachineId& id) const;
    /// All ids that more than one have.
    [[nodiscard]] std::vector<Group> groups() const;

    /// This is known of it now; of a machine that has gone it is forgotten, of one that runs stale if not its agent's.
    void set(const ObjectRef& subject, Identity identity);

private:
    class Follower;

    void added(Hypervisor& hypervisor, const Machine& value);
    void changed(Hypervisor& hypervisor, const Machine& before, const Machine& after);
    void started(const MachineRef& machine);
    void removed(const MachineRef& machine);
    /// All its machines are listed: what is known of others is not of any that is there, and nobody has watched those
    /// that are while they could not be listed.
    void resynced(Hypervisor& hypervisor);
    /// What is shown of the machines that have this image as a disk may be another.
    void show_users(Hypervisor& hypervisor, const Image& image);

    /// Puts it in the place of what is shown, and tells whom it concerns.
    void show(const ObjectRef& subject, const Identity& now);
    /// Shows what is known of a machine as it is now.
    void show(Hypervisor& hypervisor, const Machine& value);
    void tell(const ObjectRef& subject) const;
    void save();
    [[nodiscard]] std::string text() const;

    StateFile file_;
    IdentitiesObserver* observer_ = nullptr;
    std::vector<std::unique_ptr<Follower>> followers_;
    std::map<MachineRef, Identity> learnt_;  // kept in the file; also of machines that are not there at the moment
    std::set<MachineRef> watched_;           // all that has happened to it since it was learnt is known
    std::map<ObjectRef, Identity> shown_;    // of those that are there
    std::map<MachineId, std::set<ObjectRef>> by_id_;
};

}  // namespace virtbus
