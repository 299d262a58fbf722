#ifndef GITOPS_COMMON_RPC_PAGE_H_
#define GITOPS_COMMON_RPC_PAGE_H_

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/rpc/error.h"

namespace gitops {

// The page that a request asks for. A page token is "after:" and the last key of the previous page,
// so it stays valid when entries are added or removed.
struct PageRequest {
  int limit = 0;      // at least 1
  std::string after;  // the key; empty: the first page
};

inline constexpr absl::string_view kPageTokenPrefix = "after:";

// The token of the page after the one that ends with `key`.
inline std::string PageToken(absl::string_view key) { return absl::StrCat(kPageTokenPrefix, key); }

// A page_size over 10,000 counts as 10,000. INVALID_ARGUMENT: a negative page_size; an invalid
// token.
template <typename Request>
absl::StatusOr<PageRequest> ReadPage(const Request& request) {
  constexpr int kDefaultPage = 1'000;
  constexpr int kLargestPage = 10'000;
  if (request.page_size() < 0) {
    return InvalidField("page_size", absl::StrCat("page_size is ", request.page_size(),
                                                  "; it must not be negative"));
  }
  PageRequest page;
  page.limit =
      request.page_size() == 0 ? kDefaultPage : std::min(request.page_size(), kLargestPage);
  if (request.page_token().empty()) return page;
  if (!absl::StartsWith(request.page_token(), kPageTokenPrefix)) {
    return InvalidField("page_token", "page_token is not one that this method gave out");
  }
  page.after = request.page_token().substr(kPageTokenPrefix.size());
  return page;
}

// One page of a list that is ordered by `key`. Errors are those of ReadPage.
template <typename Request, typename Item, typename Key, typename Out>
absl::Status FillPage(const Request& request, const std::vector<Item>& ordered, Key key, Out* out,
                      std::string* next_page_token) {
  const absl::StatusOr<PageRequest> page = ReadPage(request);
  if (!page.ok()) return page.status();
  for (const Item& item : ordered) {
    if (!page->after.empty() && key(item) <= page->after) continue;
    if (out->size() == page->limit) {
      *next_page_token = PageToken(key((*out)[page->limit - 1]));
      return absl::OkStatus();
    }
    *out->Add() = item;
  }
  return absl::OkStatus();
}

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_PAGE_H_
