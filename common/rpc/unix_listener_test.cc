#include "common/rpc/unix_listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/path/fd.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

class UnixListenerTest : public ::testing::Test {
 protected:
  UnixListenerTest() : path_(absl::StrCat("/tmp/gitops_listener_", getpid())) {}
  ~UnixListenerTest() override {
    listener_.reset();
    unlink(path_.c_str());
  }

  void Start(UnixListenerOptions options = {}) {
    auto listener = UnixListener::Bind(path_, options);
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
    const absl::Status serves = listener_->Serve([this](int fd) {
      MutexLock lock(mutex_);
      served_.emplace_back(fd);
    });
    ASSERT_TRUE(serves.ok()) << serves;
  }

  size_t served() {
    MutexLock lock(mutex_);
    return served_.size();
  }
  void CloseServed() {
    MutexLock lock(mutex_);
    served_.clear();
  }

  Fd Connect() {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return Fd();
    return fd;
  }
  Fd ConnectAndSpeak() {
    Fd fd = Connect();
    EXPECT_EQ(send(fd.get(), "P", 1, MSG_NOSIGNAL), 1);
    return fd;
  }
  // Waits for it.
  static bool IsClosedByServer(const Fd& fd) {
    char byte;
    const ssize_t size = recv(fd.get(), &byte, 1, 0);
    return size == 0 || (size < 0 && errno == ECONNRESET);
  }
  static size_t OpenDescriptors() {
    size_t count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += fcntl(fd, F_GETFD) != -1 ? 1 : 0;
    return count;
  }

  const std::string path_;
  Mutex mutex_;
  std::vector<Fd> served_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<UnixListener> listener_;
};

TEST_F(UnixListenerTest, OnlyOwnerAndGroupMayOpenTheSocket) {
  const mode_t before = umask(0);
  Start();
  umask(before);
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
}

TEST_F(UnixListenerTest, AConnectionIsServedOnceItSaysSomething) {
  Start();
  const Fd silent = Connect();
  const Fd speaks = ConnectAndSpeak();
  ASSERT_TRUE(Eventually([&] { return served() == 1; }));
  EXPECT_EQ(send(silent.get(), "P", 1, MSG_NOSIGNAL), 1);
  EXPECT_TRUE(Eventually([&] { return served() == 2; }));
}

TEST_F(UnixListenerTest, ASilentClientIsDisconnectedAndOneThatHungUpIsNeverServed) {
  Start({.first_bytes = absl::Milliseconds(20)});
  { const Fd hangs_up = Connect(); }
  EXPECT_TRUE(IsClosedByServer(Connect()));
  EXPECT_EQ(served(), 0u);
}

TEST_F(UnixListenerTest, AnAccountWithTooManyConnectionsGetsNoMoreUntilOneEnds) {
  Start({.max_connections = 8});
  const size_t allowed = geteuid() == 0 ? 12 : 8;
  std::vector<Fd> open;
  for (size_t i = 0; i < allowed; ++i) open.push_back(ConnectAndSpeak());
  ASSERT_TRUE(Eventually([&] { return served() == allowed; }));
  EXPECT_TRUE(IsClosedByServer(Connect()));
  CloseServed();
  open.clear();
  const Fd again = ConnectAndSpeak();
  EXPECT_TRUE(Eventually([&] { return served() == 1; }));
}

TEST_F(UnixListenerTest, WithoutDescriptorsConnectionsWaitAndAreServedLater) {
  Start();
  Fd waits(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(connect(waits.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(send(waits.get(), "P", 1, MSG_NOSIGNAL), 1);
  EXPECT_FALSE(Eventually([&] { return served() > 0; }, absl::Milliseconds(300)));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(Eventually([&] { return served() == 1; }));
}

TEST_F(UnixListenerTest, StopRemovesItsSocketAndLeavesNoDescriptorOpen) {
  const size_t before = OpenDescriptors();
  Start();
  {
    const Fd silent = Connect();
    const Fd speaks = ConnectAndSpeak();
    ASSERT_TRUE(Eventually([&] { return served() == 1; }));
    CloseServed();
    listener_.reset();
  }
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(UnixListenerTest, TheSocketOfASuccessorStays) {
  Start();
  ASSERT_EQ(unlink(path_.c_str()), 0);
  const auto successor = UnixListener::Bind(path_);
  ASSERT_TRUE(successor.ok()) << successor.status();
  listener_.reset();
  EXPECT_EQ(access(path_.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace gitops
