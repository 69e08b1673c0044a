// SPDX-License-Identifier: LGPL-2.1-or-later
// All verbs: one file a family. The order in main.cpp is that of --help.
#pragma once

namespace virtbusctl {

class Program;

void add_list_verb(Program& program);
void add_show_verbs(Program& program);  // show, xml
void add_create_verb(Program& program);
void add_clone_verb(Program& program);
void add_machine_verbs(Program& program);  // start, shutdown, …: what is done to machines
void add_set_verb(Program& program);
void add_console_verb(Program& program);
void add_run_verb(Program& program);
void add_monitor_verb(Program& program);
void add_hypervisor_verbs(Program& program);
void add_job_verbs(Program& program);  // jobs, job list, watch, cancel
void add_image_verbs(Program& program);
void add_pool_verbs(Program& program);
void add_network_verbs(Program& program);
void add_machine_id_verbs(Program& program);
void add_complete_verb(Program& program);  // hidden

}  // namespace virtbusctl
