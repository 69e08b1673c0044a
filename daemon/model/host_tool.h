// SPDX-License-Identifier: LGPL-2.1-or-later
// What changes this host's machine-id: helper/ implements it, since it needs root; tests fake it. As IdentityFiles, the
// functions block and throw Error.
#pragma once

#include "model/identity_files.h"

namespace virtbus {

class HostTool {
public:
    virtual ~HostTool() = default;

    virtual IdentityFiles::Ensured ensure(IdFile file) = 0;
    virtual bool link_dbus() = 0;
    virtual void replace(const MachineId& id) = 0;
};

}  // namespace virtbus
