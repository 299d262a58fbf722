#include "common/server/service_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/path/fd.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;

// The socket that systemd gives a service.
class ServiceManagerTest : public ::testing::Test {
 protected:
  ServiceManagerTest() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const std::string name = absl::StrCat("@gitops-notify-", getpid());
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    const timeval hang = {.tv_sec = 60, .tv_usec = 0};
    EXPECT_EQ(setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &hang, sizeof(hang)), 0);
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~ServiceManagerTest() override {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
  }

  std::string Received() {
    std::string text(4096, '\0');
    const ssize_t size = recv(socket_.get(), text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return text;
  }
  bool Silent() {
    char byte = 0;
    return recv(socket_.get(), &byte, 1, MSG_DONTWAIT) < 0;
  }

  Fd socket_;
};

TEST_F(ServiceManagerTest, SystemdIsToldStartStatusAndEndInOneLineEach) {
  ServiceManager manager([] { return absl::OkStatus(); });
  manager.Started();
  manager.Say("waits for\nREADY=1");
  manager.Stopping();
  EXPECT_THAT((std::vector{Received(), Received(), Received()}),
              ElementsAre("READY=1", R"(STATUS=waits for\x0aREADY=1)", "STOPPING=1"));
}

TEST_F(ServiceManagerTest, WithoutAWatchdogNothingIsAsked) {
  std::atomic<int> asked = 0;
  {
    ServiceManager manager([&] {
      ++asked;
      return absl::OkStatus();
    });
  }
  EXPECT_EQ(asked, 0);
  EXPECT_TRUE(Silent());
}

TEST_F(ServiceManagerTest, TheWatchdogIsPingedAgainAndAgainWhileTheProgramResponds) {
  setenv("WATCHDOG_USEC", "2000", 1);
  ServiceManager manager([] { return absl::OkStatus(); });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Received(), "WATCHDOG=1");
}

TEST_F(ServiceManagerTest, AProgramThatDoesNotRespondIsNotPinged) {
  setenv("WATCHDOG_USEC", "2000", 1);
  std::atomic<int> asked = 0;
  {
    Mutex mutex;
    CondVar changed;
    ServiceManager manager([&] {
      MutexLock lock(mutex);
      if (++asked == 3) changed.NotifyAll();
      return absl::UnavailableError("stuck");
    });
    MutexLock lock(mutex);
    while (asked < 3) changed.Wait(mutex);
  }
  EXPECT_TRUE(Silent());
}

TEST_F(ServiceManagerTest, AWatchdogOfAnotherProcessIsNotPinged) {
  setenv("WATCHDOG_USEC", "2000", 1);
  setenv("WATCHDOG_PID", "1", 1);
  {
    ServiceManager manager([] { return absl::OkStatus(); });
  }
  unsetenv("WATCHDOG_PID");
  EXPECT_TRUE(Silent());
}

}  // namespace
}  // namespace gitops
