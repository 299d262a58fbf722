#include "services/promotion_receiver/secret/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <sstream>
#include <type_traits>

#include "common/clock/fake_clock.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SecretsTest : public testing::Test {
 protected:
  std::vector<std::string> Current(const std::string& key = kHmacKey,
                                   const std::string& name = "search-key",
                                   const std::string& name_space = "shopping") {
    std::vector<std::string> texts;
    for (const Secret& secret : secrets_.Current(name_space, name, key)) {
      texts.push_back(secret.Reveal());
    }
    return texts;
  }
  // As an editor writes it: with another inode, so that the change shows whatever the clock does.
  void Write(const std::string& text, const std::string& key = kHmacKey) {
    directory_.Write("new", text);
    directory_.Write("shopping/search-key/" + key, "");
    std::filesystem::rename(directory_ / "new", directory_ / ("shopping/search-key/" + key));
  }

  FakeClock clock_;
  TemporaryDirectory directory_;
  Secrets secrets_{directory_.path(), absl::Minutes(10), &clock_};
};

TEST_F(SecretsTest, FileIsTheSecret) {
  EXPECT_THAT(Current(), IsEmpty());
  Write("hunter2");
  EXPECT_THAT(Current(), ElementsAre("hunter2"));
  EXPECT_THAT(Current(kApprovalKey), IsEmpty());
  EXPECT_THAT(Current(kHmacKey, "other"), IsEmpty());
}

TEST_F(SecretsTest, WhiteSpaceAloneIsNoKey) {
  for (const char* text : {"\n", " \t\r\n"}) {
    Write(text);
    EXPECT_THAT(Current(), IsEmpty());
    EXPECT_TRUE(secrets_.Readable("shopping", "search-key", kHmacKey).ok());
  }
}

TEST_F(SecretsTest, OldAndNewAreAcceptedForAWhile) {
  Write("old");
  Current();
  Write("new");
  EXPECT_THAT(Current(), ElementsAre("new", "old"));
  clock_.SetTime(clock_.Now() + absl::Hours(100));  // the wall clock does not count
  clock_.Advance(absl::Minutes(10) - absl::Seconds(1));
  EXPECT_THAT(Current(), ElementsAre("new", "old"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Current(), ElementsAre("new"));
}

TEST_F(SecretsTest, TimeOfAnOldValueBeginsWhenItIsLookedAt) {
  Write("old");
  Current();
  Write("new");
  secrets_.Look();
  clock_.Advance(absl::Minutes(10));
  EXPECT_THAT(Current(), ElementsAre("new"));
}

TEST_F(SecretsTest, RemovedSecretIsAcceptedForAWhileOnly) {
  Write("old");
  Current();
  std::filesystem::remove_all(directory_ / "shopping");
  EXPECT_THAT(Current(), ElementsAre("old"));
  clock_.Advance(absl::Minutes(10));
  EXPECT_THAT(Current(), IsEmpty());
}

TEST_F(SecretsTest, SigningKeyInWhiteSpaceIsAcceptedAsItIsAndTrimmed) {
  Write("hunter2\n");
  EXPECT_THAT(Current(), ElementsAre("hunter2\n", "hunter2"));
  Write("token\r\n", kTokenKey);
  EXPECT_THAT(Current(kTokenKey), ElementsAre("token"));
  Write("", kPasswordKey);
  EXPECT_THAT(Current(kPasswordKey), IsEmpty());
}

TEST_F(SecretsTest, MountOfKubernetesIsFollowedThroughItsSymlinks) {
  directory_.Write("shopping/search-key/..2026_1/hmac-key", "old");
  directory_.Write("shopping/search-key/..2026_2/hmac-key", "new");
  const std::filesystem::path mount = directory_ / "shopping/search-key";
  std::filesystem::create_symlink("..2026_1", mount / "..data");
  std::filesystem::create_symlink("..data/hmac-key", mount / "hmac-key");
  EXPECT_THAT(Current(), ElementsAre("old"));
  std::filesystem::create_symlink("..2026_2", mount / "..tmp");
  std::filesystem::rename(mount / "..tmp", mount / "..data");
  EXPECT_THAT(Current(), ElementsAre("new", "old"));
}

TEST_F(SecretsTest, NamesThatLeadElsewhereHaveNoSecret) {
  directory_.Write("outside", "x");
  directory_.Write("shopping/outside", "x");
  EXPECT_THAT(Current("outside", ".."), IsEmpty());
  EXPECT_THAT(Current("outside", ".", "shopping"), IsEmpty());
  EXPECT_THAT(Current("../outside"), IsEmpty());
  EXPECT_THAT(Current(kHmacKey, ""), IsEmpty());
  EXPECT_THAT(Current(kHmacKey, "a/b"), IsEmpty());
  EXPECT_THAT(Current(std::string("hmac-key\0x", 10)), IsEmpty());
}

TEST_F(SecretsTest, WhatCannotBeReadKeepsItsValue) {
  Write("good");
  Current();
  const std::string path = directory_ / "shopping/search-key/hmac-key";
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_THAT(Current(), ElementsAre("good"));
  clock_.Advance(absl::Hours(1));
  EXPECT_THAT(Current(), ElementsAre("good"));
  std::filesystem::remove(path);
  Write(std::string(100'000, 'x'));
  EXPECT_THAT(Current(), ElementsAre("good")) << "too large";
}

TEST_F(SecretsTest, NoDirectoryHasNoSecrets) {
  Secrets none("", absl::Minutes(10), &clock_);
  EXPECT_TRUE(none.Current("etc", "x", "passwd").empty());
}

}  // namespace
}  // namespace gitops
