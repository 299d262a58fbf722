#include "common/jwt/strict_json.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"

namespace gitops {
namespace {

constexpr int kMaxDepth = 16;

}  // namespace

absl::StatusOr<nlohmann::json> ParseStrictObject(absl::string_view text) {
  using nlohmann::json;
  std::vector<std::set<std::string>> open;  // the members of each object that is open
  bool twice = false, deep = false;
  const auto look = [&](int depth, json::parse_event_t event, json& value) {
    deep = deep || depth > kMaxDepth;
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end && !open.empty()) open.pop_back();
    if (event == json::parse_event_t::key && !open.empty()) {
      twice = twice || !open.back().insert(value.get<std::string>()).second;
    }
    return !deep && !twice;  // What is left out of the value changes nothing: it is refused.
  };
  json parsed = json::parse(text.begin(), text.end(), look, /*allow_exceptions=*/false);
  if (deep) return absl::InvalidArgumentError("JSON that is nested too deeply");
  if (twice) return absl::InvalidArgumentError("JSON with the same member twice");
  if (!parsed.is_object()) return absl::InvalidArgumentError("not a JSON object");
  return parsed;
}

absl::StatusOr<std::string> DecodeBase64Url(absl::string_view text) {
  // Abseil's decoder also takes padding and white space.
  const bool strict = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_';
  });
  std::string bytes;
  if (!strict || !absl::WebSafeBase64Unescape(text, &bytes)) {
    return absl::InvalidArgumentError("not base64 for URLs");
  }
  return bytes;
}

}  // namespace gitops
