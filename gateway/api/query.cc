#include "gateway/api/query.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/http/router.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr size_t kMaxParameters = 2000;

absl::Status Bad(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("the query cannot be used: ", why));
}

absl::StatusOr<std::string> Decode(absl::string_view text) {
  absl::StatusOr<std::string> decoded = PercentDecode(absl::StrReplaceAll(text, {{"+", " "}}));
  if (!decoded.ok()) return Bad("a '%' is not followed by two hex digits");
  if (!IsValidUtf8(*decoded)) return Bad("it is not UTF-8");
  if (decoded->find('\0') != std::string::npos) return Bad("it contains a NUL character");
  return decoded;
}

}  // namespace

absl::StatusOr<QueryParameters> ParseQuery(absl::string_view query) {
  QueryParameters parameters;
  for (const absl::string_view each : absl::StrSplit(query, '&', absl::SkipEmpty())) {
    if (parameters.size() == kMaxParameters) {
      return Bad(absl::StrCat("it has more than ", kMaxParameters, " parameters"));
    }
    const std::vector<absl::string_view> parts = absl::StrSplit(each, absl::MaxSplits('=', 1));
    absl::StatusOr<std::string> name = Decode(parts[0]);
    if (!name.ok()) return name.status();
    absl::StatusOr<std::string> value = Decode(parts.size() == 2 ? parts[1] : "");
    if (!value.ok()) return value.status();
    parameters.emplace_back(*std::move(name), *std::move(value));
  }
  return parameters;
}

}  // namespace gitops
