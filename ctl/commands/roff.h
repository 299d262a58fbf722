#ifndef GITOPS_CTL_COMMANDS_ROFF_H_
#define GITOPS_CTL_COMMANDS_ROFF_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace gitops::ctl {

// Manual pages need a date; of the last change of what is not from the tables.
inline constexpr char kManDate[] = "2026-12-01";

// Text in roff(7), at the start of a line or within one.
inline std::string Roff(absl::string_view text) {
  std::string roff = absl::StrReplaceAll(
      text, {{"\\", "\\e"}, {"-", "\\-"}, {"…", "\\&..."}, {"`", ""}, {"\n", "\n.br\n"}});
  return roff.empty() || (roff[0] != '.' && roff[0] != '\'') ? roff : absl::StrCat("\\&", roff);
}

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_ROFF_H_
