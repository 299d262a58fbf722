#include "services/promotion_receiver/event/flux_event.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/json/json_text.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr size_t kMostBody = 16 << 20;
constexpr size_t kLongestRevision = 1000;
constexpr size_t kKeptMessage = 1000;
constexpr size_t kKeptText = 1000;
constexpr size_t kKeptMetadata = 256 << 10;

absl::Status Malformed(absl::string_view why) {
  return MakeError(Reason::kEventMalformed, absl::StrCat("the body is not a Flux event: ", why));
}

// Reads the string members of an object; the first error stays.
class Reader {
 public:
  Reader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  void Text(const char* key, std::string& text) {
    const Json* const value = Find(key);
    if (value == nullptr) return;
    if (!value->is_string()) return Fail(key, "is not a string");
    text = value->get<std::string>();
  }
  void Texts(const char* key, std::map<std::string, std::string>& texts) {
    const Json* const value = Find(key);
    if (value == nullptr) return;
    if (!value->is_object()) return Fail(key, "is not an object");
    for (const auto& [name, text] : value->items()) {
      if (!text.is_string()) return Fail(key, "has a value that is not a string");
      texts[name] = text.get<std::string>();
    }
  }
  // Null: absent, or null.
  const Json* Find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  void Fail(const char* key, absl::string_view why) {
    if (status_.ok()) status_ = Malformed(absl::StrCat(path_, key, " ", why));
  }
  const absl::Status& status() const { return status_; }

 private:
  const Json& object_;
  const std::string path_;
  absl::Status status_;
};

absl::StatusOr<absl::Time> ReadTimestamp(const std::string& text) {
  absl::Time time;
  std::string error;
  if (text.empty()) return Malformed("it has no timestamp");
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error) || time == absl::InfiniteFuture() ||
      time == absl::InfinitePast()) {
    return Malformed("timestamp is not as \"2022-09-13T16:01:01Z\"");
  }
  return time;
}

absl::Status ReadObject(const Json& json, FluxEvent& event) {
  Reader reader(json, "");
  const Json* const object = reader.Find("involvedObject");
  if (object == nullptr) return absl::OkStatus();
  if (!object->is_object()) return Malformed("involvedObject is not an object");
  Reader involved(*object, "involvedObject.");
  involved.Text("apiVersion", event.api_version);
  involved.Text("kind", event.kind);
  involved.Text("namespace", event.namespace_);
  involved.Text("name", event.name);
  return involved.status();
}

absl::Status CheckRevision(const std::string& revision) {
  if (revision.size() > kLongestRevision) {
    return Malformed(absl::StrCat("the revision has more than ", kLongestRevision, " bytes"));
  }
  const bool control = std::any_of(revision.begin(), revision.end(),
                                   [](unsigned char c) { return absl::ascii_iscntrl(c); });
  return control ? Malformed("the revision has control characters") : absl::OkStatus();
}

}  // namespace

absl::StatusOr<FluxEvent> ParseFluxEvent(absl::string_view body) {
  const absl::StatusOr<Json> json = ParseJsonObject(body, {.bytes = kMostBody, .depth = 32});
  if (!json.ok()) return Malformed(json.status().message());
  FluxEvent event;
  std::string timestamp;
  Reader reader(*json, "");
  reader.Text("severity", event.severity);
  reader.Text("timestamp", timestamp);
  reader.Text("message", event.message);
  reader.Text("reason", event.reason);
  reader.Texts("metadata", event.metadata);
  reader.Text("reportingController", event.reporting_controller);
  if (!reader.status().ok()) return reader.status();
  if (absl::Status status = ReadObject(*json, event); !status.ok()) return status;
  const absl::StatusOr<absl::Time> time = ReadTimestamp(timestamp);
  if (!time.ok()) return time.status();
  event.timestamp = *time;
  if (absl::Status status = CheckRevision(RevisionOf(event)); !status.ok()) return status;
  return event;
}

absl::string_view GroupOf(absl::string_view api_version) {
  const size_t slash = api_version.find('/');
  return slash == absl::string_view::npos ? "" : api_version.substr(0, slash);
}

std::string RevisionOf(const FluxEvent& event) {
  for (const std::string& key :
       {std::string("revision"), absl::StrCat(GroupOf(event.api_version), "/revision")}) {
    const auto found = event.metadata.find(key);
    if (found != event.metadata.end() && !found->second.empty()) return found->second;
  }
  return "";
}

record::v1::PromotionEvent ToRecord(const FluxEvent& event, const std::string& address) {
  record::v1::PromotionEvent record;
  record.set_api_version(ValidUtf8(event.api_version, kKeptText));
  record.set_kind(ValidUtf8(event.kind, kKeptText));
  record.set_namespace_(ValidUtf8(event.namespace_, kKeptText));
  record.set_name(ValidUtf8(event.name, kKeptText));
  record.set_severity(ValidUtf8(event.severity, kKeptText));
  record.set_reason(ValidUtf8(event.reason, kKeptText));
  record.set_message(ValidUtf8(event.message, kKeptMessage));
  *record.mutable_timestamp() = ToTimestamp(event.timestamp);
  record.set_reporting_controller(ValidUtf8(event.reporting_controller, kKeptText));
  record.set_address(ValidUtf8(address, kKeptText));
  size_t kept = 0;
  for (const auto& [key, value] : event.metadata) {
    kept += key.size() + value.size();
    if (kept > kKeptMetadata) break;
    (*record.mutable_metadata())[ValidUtf8(key, key.size())] = ValidUtf8(value, value.size());
  }
  return record;
}

}  // namespace gitops
