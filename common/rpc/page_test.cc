#include "common/rpc/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gitops/v1/agent.pb.h"

namespace gitops {
namespace {

using testing::ElementsAre;

std::vector<v1::Service> Services(int count) {
  std::vector<v1::Service> services;
  for (int i = 0; i < count; ++i) {
    services.emplace_back().set_service(std::string(1, static_cast<char>('a' + i)));
  }
  return services;
}

absl::Status Fill(const v1::ListServicesRequest& request, const std::vector<v1::Service>& services,
                  v1::ListServicesResponse* response) {
  return FillPage(
      request, services, [](const v1::Service& service) { return service.service(); },
      response->mutable_services(), response->mutable_next_page_token());
}

std::vector<std::string> Names(const v1::ListServicesResponse& response) {
  std::vector<std::string> names;
  for (const v1::Service& service : response.services()) names.push_back(service.service());
  return names;
}

TEST(PageTest, PagesTogetherHoldEveryEntryOnce) {
  v1::ListServicesRequest request;
  request.set_page_size(2);
  std::vector<std::string> seen;
  do {
    v1::ListServicesResponse response;
    ASSERT_TRUE(Fill(request, Services(5), &response).ok());
    for (const std::string& name : Names(response)) seen.push_back(name);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(seen, ElementsAre("a", "b", "c", "d", "e"));
}

TEST(PageTest, AnEntryThatGoesBetweenTwoPagesMovesNoOther) {
  v1::ListServicesRequest request;
  request.set_page_size(2);
  v1::ListServicesResponse first;
  ASSERT_TRUE(Fill(request, Services(5), &first).ok());
  std::vector<v1::Service> left = Services(5);
  left.erase(left.begin() + 1);  // "b", the last of the first page
  request.set_page_token(first.next_page_token());
  v1::ListServicesResponse second;
  ASSERT_TRUE(Fill(request, left, &second).ok());
  EXPECT_THAT(Names(second), ElementsAre("c", "d"));
}

TEST(PageTest, AFullLastPageHasNoNext) {
  v1::ListServicesRequest request;
  request.set_page_size(5);
  v1::ListServicesResponse response;
  ASSERT_TRUE(Fill(request, Services(5), &response).ok());
  EXPECT_EQ(response.next_page_token(), "");
}

TEST(PageTest, ALargerPageThanThereMayBeIsTheLargest) {
  v1::ListServicesRequest request;
  request.set_page_size(10'001);
  const auto page = ReadPage(request);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->limit, 10'000);
}

TEST(PageTest, RefusesSizesAndTokensThatAreNoneOfOurs) {
  v1::ListServicesRequest request;
  request.set_page_size(-1);
  EXPECT_EQ(ReadPage(request).status().code(), absl::StatusCode::kInvalidArgument);
  request.set_page_size(0);
  request.set_page_token("b");
  v1::ListServicesResponse response;
  EXPECT_EQ(Fill(request, Services(1), &response).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace gitops
