#include "common/path/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "common/path/temporary_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

class BeneathTest : public ::testing::Test {
 protected:
  BeneathTest() {
    outside_.Write("canary", "secret");
    inside_.Write("a/b/file", "text");
    std::filesystem::create_symlink(outside_.path(), inside_ / "absolute");
    std::filesystem::create_symlink("../../" + outside_.path(), inside_ / "a/up");
    std::filesystem::create_symlink("b/file", inside_ / "a/within");
    std::filesystem::create_symlink("/proc/self/root", inside_ / "magic");
    root_ = Fd(open(inside_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }

  absl::StatusCode CodeOf(const std::string& path, int flags = O_RDONLY, int resolve = 0) {
    return OpenBeneath(root_.get(), path, flags, 0, resolve).status().code();
  }

  TemporaryDirectory outside_;
  TemporaryDirectory inside_;
  Fd root_;
};

TEST_F(BeneathTest, OpensWhatIsBeneath) {
  const absl::StatusOr<Fd> fd = OpenBeneath(root_.get(), "a/b/file", O_RDONLY);
  ASSERT_TRUE(fd.ok()) << fd.status();
  char text[16] = {};
  EXPECT_EQ(read(fd->get(), text, sizeof(text)), 4);
  EXPECT_STREQ(text, "text");
  EXPECT_EQ(fcntl(fd->get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(BeneathTest, CreatesWithTheModeGiven) {
  umask(022);
  ASSERT_TRUE(OpenBeneath(root_.get(), "a/new", O_WRONLY | O_CREAT | O_EXCL, 0640).ok());
  struct stat status;
  ASSERT_EQ(stat((inside_ / "a/new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
}

TEST_F(BeneathTest, NothingLeadsOut) {
  for (const char* const path : {"absolute/canary", "a/up/canary", "../x", "a/../../x",
                                 "/etc/passwd", "magic/etc/passwd", "magic"}) {
    EXPECT_EQ(CodeOf(path), absl::StatusCode::kPermissionDenied) << path;
  }
}

TEST_F(BeneathTest, LinksInsideAreFollowedUnlessToldOtherwise) {
  EXPECT_EQ(CodeOf("a/within"), absl::StatusCode::kOk);
  EXPECT_EQ(CodeOf("a/../a/b/file"), absl::StatusCode::kOk);
  EXPECT_EQ(CodeOf("a/within", O_RDONLY, RESOLVE_NO_SYMLINKS), absl::StatusCode::kPermissionDenied);
}

TEST_F(BeneathTest, OtherErrorsAreErrnos) {
  EXPECT_EQ(CodeOf("missing"), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf("a/b/file/x"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf("a/b/file", O_WRONLY | O_CREAT | O_EXCL), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(std::string("a\0b", 3)), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(OpenBeneath(root_.get(), "mis\nsing", O_RDONLY).status().message(),
              HasSubstr("open \"mis\\x0asing\""));
}

TEST_F(BeneathTest, DirectoriesAreMadeWithTheirModeWhateverTheUmask) {
  umask(077);
  const absl::StatusOr<Fd> last = MakeDirectoriesBeneath(root_.get(), "a/new/er", 0755);
  umask(022);
  ASSERT_TRUE(last.ok()) << last.status();
  struct stat status;
  ASSERT_EQ(fstat(last->get(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0755u);
  struct stat named;
  ASSERT_EQ(stat((inside_ / "a/new/er").c_str(), &named), 0);
  EXPECT_EQ(named.st_ino, status.st_ino);
}

TEST_F(BeneathTest, ExistingDirectoriesAreKeptAsTheyAre) {
  ASSERT_EQ(chmod((inside_ / "a/b").c_str(), 0711), 0);
  ASSERT_TRUE(MakeDirectoriesBeneath(root_.get(), "a/b", 0755).ok());
  struct stat status;
  ASSERT_EQ(stat((inside_ / "a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0711u);
  EXPECT_TRUE(inside_.Has("a/b/file"));
  EXPECT_TRUE(MakeDirectoriesBeneath(root_.get(), "", 0755).ok());
}

TEST_F(BeneathTest, DirectoriesAreNotMadeThroughLinksOrOutside) {
  for (const char* const path :
       {"absolute/evil", "a/up/evil", "../evil", "/evil", "magic/tmp/evil", "a/../../evil"}) {
    EXPECT_EQ(MakeDirectoriesBeneath(root_.get(), path, 0755).status().code(),
              absl::StatusCode::kPermissionDenied)
        << path;
  }
  EXPECT_FALSE(outside_.Has("evil"));
  EXPECT_FALSE(std::filesystem::exists("/evil"));
}

TEST_F(BeneathTest, AFileInTheWayIsNamed) {
  const absl::Status status = MakeDirectoriesBeneath(root_.get(), "a/b/file/c", 0755).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("\"a/b/file/c\": open \"file\""));
}

TEST(FdTest, ClosesWhatItOwnsOnce) {
  int raw;
  {
    Fd first(open("/", O_PATH | O_CLOEXEC));
    raw = first.get();
    Fd second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_EQ(second.get(), raw);
    EXPECT_NE(fcntl(raw, F_GETFD), -1);
  }
  EXPECT_EQ(fcntl(raw, F_GETFD), -1);
  Fd released(open("/", O_PATH | O_CLOEXEC));
  raw = released.Release();
  released.Close();
  EXPECT_NE(fcntl(raw, F_GETFD), -1);
  close(raw);
}

}  // namespace
}  // namespace gitops
