#include "agent/operation/secret_actions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/operation/secret_file.h"
#include "common/path/temporary_directory.h"
#include "common/process/fake_process.h"

namespace gitops {
namespace {

using absl::StatusCode;
using testing::HasSubstr;
using testing::Not;

constexpr char kCanary[] = "canary-7c1f-second";

class SecretActionsTest : public testing::Test {
 protected:
  SecretActionsTest() {
    for (const std::string name : {"a", "b", "c"}) {
      SecretSpec& secret = host_.secrets[name];
      secret.destination = directory_ / name;
      secret.owner_user = absl::StrCat(geteuid());
      secret.owner_group = absl::StrCat(getegid());
    }
    host_.secrets["b"].action = {"systemctl", "reload", "nginx"};
    host_.secrets["c"].action = {"systemctl", "reload", "nginx"};
  }

  v1::PerformActionRequest Request(const std::vector<std::string>& names) {
    v1::PerformActionRequest request;
    for (const std::string& name : names) {
      v1::SecretFile& secret = *request.add_secrets();
      secret.set_name(name);
      secret.set_destination(directory_ / name);
      secret.set_owner_user(absl::StrCat(geteuid()));
      secret.set_owner_group(absl::StrCat(getegid()));
      secret.set_permissions("0400");
      secret.set_content(kCanary);
    }
    return request;
  }

  static void ExpectNoSecret(const ActionOutcome& outcome) {
    EXPECT_THAT(outcome.message, Not(HasSubstr(kCanary)));
    EXPECT_THAT(outcome.response.DebugString(), Not(HasSubstr(kCanary)));
  }

