// SPDX-License-Identifier: LGPL-2.1-or-later
#include "help.h"

#include <string>

namespace virtbusctl {

namespace {

class HelpFormatter final : public CLI::Formatter {
public:
    HelpFormatter() {
        column_width(28);
        label("SUBCOMMAND", "VERB");
        label("OPTIONS", "OPTION…");
    }

    std::string make_description(const CLI::App* app) const override { return app->get_description() + "\n\n"; }

    /// The usage names them already.
    std::string make_positionals(const CLI::App*) const override { return ""; }

    std::string make_footer(const CLI::App* app) const override {
        const auto footer = app->get_footer();
        return footer.empty() ? "" : "\n" + footer + "\n";
    }

    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        std::string page = CLI::Formatter::make_help(app, std::move(name), mode);
        for (auto blank = page.find("\n\n\n"); blank != std::string::npos; blank = page.find("\n\n\n"))
            page.erase(blank, 1);
        return page;
    }

    std::string make_option_opts(const CLI::Option* option) const override {
        return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
    }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_formatter() { return std::make_shared<HelpFormatter>(); }

}  // namespace virtbusctl
