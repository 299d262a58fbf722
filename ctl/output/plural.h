#ifndef GITOPS_CTL_OUTPUT_PLURAL_H_
#define GITOPS_CTL_OUTPUT_PLURAL_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace gitops::ctl {

// "1 host", "2 hosts". `noun` forms its plural with "s".
inline std::string Counted(int64_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

// "1 of 1 host", "1 of 4 hosts".
inline std::string CountedOf(int64_t part, int64_t count, absl::string_view noun) {
  return absl::StrCat(part, " of ", Counted(count, noun));
}

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_PLURAL_H_
