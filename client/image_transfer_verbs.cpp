// SPDX-License-Identifier: LGPL-2.1-or-later
// image import and image export: images from files and to files, or through the standard streams. The daemon gets the
// open file, not its name: what the caller can read and write is enough.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "export_file.h"
#include "image_verbs.h"
#include "storage_choice.h"
#include "text.h"
#include "units.h"

namespace virtbusctl {

namespace {

struct TransferringRequest {
    std::string image;  // of an import: the name of the new one
    std::string file;
    std::string format, sha256, size, pool;
    bool force = false;
    bool no_wait = false;
};

/// sdbus-c++'s own duplicate would be inherited by other programs.
sdbus::UnixFd duplicate(int descriptor) {
    const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (copy < 0) throw std::system_error(errno, std::generic_category(), "cannot use the standard stream");
    return {copy, sdbus::adopt_fd};
}

sdbus::UnixFd open_source(const std::string& file) {
    if (file == "-") return duplicate(STDIN_FILENO);
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        const int error = errno;
        throw Failure(fmt::format("cannot open {}: {}", printable(file), std::generic_category().message(error)));
    }
    sdbus::UnixFd source(descriptor, sdbus::adopt_fd);
    struct stat status {};
    if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode))
        throw Failure(printable(file) + " is a directory");
    return source;
}

std::string name_of_import(const TransferringRequest& request) {
    if (request.file == "-" && ::isatty(STDIN_FILENO) == 1)
        throw UsageError("standard input is a terminal: name a FILE, or pipe the image in");
    if (!request.image.empty()) return request.image;
    if (request.file == "-") throw UsageError("standard input has no name: give the image one, after \"-\"");
    return std::filesystem::path(request.file).filename();
}

Dictionary import_options(const TransferringRequest& request) {
    Dictionary options;
    add_text(options, "sha256", request.sha256);
    if (!request.size.empty()) options["size"] = parse_bytes(request.size);
    return options;
}

bool run_import(Program& program, const TransferringRequest& request) {
    const auto name = name_of_import(request);
    const auto options = import_options(request);
    JobRun run(program, request.no_wait);
    const bool begun = program.attempt("import " + printable(name), [&] {
        const auto source = open_source(request.file);
        const auto made = new_image(name, request.pool);
        Pool pool(program.bus().connection(), Storage(program).place(made.pool).pool);
        const auto job = pool.ImportImage(made.name, source, request.format, options);
        run.began(job, printable(name), [&](const Json& ended) { return print_new_image(program, ended); });
    });
    return begun && run.wait();
}

/// Whether the export goes to standard output, which is not to be mixed with anything else then.
bool goes_to_output(const TransferringRequest& request) {
    if (!request.file.empty() && request.file != "-") return false;
    if (::isatty(STDOUT_FILENO) == 1) throw UsageError("standard output is a terminal: name a FILE to write to");
    if (request.no_wait) throw UsageError("--no-wait needs a FILE: standard output cannot take the job's path as well");
    return true;
}

bool print_export(const Program& program, const TransferringRequest& request, const std::string& image,
                  const Json& job) {
    if (!program.output().json) return true;
    const auto size = number_at(job.value("Result", Json::object()), "size");
    print_json({{"image", image}, {"file", request.file}, {"size", size}});
    return true;
}

void begin_export(Program& program, const TransferringRequest& request, JobRun& run, std::optional<ExportFile>& file) {
    const auto row = Storage(program).image(request.image);
    const bool to_output = goes_to_output(request);
    if (!to_output) file.emplace(request.file, request.force);
    const auto target = duplicate(file ? file->descriptor() : STDOUT_FILENO);
    Dictionary options;
    add_text(options, "format", request.format);
    const auto job = Image(program.bus().connection(), row.path).Export(target, options);
    run.began(job, printable(row.pool + "/" + row.name), [&, to_output, row](const Json& ended) {
        if (file) file->keep();
        return to_output || print_export(program, request, row.path, ended);
    });
}

bool run_export(Program& program, const TransferringRequest& request) {
    JobRun run(program, request.no_wait);
    std::optional<ExportFile> file;  // removed, however this ends
    const auto doing = "export " + printable(request.image);
    if (!program.attempt(doing, [&] { begin_export(program, request, run, file); })) return false;
    bool success = false;
    const bool undisturbed = program.attempt(doing, [&] { success = run.wait(); });
    if (file && run.left_one()) {
        const auto written = file->leave();
        if (written != request.file) fmt::print(stderr, "The job writes to {}\n", printable(written));
    }
    return undisturbed && success;
}

void add_import(Program& program, CLI::App& family) {
    const auto request = std::make_shared<TransferringRequest>();
    auto* verb = program.add_nested_verb(family, "import", "make an image of a file and print its name", "",
                                         [&program, request] { return run_import(program, *request); });
    verb->add_option("FILE", request->file)->required();
    verb->add_option("NAME", request->image);
    verb->add_option("--format", request->format, "what the file is, never guessed: qcow2 or raw")->required();
    verb->add_option("--sha256", request->sha256, "the checksum that it must have")->type_name("HEX");
    verb->add_option("--size", request->size, "how many bytes it must have, exactly")->type_name("BYTES");
    add_pool(*verb, request->pool, "where, as POOL/NAME says it too; default the pool \"default\"");
    add_no_wait(*verb, request->no_wait);
    verb->footer(std::string("A FILE \"-\" is standard input. Without NAME the image is called as the file.\n") +
                 pool_help);
}

void add_export(Program& program, CLI::App& family) {
    const auto request = std::make_shared<TransferringRequest>();
    auto* verb = program.add_nested_verb(family, "export", "write an image to a file", "",
                                         [&program, request] { return run_export(program, *request); });
    verb->add_option("IMAGE", request->image)->required();
    verb->add_option("FILE", request->file);
    verb->add_option("--format", request->format, "qcow2 or raw; default that of the image");
    verb->add_flag("--force", request->force, "replace the file, if there is one");
    add_no_wait(*verb, request->no_wait);
    verb->footer(std::string("Without FILE, or with \"-\", it goes to standard output.\n") + image_help);
}

}  // namespace

void add_image_transfer_verbs(Program& program, CLI::App& family) {
    add_import(program, family);
    add_export(program, family);
}

}  // namespace virtbusctl
