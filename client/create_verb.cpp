// SPDX-License-Identifier: LGPL-2.1-or-later
// create: a new machine from options.
#include <fmt/format.h>

#include <memory>

#include "help.h"
#include "hypervisor_text.h"
#include "machine_spec.h"
#include "program.h"
#include "text.h"
#include "verbs.h"

namespace virtbusctl {

namespace {

bool create(Program& program, const MachineOptions& options) {
    return program.attempt("create " + printable(options.name), [&] {
        const auto spec = machine_spec(options);
        const bool is_container = !options.root.empty() || !options.init.empty();
        const auto hypervisor =
            program.bus().find_hypervisor(program.hypervisor(), is_container ? has_containers : has_virtual_machines);
        const std::string path = Hypervisor(program.bus().connection(), hypervisor.path).CreateMachine(spec);
        const auto properties = program.bus().properties(path, Machine::INTERFACE_NAME);
        if (program.output().json)
            print_json({{"machine", path}, {"uuid", text_at(properties, "Uuid")}});
        else
            fmt::print("{}\n", printable(text_at(properties, "Uuid")));
    });
}

void add_hardware_options(CLI::App& verb, MachineOptions& options) {
    verb.add_option("-m,--memory", options.memory, "default 1G")->type_name("SIZE");
    verb.add_option("-c,--vcpus", options.vcpus, "virtual CPUs, default 1")->type_name("NUMBER");
    verb.add_option("--maximum-vcpus", options.maximum_vcpus, "up to how many while it runs")->type_name("NUMBER");
    verb.add_option("-d,--disk", options.disks,
                    "POOL/IMAGE or file=FILE,format=FORMAT; further: "
                    "device, bus, readonly. May be repeated")
        ->type_name("KEY=VALUE,...")
        ->expected(1)
        ->take_all();
    verb.add_option("-i,--interface", options.interfaces,
                    "type=user, network=NETWORK or bridge=BRIDGE; further: "
                    "model, mac. May be repeated; none: no network")
        ->type_name("KEY=VALUE,...")
        ->expected(1)
        ->take_all();
    verb.add_option("--graphics", options.graphics, "none (default), vnc or spice");
    verb.add_option("--arch", options.arch, "architecture, default the host's");
    verb.add_option("--machine-type", options.machine_type, "such as q35");
    verb.add_option("--acceleration", options.acceleration, "auto (default), kvm or tcg");
    verb.add_flag("--no-serial", options.no_serial, "no serial console");
    verb.add_flag("--no-guest-agent", options.no_guest_agent, "no channel for the guest agent");
    verb.add_flag("--no-rng", options.no_rng, "no random number generator");
}

void add_boot_options(CLI::App& verb, MachineOptions& options) {
    verb.add_option("--firmware", options.firmware, "bios or efi");
    verb.add_option("--kernel", options.kernel, "boot this kernel")->type_name("FILE");
    verb.add_option("--initrd", options.initrd, "with this initial RAM disk")->type_name("FILE");
    verb.add_option("--cmdline", options.cmdline, "and this command line")->type_name("TEXT");
    verb.add_flag("--autostart", options.autostart, "start it with the host");
    verb.add_flag("-s,--start", options.start, "start it now");
    verb.add_flag("--paused", options.paused, "start it, but leave it paused");
}

void add_container_options(CLI::App& verb, MachineOptions& options) {
    verb.add_option("--root", options.root, "of a container: this directory of the host")->type_name("DIRECTORY");
    verb.add_option("--init", options.init, "its first process, default /sbin/init; once for each of its words")
        ->type_name("WORD")
        ->expected(1)
        ->take_all();
}

void add_description_options(CLI::App& verb, MachineOptions& options) {
    verb.add_option("--uuid", options.uuid, "its UUID, default random");
    verb.add_option("--title", options.title, "a short text for people")->type_name("TEXT");
    verb.add_option("--description", options.description, "a long text for people")->type_name("TEXT");
    verb.add_option("-t,--tag", options.tags, "a word to group machines by. May be repeated")
        ->type_name("TAG")
        ->expected(1)
        ->take_all();
}

}  // namespace

void add_create_verb(Program& program) {
    const auto options = std::make_shared<MachineOptions>();
    auto* verb = program.add_verb("Define", "create", "create a machine and print its UUID", "",
                                  [&program, options] { return create(program, *options); });
    verb->add_option("NAME", options->name)->required();
    add_hardware_options(*verb, *options);
    add_boot_options(*verb, *options);
    add_container_options(*verb, *options);
    add_description_options(*verb, *options);
    verb->footer(sizes_help);
}

}  // namespace virtbusctl