  TemporaryDirectory directory_;
  HostSpec host_;
  FakeProcessRunner runner_;
};

TEST_F(SecretActionsTest, WritesEachSecretAndTellsWhere) {
  const ActionOutcome outcome = UploadSecrets(Request({"a", "b"}), {host_});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(directory_.Read("a"), kCanary);
  EXPECT_EQ(directory_.Read("b"), kCanary);
  EXPECT_THAT(outcome.response.output(), HasSubstr(directory_ / "b"));
  ExpectNoSecret(outcome);
}

TEST_F(SecretActionsTest, OneThatIsNotThisHostsOwnStopsAllOfThem) {
  v1::PerformActionRequest request = Request({"a", "b"});
  request.mutable_secrets(1)->set_destination(directory_ / "elsewhere");
  const ActionOutcome outcome = UploadSecrets(request, {host_});
  EXPECT_EQ(outcome.code, StatusCode::kPermissionDenied);
  EXPECT_FALSE(directory_.Has("a"));
  EXPECT_FALSE(directory_.Has("elsewhere"));
  ExpectNoSecret(outcome);
}

TEST_F(SecretActionsTest, OneThatCannotBeWrittenIsNamedAndTheOthersAreWritten) {
  directory_.Write("a/in the way", "");
  const ActionOutcome outcome = UploadSecrets(Request({"a", "b"}), {host_});
  EXPECT_EQ(outcome.code, StatusCode::kInternal);
  EXPECT_THAT(outcome.message, HasSubstr("secret \"a\""));
  EXPECT_EQ(directory_.Read("b"), kCanary);
  ExpectNoSecret(outcome);
}

TEST_F(SecretActionsTest, RunsEachDistinctCommandOnceAsTheConfigHasIt) {
  host_.secrets["a"].action = {"true"};
  const ActionOutcome outcome =
      RunSecretTriggers(Request({"c", "b", "a"}), {host_}, runner_, false);
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  ASSERT_EQ(runner_.commands().size(), 2u);
  EXPECT_EQ(runner_.commands()[0].argv, std::vector<std::string>{"true"});
  EXPECT_EQ(runner_.CountOf({"systemctl", "reload", "nginx"}), 1);
  for (const Command& command : runner_.commands()) {
    EXPECT_THAT(absl::StrCat(command.input), Not(HasSubstr(kCanary)));
    for (const std::string& word : command.argv) EXPECT_THAT(word, Not(HasSubstr(kCanary)));
  }
}

TEST_F(SecretActionsTest, SecretsWithoutACommandAreNoFailure) {
  EXPECT_TRUE(RunSecretTriggers(Request({"a"}), {host_}, runner_, false).ok());
  EXPECT_TRUE(RunSecretTriggers(Request({}), {host_}, runner_, false).ok());
  EXPECT_EQ(runner_.spawned(), 0);
}

TEST_F(SecretActionsTest, ACommandThatFailsIsToldWithoutTheSecretItPrinted) {
  ASSERT_TRUE(UploadSecrets(Request({"a"}), {host_}).ok());
  runner_.On({"systemctl"}, {.exit_status = 3,
                             .output = absl::StrCat("key is ", kCanary),
                             .error_output = std::string(9000, 'x') + " no such unit"});
  host_.secrets["a"].action = {"true"};
  const ActionOutcome outcome = RunSecretTriggers(Request({"a", "b"}), {host_}, runner_, false);
  EXPECT_EQ(outcome.code, StatusCode::kInternal);
  EXPECT_THAT(outcome.message, HasSubstr("systemctl reload nginx: exit status 3"));
  EXPECT_THAT(outcome.message, HasSubstr("no such unit"));
  EXPECT_LT(outcome.message.size(), 3000u);
  ExpectNoSecret(outcome);
  runner_.On({"systemctl"}, {.exit_status = 3, .output = absl::StrCat("key is ", kCanary)});
  const ActionOutcome again = RunSecretTriggers(Request({"b"}), {host_}, runner_, false);
  EXPECT_THAT(again.message, HasSubstr("key is [secret]"));
}

TEST_F(SecretActionsTest, NothingIsShownOfACommandWhereASecretCannotBeKnown) {
  const std::vector<std::function<void(const std::string&)>> in_the_way = {
      [](const std::string& path) { ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); },
      [](const std::string& path) { ASSERT_EQ(mkdir(path.c_str(), 0700), 0); },
      [](const std::string& path) {
        ASSERT_EQ(truncate((std::ofstream(path), path).c_str(), kMaxSecretFile + 1), 0);
      }};
  runner_.On({"systemctl"}, {.exit_status = 3, .output = absl::StrCat("key is ", kCanary)});
  for (const auto& put : in_the_way) {
    put(directory_ / "a");
    const ActionOutcome outcome = RunSecretTriggers(Request({"b"}), {host_}, runner_, false);
    EXPECT_THAT(outcome.message, HasSubstr("systemctl reload nginx: exit status 3"));
    EXPECT_THAT(outcome.message, HasSubstr("is not shown"));
    ExpectNoSecret(outcome);
    std::filesystem::remove(directory_ / "a");
  }
}

TEST_F(SecretActionsTest, ACommandIsNotKilledForWhatItSays) {
  ASSERT_TRUE(RunSecretTriggers(Request({"b"}), {host_}, runner_, false).ok());
  const Command command = runner_.commands()[0];
  EXPECT_EQ(command.max_output, std::numeric_limits<int64_t>::max());
  EXPECT_NE(command.on_output, nullptr) << "nor is it kept";
}

TEST_F(SecretActionsTest, SecretsThatAreNotThereYetHideNothing) {
  host_.secrets["a"].destination = directory_ / "no such directory/a";
  runner_.On({"systemctl"}, {.exit_status = 3, .output = "no such unit"});
  const ActionOutcome outcome = RunSecretTriggers(Request({"b"}), {host_}, runner_, false);
  EXPECT_THAT(outcome.message, HasSubstr("exit status 3: no such unit"));
}

TEST_F(SecretActionsTest, OneCommandThatFailsDoesNotStopTheOthers) {
  host_.secrets["a"].action = {"first"};
  runner_.On({"first"}, absl::NotFoundError("no program first"));
  const ActionOutcome outcome = RunSecretTriggers(Request({"a", "b"}), {host_}, runner_, false);
  EXPECT_THAT(outcome.message, HasSubstr("no program first"));
  EXPECT_EQ(runner_.CountOf({"systemctl"}), 1);
}

TEST_F(SecretActionsTest, CommandsOfOthersAreRefusedAndInterruptedOnesNotRunTwice) {
  EXPECT_EQ(RunSecretTriggers(Request({"b", "x"}), {host_}, runner_, false).code,
            StatusCode::kPermissionDenied);
  EXPECT_EQ(RunSecretTriggers(Request({"b"}), {host_}, runner_, true).code, StatusCode::kAborted);
  EXPECT_EQ(runner_.spawned(), 0);
}

}  // namespace
}  // namespace gitops
