// Servers and channels with TLS, over real sockets.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/path/temporary_directory.h"
#include "common/rpc/authenticator.h"
#include "common/rpc/channel.h"
#include "common/rpc/gate.h"
#include "common/rpc/handler.h"
#include "common/rpc/handshakes.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/rpc/testing_tls.h"
#include "common/rpc/tls_files.h"
#include "common/rpc/user_metadata.h"
#include "common/testing/eventually.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Tells once that it is open, and nothing else.
struct SilentWatch {
  WatchStream<v1::WatchServicesResponse>::Write write;

  absl::StatusOr<int64_t> Start(Changes<int>&) const { return 0; }
  absl::Status TellAll(int64_t) const {
    write(v1::WatchServicesResponse(), /*more=*/false);
    return absl::OkStatus();
  }
  absl::Status TellChanges(const std::set<int>&, int64_t) const { return absl::OkStatus(); }
  bool done() const { return false; }
};

// Answers GetService with its caller, as the gate sees it.
class Echo final : public v1::AgentService::Service {
 public:
  explicit Echo(const RpcGate* gate) : gate_(gate) {}

  grpc::Status GetService(grpc::ServerContext* context, const v1::GetServiceRequest* request,
                          v1::GetServiceResponse* response) override {
    return gate_->Run(*context, *request, [&](const Principal& caller) -> absl::Status {
      response->mutable_service()->set_service(
          absl::StrCat(RoleName(*caller.role), " ", PrincipalText(caller)));
      return absl::OkStatus();
    });
  }

  grpc::Status WatchServices(grpc::ServerContext* context, const v1::WatchServicesRequest* request,
                             grpc::ServerWriter<v1::WatchServicesResponse>* writer) override {
    return gate_->Run(*context, *request, [&] {
      return ServeWatch<int>(*gate_, watches_, *context, *writer,
                             [](auto write) { return SilentWatch{std::move(write)}; });
    });
  }

 private:
  const RpcGate* const gate_;
  Watches watches_{10, absl::ResourceExhaustedError("full"), Clock::System()};
};

// A client's open watch.
class OpenWatch {
 public:
  explicit OpenWatch(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::AgentService::NewStub(channel)) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    reader_ = stub_->WatchServices(&context_, v1::WatchServicesRequest());
    v1::WatchServicesResponse first;
    EXPECT_TRUE(reader_->Read(&first)) << "the watch did not open";
  }
  // Waits for the end, and returns its status.
  absl::Status End() {
    v1::WatchServicesResponse next;
    while (reader_->Read(&next)) {
    }
    return FromGrpcStatus(reader_->Finish());
  }
  void Cancel() { context_.TryCancel(); }

 private:
  const std::unique_ptr<v1::AgentService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchServicesResponse>> reader_;
};

