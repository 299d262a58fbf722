#include "ctl/output/difference_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

std::string KindText(v1::Difference::Kind kind) {
  if (!v1::Difference::Kind_IsValid(kind)) return absl::StrCat("kind ", static_cast<int>(kind));
  const std::string name(absl::StripPrefix(v1::Difference::Kind_Name(kind), "KIND_"));
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", " "}});
}

}  // namespace

Row DifferenceRow(Row before, const v1::Difference& difference) {
  before.insert(before.end(), {KindText(difference.kind()), EscapeLine(difference.path()),
                               EscapeLine(difference.detail())});
  return before;
}

}  // namespace gitops::ctl
