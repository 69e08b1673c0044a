// SPDX-License-Identifier: LGPL-2.1-or-later
// Operations on images that somebody or something interrupts at a random moment, and what must hold afterwards.
#pragma once

#include "images_test.h"

#include <functional>
#include <optional>

namespace virtbus::test {

class InterruptedTest : public ImagesTest {
protected:
    static constexpr std::uint64_t size = 96 * mebibyte;  ///< of each image, as a guest sees it
    static constexpr std::uint64_t data = 64 * mebibyte;  ///< in it

    struct Operation {
        std::string name;
        std::string changes;  ///< the image that it changes; of each run, a new one
        std::string makes;    ///< the image that it makes
        Path content;         ///< what a guest then sees in either, as a raw file; none when that is not said
        std::function<sdbus::ObjectPath()> begin;
    };

    void SetUp() override;

    Operation operation(const std::string& name);
    static std::vector<std::string> operation_names();

    /// Puts the image that is changed there.
    void make_ready(const Operation& operation);
    /// Runs it to its end; how long that took.
    Clock::duration time_of(const Operation& operation);
    /// Whatever came between: nothing half made is there, all that is shown is whole, and the sources are what they
    /// were. An operation that did not end has changed nothing.
    void expect_whole(const Operation& operation, const std::optional<Ended>& end);
    /// Removes what was made.
    void clean(const Operation& operation);

private:
    struct Source {
        std::string fingerprint;
        std::int64_t changed;  ///< when; no write goes unseen
    };

    static std::int64_t change_time(const Path& file);
    void place(const std::string& original, const std::string& name);

    std::map<std::string, Source> sources_;  ///< images that no operation changes
};

}  // namespace virtbus::test
