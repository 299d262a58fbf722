// PlannerService: reads of the fleet, and commands to many hosts.
#include "absl/strings/str_cat.h"
#include "services/planner/rpc/planner_test_base.h"

namespace gitops {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::SizeIs;

class FleetRpcTest : public PlannerTestBase {
 protected:
  FleetRpcTest() {
    AddHost("web1", {"web"});
    AddHost("web2", {"web"});
    AddHost("db1", {"db"});
  }

  static std::vector<std::string> Names(const v1::ListHostsResponse& response) {
    std::vector<std::string> names;
    for (const v1::Host& host : response.hosts()) names.push_back(host.host());
    return names;
  }
  // "web1 0", by host and code.
  static std::vector<std::string> Codes(const std::vector<v1::HostOutcome>& outcomes) {
    std::vector<std::string> lines;
    for (const v1::HostOutcome& outcome : outcomes) {
      lines.push_back(absl::StrCat(outcome.host(), " ", outcome.code()));
    }
    return lines;
  }
  std::unique_ptr<HeldLocks> Lock(const std::string& host, const std::string& deployment) {
    auto held = locks_.Acquire(
        {.deployment = deployment, .actor = "bob", .hosts = {host}, .no_wait = true});
    EXPECT_TRUE(held.ok()) << held.status();
    return *std::move(held);
  }
};

// One message of WatchFleet as "host web1", "service web1/nginx", "gone …"; " ." where
// initial_done.
std::string Line(const v1::WatchFleetResponse& response) {
  std::string line = response.removed() ? "gone " : "";
  if (response.has_host()) absl::StrAppend(&line, "host ", response.host().host());
  if (response.has_service()) {
    absl::StrAppend(&line, "service ", response.service().host(), "/",
                    response.service().service());
  }
  return line + (response.initial_done() ? " ." : "");
}

class FleetWatchTest : public FleetRpcTest {
 protected:
  // Ends the watch there was.
  void Begin(const v1::WatchFleetRequest& request) {
    context_->TryCancel();
    reader_.reset();
    context_ = Context();
    reader_ = stub_->WatchFleet(context_.get(), request);
  }
  // The next `count` messages.
  std::vector<std::string> Next(int count) {
    std::vector<std::string> lines;
    while (count-- > 0 && reader_->Read(&last_)) lines.push_back(Line(last_));
    return lines;
  }
  ~FleetWatchTest() override { context_->TryCancel(); }

  std::unique_ptr<grpc::ClientContext> context_ = Context();
  std::unique_ptr<grpc::ClientReader<v1::WatchFleetResponse>> reader_;
  v1::WatchFleetResponse last_;
};

TEST_F(FleetRpcTest, GlobsThatWouldTakeStackOrMemoryWithoutEndAreRefused) {
  std::string many;
  for (int i = 0; i < 12; ++i) many += "{a,b}";
  std::string alternatives = "{";
  for (int i = 0; i < 4095; ++i) absl::StrAppend(&alternatives, std::string(95, 'a'), ",");
  const std::vector<std::string> bad[] = {
      {std::string(20'000, '{') + "a" + std::string(20'000, '}')},
      {alternatives + "}"},
      std::vector<std::string>(2000, many),
  };
  for (const std::vector<std::string>& on : bad) {
    v1::ListHostsRequest request;
    *request.mutable_selection()->mutable_on() = {on.begin(), on.end()};
    const grpc::Status status = Try(&Stub::ListHosts, request);
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), testing::SizeIs(testing::Lt(500u)));
  }
  v1::ListHostsRequest request;
  request.mutable_selection()->add_on("{web,db}1");
  EXPECT_THAT(Names(Call(&Stub::ListHosts, request)), ElementsAre("web1", "db1"));
}

