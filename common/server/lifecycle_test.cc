#include "common/server/lifecycle.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/path/fd.h"
#include "common/rpc/address.h"
#include "common/rpc/channel.h"
#include "common/server/signals.h"
#include "common/sync/mutex.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops {
namespace {

using std::chrono::steady_clock;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Its watch runs until it is told to end, or is cancelled.
class FakeAgent : public v1::AgentService::Service {
 public:
  grpc::Status WatchServices(grpc::ServerContext* context, const v1::WatchServicesRequest*,
                             grpc::ServerWriter<v1::WatchServicesResponse>* writer) override {
    writer->Write(v1::WatchServicesResponse());
    MutexLock lock(mutex_);
    while ((!ended_ || stuck_) && (!context->IsCancelled() || stuck_)) {
      tick_.WaitUntil(mutex_, steady_clock::now() + std::chrono::milliseconds(5));
    }
    return ended_ ? grpc::Status::OK : grpc::Status::CANCELLED;
  }
  void End() {
    MutexLock lock(mutex_);
    ended_ = true;
    tick_.NotifyAll();
  }
  // From now on nothing ends a watch.
  void Stick() {
    MutexLock lock(mutex_);
    stuck_ = true;
  }

 private:
  Mutex mutex_;
  CondVar tick_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool stuck_ ABSL_GUARDED_BY(mutex_) = false;
};

Settings ServerSettings(const std::map<std::string, std::string>& changes = {}) {
  Settings settings;
  for (const char* name : {"address-file", "state-dir", "store", "tls-dir"}) {
    settings.values[name] = {"", "default", false};
  }
  settings.values["listen"] = {"127.0.0.1:0", "default", false};
  settings.values["metrics-listen"] = {"127.0.0.1:0", "default", false};
  settings.values["insecure"] = {"false", "default", false};
  settings.values["log-format"] = {"text", "default", false};
  settings.values["log-level"] = {"info", "default", false};
  settings.values["audit-to"] = {"", "default", false};
  settings.values["audit-keep"] = {"9600h", "default", false};
  settings.values["audit-size"] = {"256", "default", false};
  for (const auto& [name, value] : changes) {
    settings.values[name] = {value, absl::StrCat("--", name), true};
  }
  return settings;
}

// What GET `path` answers.
std::string Page(const std::string& address, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  target.sin_port = htons(std::stoi(address.substr(address.rfind(':') + 1)));
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&target), sizeof(target)) == 0) {
    const std::string request = absl::StrCat("GET ", path, " HTTP/1.0\r\n\r\n");
    send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char buffer[4096];
    for (ssize_t size; (size = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
      answer.append(buffer, size);
    }
  }
  close(fd);
  return answer;
}

class LifecycleTest : public ::testing::Test {
 protected:
  LifecycleTest() : file_(absl::StrCat(::testing::TempDir(), "/address_file_", getpid())) {
    BlockSignals();
  }
  ~LifecycleTest() override { std::filesystem::remove(file_); }

  ServerProcessOptions Options() {
    ServerProcessOptions options;
    options.program = "gitops-agent";
    options.services = {&agent_};
    options.metrics = &metrics_;
    return options;
  }

  void Start(ServerProcessOptions options) {
    auto process =
        ServerProcess::Start(ServerSettings({{"address-file", file_}}), std::move(options));
    ASSERT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
  }

  void OpenWatch(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    stub_ = v1::AgentService::NewStub(*Dial({.address = process_->addresses().grpc}));
    reader_ = stub_->WatchServices(&context, v1::WatchServicesRequest());
    v1::WatchServicesResponse first;
    ASSERT_TRUE(reader_->Read(&first));
  }

  const std::string file_;
  Metrics metrics_{"agent"};
  FakeAgent agent_;
  std::unique_ptr<ServerProcess> process_;
  std::unique_ptr<v1::AgentService::Stub> stub_;
  std::unique_ptr<grpc::ClientReader<v1::WatchServicesResponse>> reader_;
};

