#include "common/rpc/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

TEST(AddressTest, ReadsEachFormAndWritesItAgain) {
  struct Case {
    const char* text;
    Address address;
    const char* again;
  };
  for (const Case& c : {
           Case{"127.0.0.1:8004", {"127.0.0.1", 8004, ""}, "127.0.0.1:8004"},
           Case{"web1.example:0", {"web1.example", 0, ""}, "web1.example:0"},
           Case{"[::1]:9222", {"::1", 9222, ""}, "[::1]:9222"},
           Case{"[fe80::1%eth0]:1", {"fe80::1%eth0", 1, ""}, "[fe80::1%eth0]:1"},
           Case{":9222", {"", 9222, ""}, ":9222"},
           Case{"unix:/run/a.sock", {"", 0, "/run/a.sock"}, "unix:/run/a.sock"},
           Case{"unix:///run/a.sock", {"", 0, "/run/a.sock"}, "unix:/run/a.sock"},
           Case{"unix:a:b", {"", 0, "a:b"}, "unix:a:b"},
       }) {
    const absl::StatusOr<Address> parsed = ParseAddress(c.text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, c.address) << c.text;
    EXPECT_EQ(parsed->ToString(), c.again);
    EXPECT_EQ(*ParseAddress(parsed->ToString()), *parsed);
  }
}

TEST(AddressTest, MissingPortIsTheDefaultWhereThereIsOne) {
  EXPECT_EQ(ParseAddress("web1", 8004)->ToString(), "web1:8004");
  EXPECT_EQ(ParseAddress("[::1]", 8004)->ToString(), "[::1]:8004");
  EXPECT_EQ(ParseAddress("web1:1", 8004)->ToString(), "web1:1");
  EXPECT_THAT(ParseAddress("web1").status().message(), HasSubstr("no port"));
}

TEST(AddressTest, FaultsAreNamed) {
  const std::string long_path(200, 'x');
  struct Case {
    std::string text;
    const char* message;
  };
  for (const Case& c : {
           Case{"", "empty"},
           Case{"http://web1:80", "a URL"},
           Case{"::1:80", "needs brackets"},
           Case{"[::1:80", "without \"]\""},
           Case{"[web1]:80", "no IPv6 address"},
           Case{"[::1]x", "unexpected text"},
           Case{"web1:", "not a port from 0 to 65535"},
           Case{"web1:65536", "not a port from 0 to 65535"},
           Case{"web1:+80", "not a port from 0 to 65535"},
           Case{"web1:99999999999999999999", "not a port from 0 to 65535"},
           Case{"web 1:80", "not allowed in a host name"},
           Case{"web1\n:80", "web1\\n:80"},
           Case{"unix:", "no path"},
           Case{"unix:" + long_path, "200 bytes"},
           Case{std::string("unix:/a\0b", 9), "zero byte"},
       }) {
    const absl::StatusOr<Address> parsed = ParseAddress(c.text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(c.message));
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("unix:PATH"));
  }
}

TEST(AddressTest, OnlyLoopbackAndUnixAreLocal) {
  for (const char* local : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1",
                            "localhost:1", "LocalHost:1", "unix:/run/x"}) {
    EXPECT_TRUE(ParseAddress(local)->is_local()) << local;
  }
  for (const char* remote : {"0.0.0.0:1", ":1", "[::]:1", "10.0.0.1:1", "127.1:1", "web1:1",
                             "localhost.example:1", "[::ffff:10.0.0.1]:1", "2130706433:1"}) {
    EXPECT_FALSE(ParseAddress(remote)->is_local()) << remote;
  }
}

TEST(AddressTest, WildcardIsDialledOnLoopback) {
  for (const char* wildcard : {":7", "0.0.0.0:7", "[::]:7"}) {
    EXPECT_EQ(ParseAddress(wildcard)->Dialable().ToString(), "127.0.0.1:7") << wildcard;
  }
  EXPECT_EQ(ParseAddress("web1:7")->Dialable().ToString(), "web1:7");
}

class StaleSocketTest : public ::testing::Test {
 protected:
  StaleSocketTest() : path_(absl::StrCat("/tmp/gitops_address_", getpid())) {
    unlink(path_.c_str());
  }
  ~StaleSocketTest() override {
    if (fd_ >= 0) close(fd_);
    unlink(path_.c_str());
  }
  void Bind() {
    fd_ = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    ASSERT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  bool Exists() const { return access(path_.c_str(), F_OK) == 0; }

  const std::string path_;
  int fd_ = -1;
};

TEST_F(StaleSocketTest, NothingThereIsFine) { EXPECT_TRUE(RemoveStaleSocket(path_).ok()); }

TEST_F(StaleSocketTest, SocketOfADeadProcessIsRemoved) {
  Bind();
  close(std::exchange(fd_, -1));
  EXPECT_TRUE(RemoveStaleSocket(path_).ok());
  EXPECT_FALSE(Exists());
}

TEST_F(StaleSocketTest, SocketInUseStays) {
  Bind();
  listen(fd_, 1);
  const absl::Status status = RemoveStaleSocket(path_);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("another process listens"));
  EXPECT_TRUE(Exists());
}

TEST_F(StaleSocketTest, SocketWithAFullBacklogStays) {
  Bind();
  listen(fd_, 0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(RemoveStaleSocket(path_).code(), absl::StatusCode::kUnavailable) << i;
  }
  EXPECT_TRUE(Exists());
}

TEST_F(StaleSocketTest, AFileIsNotRemoved) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(RemoveStaleSocket(path_).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Exists());
}

}  // namespace
}  // namespace gitops