class TlsTest : public testing::Test {
 protected:
  void Serve(const std::string& tls_dir) {
    auto files = TlsFiles::Open(tls_dir);
    ASSERT_TRUE(files.ok()) << files.status();
    gate_.Identify(std::make_shared<const Authenticator>(AuthenticatorOptions{
        .revoked = [files = *files](const auto& chain) { return files->CheckRevoked(chain); }}));
    auto server = RpcServer::Start({.listen = "127.0.0.1:0",
                                    .also_listen = {"unix:" + socket_},
                                    .tls_dir = tls_dir,
                                    .services = {&echo_}});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  absl::StatusOr<std::string> CallOn(const std::shared_ptr<grpc::Channel>& channel,
                                     const std::string& on_behalf_of = "",
                                     const std::string& role = "") {
    const auto stub = v1::AgentService::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    context.AddMetadata(kUserMetadata, "mallory");
    if (!on_behalf_of.empty()) context.AddMetadata(kOnBehalfOfMetadata, on_behalf_of);
    if (!role.empty()) context.AddMetadata(kOnBehalfOfRoleMetadata, role);
    v1::GetServiceResponse response;
    const grpc::Status status = stub->GetService(&context, v1::GetServiceRequest(), &response);
    if (!status.ok()) return FromGrpcStatus(status);
    return response.service().service();
  }

  std::shared_ptr<grpc::Channel> Channel(const std::string& tls_dir,
                                         const std::string& host = "web1",
                                         Role role = Role::kAgent) {
    auto channel = Dial({.address = server_->address(),
                         .tls_dir = tls_dir,
                         .server = ServerIdentity{.role = role, .name = host},
                         .own_connection = true});
    EXPECT_TRUE(channel.ok()) << channel.status();
    return *channel;
  }
  // "OK viewer alice…", or the error.
  std::string Call(const std::string& tls_dir, const std::string& host = "web1",
                   Role role = Role::kAgent) {
    const auto answer = CallOn(Channel(tls_dir, host, role));
    return answer.ok() ? "OK " + *answer : answer.status().ToString();
  }

  // What `openssl s_client` of this version of TLS says.
  std::string Openssl(const std::string& tls_dir, const std::string& version) {
    const std::string command = absl::StrCat(
        "openssl s_client -connect ", server_->address(), " ", version, " -alpn h2 -CAfile ",
        tls_dir, "/ca.crt -cert ", tls_dir, "/tls.crt -key ", tls_dir, "/tls.key < /dev/null 2>&1");
    FILE* const output = popen(command.c_str(), "r");
    std::string text(1 << 16, '\0');
    text.resize(fread(text.data(), 1, text.size(), output));
    pclose(output);
    return text;
  }

  // The serial number of the certificate that the server shows.
  std::string ServedSerial(const std::string& tls_dir) {
    const std::string shown = Openssl(tls_dir, "-tls1_3");
    const size_t begin = shown.find("-----BEGIN CERTIFICATE-----");
    if (begin == std::string::npos) return "";
    return ReadCertificate(absl::string_view(shown).substr(begin))->serial;
  }

  TestAuthority authority_;
  // In /tmp, since the path of a socket must be short.
  const TemporaryDirectory sockets_{TemporaryDirectory::For::kEveryAccount};
  const std::string socket_ = sockets_ / "agent.sock";
  RpcGate gate_;
  Echo echo_{&gate_};
  std::unique_ptr<RpcServer> server_;
};

TEST_F(TlsTest, TheCallerIsWhomItsCertificateNamesWhateverItClaims) {
  Serve(authority_.Issue("agent/web1"));
  EXPECT_THAT(Call(authority_.Issue("viewer/alice")),
              HasSubstr("OK viewer alice (ipv4:127.0.0.1)"));
  EXPECT_THAT(Call(authority_.Issue("planner/main")),
              HasSubstr("OK planner main (ipv4:127.0.0.1)"));
  EXPECT_THAT(Call(authority_.Issue("agent/web2")),
              AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("web2"), HasSubstr("role agent"),
                    HasSubstr("AgentService.GetService")));
}

TEST_F(TlsTest, TheUnixSocketOfTheSameServerIsPlainAndItsCallersAreAdmins) {
  Serve(authority_.Issue("agent/web1"));
  const auto answer = CallOn(*Dial({.address = "unix:" + socket_}));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(*answer, ::testing::StartsWith(geteuid() == 0 ? "admin root" : "admin "));
  EXPECT_THAT(*answer, ::testing::Not(HasSubstr("mallory")));
}

TEST_F(TlsTest, OnlyServersAreBelievedForWhomTheyCallAndOnlyGatewaysWhatRole) {
  Serve(authority_.Issue("agent/web1"));
  const auto call = [&](const std::string& identity) {
    return CallOn(Channel(authority_.Issue(identity)), "alice", "operator").value_or("refused");
  };
  EXPECT_EQ(call("gateway/gw"), "operator alice (operator) through gw (ipv4:127.0.0.1)");
  EXPECT_EQ(call("planner/main"), "planner alice through main (ipv4:127.0.0.1)");
  EXPECT_EQ(call("viewer/bob"), "viewer bob (ipv4:127.0.0.1)");
  const auto posing = CallOn(Channel(authority_.Issue("gateway/gw")), "alice", "planner");
  EXPECT_TRUE(absl::IsPermissionDenied(posing.status())) << posing.status();
}

TEST_F(TlsTest, AServerOfAnotherRoleOrHostIsRefusedWithWhatWasExpectedAndFound) {
  Serve(authority_.Issue("agent/web1"));
  const std::string client = authority_.Issue("planner/main");
  EXPECT_THAT(Call(client, "web2"),
              HasSubstr("expected the certificate of agent/web2, found that of "
                        "agent/web1"));
  EXPECT_THAT(Call(client, "", Role::kPlanner),
              HasSubstr("expected the certificate of any planner, found that of agent/web1"));
  EXPECT_THAT(Call(client, ""), HasSubstr("OK"));
}

TEST_F(TlsTest, AChannelWithTlsMustSayWhomItMeans) {
  Serve(authority_.Issue("agent/web1"));
  const auto channel =
      Dial({.address = server_->address(), .tls_dir = authority_.Issue("planner/main")});
  EXPECT_TRUE(absl::IsInvalidArgument(channel.status())) << channel.status();
}

TEST_F(TlsTest, NothingOlderThanTls13IsSpoken) {
  Serve(authority_.Issue("agent/web1"));
  const std::string client = authority_.Issue("planner/main");
  EXPECT_THAT(Openssl(client, "-tls1_3"), HasSubstr("New, TLSv1.3"));
  const int64_t failed = FailedHandshakes();
  EXPECT_THAT(Openssl(client, "-tls1_2"),
              AllOf(HasSubstr("CONNECTED"), HasSubstr("Cipher is (NONE)")));
  EXPECT_TRUE(Eventually([&] { return FailedHandshakes() > failed; })) << "not counted";
}

