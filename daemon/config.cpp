// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.h"

#include "model/error.h"

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>

namespace virtbus {

namespace {

using Json = nlohmann::json;

constexpr const char* helper_sockets = "/run/virtbus/";

void add_hypervisor(const std::string& name, const std::string& uri, Config& config) {
    try {
        check_hypervisor_name(name);
    } catch (const Error& error) {
        throw ConfigError(error.what());
    }
    config.hypervisors.uris[name] = uri;
}

template <typename Value>
Value get(const Json& value, const std::string& key) {
    try {
        // The library makes a number of what is none, or does not fit.
        if (!value.is_number_float()) {
            auto result = value.get<Value>();
            if (Json(result) == value) return result;
        }
    } catch (const Json::exception&) {
    }
    throw ConfigError(fmt::format("{}: has the wrong type", key));
}

void read_hypervisors(const Json& value, Config& config) {
    config.hypervisors.uris.clear();
    for (const auto& [name, uri] : get<std::map<std::string, std::string>>(value, "hypervisors"))
        add_hypervisor(name, uri, config);
}

void read_keepalive(const Json& value, Config& config) {
    for (const auto& [key, number] : value.items()) {
        if (key == "interval")
            config.keepalive_interval = get<int>(number, "keepalive.interval");
        else if (key == "count")
            config.keepalive_count = get<unsigned>(number, "keepalive.count");
        else
            throw ConfigError(fmt::format("keepalive.{}: unknown; known are interval, count", key));
    }
    if (config.keepalive_interval < 1 || config.keepalive_count < 1)
        throw ConfigError(
            "keepalive: interval and count must be at least 1, or a dead hypervisor would never be noticed");
}

std::vector<std::filesystem::path> read_directories(const Json& value, const std::string& key) {
    const auto names = get<std::vector<std::string>>(value, key);
    return {names.begin(), names.end()};
}

void read_allowed_directories(const Json& value, Config& config) {
    config.allowed.files = read_directories(value, "allowed-directories");
}

void read_container_directories(const Json& value, Config& config) {
    config.allowed.roots = read_directories(value, "container-directories");
}

void read_credentials_directory(const Json& value, Config& config) {
    config.credentials_directory = get<std::string>(value, "credentials-directory");
    if (!config.credentials_directory.is_absolute())
        throw ConfigError("credentials-directory: must be an absolute path");
}

void read_poll_interval(const Json& value, Config& config) {
    config.hypervisors.poll_interval = std::chrono::seconds(get<int>(value, "poll-interval"));
    if (config.hypervisors.poll_interval.count() < 1) throw ConfigError("poll-interval: must be at least 1 second");
}

void read_limits(const Json& value, Config& config) {
    const std::map<std::string, std::size_t*> known{
        {"calls", &config.limits.calls}, {"jobs", &config.limits.jobs}, {"machines", &config.limits.machines}};
    for (const auto& [key, number] : value.items()) {
        const auto limit = known.find(key);
        if (limit == known.end())
            throw ConfigError(fmt::format("limits.{}: unknown; known are calls, jobs, machines", key));
        if (!number.is_number_unsigned()) throw ConfigError(fmt::format("limits.{}: must be a number, 0 or more", key));
        *limit->second = number.get<std::size_t>();
    }
}

void read_log_level(const Json& value, Config& config) {
    const auto level = log::level_from(get<std::string>(value, "log-level"));
    if (!level) throw ConfigError("log-level: must be one of emerg, alert, crit, err, warning, notice, info, debug");
    config.log_level = *level;
}

const std::map<std::string, std::function<void(const Json&, Config&)>> settings{
    {"hypervisors", read_hypervisors},
    {"keepalive", read_keepalive},
    {"allowed-directories", read_allowed_directories},
    {"container-directories", read_container_directories},
    {"credentials-directory", read_credentials_directory},
    {"limits", read_limits},
    {"log-level", read_log_level},
    {"poll-interval", read_poll_interval},
};

std::optional<std::string> read_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(file), {});
}

/// An absolute path in the environment, such as systemd gives (systemd.exec(5)); "" where there is none.
std::filesystem::path given_directory(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value == '/' ? value : "";
}