TEST_F(LifecycleTest, AddressFileNamesServersThatAnswer) {
  Start(Options());
  std::ostringstream text;
  text << std::ifstream(file_).rdbuf();
  EXPECT_EQ(text.str(), absl::StrCat("grpc=", process_->addresses().grpc,
                                     "\nhttp=", process_->addresses().http, "\n"));
  EXPECT_THAT(Page(process_->addresses().http, "/metrics"),
              HasSubstr("gitops_build_info{component=\"agent\""));
  grpc::ClientContext context;
  OpenWatch(context);
}

TEST_F(LifecycleTest, ReadinessIsWhatItWasSetTo) {
  Start(Options());
  const std::string& http = process_->addresses().http;
  EXPECT_THAT(Page(http, "/readyz"), AllOf(StartsWith("HTTP/1.0 503"), EndsWith("starting")));
  EXPECT_THAT(Page(http, "/healthz"), EndsWith("ok"));
  process_->SetReady(absl::OkStatus());
  EXPECT_THAT(Page(http, "/readyz"), EndsWith("ok"));
  process_->SetReady(absl::UnavailableError("the state cannot be stored"));
  EXPECT_THAT(Page(http, "/readyz"), EndsWith("the state cannot be stored"));
  process_->Stop();
  process_->SetReady(absl::OkStatus());
  EXPECT_THAT(Page(http, "/readyz"), StartsWith("HTTP/1.0 503")) << "stopping is not undone";
}

TEST_F(LifecycleTest, SigtermEndsStreamsAndLeavesTheAddressFile) {
  ServerProcessOptions options = Options();
  std::string ready_at_drain;
  options.on_drain = [&] {
    ready_at_drain = Page(process_->addresses().http, "/readyz");
    agent_.End();
  };
  options.drain = absl::Seconds(60);
  Start(std::move(options));
  process_->SetReady(absl::OkStatus());
  grpc::ClientContext context;
  OpenWatch(context);
  const auto begin = steady_clock::now();
  kill(getpid(), SIGTERM);
  EXPECT_EQ(process_->Run(), 0);
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_THAT(ready_at_drain, EndsWith("stopping"));
  EXPECT_TRUE(reader_->Finish().ok());
  EXPECT_TRUE(std::filesystem::exists(file_));
}

TEST_F(LifecycleTest, StreamThatDoesNotEndIsCancelledAfterTheDrain) {
  ServerProcessOptions options = Options();
  options.drain = absl::Milliseconds(200);
  Start(std::move(options));
  grpc::ClientContext context;
  OpenWatch(context);
  const auto begin = steady_clock::now();
  process_->Stop();
  EXPECT_EQ(process_->Run(), 0);
  EXPECT_GE(steady_clock::now() - begin, std::chrono::milliseconds(190));
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(LifecycleTest, HandlerThatNeverReturnsDoesNotKeepTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        agent_.Stick();
        ServerProcessOptions options = Options();
        options.drain = absl::ZeroDuration();
        Start(std::move(options));
        grpc::ClientContext context;
        OpenWatch(context);
        kill(getpid(), SIGTERM);
        process_->Run();
        _exit(0);
      },
      ::testing::ExitedWithCode(1), "calls did not end");
}

TEST_F(LifecycleTest, SighupReloads) {
  ServerProcessOptions options = Options();
  Mutex mutex;
  CondVar changed;
  bool reloaded = false;
  options.on_reload = [&] {
    MutexLock lock(mutex);
    reloaded = true;
    changed.NotifyAll();
  };
  Start(std::move(options));
  kill(getpid(), SIGHUP);
  const auto deadline = steady_clock::now() + std::chrono::seconds(20);
  MutexLock lock(mutex);
  while (!reloaded) ASSERT_TRUE(changed.WaitUntil(mutex, deadline));
}

