#include "services/promotion_receiver/yaml_edit/marker.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/json/json.h"
#include "common/json/json_text.h"
#include "common/text/nearest.h"

namespace gitops {
namespace {

constexpr JsonLimits kLimits = {.bytes = 4096, .depth = 4};

absl::Status Malformed(absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("the marker ", why, "; write # {\"", kMarkerKey,
                   "\": \"NAMESPACE:NAME:ENVIRONMENT\"}, and after it :tag, :digest or :commit for "
                   "a part of the revision"));
}

}  // namespace

absl::StatusOr<std::optional<RevisionPart>> ReadMarker(absl::string_view comment,
                                                       const MarkedEnvironment& wanted) {
  absl::ConsumePrefix(&comment, "#");
  comment = absl::StripAsciiWhitespace(comment);
  // Other comments may mention markers.
  if (!absl::StartsWith(comment, "{") || !absl::StrContains(comment, kMarkerKey)) {
    return std::nullopt;
  }
  const absl::StatusOr<Json> json = ParseJsonObject(comment, kLimits);
  if (!json.ok()) return Malformed(absl::StrCat("is not JSON: ", json.status().message()));
  const auto member = json->find(std::string(kMarkerKey));
  if (member == json->end()) return std::nullopt;
  if (!member->is_string()) return Malformed("is not a string");
  const std::vector<std::string> parts = absl::StrSplit(member->get<std::string>(), ':');
  if (parts[0] != wanted.namespace_ || (parts.size() > 1 && parts[1] != wanted.name)) {
    return std::nullopt;
  }
  if (parts.size() < 3 || parts.size() > 4) {
    return Malformed(absl::StrCat("has ", parts.size(), " parts"));
  }
  if (parts[2] != wanted.environment) return std::nullopt;
  if (parts.size() == 3) return RevisionPart::kWhole;
  const std::optional<RevisionPart> part = RevisionPartNamed(parts[3]);
  if (part.has_value()) return part;
  return Malformed(
      absl::StrCat("asks for an unknown part",
                   Suggestion(parts[3], {"tag", "digest", "commit"}, /*list_known=*/false)));
}

}  // namespace gitops
