#include "common/json/json_text.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

// The parser itself accepts any depth, and uses the last of several members with the same name.
class Watcher {
 public:
  explicit Watcher(const JsonLimits& limits) : limits_(limits) {}

  // The parser's callback: false discards the value.
  bool Allows(Json::parse_event_t event, const Json& parsed) {
    if (!problem_.empty()) return false;
    switch (event) {
      case Json::parse_event_t::object_start:
      case Json::parse_event_t::array_start:
        open_.emplace_back();
        if (open_.size() > limits_.depth) {
          problem_ = absl::StrCat("it is nested deeper than ", limits_.depth);
        }
        break;
      case Json::parse_event_t::object_end:
      case Json::parse_event_t::array_end:
        open_.pop_back();
        break;
      case Json::parse_event_t::key:
        if (!open_.back().insert(parsed.get<std::string>()).second) {
          problem_ = absl::StrCat("the member \"", ShownName(parsed.get_ref<const std::string&>()),
                                  "\" is repeated in an object");
        }
        break;
      case Json::parse_event_t::value:
        break;
    }
    return problem_.empty();
  }

  // Empty: none.
  const std::string& problem() const { return problem_; }

 private:
  const JsonLimits limits_;
  // The members so far of each open object; none for an array.
  std::vector<std::set<std::string>> open_;
  std::string problem_;
};

absl::Status Bad(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("the JSON cannot be used: ", why));
}

}  // namespace

std::string ShownName(absl::string_view name) {
  constexpr size_t kShownBytes = 100;
  return absl::Utf8SafeCHexEscape(ValidUtf8(name, kShownBytes));
}

absl::StatusOr<Json> ParseJsonObject(absl::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return Bad(absl::StrCat("it has ", text.size(), " bytes; at most ", limits.bytes));
  }
  if (absl::StartsWith(text, "\xef\xbb\xbf")) return Bad("it starts with a byte-order mark");
  Watcher watcher(limits);
  Json value;
  std::string problem;
  try {
    value = Json::parse(text.begin(), text.end(),
                        [&](int, Json::parse_event_t event, const Json& parsed) {
                          return watcher.Allows(event, parsed);
                        });
  } catch (const Json::parse_error& error) {
    problem = absl::StrCat("it is malformed at byte ", error.byte);
  } catch (const Json::exception&) {
    problem = "it contains a number that is too large";
  }
  if (!watcher.problem().empty()) return Bad(watcher.problem());
  if (!problem.empty()) return Bad(problem);
  if (!value.is_object()) return Bad("it is not an object");
  return value;
}

}  // namespace gitops