TEST_F(LifecycleTest, BusyPortNamesTheFlag) {
  Start(Options());
  struct Case {
    const char* flag;
    std::string address;
  };
  for (const Case& c : {Case{"listen", process_->addresses().grpc},
                        Case{"metrics-listen", process_->addresses().http}}) {
    const auto second = ServerProcess::Start(ServerSettings({{c.flag, c.address}}), Options());
    EXPECT_EQ(ExitStatus(second.status()), 1);
    const std::string message(second.status().message());
    EXPECT_THAT(message, StartsWith(absl::StrCat("--", c.flag, ": cannot listen on ", c.address)));
    EXPECT_THAT(message, HasSubstr("Address already in use"));
    EXPECT_THAT(message, HasSubstr("port 0 picks a free one"));
  }
}

TEST_F(LifecycleTest, SeveralAddressesAreServedAndTheFirstOverTcpIsTold) {
  const std::string socket = absl::StrCat("/tmp/several_", getpid());
  process_ = *ServerProcess::Start(
      ServerSettings({{"listen", absl::StrCat("unix:", socket, ",127.0.0.1:0")}}), Options());
  EXPECT_THAT(process_->addresses().grpc, StartsWith("127.0.0.1:"));
  EXPECT_TRUE(CanOpenSocket(socket));
}

TEST_F(LifecycleTest, RootServesTheDefaultSocketToItselfAndItsGroupOnlyWithoutListen) {
  if (geteuid() != 0) GTEST_SKIP() << "only root serves it";
  const std::string directory = absl::StrCat("/tmp/run_", getpid());
  ServerProcessOptions options = Options();
  options.services.clear();  // gRPC lets only one server have a service
  options.default_socket = directory + "/agent.sock";
  const auto named = ServerProcess::Start(ServerSettings({{"listen", "127.0.0.1:0"}}), options);
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_FALSE(std::filesystem::exists(options.default_socket));
  const auto first = ServerProcess::Start(ServerSettings(), options);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(CanOpenSocket(options.default_socket));
  EXPECT_THAT((*first)->addresses().grpc, StartsWith("127.0.0.1:"));
  struct stat socket;
  ASSERT_EQ(stat(options.default_socket.c_str(), &socket), 0);
  EXPECT_EQ(socket.st_mode & 07, 0u);
  const auto second = ServerProcess::Start(ServerSettings(), options);
  ASSERT_TRUE(second.ok()) << "a socket that is served stays with its server: " << second.status();
  struct stat same;
  ASSERT_EQ(stat(options.default_socket.c_str(), &same), 0);
  EXPECT_EQ(same.st_ino, socket.st_ino);
  std::filesystem::remove_all(directory);
}

