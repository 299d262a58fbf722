#include "common/rpc/request_checks.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr size_t kLongestReason = 1000;
constexpr size_t kShortestHash = 4;
constexpr size_t kLongestHash = 64;

}  // namespace

absl::Status CheckReason(const std::string& reason) {
  if (reason.size() <= kLongestReason) return absl::OkStatus();
  return InvalidField("reason", absl::StrCat("the reason has ", reason.size(), " bytes; at most ",
                                             kLongestReason, " are kept"));
}

absl::Status CheckHash(const std::string& hash, absl::string_view field) {
  const bool hex = std::all_of(hash.begin(), hash.end(), absl::ascii_isxdigit);
  if (hex && hash.size() >= kShortestHash && hash.size() <= kLongestHash) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("\"", absl::CHexEscape(hash.substr(0, kLongestHash)),
                                          "\" is no commit: give ", kShortestHash, " to ",
                                          kLongestHash, " hexadecimal digits"));
}

}  // namespace gitops
