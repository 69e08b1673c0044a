// SPDX-License-Identifier: LGPL-2.1-or-later
// Copies of definitions, and questions to them.
#pragma once

#include "libvirt/domain_copy.h"
#include "libvirt/xml.h"

#include <pugixml.hpp>

#include <string>

#include "texts.h"

namespace virtbus::test {

/// A copy of the machine web in domains/copy-full.xml.
inline MachineCopy web_copy() {
    return {"web-2",
            *Uuid::parse("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"),
            {{"vda", "/images/web-2.qcow2", "qcow2"},
             {"sda", "/images/web-2-data.qcow2", "qcow2"},
             {"vdb", "/images/web-2-log.img", "raw"}},
            1'000};
}

/// A copy, asked with XPath.
class Copied {
public:
    explicit Copied(const std::string& xml, const MachineCopy& copy = {"copy", Uuid::random(), {}, no_owner})
        : text(copy_domain_xml(xml, copy)) {
        parse_xml(document_, text, "domain");
    }

    /// The values of all nodes found, with a blank between.
    [[nodiscard]] std::string at(const std::string& path) const {
        std::string values;
        for (const auto& found : document_.select_nodes(("/domain/" + path).c_str())) {
            if (!values.empty()) values += ' ';
            values += found.attribute() ? found.attribute().value() : text_of(found.node());
        }
        return values;
    }
    [[nodiscard]] std::size_t count(const std::string& path) const {
        return document_.select_nodes(("/domain/" + path).c_str()).size();
    }

    std::string text;

private:
    pugi::xml_document document_;
};

inline Copied copied_web() { return Copied(read_text("domains/copy-full.xml"), web_copy()); }

/// A definition with these devices, and elements beside them.
inline std::string definition(const std::string& devices, const std::string& more = "") {
    return "<domain type='kvm'><name>src</name><uuid>6ba7b811-9dad-11d1-80b4-00c04fd430c8</uuid>" + more + "<devices>" +
           devices + "</devices></domain>";
}

}  // namespace virtbus::test