TEST_F(LifecycleTest, TheDefaultSocketIsTakenOverFromADeadServerOnly) {
  if (geteuid() != 0) GTEST_SKIP() << "only root serves it";
  const std::string directory = absl::StrCat("/tmp/stale_", getpid());
  std::filesystem::create_directory(directory);
  ServerProcessOptions options = Options();
  options.services.clear();
  options.default_socket = directory + "/agent.sock";
  {  // As a server is before it listens, and as a dead one leaves it.
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    options.default_socket.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const Fd left(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(left.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  struct stat before, after;
  ASSERT_EQ(stat(options.default_socket.c_str(), &before), 0);
  {
    const Fd starting(open((options.default_socket + ".lock").c_str(), O_RDWR | O_CREAT, 0600));
    ASSERT_EQ(flock(starting.get(), LOCK_EX), 0);
    ASSERT_TRUE(ServerProcess::Start(ServerSettings(), options).ok());
    ASSERT_EQ(stat(options.default_socket.c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
  }
  const auto next = ServerProcess::Start(ServerSettings(), options);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_TRUE(CanOpenSocket(options.default_socket));
  std::filesystem::remove_all(directory);
}

TEST_F(LifecycleTest, ADirectoryThatOthersMayWriteGetsNoSocket) {
  if (geteuid() != 0) GTEST_SKIP() << "only root serves it";
  const std::string directory = absl::StrCat("/tmp/open_", getpid());
  std::filesystem::create_directory(directory);
  std::filesystem::permissions(directory, std::filesystem::perms::all);
  ServerProcessOptions options = Options();
  options.services.clear();
  options.default_socket = directory + "/agent.sock";
  EXPECT_TRUE(ServerProcess::Start(ServerSettings(), options).ok()) << "TCP is served all the same";
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  std::filesystem::remove_all(directory);
}

TEST_F(LifecycleTest, AddressFileThatCannotBeWrittenStopsTheStart) {
  const auto process =
      ServerProcess::Start(ServerSettings({{"address-file", "/no/such/folder/file"}}), Options());
  EXPECT_EQ(ExitStatus(process.status()), 1);
  EXPECT_THAT(std::string(process.status().message()),
              AllOf(HasSubstr("--address-file"), HasSubstr("/no/such/folder/file")));
}

TEST_F(LifecycleTest, WrongSettingsAreToldBeforeAnythingIsOpened) {
  struct Case {
    std::map<std::string, std::string> changes;
    absl::StatusCode code;
    const char* message;
  };
  for (const Case& c : {
           Case{{{"tls-dir", "/no/such"}}, absl::StatusCode::kInvalidArgument, "--tls-dir: "},
           Case{{{"tls-dir", "/no/such"}, {"insecure", "true"}},
                absl::StatusCode::kInvalidArgument,
                "contradict each other"},
           Case{{{"store", "etcd://h:2379/p"}},
                absl::StatusCode::kUnimplemented,
                "--store: storing state in etcd is not implemented yet"},
           Case{{{"store", "redis://h"}}, absl::StatusCode::kInvalidArgument, "expected etcd://"},
           Case{{{"listen", "nonsense"}}, absl::StatusCode::kInvalidArgument, "--listen: bad"},
           Case{{{"metrics-listen", "x:y"}},
                absl::StatusCode::kInvalidArgument,
                "--metrics-listen: bad"},
           Case{{{"listen", "0.0.0.0:0"}}, absl::StatusCode::kFailedPrecondition, "--insecure"},
           Case{{{"log-format", "xml"}}, absl::StatusCode::kInvalidArgument, "xml"},
       }) {
    const absl::Status status = CheckServerSettings(ServerSettings(c.changes));
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
    EXPECT_EQ(ExitStatus(status), 2);
    EXPECT_EQ(ServerProcess::Start(ServerSettings(c.changes), Options()).status(), status);
  }
  EXPECT_TRUE(CheckServerSettings(ServerSettings()).ok());
  EXPECT_TRUE(
      CheckServerSettings(ServerSettings({{"listen", "0.0.0.0:0"}, {"insecure", "true"}})).ok());
  // A public metrics address is how Prometheus reaches it.
  EXPECT_TRUE(CheckServerSettings(ServerSettings({{"metrics-listen", ":0"}})).ok());
}

TEST_F(LifecycleTest, SettingOfAFileIsNamedWithItsPlace) {
  Settings settings = ServerSettings();
  settings.values["tls-dir"] = {"/etc/tls", "config.toml:7", true};
  EXPECT_THAT(std::string(CheckServerSettings(settings).message()),
              StartsWith("config.toml:7: tls-dir: cannot open /etc/tls/ca.crt"));
}

TEST_F(LifecycleTest, FailureIsPrintedWithTheProgramsName) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(ReportFailure("gitops-agent", absl::InvalidArgumentError("config.toml:3: bad")), 2);
  EXPECT_EQ(ReportFailure("gitops-agent", absl::UnavailableError("no")), 1);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "gitops-agent: config.toml:3: bad\ngitops-agent: no\n");
}

}  // namespace
}  // namespace gitops
