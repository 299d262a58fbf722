// The clients against a real server. What gitopsctl does with each method: ctl/*_run_test.cc.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "common/client/planner_client.h"
#include "common/rpc/server.h"
#include "common/sync/mutex.h"
#include "gitops/v1/planner.grpc.pb.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class FakePlanner final : public v1::PlannerService::Service {
 public:
  FakePlanner() {
    RpcServerOptions options;
    options.listen = "127.0.0.1:0";
    options.services = {this};
    server_ = *RpcServer::Start(options);
  }

  const std::string& address() const { return server_->address(); }

  struct Call {
    std::map<std::string, std::string> metadata;  // what is ours
    std::string connection;
    absl::Time deadline;
    std::string request_id;
  };
  std::vector<Call> calls() const {
    MutexLock lock(mutex_);
    return calls_;
  }
  Call last_call() const { return calls().back(); }

  grpc::Status GetHost(grpc::ServerContext* context, const v1::GetHostRequest*,
                       v1::GetHostResponse*) override {
    Note(*context);
    return grpc::Status::OK;
  }
  // Two hosts a page, five in all.
  grpc::Status ListHosts(grpc::ServerContext* context, const v1::ListHostsRequest* request,
                         v1::ListHostsResponse* response) override {
    Note(*context);
    const std::string& begin = request->page_token();
    for (int i = begin.empty() ? 0 : std::stoi(begin); i < 5; ++i) {
      if (response->hosts_size() == 2) {
        response->set_next_page_token(std::to_string(i));
        break;
      }
      response->add_hosts()->set_host("web" + std::to_string(i));
    }
    return grpc::Status::OK;
  }
  grpc::Status CreateDeployment(grpc::ServerContext* context,
                                const v1::CreateDeploymentRequest* request,
                                v1::CreateDeploymentResponse*) override {
    Note(*context, request->request_id());
    return grpc::Status::OK;
  }
  // One answer; it then ends if the resume token says so.
  grpc::Status WatchFleet(grpc::ServerContext* context, const v1::WatchFleetRequest* request,
                          grpc::ServerWriter<v1::WatchFleetResponse>* writer) override {
    Note(*context);
    v1::WatchFleetResponse response;
    response.set_resume_token("end");
    writer->Write(response);
    MutexLock lock(mutex_);
    while (request->resume_token() != "end" && !context->IsCancelled()) {
      cancelled_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
    }
    return grpc::Status::OK;
  }

 private:
  void Note(const grpc::ServerContext& context, const std::string& request_id = "") {
    Call call;
    for (const auto& [name, value] : context.client_metadata()) {
      const std::string key(name.data(), name.size());
      if (key == "traceparent" || key.starts_with("gitops-")) {
        call.metadata[key] = std::string(value.data(), value.size());
      }
    }
    call.connection = context.peer();
    call.deadline = absl::FromChrono(context.deadline());
    call.request_id = request_id;
    MutexLock lock(mutex_);
    calls_.push_back(std::move(call));
  }

  mutable Mutex mutex_;
  CondVar cancelled_;
  std::vector<Call> calls_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<RpcServer> server_;
};

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    ClientOptions options;
    options.address = planner_.address();
    options.caller.user = "the gateway";
    client_ = std::make_unique<PlannerClient>(*PlannerClient::New(options));
  }

  absl::Status WatchFleet(PlannerClient& client, const std::string& resume_token, bool wanted) {
    v1::WatchFleetRequest request;
    request.set_resume_token(resume_token);
    return client.WatchFleet(request, [&](const v1::WatchFleetResponse&) {
      answered_ = true;
      return wanted;
    });
  }

  FakePlanner planner_;
  std::unique_ptr<PlannerClient> client_;
  bool answered_ = false;
};

TEST_F(ClientTest, EachCallTellsItsCallerAndTheConnectionIsShared) {
  ASSERT_TRUE(client_->GetHost("web1").ok());
  EXPECT_THAT(planner_.last_call().metadata, ElementsAre(Pair("gitops-user", "the gateway")));
  const std::string traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  PlannerClient for_alice = client_->For({.user = "the gateway",
                                          .on_behalf_of = "alice from ipv4:192.0.2.7",
                                          .traceparent = traceparent});
  ASSERT_TRUE(for_alice.GetHost("web1").ok());
  EXPECT_THAT(planner_.last_call().metadata,
              UnorderedElementsAre(Pair("gitops-user", "the gateway"),
                                   Pair("gitops-on-behalf-of", "alice from ipv4:192.0.2.7"),
                                   Pair("traceparent", traceparent)));
  EXPECT_EQ(planner_.calls()[0].connection, planner_.calls()[1].connection);
}

TEST_F(ClientTest, TheCallersDeadlineIsThatOfAllItsCallsAndReplacesTheirOwnLimits) {
  EXPECT_EQ(client_->Remaining(), absl::InfiniteDuration());
  ASSERT_TRUE(client_->GetHost("web1").ok());
  EXPECT_LT(planner_.last_call().deadline, absl::Now() + absl::Seconds(31));
  ASSERT_TRUE(WatchFleet(*client_, "", /*wanted=*/false).ok());
  EXPECT_GT(planner_.last_call().deadline, absl::Now() + absl::Hours(1000)) << "a watch has none";
  const absl::Time deadline = absl::Now() + absl::Hours(2);
  PlannerClient patient = client_->For({.deadline = deadline});
  ASSERT_TRUE(patient.GetHost("web1").ok());
  EXPECT_GT(planner_.last_call().deadline, deadline - absl::Hours(1));
  ASSERT_TRUE(WatchFleet(patient, "", /*wanted=*/false).ok());
  EXPECT_LT(planner_.last_call().deadline, deadline + absl::Hours(1));
  EXPECT_EQ(
      client_->For({.deadline = absl::Now() - absl::Hours(1)}).GetHost("web1").status().code(),
      absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ClientTest, AListIsAllPages) {
  const auto hosts = client_->ListHosts({});
  ASSERT_TRUE(hosts.ok()) << hosts.status();
  ASSERT_EQ(hosts->size(), 5u);
  EXPECT_EQ(hosts->back().host(), "web4");
}

TEST_F(ClientTest, ACreatingCallHasARequestIdOfItsOwnOrThatOfItsCaller) {
  v1::CreateDeploymentRequest request;
  ASSERT_TRUE(client_->CreateDeployment(request).ok());
  ASSERT_TRUE(client_->CreateDeployment(request).ok());
  request.set_request_id("promotion-7");
  ASSERT_TRUE(client_->CreateDeployment(request).ok());
  const auto calls = planner_.calls();
  EXPECT_THAT(calls[0].request_id, Not(IsEmpty()));
  EXPECT_NE(calls[0].request_id, calls[1].request_id);
  EXPECT_EQ(calls[2].request_id, "promotion-7");
}

TEST_F(ClientTest, AWatchEndsWithItsServerItsReaderOrItsCaller) {
  EXPECT_EQ(WatchFleet(*client_, "end", /*wanted=*/true).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(WatchFleet(*client_, "", /*wanted=*/false), absl::OkStatus());
  answered_ = false;
  PlannerClient stopping = client_->For({.give_up = [&] { return answered_; }});
  EXPECT_EQ(WatchFleet(stopping, "", /*wanted=*/true).code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace gitops