/// What systemd gives, or where it would be.
std::filesystem::path default_state_directory(bool user) {
    if (const auto given = given_directory("STATE_DIRECTORY"); !given.empty()) return given;
    if (!user) return "/var/lib/virtbus";
    const auto state = given_directory("XDG_STATE_HOME");
    return (state.empty() ? given_directory("HOME") / ".local/state" : state) / "virtbus";
}

/// Installed it is beside virtbusd; where it was built it has a directory of its own.
std::string find_program(const char* name) {
    std::error_code ignored;
    const auto directory = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    const auto beside = directory / name;
    return std::filesystem::exists(beside, ignored) ? beside : directory / "helper" / name;
}

/// The service has no rights of its own: systemd starts its helpers. Others have what they need, and start their own.
void find_helpers(Config& config) {
    const auto is_service = !config.user && ::geteuid() != 0;
    const auto find = [&](const char* socket, const char* program) {
        return is_service ? HelperPlace(std::string(helper_sockets) + socket, HelperPlace::Kind::socket)
                          : HelperPlace(find_program(program));
    };
    config.image_helper = find("helper", "virtbus-helper");
    config.host_helper = find("host-helper", "virtbus-helper");
    config.guest_helper = find("guest-helper", "virtbus-guest-helper");
    config.container_helper = find("container-helper", "virtbus-container-helper");
}

std::pair<std::string, std::string> split_hypervisor(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) throw ConfigError(fmt::format("--hypervisor {}: must be NAME=URI", text));
    return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace

void read_settings(const std::string& json, Config& config) {
    Json document;
    try {
        document = Json::parse(json, nullptr, true, /*ignore_comments=*/true);
    } catch (const Json::exception& error) {
        throw ConfigError(error.what());
    }
    if (!document.is_object()) throw ConfigError("must be a JSON object");
    for (const auto& [key, value] : document.items()) {
        const auto setting = settings.find(key);
        if (setting == settings.end()) {
            std::vector<std::string> known;
            for (const auto& entry : settings) known.push_back(entry.first);
            throw ConfigError(fmt::format("{}: unknown; known are {}", key, fmt::join(known, ", ")));
        }
        setting->second(value, config);
    }
}

Config read_config(int argc, char** argv) {
    Config config;
    CLI::App app{"virtbusd: hypervisors, machines and images on D-Bus"};
    std::string file;
    std::vector<std::string> hypervisors;
    app.set_version_flag("--version", "virtbusd " VIRTBUS_VERSION);
    app.add_flag("--user", config.user, "serve the session bus, and qemu:///session");
    app.add_option("--hypervisor", hypervisors, "a hypervisor, NAME=URI, instead of the configured ones; repeatable")
        ->type_name("NAME=URI");
    app.add_option("--config", file,
                   fmt::format("configuration file; {}, which need not be there", default_config_file));
    app.add_option("--root", config.root, "the system whose machine-id counts as this host's; for tests")
        ->check(CLI::ExistingDirectory);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error) == 0 ? EXIT_SUCCESS : 2);
    }

    find_helpers(config);
    config.given_credentials = given_directory("CREDENTIALS_DIRECTORY");
    config.state_directory = default_state_directory(config.user);
    if (config.user) {
        config.allowed.files = {"/"};    // QEMU has its user's rights there, no more
        config.limits = Limits::none();  // and there are no others
    }
    const auto text = read_file(file.empty() ? default_config_file : file);
    if (!text && !file.empty()) throw ConfigError(file + ": cannot be read");
    // The session's daemon is not the administrator's: it reads a file only when told.
    if (text && !(config.user && file.empty())) {
        try {
            read_settings(*text, config);
        } catch (const ConfigError& error) {
            throw ConfigError(fmt::format("{}: {}", file.empty() ? default_config_file : file, error.what()));
        }
    }
    config.hypervisors.where = file.empty() ? default_config_file : file;
    if (!hypervisors.empty()) {
        config.hypervisors.uris.clear();
        config.hypervisors.where = "virtbusd's command line";
    }
    for (const auto& entry : hypervisors) {
        const auto [name, uri] = split_hypervisor(entry);
        add_hypervisor(name, uri, config);
    }
    if (config.hypervisors.uris.empty()) {
        config.hypervisors.uris["qemu"] = config.user ? "qemu:///session" : "qemu:///system";
        if (!config.user) config.hypervisors.candidates["lxc"] = "lxc:///system";
        config.hypervisors.where = "virtbusd's defaults, which hold while its configuration names none";
    }
    return config;
}

}  // namespace virtbus
