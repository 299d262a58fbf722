#include "common/server/address_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class AddressFileTest : public ::testing::Test {
 protected:
  AddressFileTest() {
    folder_ = std::filesystem::path(::testing::TempDir()) / absl::StrCat("addresses_", getpid());
    std::filesystem::create_directory(folder_);
  }
  ~AddressFileTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ / "addresses"; }
  std::string Read() const {
    std::ostringstream text;
    text << std::ifstream(path()).rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
};

TEST_F(AddressFileTest, HoldsOneLineForEachServer) {
  ASSERT_TRUE(WriteAddressFile(path(), {"127.0.0.1:8004", "127.0.0.1:9222"}).ok());
  EXPECT_EQ(Read(), "grpc=127.0.0.1:8004\nhttp=127.0.0.1:9222\n");
  struct stat info;
  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644u);
}

TEST_F(AddressFileTest, ServerThatIsNotThereHasNoLine) {
  ASSERT_TRUE(WriteAddressFile(path(), {.http = "unix:/run/gateway.sock"}).ok());
  EXPECT_EQ(Read(), "http=unix:/run/gateway.sock\n");
}

TEST_F(AddressFileTest, ReaderNeverSeesHalfAFile) {
  ASSERT_TRUE(WriteAddressFile(path(), {"a:1", "b:2"}).ok());
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 200; ++i) {
      EXPECT_TRUE(WriteAddressFile(path(), {i % 2 ? "a:1" : "longer:1", "b:2"}).ok());
    }
    done = true;
  });
  while (!done) {
    EXPECT_THAT(Read(), AnyOf("grpc=a:1\nhttp=b:2\n", "grpc=longer:1\nhttp=b:2\n"));
  }
  writer.join();
}

TEST_F(AddressFileTest, FailureNamesThePathAndLeavesNothingBehind) {
  const absl::Status missing = WriteAddressFile("/no/such/folder/addresses", {"a:1", ""});
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("/no/such/folder/addresses"));
  std::filesystem::create_directory(path());  // in the way of the rename
  EXPECT_FALSE(WriteAddressFile(path(), {"a:1", ""}).ok());
  int entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    (void)entry;
    ++entries;
  }
  EXPECT_EQ(entries, 1);
}

}  // namespace
}  // namespace gitops
