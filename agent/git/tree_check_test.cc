#include "agent/git/tree_check.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

const std::vector<DirectorySpec> kEtc = {{.local = "/etc/web", .link = "etc"}};

TreeEntry File(const std::string& path, uint32_t mode = kFileMode) { return {mode, "00", path}; }

struct TreeCase {
  const char* why;
  std::vector<TreeEntry> entries;
  std::vector<DirectorySpec> directories;
  absl::StatusCode code;
  const char* message;
};

TEST(CheckTree, Table) {
  constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
  const std::vector<TreeCase> cases = {
      {"plain files",
       {File("etc/a"), File("etc/b/c", kExecutableMode), File("etc/l", kSymlinkMode)},
       kEtc,
       absl::StatusCode::kOk,
       ""},
      {"the whole tree", {File("a")}, {{.local = "/x", .link = "."}}, absl::StatusCode::kOk, ""},
      {"names that differ in case are fine on Linux",
       {File("etc/A"), File("etc/a")},
       kEtc,
       absl::StatusCode::kOk,
       ""},
      {"a submodule runs no code, but its content is unknown",
       {File("etc/s", kSubmoduleMode)},
       kEtc,
       kRefused,
       "submodule"},
      {"a mode git does not write",
       {File("etc/a", 0100600 | 04000)},
       kEtc,
       kRefused,
       "neither a file nor a symlink"},
      {"upwards", {File("etc/../../x")}, kEtc, kRefused, ".."},
      {"a repository within", {File("etc/.git/config")}, kEtc, kRefused, "etc/.git/config"},
      {"the same in capitals", {File("etc/.GIT/config")}, kEtc, kRefused, "etc/.GIT/config"},
      {"an option for whoever globs", {File("etc/-rf")}, kEtc, kRefused, "-rf"},
      {"a newline forges lines in lists of files", {File("etc/a\nb")}, kEtc, kRefused, "a\\x0ab"},
      {"a carriage return", {File("etc/a\r")}, kEtc, kRefused, "a\\x0d"},
      {"an absolute path", {File("/etc/passwd"), File("etc/a")}, kEtc, kRefused, "/etc/passwd"},
      {"twice", {File("etc/a"), File("etc/a", kSymlinkMode)}, kEtc, kRefused, "twice"},
      {"through a symlink",
       {File("etc/a", kSymlinkMode), File("etc/a/b")},
       kEtc,
       kRefused,
       "where its directory should be"},
      {"through a symlink where case is folded",
       {File("etc/A/b"), File("etc/a", kSymlinkMode)},
       kEtc,
       kRefused,
       "only in case"},
      {"a symlink's name in other case",
       {File("etc/A"), File("etc/a", kSymlinkMode)},
       kEtc,
       kRefused,
       "only in case"},
      {"the link is missing", {File("other/a")}, kEtc, absl::StatusCode::kNotFound, "\"etc\""},
      {"the link only begins alike",
       {File("etcetera/a")},
       kEtc,
       absl::StatusCode::kNotFound,
       "\"etc\""},
      {"the link is a file", {File("etc")}, kEtc, kRefused, "file = true"},
      {"the link is a directory",
       {File("etc/a")},
       {{.local = "/etc/f", .link = "etc", .file = true}},
       kRefused,
       "is a directory"},
      {"a single file",
       {File("c/f")},
       {{.local = "/etc/f", .link = "c/f", .file = true}},
       absl::StatusCode::kOk,
       ""},
      {"the link is a symlink",
       {File("etc", kSymlinkMode)},
       kEtc,
       kRefused,
       "itself must not be a symlink"},
  };
  for (const TreeCase& test : cases) {
    const absl::Status status = CheckTree(test.entries, test.directories);
    EXPECT_EQ(status.code(), test.code) << test.why << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.message)) << test.why;
  }
}

struct SymlinkCase {
  const char* why;
  std::map<std::string, std::string> targets;
  bool ok;
};

