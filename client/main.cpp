// SPDX-License-Identifier: LGPL-2.1-or-later
// virtbusctl: the table of verbs.
#include <clocale>

#include "program.h"
#include "terminal.h"
#include "verbs.h"

int main(int argc, char** argv) {
    // What comes over D-Bus is UTF-8, and so is what is printed, whatever the locale: tables count columns by it.
    std::setlocale(LC_CTYPE, "C.UTF-8");

    using namespace virtbusctl;
    fill_standard_streams();
    Program program;
    for (const auto add :
         {add_list_verb, add_show_verbs, add_create_verb, add_clone_verb, add_set_verb, add_machine_verbs,
          add_console_verb, add_run_verb, add_monitor_verb, add_image_verbs, add_pool_verbs, add_network_verbs,
          add_machine_id_verbs, add_hypervisor_verbs, add_job_verbs, add_complete_verb})
        add(program);
    return program.run(argc, argv);
}
