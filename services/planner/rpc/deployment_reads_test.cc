// Reads of plans and deployments through PlannerService.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/clock/timestamp.h"
#include "services/planner/rpc/deployment_test_base.h"

namespace gitops {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

using DeploymentReadsTest = DeploymentTestBase;

TEST_F(DeploymentReadsTest, DeploymentsAreListedNewestFirstInPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(Begin(Spec("reboot")).id());
  std::sort(ids.rbegin(), ids.rend());
  v1::ListDeploymentsRequest request;
  request.set_page_size(2);
  auto page = Call(&Stub::ListDeployments, request);
  ASSERT_EQ(page.deployments_size(), 2);
  EXPECT_EQ(page.deployments(0).id(), ids[0]);
  EXPECT_EQ(page.deployments(0).hosts_size(), 0);
  request.set_page_token(page.next_page_token());
  page = Call(&Stub::ListDeployments, request);
  ASSERT_EQ(page.deployments_size(), 1);
  EXPECT_EQ(page.deployments(0).id(), ids[2]);
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(DeploymentReadsTest, OneDeploymentIsShownWithHostsAndHookCallsWhereTheyAreAskedFor) {
  v1::GetDeploymentRequest request;
  request.set_id(Begin(Spec("reboot")).id());
  const v1::Deployment bare = Call(&Stub::GetDeployment, request).deployment();
  EXPECT_EQ(bare.host_count(), 2);
  EXPECT_EQ(bare.hosts_size(), 0);
  EXPECT_EQ(bare.hook_calls_size(), 0);
  request.set_view(v1::VIEW_FULL);
  const auto full = Call(&Stub::GetDeployment, request);
  ASSERT_EQ(full.deployment().hosts_size(), 2);
  EXPECT_EQ(full.deployment().hosts(1).host(), "web2");
  EXPECT_EQ(full.deployment().hook_calls_size(), 2);
  EXPECT_EQ(full.next_host_page_token(), "");
  request.set_view(static_cast<v1::View>(7));
  EXPECT_EQ(Try(&Stub::GetDeployment, request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.clear_view();
  request.set_id("20200101-000000-aaaaaa");
  EXPECT_EQ(Try(&Stub::GetDeployment, request).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(DeploymentReadsTest, HostsOfADeploymentComeInPagesInTheOrderOfThePlan) {
  v1::ListDeploymentHostsRequest request;
  request.set_id(Begin(Spec("reboot")).id());
  SaveSteps(request.id(), 1, 1, "rebooted");
  request.set_page_size(1);
  auto page = Call(&Stub::ListDeploymentHosts, request);
  ASSERT_EQ(page.hosts_size(), 1);
  EXPECT_EQ(page.hosts(0).host(), "web1");
  request.set_page_token(page.next_page_token());
  page = Call(&Stub::ListDeploymentHosts, request);
  ASSERT_EQ(page.hosts_size(), 1);
  EXPECT_EQ(page.hosts(0).host(), "web2");
  EXPECT_EQ(page.hosts(0).steps_size(), 0) << "the basic view has no steps";
  EXPECT_EQ(page.next_page_token(), "");
  request.set_view(v1::VIEW_FULL);
  EXPECT_EQ(Call(&Stub::ListDeploymentHosts, request).hosts(0).steps_size(), 1);
  for (const char* token : {"1", "after:x", "after:-2"}) {
    request.set_page_token(token);
    EXPECT_EQ(Try(&Stub::ListDeploymentHosts, request).error_code(), StatusCode::INVALID_ARGUMENT)
        << token;
  }
  request.clear_page_token();
  request.set_id("20200101-000000-aaaaaa");
  EXPECT_EQ(Try(&Stub::ListDeploymentHosts, request).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(DeploymentReadsTest, APageOfHostsIsBoundedInBytesAndTheRestFollows) {
  const std::string id = Begin(Spec("reboot")).id();
  // 100 steps of 100 KB: two such hosts are more than an answer may hold.
  for (int host = 0; host < 2; ++host) SaveSteps(id, host, 100, std::string(16 << 10, 'x'));
  v1::GetDeploymentRequest get;
  get.set_id(id);
  get.set_view(v1::VIEW_FULL);
  const auto first = Call(&Stub::GetDeployment, get);
  EXPECT_EQ(first.deployment().hosts_size(), 1);
  EXPECT_LT(first.ByteSizeLong(), 13u << 20);
  v1::ListDeploymentHostsRequest rest;
  rest.set_id(id);
  rest.set_view(v1::VIEW_FULL);
  rest.set_page_token(first.next_host_page_token());
  const auto second = Call(&Stub::ListDeploymentHosts, rest);
  ASSERT_EQ(second.hosts_size(), 1);
  EXPECT_EQ(second.hosts(0).host(), "web2");
  EXPECT_EQ(second.hosts(0).steps_size(), 100) << "nothing of it is left out";
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(DeploymentReadsTest, APlanIsFoundAgainByItsToken) {
  const v1::Plan made = Plan(Spec("sync"));
  EXPECT_EQ(made.host_count(), 2);
  v1::GetPlanRequest request;
  request.set_token(made.token());
  const v1::Plan found = Call(&Stub::GetPlan, request).plan();
  EXPECT_EQ(found.token(), made.token());
  EXPECT_EQ(found.host_count(), 2);
  EXPECT_EQ(found.hosts_size(), 0);
  EXPECT_EQ(found.spec().actions(0), "sync");
  v1::ListPlanHostsRequest hosts;
  hosts.set_token(made.token());
  hosts.set_page_size(1);
  hosts.set_page_token(Call(&Stub::ListPlanHosts, hosts).next_page_token());
  const auto page = Call(&Stub::ListPlanHosts, hosts);
  ASSERT_EQ(page.hosts_size(), 1);
  EXPECT_EQ(page.hosts(0).host(), "web2");
  EXPECT_EQ(page.next_page_token(), "");
  hosts.set_token("f00");
  EXPECT_EQ(Try(&Stub::ListPlanHosts, hosts).error_code(), StatusCode::NOT_FOUND);
  request.clear_token();
  EXPECT_EQ(Try(&Stub::GetPlan, request).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(DeploymentReadsTest, DeploymentsAreFiltered) {
  v1::DeploymentSpec one_service = Spec("sync", "web1");
  one_service.set_service("nginx");
  const std::string service = Begin(one_service).id();
  const std::string moved = Begin(Spec("sync", "web2")).id();
  const std::string failed = Begin(Spec("reboot", "web1")).id();
  SetState(failed, v1::DEPLOYMENT_STATE_FAILED);
  auto host = (*records_.LoadHosts(moved))[0];
  host.host.add_moves()->set_service("nginx");
  ASSERT_TRUE(records_.SaveHost(moved, 0, host, nullptr).ok());

  const auto found = [&](const v1::DeploymentFilter& filter) {
    v1::ListDeploymentsRequest request;
    *request.mutable_filter() = filter;
    std::vector<std::string> ids;
    const v1::ListDeploymentsResponse page = Call(&Stub::ListDeployments, request);
    for (const auto& deployment : page.deployments()) ids.push_back(deployment.id());
    return ids;
  };
  v1::DeploymentFilter filter;
  filter.add_states(v1::DEPLOYMENT_STATE_FAILED);
  EXPECT_THAT(found(filter), ElementsAre(failed));
  filter.add_states(v1::DEPLOYMENT_STATE_RUNNING);
  EXPECT_THAT(found(filter), SizeIs(3));
  filter.Clear();
  filter.set_host("web2");
  EXPECT_THAT(found(filter), ElementsAre(moved));
  filter.Clear();
  filter.set_service("nginx");
  EXPECT_THAT(found(filter), UnorderedElementsAre(service, moved));
  filter.set_host("web1");
  EXPECT_THAT(found(filter), ElementsAre(service)) << "every field must match";
  filter.Clear();
  filter.set_actor("alice");
  EXPECT_THAT(found(filter), SizeIs(3));
  filter.set_actor("ali");
  EXPECT_THAT(found(filter), IsEmpty()) << "a part of a name is another name";
  filter.Clear();
  const absl::Time now = absl::Now();
  *filter.mutable_since() = ToTimestamp(now + absl::Minutes(1));
  EXPECT_THAT(found(filter), IsEmpty());
  *filter.mutable_since() = ToTimestamp(now - absl::Minutes(1));
  EXPECT_THAT(found(filter), SizeIs(3));
  *filter.mutable_until() = ToTimestamp(now + absl::Minutes(1));
  EXPECT_THAT(found(filter), SizeIs(3));
  *filter.mutable_until() = ToTimestamp(now - absl::Seconds(30));
  EXPECT_THAT(found(filter), IsEmpty());
}

TEST_F(DeploymentReadsTest, FiltersThatCanMatchNothingAreRefused) {
  v1::ListDeploymentsRequest request;
  request.mutable_filter()->set_host("");
  EXPECT_EQ(Try(&Stub::ListDeployments, request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.mutable_filter()->clear_host();
  request.mutable_filter()->add_states(v1::DEPLOYMENT_STATE_UNSPECIFIED);
  EXPECT_EQ(Try(&Stub::ListDeployments, request).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(DeploymentReadsTest, AFilteredListIsPagedByWhatMatches) {
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(Begin(Spec("reboot")).id());
    if (i % 2 == 0) SetState(ids[i], v1::DEPLOYMENT_STATE_FAILED);
  }
  v1::ListDeploymentsRequest request;
  request.mutable_filter()->add_states(v1::DEPLOYMENT_STATE_FAILED);
  request.set_page_size(1);
  std::vector<std::string> seen;
  do {
    const auto page = Call(&Stub::ListDeployments, request);
    EXPECT_LE(page.deployments_size(), 1);
    for (const auto& deployment : page.deployments()) seen.push_back(deployment.id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(seen, UnorderedElementsAre(ids[0], ids[2]));
}

TEST_F(DeploymentReadsTest, OneCallLooksAtABoundedNumberOfDeploymentsThatDoNotMatch) {
  constexpr int kKept = 12'000;
  std::vector<StoreWrite> writes;
  for (int i = 0; i < kKept; ++i) {
    record::v1::DeploymentEntry entry;
    entry.mutable_deployment()->set_id(absl::StrCat("d", kKept + i));
    entry.mutable_deployment()->set_state(i == 0 ? record::v1::DEPLOYMENT_STATE_FAILED
                                                 : record::v1::DEPLOYMENT_STATE_SUCCEEDED);
    writes.push_back({.key = absl::StrCat("planner/v1/deployment/", entry.deployment().id()),
                      .value = entry.SerializeAsString()});
  }
  ASSERT_TRUE(store_.store()->Write(writes).ok());
  ASSERT_TRUE(records_.Unfinished().ok()) << "reads all of them";
  v1::ListDeploymentsRequest request;
  request.mutable_filter()->add_states(v1::DEPLOYMENT_STATE_FAILED);
  std::vector<std::string> found;
  int calls = 0;
  do {
    const int before = counted_.values_read();
    const auto page = Call(&Stub::ListDeployments, request);
    EXPECT_LE(counted_.values_read() - before, 6000);
    for (const auto& deployment : page.deployments()) found.push_back(deployment.id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && ++calls < 10);
  EXPECT_THAT(found, ElementsAre(absl::StrCat("d", kKept)));
  EXPECT_EQ(calls, 2);
}

TEST_F(DeploymentReadsTest, AnAnswerReadsWhatItShowsHoweverManyHostsAndStepsThereAre) {
  for (int i = 3; i <= 60; ++i) AddHost(absl::StrCat("web", i));
  v1::GetDeploymentRequest get;
  get.set_id(Begin(Spec("reboot")).id());
  for (int host = 0; host < 60; ++host) SaveSteps(get.id(), host, 5, "rebooted");
  const auto cost = [&](const auto& call) {
    const int before = counted_.values_read();
    call();
    return counted_.values_read() - before;
  };
  EXPECT_EQ(cost([&] { Call(&Stub::GetDeployment, get); }), 1);
  v1::ListDeploymentHostsRequest hosts;
  hosts.set_id(get.id());
  hosts.set_page_size(10);
  EXPECT_EQ(cost([&] { Call(&Stub::ListDeploymentHosts, hosts); }), 1 + 11)
      << "the deployment, the hosts, and whether there are more";
  hosts.set_view(v1::VIEW_FULL);
  EXPECT_EQ(cost([&] { Call(&Stub::ListDeploymentHosts, hosts); }), 1 + 11 * 6);
}

TEST_F(DeploymentReadsTest, WhatHoldsUpADeploymentIsShownThoughItCannotBeStored) {
  v1::GetDeploymentRequest request;
  request.set_id(Begin(Spec("reboot")).id());
  deployments_.SetTrouble(request.id(), "the disk is full");
  EXPECT_EQ(Call(&Stub::GetDeployment, request).deployment().message(), "the disk is full");
  EXPECT_EQ(Call(&Stub::ListDeployments, {}).deployments(0).message(), "the disk is full");
  deployments_.SetTrouble(request.id(), "");
  EXPECT_EQ(Call(&Stub::GetDeployment, request).deployment().message(), "");
}

}  // namespace
}  // namespace gitops