TEST_F(TlsTest, AnotherAuthorityAndPlainTextAreRefused) {
  Serve(authority_.Issue("agent/web1"));
  TestAuthority other;
  EXPECT_THAT(Call(other.Issue("planner/main")), HasSubstr("UNAVAILABLE"));
  const auto plain = CallOn(*Dial({.address = server_->address()}));
  EXPECT_TRUE(absl::IsUnavailable(plain.status())) << plain.status();
}

TEST_F(TlsTest, ARevokedCertificateIsRefusedSoonAlsoOnAnOpenConnection) {
  const std::string served = authority_.Issue("agent/web1");
  Serve(served);
  const auto alice = Channel(authority_.Issue("viewer/alice"));
  ASSERT_TRUE(CallOn(alice).ok());

  ASSERT_TRUE(authority_.authority().Revoke("viewer/alice", "left", absl::Now()).ok());
  std::filesystem::copy(authority_.directory() / "ca/crl.pem", served + "/crl.pem");

  absl::Status status;
  EXPECT_TRUE(Eventually([&] {
    status = CallOn(alice).status();
    return absl::IsUnauthenticated(status);
  }));
  EXPECT_THAT(std::string(status.message()), HasSubstr("revoked"));
  EXPECT_THAT(Call(authority_.Issue("viewer/bob")), HasSubstr("OK"));
}

TEST_F(TlsTest, AnOpenWatchEndsSoonAfterItsCertificateIsRevokedAndOthersGoOn) {
  const std::string served = authority_.Issue("agent/web1");
  Serve(served);
  OpenWatch alice(Channel(authority_.Issue("viewer/alice")));
  OpenWatch bob(Channel(authority_.Issue("viewer/bob")));

  ASSERT_TRUE(authority_.authority().Revoke("viewer/alice", "left", absl::Now()).ok());
  std::filesystem::copy(authority_.directory() / "ca/crl.pem", served + "/crl.pem");

  const absl::Status ended = alice.End();
  EXPECT_TRUE(absl::IsUnauthenticated(ended)) << ended;
  EXPECT_THAT(std::string(ended.message()), HasSubstr("revoked"));
  bob.Cancel();
  EXPECT_TRUE(absl::IsCancelled(bob.End())) << "it ended with alice's";
}

TEST_F(TlsTest, ANewCertificateIsTakenUpAndABadOneIsNot) {
  const std::string served = authority_.Issue("agent/web1");
  Serve(served);
  const std::string client = authority_.Issue("planner/main");
  const auto open = Channel(client);
  ASSERT_TRUE(CallOn(open).ok());

  // Half of a file, as in the middle of a copy.
  const std::filesystem::path certificate = served + "/tls.crt";
  std::filesystem::resize_file(certificate, std::filesystem::file_size(certificate) / 2);
  const std::string other = authority_.Issue("planner/other");
  EXPECT_THAT(Call(other), HasSubstr("OK"));

  const auto serial = [&] {
    return (*ReadCertificate(authority_.directory().Read(
                std::filesystem::path(served).filename().string() + "/tls.crt")))
        .serial;
  };
  authority_.Put(std::filesystem::path(served).filename(), "agent/web1");
  const std::string wanted = serial();
  EXPECT_TRUE(Eventually([&] { return ServedSerial(client) == wanted; }));
  EXPECT_TRUE(CallOn(open).ok()) << "an open connection ended";
}

TEST_F(TlsTest, AnExpiredCertificateLeavesTheUnixSocketServed) {
  const std::string expired = authority_.Issue("agent/web1", absl::Now() - absl::Hours(240), 2);
  Serve(expired);
  EXPECT_TRUE(CallOn(*Dial({.address = "unix:" + socket_})).ok());
  EXPECT_THAT(Call(authority_.Issue("planner/main")), HasSubstr("UNAVAILABLE"));
  EXPECT_THAT(std::string((*TlsFiles::Open(expired))->problem().message()), HasSubstr("expired"));
}

TEST_F(TlsTest, TheOwnCertificateMustHaveTheProgramsRole) {
  const auto files = TlsFiles::Open(authority_.Issue("agent/web1"));
  ASSERT_TRUE(files.ok());
  EXPECT_EQ((*files)->Require(Role::kAgent), absl::OkStatus());
  EXPECT_THAT(std::string((*files)->Require(Role::kPlanner).message()),
              AllOf(HasSubstr("agent/web1"), HasSubstr("role planner")));
}

}  // namespace
}  // namespace gitops
