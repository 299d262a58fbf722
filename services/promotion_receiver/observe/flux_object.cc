#include "services/promotion_receiver/observe/flux_object.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text/utf8.h"
#include "services/promotion_receiver/revision/revision.h"

namespace gitops {
namespace {

using nlohmann::json;
using Health = TargetObservation::Health;

constexpr size_t kLongestText = 300;

// The member of an object; null if there is none.
const json& At(const json& object, const char* key) {
  static const json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string Text(const json& object, const char* key) {
  const json& value = At(object, key);
  return value.is_string() ? ValidUtf8(value.get_ref<const std::string&>(), kLongestText) : "";
}

int64_t Number(const json& object, const char* key, int64_t otherwise) {
  const json& value = At(object, key);
  return value.is_number_integer() ? value.get<int64_t>() : otherwise;
}

const json& ReadyCondition(const json& status) {
  for (const json& condition : At(status, "conditions")) {
    if (Text(condition, "type") == "Ready") return condition;
  }
  return At(json(), "");
}

void ReadHealth(const json& object, const json& status, FluxStatus& read) {
  const json& ready = ReadyCondition(status);
  absl::Time transition;
  if (absl::ParseTime(absl::RFC3339_full, Text(ready, "lastTransitionTime"), &transition,
                      nullptr)) {
    read.transition = transition;
  }
  const std::string value = Text(ready, "status");
  if (value != "True") {
    read.health = value == "False" ? Health::kUnhealthy : Health::kUnknown;
    read.detail = absl::StrCat("Ready is ", value.empty() ? "missing" : value);
    for (const char* key : {"reason", "message"}) {
      const std::string text = Text(ready, key);
      if (!text.empty()) absl::StrAppend(&read.detail, ", ", text);
    }
    return;
  }
  const int64_t generation = Number(At(object, "metadata"), "generation", 0);
  const int64_t observed = Number(status, "observedGeneration", -1);
  if (observed != generation) {
    read.detail = absl::StrCat("its controller has not seen generation ", generation, " yet");
    return;
  }
  if (read.transition == absl::InfinitePast()) {
    read.detail = "its Ready condition has no lastTransitionTime";
    return;
  }
  read.health = Health::kHealthy;
}

// The newest of status.history; null: there is none.
const json& NewestRelease(const json& status) {
  const json* newest = &At(json(), "");
  for (const json& release : At(status, "history")) {
    if (Number(release, "version", -1) > Number(*newest, "version", -1)) newest = &release;
  }
  return *newest;
}

void ReadRelease(const json& status, FluxStatus& read) {
  read.revision = read.version = "";
  const json& release = NewestRelease(status);
  const std::string state = Text(release, "status");
  if (state == "deployed") {
    read.revision = Text(release, "chartVersion");
    read.version = VersionOfRevision(read.revision, Text(release, "ociDigest"));
    return;
  }
  if (read.health != Health::kHealthy) return;
  read.health = Health::kUnhealthy;
  read.detail = release.is_null() ? "it has no release yet"
                                  : absl::StrCat("its release ", Number(release, "version", 0),
                                                 " is ", state.empty() ? "in no state" : state);
}

}  // namespace

FluxStatus ReadFluxObject(const json& object) {
  FluxStatus read;
  const json& status = At(object, "status");
  ReadHealth(object, status, read);
  const std::string api_version = Text(object, "apiVersion");
  const std::string kind = Text(object, "kind");
  const bool helm = kind == "HelmRelease" && absl::StartsWith(api_version, "helm.");
  read.revision = read.version = Text(status, "lastAppliedRevision");
  if (helm && (absl::EndsWith(api_version, "/v2") || read.revision.empty())) {
    ReadRelease(status, read);
  } else if (read.revision.empty() && !helm && kind != "Kustomization") {
    read.has_revision = false;
  }
  if (read.health == Health::kHealthy && read.revision.empty()) {
    read.health = Health::kUnhealthy;
    read.detail = "it has applied no revision yet";
  }
  return read;
}

}  // namespace gitops
