// SPDX-License-Identifier: LGPL-2.1-or-later
// What may stand where the cursor is.
#include "completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace virtbusctl {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

class CompletionTest : public testing::Test {
protected:
    CompletionTest() {
        app.add_flag("--user", flag, "");
        app.add_flag("--system", flag, "");
        app.add_option("-H,--hypervisor", text, "")->type_name("HYPERVISOR");
        app.add_subcommand("hidden", "")->group("");
        auto* start = app.add_subcommand("start", "start machines");
        start->add_option("MACHINE", texts);
        start->add_flag("--paused", flag, "leave them paused");
        auto* create = app.add_subcommand("image", "images")->add_subcommand("import", "import a file");
        create->add_option("FILE", text);
        create->add_option("NAME", text);
        create->add_option("--pool", text, "where")->type_name("POOL");
    }

    std::vector<std::string> candidates(const std::vector<std::string>& words) {
        std::vector<std::string> found;
        for (const auto& each : complete(app, words).candidates) found.push_back(each.text);
        return found;
    }
    std::string value(const std::vector<std::string>& words) { return complete(app, words).value; }

    CLI::App app;
    bool flag = false;
    std::string text;
    std::vector<std::string> texts;
};

TEST_F(CompletionTest, OfVerbs) {
    EXPECT_THAT(candidates({""}), ElementsAre("start", "image"));
    EXPECT_THAT(candidates({"--user", "-H", "lab", ""}), ElementsAre("start", "image"));
    EXPECT_THAT(candidates({"image", ""}), ElementsAre("import"));
}

TEST_F(CompletionTest, OfOptionsOfTheVerbAndOfAll) {
    EXPECT_THAT(candidates({"start", "-"}), Contains("--paused"));
    EXPECT_THAT(candidates({"start", "-"}), Contains("--hypervisor"));
    EXPECT_THAT(candidates({"image", "import", "--"}), Contains("--pool"));
    EXPECT_THAT(candidates({"image", "import", "--"}), Not(Contains("--paused")));
    EXPECT_TRUE(candidates({"start", "--", "-"}).empty()) << "after -- there are no options";
}

TEST_F(CompletionTest, OfValues) {
    EXPECT_EQ(value({"start", ""}), "MACHINE");
    EXPECT_EQ(value({"start", "web", "--paused", "w"}), "MACHINE") << "several";
    EXPECT_EQ(value({"image", "import", ""}), "FILE");
    EXPECT_EQ(value({"image", "import", "a", ""}), "NAME");
    EXPECT_EQ(value({"image", "import", "a", "b", ""}), "") << "one too many";
    EXPECT_EQ(value({"start", "--", "-x"}), "MACHINE");
    EXPECT_EQ(value({"-H", ""}), "HYPERVISOR");
    EXPECT_EQ(value({"image", "import", "--pool", "d"}), "POOL");
    EXPECT_EQ(value({"nonsense", "--nonsense", ""}), "");
}

TEST_F(CompletionTest, OfAValueInTheWordOfItsOption) {
    const auto wanted = complete(app, {"image", "import", "--pool=de"});
    EXPECT_EQ(wanted.value, "POOL");
    EXPECT_EQ(wanted.before, "--pool=");
    EXPECT_EQ(wanted.prefix, "de");
}

TEST_F(CompletionTest, GoesByTheBusAndHypervisorThatAreNamed) {
    const auto wanted = complete(app, {"start", "--user", "--hypervisor=lab", ""});
    EXPECT_TRUE(wanted.user);
    EXPECT_FALSE(wanted.system);
    EXPECT_EQ(wanted.hypervisor, "lab");
    EXPECT_EQ(complete(app, {"-H", "xen", "start", ""}).hypervisor, "xen");
}

TEST(ShellLineTest, HasWordsWithoutTheirQuotes) {
    EXPECT_THAT(read_shell_line("virtbusctl  show we").words, ElementsAre("virtbusctl", "show", "we"));
    EXPECT_THAT(read_shell_line("virtbusctl show ").words, ElementsAre("virtbusctl", "show", ""));
    EXPECT_THAT(read_shell_line(R"(v "a \" b" 'c \ d' e\ f)").words, ElementsAre("v", "a \" b", "c \\ d", "e f"));
    EXPECT_THAT(read_shell_line("v 'a'\\''b").words, ElementsAre("v", "a'b"));
    EXPECT_THAT(read_shell_line("v ''").words, ElementsAre("v", ""));
}

TEST(ShellLineTest, KnowsWhatReadlineReplaces) {
    EXPECT_EQ(read_shell_line("v --pool=de").kept, "--pool=");
    EXPECT_EQ(read_shell_line("v a:b:c").kept, "a:b:");
    EXPECT_EQ(read_shell_line("v a\\:b").kept, "") << "a quoted one breaks no word";
    EXPECT_EQ(read_shell_line("v 'my v").quote, '\'');
    EXPECT_EQ(read_shell_line("v --pool='my v").kept, "--pool=");
    EXPECT_EQ(read_shell_line("v a:b c").kept, "");
}

TEST(ShellLineTest, QuotesWhatItAdds) {
    EXPECT_EQ(quote_for_shell("default/web-1.qcow2", '\0'), "default/web-1.qcow2");
    EXPECT_EQ(quote_for_shell("my $(vm) it's", '\0'), R"(my\ \$\(vm\)\ it\'s)");
    EXPECT_EQ(quote_for_shell("my $vm \"x\"", '"'), R"(my \$vm \"x\")");
    EXPECT_EQ(quote_for_shell("it's $x", '\''), R"(it'\''s $x)");
    EXPECT_EQ(quote_for_shell("für", '\0'), "für");
}

}  // namespace
}  // namespace virtbusctl
