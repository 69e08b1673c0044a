// SPDX-License-Identifier: LGPL-2.1-or-later
// Clones of machines, with fakes that can fail or hang at each step.
#pragma once

#include "model/machine_clone.h"

#include "model/image_work.h"
#include "unit/identity_jobs_fixture.h"

#include <set>

namespace virtbus::test {

/// A FakeTool that knows which files there are, and fails, or tells somebody, at any step: "convert 2" is the second
/// one.
class StepTool final : public ImageTool {
public:
    explicit StepTool(std::shared_ptr<FakeTool> tool) : tool_(std::move(tool)) {}

    void fail(const std::string& step, const Error& error) { failures_.insert_or_assign(step, error); }
    /// Called before each step, on the thread that does it.
    void at_each_step(std::function<void(const std::string&)> listener) { listener_ = std::move(listener); }
    [[nodiscard]] std::set<std::string> files() const {
        const std::lock_guard lock(mutex_);
        return files_;
    }
    void put(std::set<std::string> files) {
        const std::lock_guard lock(mutex_);
        files_ = std::move(files);
    }
    /// What create() was to be based on.
    [[nodiscard]] std::vector<std::string> backings() const {
        const std::lock_guard lock(mutex_);
        return backings_;
    }

    void create(const NewFile& target, std::uint64_t size, const std::optional<ImageFile>& backing,
                Transfer& transfer) override {
        begin("create", target);
        {
            const std::lock_guard lock(mutex_);
            backings_.push_back(backing ? backing->path + " " + backing->format : "");
        }
        tool_->create(target, size, backing, transfer);
    }
    std::uint64_t measure(const ImageFile& source, const std::string& format) override {
        return tool_->measure(source, format);
    }
    void convert(const ImageFile& source, const NewFile& target, Transfer& transfer) override {
        begin("convert", target);
        tool_->convert(source, target, transfer);
    }
    void publish(const NewFile& target) override {
        step("publish");
        {
            const std::lock_guard lock(mutex_);
            if (files_.erase(target.directory + "/" + target.temporary) == 0)
                throw Error(Code::no_such_image, "there is no " + target.temporary);
            files_.insert(target.directory + "/" + target.name);
        }
        tool_->publish(target);
    }
    void remove_temporary(const std::string& directory, const std::string& temporary) override {
        tool_->remove_temporary(directory, temporary);
        const std::lock_guard lock(mutex_);
        files_.erase(directory + "/" + temporary);
    }

    void rebase(const ImageFile&, const NewFile&, const ImageFile&, Transfer&) override { refuse(); }
    void resize(const ImageFile&, std::uint64_t, bool) override { refuse(); }
    void wipe(const ImageFile&, const NewFile&, std::uint64_t, Transfer&) override { refuse(); }
    CheckReport check(const ImageFile&, Transfer&) override { refuse(); }
    void adopt(const NewFile&, Transfer&) override { refuse(); }

private:
    [[noreturn]] static void refuse() { throw Error(Code::internal, "no copy of a machine needs that"); }

    void begin(const std::string& verb, const NewFile& target) {
        step(verb);
        EXPECT_EQ(target.name, "") << "it gets its name when all is done";
        const std::lock_guard lock(mutex_);
        files_.insert(target.directory + "/" + target.temporary);
    }
    void step(const std::string& verb) {
        std::string name;
        {
            const std::lock_guard lock(mutex_);
            name = fmt::format("{} {}", verb, ++counts_[verb]);
        }
        if (listener_) listener_(name);
        if (const auto failure = failures_.find(name); failure != failures_.end()) throw Error(failure->second);
    }

    std::shared_ptr<FakeTool> tool_;
    mutable std::mutex mutex_;
    std::set<std::string> files_;
    std::vector<std::string> backings_;
    std::map<std::string, int> counts_;
    std::map<std::string, Error> failures_;             // set before any step
    std::function<void(const std::string&)> listener_;  // also
};

class MachineCloneTest : public IdentityJobsTest {
protected:
    using IdentityOf = ClonePlan::IdentityOf;

    ~MachineCloneTest() override { end_jobs(); }

    void connect() {
        IdentityJobsTest::connect();
        source = *fake->machine(web);
    }
    void edit(const Uuid& uuid, const std::function<void(Machine&)>& how) {
        HypervisorTest::edit(uuid, how);
        source = *fake->machine(web);
    }
    /// Before connect(): a second disk, data.raw.
    void put_second_disk() {
        const auto data = put("data.raw", [](Image& image) { image.format = "raw"; });
        fake->edit(web, [&](Machine& machine) {
            auto disk = machine.disks[0];
            disk.target = "vdb";
            disk.file = data.path;
            disk.format = data.format;
            machine.disks.push_back(disk);
        });
    }
    static ClonePlan plan_of(const std::string& name) {
        ClonePlan plan;
        plan.name = name;
        return plan;
    }
    std::uint64_t clone_machine(const ClonePlan& plan, const Uuid& from) {
        return clones.clone(origin(), *mirrored(from), plan);
    }
    std::uint64_t clone_machine(const ClonePlan& plan) { return clone_machine(plan, web); }
    MachinePtr copy_of(std::uint64_t number) {
        const auto& result = job(number).result;
        if (!result.contains("machine")) return nullptr;
        return mirrored(std::get<MachineRef>(std::get<ObjectRef>(result.at("machine"))).uuid);
    }

    /// Of the copy that stands in the journal.
    Uuid copy_in_journal() {
        const std::string key = "\"machine\": \"";
        const auto text = journal_text();
        const auto at = text.find(key);
        return at == std::string::npos ? Uuid() : Uuid::parse(text.substr(at + key.size(), 36)).value_or(Uuid());
    }

    /// As if nobody had ever asked for it.
    void expect_nothing_left() {
        settle(loop);
        await_empty_journal();
        for (const auto& file : steps->files()) EXPECT_THAT(file, testing::Not(testing::HasSubstr("/.virtbus-")));
        EXPECT_EQ(inventory().machines().size(), 1U);
        EXPECT_EQ(fake->machine(web), source);
        EXPECT_EQ(guests->id(web_disk), one) << "that of the source";
        for (const auto* name : {"copy.qcow2", "copy-vda.qcow2", "copy-vdb.raw"}) {
            EXPECT_FALSE(truth().image("default", name)) << name;
            EXPECT_FALSE(formats.find(std::string("/pools/default/") + name, 0))
                << name << " is not said to be anything";
            expect_free(name);
        }
        EXPECT_EQ(identities.groups().size(), 0U);
        expect_free("web.qcow2");
    }

    Machine source;
    std::shared_ptr<StepTool> steps = std::make_shared<StepTool>(tool);
    MachineClones clones{jobs, journal, steps, identity_jobs};
};

}  // namespace virtbus::test
