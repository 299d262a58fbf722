// What can be told without a systemd: buses that are absent, mute or gone. The rest is
// integration_tests/containers/systemd_test.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "agent/activate/bus_client.h"
#include "agent/activate/bus_messages.h"
#include "agent/activate/systemd.h"
#include "common/config/unit_verbs.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A socket in the bus's place. It accepts, and says nothing.
class MuteBus {
 public:
  MuteBus() {
    // Not the test's own directory: the path of a socket has room for 107 bytes.
    std::string folder = "/tmp/gitops-busXXXXXX";
    folder_ = mkdtemp(folder.data());
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    const std::string path = folder_ + "/bus";
    strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + path).c_str(), 1);
  }
  ~MuteBus() {
    close(listener_);
    std::filesystem::remove_all(folder_);
  }
  // The next connection.
  int Accept() { return accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); }
  // Whether somebody has connected who was not accepted yet.
  bool Asked() {
    pollfd entry = {.fd = listener_, .events = POLLIN};
    return poll(&entry, 1, 0) == 1;
  }

 private:
  std::string folder_;
  int listener_ = -1;
};

absl::Time In(absl::Duration time) { return absl::Now() + time; }

TEST(BusSystemdTest, HostWithoutABusIsUnavailableInEveryCallAndSaysWhatToDo) {
  setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
  std::unique_ptr<Systemd> systemd = NewBusSystemd(Clock::System());
  const absl::Time deadline = In(absl::Seconds(30));
  for (int round = 0; round < 2; ++round) {
    const absl::Status reload = systemd->Reload(deadline, {});
    EXPECT_EQ(reload.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(reload.message()),
                HasSubstr("cannot connect to the system bus: No such file or directory"));
    EXPECT_THAT(std::string(reload.message()), HasSubstr("systemctl status dbus"));
    EXPECT_EQ(systemd->RunVerb("a.service", "start", deadline, {}).code(),
              absl::StatusCode::kUnavailable);
    EXPECT_EQ(systemd->Properties("a.service", deadline, {}).status().code(),
              absl::StatusCode::kUnavailable);
    EXPECT_EQ(systemd->Enable("a.service", deadline, {}).code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(
        systemd->WaitForUnit("a.service", [](const UnitProperties&) { return true; }, deadline, {})
            .status()
            .code(),
        absl::StatusCode::kUnavailable);
  }
}

TEST(BusSystemdTest, NothingIsConnectedBeforeTheFirstCall) {
  MuteBus bus;
  std::unique_ptr<Systemd> systemd = NewBusSystemd(Clock::System());
  EXPECT_FALSE(bus.Asked());
  EXPECT_FALSE(systemd->Reload(In(absl::Milliseconds(50)), {}).ok());
  EXPECT_TRUE(bus.Asked());
}

TEST(BusSystemdTest, MuteBusRunsIntoTheDeadline) {
  MuteBus bus;
  std::unique_ptr<Systemd> systemd = NewBusSystemd(Clock::System());
  EXPECT_EQ(systemd->Properties("a.service", In(absl::Milliseconds(50)), {}).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  const absl::Status verb = systemd->RunVerb("a.service", "start", In(absl::Milliseconds(50)), {});
  EXPECT_EQ(verb.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(verb.message()), HasSubstr("start of unit a.service"));
}

TEST(BusSystemdTest, StopEndsACallUnderWay) {
  MuteBus bus;
  std::unique_ptr<Systemd> systemd = NewBusSystemd(Clock::System());
  std::stop_source stop;
  absl::Status status;
  std::thread caller([&] {
    status = systemd->RunVerb("a.service", "start", absl::InfiniteFuture(), stop.get_token());
  });
  const int connection = bus.Accept();  // the call is under way
  stop.request_stop();
  caller.join();
  close(connection);
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
}

TEST(BusSystemdTest, BusThatHangsUpIsUnavailableAndIsConnectedAnew) {
  MuteBus bus;
  std::unique_ptr<Systemd> systemd = NewBusSystemd(Clock::System());
  for (int round = 0; round < 3; ++round) {
    std::thread hang_up([&] { close(bus.Accept()); });
    EXPECT_EQ(systemd->Reload(In(absl::Seconds(30)), {}).code(), absl::StatusCode::kUnavailable);
    hang_up.join();
  }
}

TEST(BusSystemdTest, AVerbWhoseEndWouldNotBeHeardOfIsNotSent) {
  MuteBus bus;
  std::string sent;
  std::thread server([&] {
    const int connection = bus.Accept();
    const std::string welcome = "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n";
    EXPECT_EQ(write(connection, welcome.data(), welcome.size()), ssize_t(welcome.size()));
    char buffer[4096];
    while (sent.find("Reload") == std::string::npos) {
      const ssize_t count = read(connection, buffer, sizeof(buffer));
      if (count <= 0) break;
      sent.append(buffer, count);
    }
    close(connection);
  });
  std::unique_ptr<Systemd> systemd = NewBusSystemd(Clock::System());
  FailThreadStarts(1);  // of the thread that would listen
  EXPECT_EQ(systemd->RunVerb("a.service", "start", In(absl::Seconds(5)), {}).code(),
            absl::StatusCode::kUnavailable);
  // Calls are sent in order.
  EXPECT_FALSE(systemd->Reload(In(absl::Seconds(20)), {}).ok());
  server.join();
  EXPECT_THAT(sent, HasSubstr("Reload"));
  EXPECT_THAT(sent, Not(HasSubstr("StartUnit")));
}

TEST(BusSystemdTest, UnknownVerbIsRefusedWithoutABus) {
  setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
  const absl::Status status =
      NewBusSystemd(Clock::System())->RunVerb("a.service", "kill", absl::InfiniteFuture(), {});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"kill\" is not a systemd verb"));
}

TEST(VerbMethodTest, EveryVerbHasAMethod) {
  for (const std::string& verb : UnitVerbNames()) EXPECT_TRUE(VerbMethod(verb).ok()) << verb;
}

TEST(BusErrorTest, KeepsItsMeaning) {
  const std::pair<const char*, absl::StatusCode> cases[] = {
      {"org.freedesktop.DBus.Error.ServiceUnknown", absl::StatusCode::kUnavailable},
      {"org.freedesktop.DBus.Error.NameHasNoOwner", absl::StatusCode::kUnavailable},
      {"org.freedesktop.DBus.Error.NoReply", absl::StatusCode::kUnavailable},
      {"org.freedesktop.DBus.Error.Spawn.ChildExited", absl::StatusCode::kUnavailable},
      {"org.freedesktop.DBus.Error.Timeout", absl::StatusCode::kDeadlineExceeded},
      {"org.freedesktop.DBus.Error.AccessDenied", absl::StatusCode::kFailedPrecondition},
      {"org.freedesktop.systemd1.NoSuchUnit", absl::StatusCode::kNotFound},
      {"org.freedesktop.systemd1.UnitMasked", absl::StatusCode::kFailedPrecondition},
  };
  for (const auto& [name, code] : cases) {
    const absl::Status status = BusErrorToStatus(name, "the reason");
    EXPECT_EQ(status.code(), code) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("the reason"));
  }
}

}  // namespace
}  // namespace gitops
