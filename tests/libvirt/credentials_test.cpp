// SPDX-License-Identifier: LGPL-2.1-or-later
// Who we are stands in files of the administrator's: what they may look like, who may read them, and whom they are
// told.
#include "libvirt/credentials.h"

#include "libvirt_test.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace virtbus::test {

namespace {

using testing::HasSubstr;
using testing::Not;

class CredentialsTest : public testing::Test {
protected:
    std::filesystem::path write(const std::string& text, mode_t mode = 0600) {
        const auto path = directory_.path / "esx";
        std::ofstream(path) << text;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    std::optional<Credentials> read(const std::string& uri = "esx://esx.example/") {
        return read_credentials({"", directory_.path, "esx", needs_host_}, uri);
    }
    Outcome reading(const std::string& uri = "esx://esx.example/") {
        return outcome_of([&] { read(uri); });
    }

    TemporaryDirectory directory_;
    bool needs_host_ = false;
};

TEST_F(CredentialsTest, NeedNotBeThere) {
    EXPECT_FALSE(read());
    EXPECT_FALSE(read_credentials({}, "qemu:///system"));
}

TEST_F(CredentialsTest, AreAUserAndAPassword) {
    write(R"({"username": "root", "password": "s3cret"})");
    const auto credentials = read();
    ASSERT_TRUE(credentials);
    EXPECT_EQ(credentials->username, "root");
    EXPECT_EQ(credentials->password, "s3cret");
    EXPECT_FALSE(credentials->host);
}

TEST_F(CredentialsTest, AreForTheirOwnerAlone) {
    for (const mode_t mode : {0640U, 0604U, 0660U, 0602U, 0444U}) {
        const auto path = write(R"({"password": "s3cret"})", mode);
        const auto outcome = reading();
        EXPECT_TRUE(refuses(outcome, Code::access_denied, path.string() + ": others can read or change it")) << outcome;
    }
    write(R"({"password": "s3cret"})", 0400);
    EXPECT_TRUE(read());
}

TEST_F(CredentialsTest, AreNoLinkNorDirectory) {
    std::filesystem::create_symlink("/dev/null", directory_.path / "esx");
    EXPECT_TRUE(refuses(reading(), Code::access_denied));
    std::filesystem::remove(directory_.path / "esx");
    std::filesystem::create_directory(directory_.path / "esx");
    EXPECT_TRUE(refuses(reading(), Code::access_denied));
}

TEST_F(CredentialsTest, AreNotQuotedWhenTheyAreDamaged) {
    for (const auto* text : {"s3cret", R"({"password": "s3cret")", R"({"password": 5, "s3cret": 1})", R"(["s3cret"])",
                             R"({"pasword": "s3cret"})", ""}) {
        write(text);
        const auto outcome = reading();
        EXPECT_TRUE(refuses(outcome, Code::invalid_args)) << text << ": " << outcome;
        EXPECT_THAT(outcome.text, Not(HasSubstr("s3cret")));
    }
    write(std::string(100'000, ' '));
    EXPECT_TRUE(refuses(reading(), Code::invalid_args));
}

TEST_F(CredentialsTest, GoToTheHostThatTheyAreFor) {
    write(R"({"password": "s3cret", "host": "esx.example"})");
    EXPECT_TRUE(read("esx://root@esx.example:443/?no_verify=1"));
    EXPECT_TRUE(refuses(reading("esx://evil.example/"), Code::access_denied, "the credentials of esx are for host"));
    write(R"({"password": "s3cret"})");
    EXPECT_TRUE(read("esx://evil.example/")) << "so the administrator has configured it";
    needs_host_ = true;
    EXPECT_TRUE(refuses(reading("esx://evil.example/"), Code::access_denied, "the credentials of esx name no host"));
}

TEST_F(CredentialsTest, ComeFromSystemdFirst) {
    TemporaryDirectory given;
    write(R"({"password": "ours"})");
    std::ofstream(given.path / "esx") << R"({"password": "systemd's"})";
    ASSERT_EQ(::chmod((given.path / "esx").c_str(), 0440), 0);
    const CredentialsSource source{given.path, directory_.path, "esx", false};
    EXPECT_EQ(read_credentials(source, "esx://host/")->password, "systemd's");
}

/// What a question is answered with; "none" when it fails.
std::string answer(std::optional<Credentials> credentials, int type, const char* otherwise = nullptr) {
    CredentialsAnswer answer(std::move(credentials));
    virConnectCredential question{type, "prompt", nullptr, otherwise, nullptr, 0};
    const auto* auth = answer.get();
    if (auth->cb(&question, 1, auth->cbdata) != 0) return "none";
    std::string text(question.result, question.resultlen);
    std::free(question.result);
    return text;
}

TEST(CredentialsAnswerTest, SaysWhoWeAre) {
    const Credentials credentials{"root", "s3cret", {}};
    EXPECT_EQ(answer(credentials, VIR_CRED_USERNAME), "root");
    EXPECT_EQ(answer(credentials, VIR_CRED_AUTHNAME), "root");
    EXPECT_EQ(answer(credentials, VIR_CRED_PASSPHRASE), "s3cret");
    EXPECT_EQ(answer(credentials, VIR_CRED_NOECHOPROMPT), "s3cret");
    EXPECT_EQ(answer(std::nullopt, VIR_CRED_PASSPHRASE), "none");
}

TEST(CredentialsAnswerTest, LeavesToLibvirtWhatIsNotGiven) {
    const Credentials credentials{"", "s3cret", {}};
    EXPECT_EQ(answer(credentials, VIR_CRED_AUTHNAME, "root"), "root");
    EXPECT_EQ(answer(credentials, VIR_CRED_AUTHNAME), "none");
}

/// A libvirtd that lets in only who knows its password.
class LoginTest : public CredentialsTest {
protected:
    void connect(const std::string& uri) {
        LibvirtConnector(event_loop(), uri, {}, {"", directory_.path, "esx", false})
            .connect(Lane::query, events_)
            ->list();
    }
    Outcome connecting() {
        return outcome_of([&] { connect(libvirtd_.uri()); });
    }

    PrivateLibvirtd libvirtd_{PrivateLibvirtd::Login{"tester", "s3cret"}};
    std::shared_ptr<RecordedEvents> events_ = std::make_shared<RecordedEvents>();
};

TEST_F(LoginTest, LetsInWhoKnowsThePassword) {
    write(R"({"username": "tester", "password": "s3cret"})");
    const auto outcome = connecting();
    EXPECT_FALSE(outcome.failed) << outcome;
}

TEST_F(LoginTest, RefusesOthersAndTellsNoPassword) {
    // Not without any: libsasl2 itself loses what it has asked then (192 bytes), and the sanitizer tells.
    write(R"({"username": "tester", "password": "gu3ss"})");
    const auto wrong = connecting();
    EXPECT_TRUE(refuses(wrong, Code::access_denied)) << wrong;
    EXPECT_THAT(wrong.text, Not(HasSubstr("gu3ss")));
    write(R"({"username": "tester", "password": "s3cret"})", 0644);
    EXPECT_TRUE(refuses(connecting(), Code::access_denied));
    write(R"({"username": "tester", "password": "s3cret", "host": "elsewhere"})");
    EXPECT_TRUE(refuses(connecting(), Code::access_denied));
}

TEST(OpeningTest, ErrorsHaveNothingOfTheQuery) {
    for (const auto* uri :
         {"test+unix:///default?socket=/nowhere/s3cret", "qemu+ext:///system?command=/nowhere/s3cret",
          "qemu+ssh://nobody@127.0.0.1:1/system?keyfile=/nowhere/s3cret", "nosuch://user:s3cret@host/",
          "qemu+tls://127.0.0.1:1/system?pkipath=/nowhere/s3cret", "qemu:///system?s3cret=%zz&s3cret"}) {
        const auto outcome = outcome_of([&] { open_connection(uri, {}, {}); });
        EXPECT_TRUE(outcome.failed) << uri;
        EXPECT_THAT(outcome.text, Not(HasSubstr("s3cret"))) << uri;
    }
}

}  // namespace

}  // namespace virtbus::test
