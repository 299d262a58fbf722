#ifndef GITOPS_COMMON_TEXT_PLURAL_H_
#define GITOPS_COMMON_TEXT_PLURAL_H_

#include <concepts>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace gitops {

// "1 host", "2 hosts". `noun` forms its plural with "s", or it is given: "1 entry", "2 entries".
template <std::integral Number>
std::string Counted(Number count, absl::string_view noun, absl::string_view plural = "") {
  if (count == 1) return absl::StrCat(count, " ", noun);
  return plural.empty() ? absl::StrCat(count, " ", noun, "s") : absl::StrCat(count, " ", plural);
}

// "1 of 1 host", "1 of 4 hosts".
template <std::integral Part, std::integral Number>
std::string CountedOf(Part part, Number count, absl::string_view noun) {
  return absl::StrCat(part, " of ", Counted(count, noun));
}

}  // namespace gitops

#endif  // GITOPS_COMMON_TEXT_PLURAL_H_
