#ifndef GITOPS_COMMON_RPC_PAGE_H_
#define GITOPS_COMMON_RPC_PAGE_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/rpc/error.h"
#include "google/protobuf/repeated_field.h"

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
  constexpr int kMaxPage = 10'000;
  if (request.page_size() < 0) {
    return InvalidField("page_size", absl::StrCat("page_size is ", request.page_size(),
                                                  "; it must not be negative"));
  }
  PageRequest page;
  page.limit = request.page_size() == 0 ? kDefaultPage : std::min(request.page_size(), kMaxPage);
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

// The largest page: gRPC clients accept 4 MiB by default.
inline constexpr size_t kMaxPageSize = 3 << 20;

// The room left on a page: items and bytes.
class PageRoom {
 public:
  explicit PageRoom(int items, size_t bytes = kMaxPageSize) : items_(items), most_bytes_(bytes) {}
  // Takes room for one more item. False: the page is full. The first always fits.
  bool Take(size_t bytes) {
    bytes_ += bytes + kFraming;
    if (taken_ == items_ || (taken_ > 0 && bytes_ > most_bytes_)) return false;
    ++taken_;
    return true;
  }

 private:
  static constexpr size_t kFraming = 8;  // of a repeated field: tag and length, at most

  const int items_;
  const size_t most_bytes_;
  int taken_ = 0;
  size_t bytes_ = 1 << 10;  // for the token of the next page
};

// Pages of a list whose elements have fixed numbers from 0.

struct NumberedPage {
  int begin = 0;
  int limit = 0;
};

// Errors as ReadPage.
template <typename Request>
absl::StatusOr<NumberedPage> ReadNumberedPage(const Request& request) {
  const absl::StatusOr<PageRequest> page = ReadPage(request);
  if (!page.ok()) return page.status();
  int last = -1;
  if (!page->after.empty() && (!absl::SimpleAtoi(page->after, &last) || last < 0)) {
    return InvalidField("page_token", "page_token is not one that this method gave out");
  }
  return NumberedPage{.begin = last + 1, .limit = page->limit};
}

// Appends what `element` returns for the numbers of the page to `out`: at most `limit` elements,
// and at most `bytes` together, except that the first always fits. NOT_FOUND ends the list. Returns
// the token of the next page; empty: there is none.
template <typename Message, typename Element>
absl::StatusOr<std::string> FillNumberedPage(const NumberedPage& page, const Element& element,
                                             google::protobuf::RepeatedPtrField<Message>* out,
                                             size_t bytes) {
  PageRoom room(page.limit, bytes);
  for (int number = page.begin;; ++number) {
    absl::StatusOr<Message> next = element(number);
    if (absl::IsNotFound(next.status())) return "";
    if (!next.ok()) return next.status();
    if (!room.Take(next->ByteSizeLong())) return PageToken(absl::StrCat(number - 1));
    *out->Add() = *std::move(next);
  }
}

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_PAGE_H_
