#include "agent/nix/store_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

constexpr char kHash[] = "5kygizyc20g98rhqd50gijykcgcmaw7s";

TEST(CheckStorePath, ObjectsOfTheStoreAreAccepted) {
  for (const std::string& name : {std::string("web-1"), std::string("a"),
                                  std::string("g++-12.2.0_x?y=z"), std::string(211, 'n')}) {
    const std::string path = absl::StrCat("/nix/store/", kHash, "-", name);
    EXPECT_TRUE(CheckStorePath(path, "/nix/store").ok()) << path;
  }
  EXPECT_TRUE(CheckStorePath(absl::StrCat("/t/s/", kHash, "-web"), "/t/s").ok());
}

TEST(CheckStorePath, AnythingElseIsRefusedWithTheReason) {
  const std::string good = absl::StrCat("/nix/store/", kHash, "-web");
  const struct {
    std::string path;
    const char* why;
  } cases[] = {
      {"", "empty"},
      {"/etc/passwd", "not in /nix/store"},
      {absl::StrCat("/nix/storehouse/", kHash, "-web"), "not in /nix/store"},
      {absl::StrCat("nix/store/", kHash, "-web"), "not in /nix/store"},
      {absl::StrCat("-x/nix/store/", kHash, "-web"), "not in /nix/store"},
      {"/nix/store", "not in /nix/store"},
      {"/nix/store/", "hash"},
      {"/nix/store/../../etc/passwd", "hash"},
      {"/nix/store/5kygizyc20g98rhqd50gijykcgcmaw7e-web", "hash"},  // no e in Nix's base 32
      {absl::StrCat("/nix/store/", kHash), "hash"},
      {absl::StrCat("/nix/store/", kHash, "-"), "name"},
      {absl::StrCat("/nix/store/", kHash, "-.hidden"), "name"},
      {good + "/bin/activate", "name"},
      {good + "/../x", "name"},
      {good + " --option", "name"},
      {good + "\n", "name"},
      {good + std::string(1, '\0'), "name"},
      {absl::StrCat("/nix/store/", kHash, "-", std::string(212, 'n')), "name"},
  };
  for (const auto& c : cases) {
    const absl::Status status = CheckStorePath(c.path, "/nix/store");
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.path;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.why)) << c.path;
  }
}

TEST(CheckStorePath, MessagesAreShortAndWithoutControlCharacters) {
  const absl::Status status = CheckStorePath("\x1b[31m" + std::string(1 << 20, 'x'), "/nix/store");
  EXPECT_LT(status.message().size(), 500);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\\x1b[31m"));
}

TEST(RevisionOf, IsTheHashAsNixPrintsItInBase16) {
  // nix hash to-base16 --type sha1 HASH
  EXPECT_EQ(RevisionOf(absl::StrCat("/nix/store/", kHash, "-web-1"), "/nix/store"),
            "fa7055d963d3cbf840691866941e10ccfff8fc2c");
  EXPECT_EQ(RevisionOf("/t/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-a", "/t"), std::string(40, 'f'));
  EXPECT_EQ(RevisionOf("/t/00000000000000000000000000000001-a", "/t"), "01" + std::string(38, '0'));
}

}  // namespace
}  // namespace gitops
