#include "common/rpc/local_callers.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/account/lookup.h"
#include "common/path/fd.h"
#include "common/rpc/gate.h"
#include "common/rpc/server.h"
#include "common/rpc/user_metadata.h"
#include "common/sync/mutex.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops {
namespace {

// Accounts that no host has.
constexpr uid_t kFirstAccount = 61'000;
constexpr int kAccounts = 6;

std::string OwnText() {
  if (geteuid() == 0) return "root";
  const absl::StatusOr<UserAccount> own = LookUpUser(geteuid());
  return absl::StrCat(own.ok() ? own->name : "unnamed", " (uid ", geteuid(), ")");
}

// Answers with who calls, and keeps those calls whose account is not the one that they claim.
class FakeAgent : public v1::AgentService::Service {
 public:
  grpc::Status GetService(grpc::ServerContext* context, const v1::GetServiceRequest*,
                          v1::GetServiceResponse* response) override {
    const Principal caller = PrincipalOf(*context);
    response->mutable_service()->set_service(PrincipalText(caller));
    ++calls_;
    if (caller.on_behalf_of.empty() || caller.on_behalf_of == absl::StrCat(*caller.uid)) {
      return grpc::Status::OK;
    }
    MutexLock lock(mutex_);
    confused_.insert(PrincipalText(caller));
    return grpc::Status::OK;
  }

  std::set<std::string> confused() {
    MutexLock lock(mutex_);
    return confused_;
  }
  int calls() const { return calls_; }

 private:
  std::atomic<int> calls_ = 0;
  Mutex mutex_;
  std::set<std::string> confused_ ABSL_GUARDED_BY(mutex_);
};

class LocalCallersTest : public ::testing::Test {
 protected:
  LocalCallersTest() : socket_(absl::StrCat("/tmp/gitops_local_", getpid())) {
    auto server =
        RpcServer::Start({.listen = "unix:" + socket_, .tls_dir = "", .services = {&agent_}});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    chmod(socket_.c_str(), 0666);
  }

  // -1: that failed.
  int Connect() {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    socket_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return -1;
    return fd.Release();
  }

  // The same as another account, which only this thread takes: glibc would change all threads.
  int ConnectAs(uid_t uid) {
    EXPECT_EQ(syscall(SYS_setresuid, -1, uid, -1), 0);
    const int fd = Connect();
    EXPECT_EQ(syscall(SYS_setresuid, -1, 0, -1), 0);
    return fd;
  }

  // One call on a connection of its own, which breaks after `breaks_after`. The text of the answer;
  // "": none.
  std::string CallOn(int fd, const std::string& on_behalf_of, absl::Duration breaks_after) {
    const Fd own(dup(fd));
    auto stub = v1::AgentService::NewStub(grpc::CreateInsecureChannelFromFd("local", fd));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
    if (!on_behalf_of.empty()) context.AddMetadata(kOnBehalfOfMetadata, on_behalf_of);
    context.AddMetadata(kUserMetadata, "mallory");
    v1::GetServiceRequest request;
    v1::GetServiceResponse response;
    Mutex mutex;
    CondVar changed;
    bool done, good;
    {
      // gRPC's own locks are hidden from the thread sanitizer; it would see no order without this.
      MutexLock lock(mutex);
      done = good = false;
    }
    stub->async()->GetService(&context, &request, &response, [&](const grpc::Status& status) {
      MutexLock lock(mutex);
      good = status.ok();
      done = true;
      changed.NotifyAll();
    });
    if (breaks_after != absl::InfiniteDuration()) {
      const absl::Time end = absl::Now() + breaks_after;
      while (absl::Now() < end) std::this_thread::yield();
      shutdown(own.get(), SHUT_RDWR);
    }
    MutexLock lock(mutex);
    while (!done) changed.Wait(mutex);
    return good ? response.service().service() : "";
  }

  const std::string socket_;
  FakeAgent agent_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(LocalCallersTest, TheAccountThatConnectedIsTheCallerWhateverItClaims) {
  EXPECT_EQ(CallOn(Connect(), "", absl::InfiniteDuration()), OwnText());
  EXPECT_EQ(CallOn(Connect(), "alice", absl::InfiniteDuration()),
            absl::StrCat("alice through mallory as ", OwnText()));
}

TEST_F(LocalCallersTest, AnAccountWithoutANameIsShownByItsNumber) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be another account";
  EXPECT_EQ(CallOn(ConnectAs(kFirstAccount), "", absl::InfiniteDuration()), "unnamed (uid 61000)");
}

TEST_F(LocalCallersTest, ADescriptorThatAnotherConnectionTakesOverNeverHasTheFormerAccount) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be other accounts";
  std::vector<std::thread> threads;
  std::atomic<int> answered = 0, broken = 0;
  for (int account = 0; account < kAccounts; ++account) {
    threads.emplace_back([&, uid = kFirstAccount + account] {
      std::minstd_rand random(uid);
      for (int i = 0; i < 150; ++i) {
        const bool breaks = i % 3 != 0;
        const std::string text =
            CallOn(ConnectAs(uid), absl::StrCat(uid),
                   breaks ? absl::Microseconds(random() % 2000) : absl::InfiniteDuration());
        if (text.empty()) {
          EXPECT_TRUE(breaks);
          ++broken;
        } else {
          EXPECT_EQ(text, absl::StrCat(uid, " through mallory as unnamed (uid ", uid, ")"));
          ++answered;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(agent_.confused(), std::set<std::string>());
  EXPECT_GT(agent_.calls(), answered) << "no call was running when its connection broke";
  EXPECT_GT(broken, 0);
  EXPECT_LE(LocalCallers::OfProcess().CountOpen(kFirstAccount, 0), 5u) << "closed ones are counted";
}

TEST_F(LocalCallersTest, CallsEndWithinTheGraceAndTheSocketIsGoneWhenTheServerStops) {
  const Fd silent(Connect());
  ASSERT_TRUE(silent);
  EXPECT_EQ(CallOn(Connect(), "", absl::InfiniteDuration()), OwnText());
  server_->Shutdown(absl::Seconds(5));
  EXPECT_NE(access(socket_.c_str(), F_OK), 0);
  char byte;
  EXPECT_EQ(recv(silent.get(), &byte, 1, 0), 0) << "the connection of a silent client stays open";
}

TEST(LocalCallersPeerTest, PeersThatAreNoneOfOursAreUnknown) {
  for (const char* peer : {"ipv4:127.0.0.1:4711", "unix:", "fd:", "fd:x", "fd:-1", "fd:999999"}) {
    EXPECT_EQ(LocalCallers::OfProcess().Find(peer), std::nullopt) << peer;
  }
}

}  // namespace
}  // namespace gitops
