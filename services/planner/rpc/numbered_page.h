#ifndef GITOPS_SERVICES_PLANNER_RPC_NUMBERED_PAGE_H_
#define GITOPS_SERVICES_PLANNER_RPC_NUMBERED_PAGE_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/rpc/page.h"
#include "google/protobuf/repeated_field.h"
#include "services/planner/rpc/answer_size.h"

namespace gitops {

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
                                             size_t bytes = kMostAnswerSize) {
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

#endif  // GITOPS_SERVICES_PLANNER_RPC_NUMBERED_PAGE_H_
