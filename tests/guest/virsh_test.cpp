// SPDX-License-Identifier: LGPL-2.1-or-later
// What others do with virsh is told in the same signals as what our own clients do.
#include "guest_test.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <future>
#include <stdexcept>

namespace virtbus::test {

/// A file that takes no more than a pipe holds until it is read: what writes more waits.
class SlowFile {
public:
    explicit SlowFile(std::string path) : path_(std::move(path)) {
        if (::mkfifo(path_.c_str(), 0600) != 0) throw std::runtime_error("no FIFO " + path_);
        reader_ = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    }
    SlowFile(const SlowFile&) = delete;
    SlowFile& operator=(const SlowFile&) = delete;
    ~SlowFile() { ::close(reader_); }

    [[nodiscard]] const std::string& path() const { return path_; }

    /// Reads all of it, until its writer has closed it; the number of bytes.
    std::size_t drain() {
        ::fcntl(reader_, F_SETFL, 0);
        std::array<char, 65'536> buffer{};
        std::size_t total = 0;
        for (ssize_t size = 0; (size = ::read(reader_, buffer.data(), buffer.size())) > 0;)
            total += static_cast<std::size_t>(size);
        return total;
    }

private:
    std::string path_;
    int reader_ = -1;
};

class VirshTest : public GuestTest {
protected:
    static void virsh(const std::string& arguments) {
        ASSERT_EQ(std::system(("virsh -q " + arguments + " >/dev/null").c_str()), 0) << arguments;
    }
};

TEST_F(VirshTest, TheSameActionsGiveTheSameSignals) {
    const auto ours = create();
    const auto theirs = create();
    const auto name = get<std::string>(theirs, "Name");
    for (const auto& path : {ours, theirs}) ASSERT_TRUE(happened(path, "defined", "added"));
    forget();

    machine(ours)->Start({});
    machine(ours)->Pause({});
    machine(ours)->Resume({});
    machine(ours)->PowerOff({});
    machine(ours)->Delete({});
    virsh("start " + name);
    virsh("suspend " + name);
    virsh("resume " + name);
    virsh("destroy " + name);
    virsh("undefine " + name);

    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", ours));
    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", theirs));
    EXPECT_TRUE(told_by_manager(ours, "undefined", "removed"));
    EXPECT_TRUE(told_by_manager(theirs, "undefined", "removed"));
    EXPECT_EQ(events(ours), events(theirs));
    const auto told = events(theirs);
    EXPECT_NE(std::find(told.begin(), told.end(), "started booted"), told.end());
    EXPECT_EQ(told.back(), "undefined removed");
}

TEST_F(VirshTest, AMachineDefinedByOthersAppears) {
    const auto model = create();
    auto [xml, generation] = machine(model)->GetXml({{"inactive", true}});
    machine(model)->Delete({});
    const auto file = fmt::format("{}/theirs.xml", std::getenv("TMPDIR"));
    std::ofstream(file) << xml;
    forget();
    virsh("define " + file);
    EXPECT_TRUE(observer.wait_for("InterfacesAdded", model));
    EXPECT_TRUE(happened(model, "defined", "added"));
    virsh("undefine " + get<std::string>(model, "Name"));
    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", model));
}

TEST_F(VirshTest, SettingsMadeByOthersAreSeen) {
    const auto path = create();
    const auto name = get<std::string>(path, "Name");
    forget();
    virsh("desc " + name + " --config --title 'from outside'");
    EXPECT_TRUE(announced<std::string>(path, "Title", "from outside"));
}

TEST_F(VirshTest, AJobThatOthersBeginIsShown) {
    const auto path = create_ready();
    const auto name = get<std::string>(path, "Name");
    SlowFile file(fmt::format("{}/theirs.core", std::getenv("TMPDIR")));
    forget();
    const auto dumped = std::async(std::launch::async, virsh, "dump " + name + " " + file.path());
    EXPECT_TRUE(observer.wait_for("JobAdded", "/org/virtbus1"));
    const auto added = std::find_if(observer.signals.begin(), observer.signals.end(),
                                    [](const Signal& signal) { return signal.name == "JobAdded"; });
    if (added != observer.signals.end()) {
        const auto job = actor.job(added->subject);
        EXPECT_EQ(job->Kind(), "dump");
        EXPECT_EQ(job->Subject(), path);
        EXPECT_EQ(job->Owner(), UINT32_MAX) << "nobody began it through virtbus";
    }
    EXPECT_GT(file.drain(), 0U);
    ASSERT_NE(added, observer.signals.end());
    EXPECT_EQ(finish(added->subject), "done");
}

}  // namespace virtbus::test
