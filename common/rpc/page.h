#ifndef GITOPS_COMMON_RPC_PAGE_H_
#define GITOPS_COMMON_RPC_PAGE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace gitops {

// One page of a list that is ordered by `key`. The token of a page is "after:" and the last key of
// the one before, so a page stays right when entries come and go in between.
// INVALID_ARGUMENT: page_size below 0 or over 10,000; a token that is none of ours.
template <typename Request, typename Item, typename Key, typename Out>
absl::Status FillPage(const Request& request, const std::vector<Item>& ordered, Key key, Out* out,
                      std::string* next_page_token) {
  constexpr int kDefaultPage = 1'000;
  constexpr int kLargestPage = 10'000;
  constexpr absl::string_view kTokenPrefix = "after:";
  if (request.page_size() < 0 || request.page_size() > kLargestPage) {
    return absl::InvalidArgumentError(
        absl::StrCat("page_size is ", request.page_size(), "; it may be 0 to ", kLargestPage));
  }
  if (!request.page_token().empty() && !absl::StartsWith(request.page_token(), kTokenPrefix)) {
    return absl::InvalidArgumentError("page_token is not one that this method gave out");
  }
  const int limit = request.page_size() == 0 ? kDefaultPage : request.page_size();
  const std::string after = request.page_token().empty()
                                ? std::string()
                                : request.page_token().substr(kTokenPrefix.size());
  for (const Item& item : ordered) {
    if (!request.page_token().empty() && key(item) <= after) continue;
    if (out->size() == limit) {
      *next_page_token = absl::StrCat(kTokenPrefix, key((*out)[limit - 1]));
      return absl::OkStatus();
    }
    *out->Add() = item;
  }
  return absl::OkStatus();
}

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_PAGE_H_