TEST(CheckSymlinks, Table) {
  const std::vector<DirectorySpec> directories = {{.local = "/etc/nginx", .link = "nginx/etc"},
                                                  {.local = "/srv/www", .link = "www"}};
  const std::vector<SymlinkCase> cases = {
      {"beside", {{"nginx/etc/a", "b"}}, true},
      {"up and down within", {{"nginx/etc/x/a", "../y/b"}}, true},
      {"to the top itself", {{"nginx/etc/x/a", ".."}}, true},
      {"out of the link, though within the repository", {{"nginx/etc/a", "../secret"}}, false},
      {"out of the repository", {{"www/a", "../../../../etc/shadow"}}, false},
      {"there and back", {{"www/x/a", "../../www/b"}}, true},
      {"there and back, further up than is known", {{"nginx/etc/a", "../../nginx/etc/b"}}, false},
      {"sites-enabled", {{"nginx/etc/e/a", "/etc/nginx/sites-available/a"}}, true},
      {"into another local of the service", {{"nginx/etc/a", "/srv/www"}}, true},
      {"absolute elsewhere", {{"nginx/etc/a", "/etc/shadow"}}, false},
      {"absolute, only begins alike", {{"nginx/etc/a", "/etc/nginx2/x"}}, false},
      {"absolute, then upwards", {{"nginx/etc/a", "/etc/nginx/../shadow"}}, false},
      {"slashes and dots are nothing", {{"nginx/etc/a", "//etc/./nginx//x"}}, true},
      {"through another symlink and up: .. is not where it seems",
       {{"www/d/e/l", "../../top"}, {"www/a", "d/e/l/../../x"}},
       false},
      {"through another symlink, within", {{"www/l", "d/e"}, {"www/a", "l/../x"}}, true},
      {"through an absolute one and up",
       {{"www/l", "/etc/nginx"}, {"www/a", "l/../../etc/shadow"}},
       false},
      {"to itself", {{"www/a", "a"}}, false},
      {"a loop", {{"www/a", "b"}, {"www/b", "a"}}, false},
      {"to nothing: the service may make it", {{"www/a", "cache/x"}}, true},
      {"empty", {{"www/a", ""}}, false},
      {"with a NUL, where another name ends", {{"www/a", std::string("b\0/../../x", 10)}}, false},
  };
  for (const SymlinkCase& test : cases) {
    const absl::Status status = CheckSymlinks(test.targets, directories);
    EXPECT_EQ(status.ok(), test.ok) << test.why << ": " << status;
  }
}

TEST(CheckSymlinks, OneInNestedLinksMustStayInTheInnerOne) {
  const std::vector<DirectorySpec> directories = {{.local = "/a", .link = "a"},
                                                  {.local = "/b", .link = "a/b"}};
  EXPECT_TRUE(CheckSymlinks({{"a/x", "b/y"}}, directories).ok());
  EXPECT_FALSE(CheckSymlinks({{"a/b/x", "../y"}}, directories).ok());
}

TEST(CheckSymlinks, AMazeOfThemIsGivenUpInBoundedTime) {
  std::map<std::string, std::string> targets;
  std::string far;
  for (int i = 0; i < 2000; ++i) far += "d/";
  for (int i = 0; i < 20'000; ++i) targets["www/l" + std::to_string(i)] = far + "x";
  EXPECT_THAT(CheckSymlinks(targets, {{.local = "/srv/www", .link = "www"}}).ToString(),
              HasSubstr("too long to resolve"));
}

// The same file in the repository and on the host, or refused.
TEST(CheckSymlinks, OneToAnotherPathOfTheServiceMustMeanTheSameOnTheHost) {
  const std::map<std::string, std::string> targets = {{"app/env.yaml", "../shared/env.yaml"}};
  const DirectorySpec app{.local = "/etc/app", .link = "app"};
  EXPECT_TRUE(CheckSymlinks(targets, {app, {.local = "/etc/shared", .link = "shared"}}).ok());
  EXPECT_TRUE(CheckSymlinks(
                  targets,
                  {app, {.local = "/etc/shared/env.yaml", .link = "shared/env.yaml", .file = true}})
                  .ok());
  EXPECT_FALSE(CheckSymlinks(targets, {app, {.local = "/etc/other", .link = "other"}}).ok());
  EXPECT_FALSE(CheckSymlinks(targets, {app, {.local = "", .link = "shared"}}).ok());
  const absl::Status status =
      CheckSymlinks(targets, {app, {.local = "/srv/shared", .link = "shared"}});
  EXPECT_THAT(status.ToString(), HasSubstr("at /srv/shared on the host, and not at /etc/shared"));
  // Out of the second one again.
  const std::vector<DirectorySpec> both = {app, {.local = "/etc/shared", .link = "shared"}};
  EXPECT_FALSE(CheckSymlinks({{"app/a", "../shared/../../etc/shadow"}}, both).ok());
  EXPECT_FALSE(CheckSymlinks({{"app/a", "../shared/../secret"}}, both).ok());
  EXPECT_TRUE(CheckSymlinks({{"app/a", "../shared/../app/b"}}, both).ok());
  // From an inner place to the one that it lies in.
  EXPECT_TRUE(CheckSymlinks({{"app/inner/a", "../b"}},
                            {app, {.local = "/etc/app/inner", .link = "app/inner"}})
                  .ok());
}

TEST(CheckSymlinks, ATargetThatIsNotUtf8IsShownSafely) {
  const absl::Status status = CheckSymlinks({{"etc/caf\xe9", "/x\xff"}}, kEtc);
  EXPECT_THAT(status.ToString(), HasSubstr("\"etc/caf\\xe9\" is refused"));
  EXPECT_THAT(status.ToString(), HasSubstr("\"/x\\xff\""));
}

}  // namespace
}  // namespace gitops
