// SPDX-License-Identifier: LGPL-2.1-or-later
// show and xml: one machine, as virtbus and as libvirt describe it.
#include <fmt/format.h>

#include <memory>

#include "machine_text.h"
#include "program.h"
#include "text.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

/// The daemon asks for them only when it is told to, and then shows them as a property. Who may not tell it, or where
/// nothing is to be asked, sees what was found before.
void look_for_addresses(Program& program, const std::string& path) {
    try {
        program.machine(path).GetAddresses({});
    } catch (const sdbus::Error&) {
    }
}

bool show_machine(Program& program, const std::string& name) {
    return program.attempt("show " + printable(name), [&] {
        auto& bus = program.bus();
        const auto path = program.find_machine(name);
        look_for_addresses(program, path);
        const auto properties = bus.machine_properties(path);
        if (program.output().json) return print_json(properties);
        const auto hypervisor = bus.properties(text_at(properties, "Hypervisor"), Hypervisor::INTERFACE_NAME);
        fmt::print("{}", machine_text(properties, text_at(hypervisor, "Name")));
    });
}

bool print_xml(Program& program, const std::string& name, bool inactive) {
    return program.attempt("print the XML of " + printable(name), [&] {
        auto machine = program.machine(program.find_machine(name));
        const auto [xml, generation] = machine.GetXml({{"inactive", inactive}});
        if (program.output().json) return print_json({{"xml", xml}, {"generation", generation}});
        // For programs and editors as it is: escaped it would not be the document.
        fmt::print("{}{}", xml, !xml.empty() && xml.back() == '\n' ? "" : "\n");
    });
}

}  // namespace

void add_show_verbs(Program& program) {
    const auto name = std::make_shared<std::string>();
    auto* show_verb = program.add_verb("Look", "show", "show all about a machine", "",
                                       [&program, name] { return show_machine(program, *name); });
    show_verb->add_option("MACHINE", *name)->required();

    const auto inactive = std::make_shared<bool>(false);
    auto* xml_verb = program.add_verb("Look", "xml", "print libvirt's XML of a machine", "",
                                      [&program, name, inactive] { return print_xml(program, *name, *inactive); });
    xml_verb->add_option("MACHINE", *name)->required();
    xml_verb->add_flag("--inactive", *inactive, "the definition, not what runs now");
}

}  // namespace virtbusctl