TEST_F(FleetRpcTest, HostsAreListedAsSelectedWithWhoHoldsTheirLocks) {
  const auto held = Lock("web2", "D1");
  v1::ListHostsRequest request;
  request.mutable_selection()->add_tagged("web");
  const auto response = Call(&Stub::ListHosts, request);
  ASSERT_THAT(Names(response), ElementsAre("web1", "web2"));
  EXPECT_FALSE(response.hosts(0).has_lock());
  EXPECT_EQ(response.hosts(1).lock().deployment(), "D1");
  EXPECT_EQ(response.hosts(1).lock().actor(), "bob");
  EXPECT_EQ(response.hosts(1).address(), "web2:8004");
}

TEST_F(FleetRpcTest, PagesFollowTheOrderOfTheSelectionWhileHostsComeAndGo) {
  fleet_.OrderByTags({"db"});
  v1::ListHostsRequest request;
  request.set_page_size(1);
  auto page = Call(&Stub::ListHosts, request);
  EXPECT_THAT(Names(page), ElementsAre("db1"));
  request.set_page_token(page.next_page_token());
  page = Call(&Stub::ListHosts, request);
  EXPECT_THAT(Names(page), ElementsAre("web1"));
  // The last host of the page before is gone, another has come in front.
  fleet_.Remove("web1");
  request.set_page_token(page.next_page_token());
  page = Call(&Stub::ListHosts, request);
  EXPECT_THAT(Names(page), ElementsAre("web2"));
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(FleetRpcTest, APageStaysRightWhereAHostCameInFrontOfIt) {
  fleet_.OrderByTags({"first"});
  v1::ListHostsRequest request;
  request.set_page_size(2);
  auto page = Call(&Stub::ListHosts, request);
  EXPECT_THAT(Names(page), ElementsAre("web1", "web2"));
  fleet_.Add("new1", {"first"});
  request.set_page_token(page.next_page_token());
  EXPECT_THAT(Names(Call(&Stub::ListHosts, request)), ElementsAre("db1"));
}

TEST_F(FleetRpcTest, OneHostIsShownWithWhoHoldsItsLock) {
  v1::GetHostRequest request;
  request.set_host("web1");
  EXPECT_FALSE(Call(&Stub::GetHost, request).host().has_lock());
  const auto held = Lock("web1", "D1");
  const v1::Host host = Call(&Stub::GetHost, request).host();
  EXPECT_EQ(host.address(), "web1:8004");
  EXPECT_EQ(host.lock().deployment(), "D1");
  request.set_host("web9");
  EXPECT_EQ(Try(&Stub::GetHost, request).error_code(), StatusCode::NOT_FOUND);
  request.clear_host();
  EXPECT_EQ(Try(&Stub::GetHost, request).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(FleetRpcTest, LocksAreListedByHostInPages) {
  const auto web = Lock("web2", "D1");
  const auto db = Lock("db1", "D2");
  v1::ListLocksRequest request;
  request.set_page_size(1);
  auto page = Call(&Stub::ListLocks, request);
  ASSERT_EQ(page.locks_size(), 1);
  EXPECT_EQ(page.locks(0).host(), "db1");
  EXPECT_EQ(page.locks(0).deployment(), "D2");
  request.set_page_token(page.next_page_token());
  page = Call(&Stub::ListLocks, request);
  ASSERT_EQ(page.locks_size(), 1);
  EXPECT_EQ(page.locks(0).host(), "web2");
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(FleetRpcTest, ServicesAreListedByHostThenNameAndPaged) {
  fleet_.AddService("web1", "app", "");
  v1::ListFleetServicesRequest request;
  request.set_page_size(2);
  std::vector<std::string> seen;
  do {
    const auto page = Call(&Stub::ListFleetServices, request);
    EXPECT_LE(page.services_size(), 2);
    for (const auto& service : page.services()) {
      seen.push_back(absl::StrCat(service.host(), "/", service.service()));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(seen, ElementsAre("web1/app", "web1/nginx", "web2/nginx", "db1/nginx"));
  request.set_service("app");
  EXPECT_EQ(Call(&Stub::ListFleetServices, request).services_size(), 1);
  request.set_service("");
  EXPECT_EQ(Try(&Stub::ListFleetServices, request).error_code(), StatusCode::INVALID_ARGUMENT)
      << "an empty name is not all services";
}

TEST_F(FleetRpcTest, PagesOfLargeServicesAndHostsAreLimitedInBytes) {
  constexpr int kLarge = 100;  // of 100 KB each
  for (int i = 0; i < kLarge; ++i) {
    const std::string name = absl::StrCat("large", i);
    fleet_.AddService("web1", name, "");
    fleet_.Change("web1", name,
                  [](v1::Service& service) { service.set_state_info(std::string(100'000, 'x')); });
    fleet_.Add(absl::StrCat("tagged", i), {std::string(100'000, 'x')});
  }
  v1::ListFleetServicesRequest services;
  int seen = 0;
  do {
    const auto page = Call(&Stub::ListFleetServices, services);
    EXPECT_LE(page.ByteSizeLong(), size_t{3} << 20);
    seen += page.services_size();
    services.set_page_token(page.next_page_token());
  } while (!services.page_token().empty());
  EXPECT_EQ(seen, kLarge + 3);

  v1::ListHostsRequest hosts;
  seen = 0;
  do {
    const auto page = Call(&Stub::ListHosts, hosts);
    EXPECT_LE(page.ByteSizeLong(), size_t{3} << 20);
    seen += page.hosts_size();
    hosts.set_page_token(page.next_page_token());
  } while (!hosts.page_token().empty());
  EXPECT_EQ(seen, kLarge + 3);
}

TEST_F(FleetRpcTest, BadPagesAndSelectionsAreRefused) {
  v1::ListHostsRequest request;
  request.set_page_size(-1);
  EXPECT_EQ(Try(&Stub::ListHosts, request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.set_page_size(1'000'000'000);
  EXPECT_EQ(Call(&Stub::ListHosts, request).hosts_size(), 3) << "as many as there may be";
  for (const char* token : {"7", "after:7", "after:bm8", "after:LTEKYQo="}) {
    request.set_page_token(token);
    EXPECT_EQ(Try(&Stub::ListHosts, request).error_code(), StatusCode::INVALID_ARGUMENT) << token;
  }
  request.clear_page_token();
  request.mutable_selection()->add_on("web[");
  EXPECT_EQ(Try(&Stub::ListHosts, request).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(FleetRpcTest, ACommandReachesEverySelectedHostThatHasTheServiceForTheCaller) {
  fleet_.RemoveService("web2", "nginx");
  v1::FreezeServicesRequest request;
  request.set_service("nginx");
  request.set_reason("fair");
  request.mutable_selection()->set_all(true);
  const auto outcomes = Call(&Stub::FreezeServices, request);
  EXPECT_THAT(Codes(outcomes), ElementsAre("web1 0", "db1 0"));
  EXPECT_EQ(outcomes[0].service().host(), "web1");
  EXPECT_THAT(agents_.Look("web1:8004", "nginx").frozen_by,
              MatchesRegex("alice@laptop( from ipv[46]:[0-9a-f.:]+)?"));
  EXPECT_EQ(agents_.Look("web2:8004", "nginx").frozen_by, "");
}

TEST_F(FleetRpcTest, WhatAHostAnsweredIsItsOutcomeInTheOrderOfTheSelection) {
  agents_.SetUp("web1:8004", false);
  fleet_.OrderByTags({"db"});
  v1::UnfreezeServicesRequest request;
  request.set_service("nginx");
  request.mutable_selection()->set_limit(3);
  const auto outcomes = Call(&Stub::UnfreezeServices, request);
  EXPECT_THAT(Codes(outcomes),
              ElementsAre("db1 0", absl::StrCat("web1 ", StatusCode::UNAVAILABLE), "web2 0"));
  EXPECT_THAT(outcomes[1].message(), HasSubstr("web1:8004"));
}

TEST_F(FleetRpcTest, HostsOfWhichNothingIsKnownAreAskedAndLeftOutWhereTheyHaveNone) {
  fleet_.Add("new1", {}, v1::HOST_STATE_NEVER_SEEN);
  agents_.Add("new1:8004", {{"caddy", std::string()}});
  fleet_.Add("new2", {}, v1::HOST_STATE_NEVER_SEEN);
  agents_.Add("new2:8004", {{"nginx", std::string()}});
  fleet_.Add("new3", {}, v1::HOST_STATE_NEVER_SEEN);
  v1::DiffServicesRequest request;
  request.set_service("nginx");
  request.mutable_selection()->add_on("new*");
  EXPECT_THAT(Codes(Call(&Stub::DiffServices, request)),
              ElementsAre("new2 0", absl::StrCat("new3 ", StatusCode::UNAVAILABLE)));
}

TEST_F(FleetRpcTest, AServiceThatNoSelectedHostHasIsNotFound) {
  v1::PullServicesRequest request;
  request.mutable_selection()->add_on("web*");
  request.set_service("caddy");
  EXPECT_EQ(Try(&Stub::PullServices, request).error_code(), StatusCode::NOT_FOUND);
  request.set_service("nginx");
  request.mutable_selection()->set_on(0, "nobody");
  EXPECT_EQ(Try(&Stub::PullServices, request).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(FleetRpcTest, CommandsThatChangeTheWholeFleetNeedAll) {
  v1::RollbackServicesRequest rollback;
  rollback.set_service("nginx");
  rollback.set_hash("abcd");
  v1::FreezeServicesRequest freeze;
  freeze.set_service("nginx");
  v1::PullServicesRequest pull;
  pull.set_service("nginx");
  EXPECT_EQ(Try(&Stub::RollbackServices, rollback).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Try(&Stub::FreezeServices, freeze).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Try(&Stub::PullServices, pull).error_code(), StatusCode::INVALID_ARGUMENT);
  // What changes nothing does not.
  v1::DiffServicesRequest diff;
  diff.set_service("nginx");
  EXPECT_EQ(Call(&Stub::DiffServices, diff).size(), 3u);
}

TEST_F(FleetRpcTest, WhatIsNoCommitReasonOrServiceIsRefusedBeforeAnybodyIsAsked) {
  v1::RollbackServicesRequest request;
  request.mutable_selection()->set_all(true);
  request.set_service("nginx");
  request.set_hash("main");
  EXPECT_EQ(Try(&Stub::RollbackServices, request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.set_hash("abcd");
  request.set_reason(std::string(1001, 'x'));
  EXPECT_EQ(Try(&Stub::RollbackServices, request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.clear_reason();
  request.clear_service();
  EXPECT_EQ(Try(&Stub::RollbackServices, request).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(FleetWatchTest, EverythingComesFirstAndThenWhatChanges) {
  Begin({});
  EXPECT_THAT(Next(6), ElementsAre("host web1", "service web1/nginx", "host web2",
                                   "service web2/nginx", "host db1", "service db1/nginx ."));
  fleet_.AddService("web2", "nginx", std::string(40, 'b'));
  EXPECT_THAT(Next(1), ElementsAre("service web2/nginx"));
  EXPECT_EQ(last_.service().hash(), std::string(40, 'b'));
  fleet_.RemoveService("db1", "nginx");
  EXPECT_THAT(Next(1), ElementsAre("gone service db1/nginx"));
  fleet_.Add("web4");
  EXPECT_THAT(Next(1), ElementsAre("host web4"));
  fleet_.Remove("web1");
  EXPECT_THAT(Next(1), ElementsAre("gone host web1"));
}

TEST_F(FleetWatchTest, AnEmptyFleetSaysThatThereIsNothing) {
  v1::WatchFleetRequest request;
  request.mutable_selection()->add_on("nobody");
  Begin(request);
  EXPECT_THAT(Next(1), ElementsAre(" ."));
}

TEST_F(FleetWatchTest, OnlyWhatIsSelectedComesAndAHostThatMovesIntoItIsNew) {
  v1::WatchFleetRequest request;
  request.mutable_selection()->add_tagged("web");
  request.mutable_selection()->set_limit(1);
  request.set_service("nginx");
  Begin(request);
  EXPECT_THAT(Next(2), ElementsAre("host web1", "service web1/nginx ."));
  fleet_.AddService("web1", "app", "");
  fleet_.AddService("web2", "nginx", std::string(40, 'b'));
  fleet_.Remove("web1");
  EXPECT_THAT(Next(3), ElementsAre("gone host web1", "host web2", "service web2/nginx"));
}

TEST_F(FleetWatchTest, AHeartbeatIsNoChangeAndALockIsOne) {
  Begin({});
  Next(6);
  fleet_.SetLastSeen("web1", absl::Now());
  auto held = Lock("web2", "D1");
  EXPECT_THAT(Next(1), ElementsAre("host web2"));
  EXPECT_EQ(last_.host().lock().deployment(), "D1");
  ASSERT_TRUE(held->ReleaseAll().ok());
  EXPECT_THAT(Next(1), ElementsAre("host web2"));
  EXPECT_FALSE(last_.host().has_lock());
}

TEST_F(FleetWatchTest, AWatcherThatIsGoneLeavesItsPlaceToAnother) {
  for (int i = 0; i < 2 * kMostWatchers; ++i) {
    // The server notices a little later that the one before is gone.
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    size_t told = 0;
    while (told < 6 && absl::Now() < deadline) {
      Begin({});
      told = Next(6).size();
    }
    EXPECT_EQ(told, 6u);
    context_->TryCancel();
    EXPECT_EQ(reader_->Finish().error_code(), StatusCode::CANCELLED);
  }
}

TEST_F(FleetWatchTest, AWatchThatGoesOnTellsOnlyTheHostsThatChangedMeanwhile) {
  v1::WatchFleetRequest request;
  request.mutable_selection()->add_on("*");
  Begin(request);
  Next(6);
  request.set_resume_token(last_.resume_token());
  context_->TryCancel();
  fleet_.RemoveService("web2", "nginx");
  fleet_.AddService("web2", "app", "");
  fleet_.Remove("db1");
  Begin(request);
  EXPECT_THAT(Next(4),
              ElementsAre("gone host db1", "gone host web2", "host web2", "service web2/app ."));
  EXPECT_FALSE(last_.restarted());
  fleet_.AddService("web1", "nginx", std::string(40, 'b'));
  EXPECT_THAT(Next(1), ElementsAre("service web1/nginx")) << "web1 itself is known";
}

TEST_F(FleetWatchTest, AResumePointThatIsNotKnownBeginsAnewAndSaysSo) {
  v1::WatchFleetRequest request;
  request.set_resume_token("0123456789abcdef:1");
  Begin(request);
  ASSERT_TRUE(reader_->Read(&last_));
  EXPECT_TRUE(last_.restarted());
  EXPECT_THAT(Next(5), SizeIs(5));
  EXPECT_FALSE(last_.restarted());
  // What one host does can bring others into the first two.
  request.mutable_selection()->set_limit(2);
  request.set_resume_token(last_.resume_token());
  Begin(request);
  ASSERT_TRUE(reader_->Read(&last_));
  EXPECT_TRUE(last_.restarted());
  request.set_resume_token("x");
  Begin(request);
  EXPECT_THAT(Next(1), IsEmpty());
  EXPECT_EQ(reader_->Finish().error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(FleetWatchTest, MoreWatchersThanMayBeAreRefused) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchFleetResponse>>> readers;
  for (int i = 0; i < kMostWatchers; ++i) {
    contexts.push_back(Context());
    readers.push_back(stub_->WatchFleet(contexts.back().get(), {}));
    ASSERT_TRUE(readers.back()->Read(&last_));
  }
  Begin({});
  EXPECT_THAT(Next(1), IsEmpty());
  EXPECT_EQ(reader_->Finish().error_code(), StatusCode::RESOURCE_EXHAUSTED);
  for (auto& context : contexts) context->TryCancel();
}

TEST_F(FleetWatchTest, ADrainEndsWatches) {
  Begin({});
  Next(6);
  service_->Stop();
  EXPECT_THAT(Next(1), IsEmpty());
  EXPECT_EQ(reader_->Finish().error_code(), StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace gitops
