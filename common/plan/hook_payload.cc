#include "common/plan/hook_payload.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/json/json_guard.h"
#include "common/plan/vocabulary.h"

namespace gitops {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr char kForm[] = R"({"host": "...", "actions": ["push", ...]})";

ordered_json ToJson(const HostActions& host) {
  return {{"host", host.host}, {"actions", host.actions}};
}

// `where` names the element of a list.
absl::Status Refuse(absl::string_view where, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(where, where.empty() ? "" : ": ", what, "; expected ", kForm));
}

absl::StatusOr<HostActions> ReadHost(const json& value, absl::string_view where) {
  if (!value.is_object()) {
    return Refuse(where, absl::StrCat("it is a JSON ", value.type_name(), ", not an object"));
  }
  const auto host = value.find("host");
  if (host == value.end() || !host->is_string()) {
    return Refuse(where, "it has no string \"host\"");
  }
  const auto actions = value.find("actions");
  if (actions == value.end() || !actions->is_array()) {
    return Refuse(where, "it has no array \"actions\"");
  }
  HostActions read;
  read.host = host->get_ref<const std::string&>();
  for (const json& action : *actions) {
    if (!action.is_string()) {
      return Refuse(
          where, absl::StrCat("\"actions\" has a JSON ", action.type_name(), ", not only strings"));
    }
    read.actions.push_back(action.get_ref<const std::string&>());
  }
  return read;
}

}  // namespace

std::string EncodePayload(absl::string_view point, const Payload& payload) {
  ordered_json value = ordered_json::array();
  for (const HostActions& host : payload) value.push_back(ToJson(host));
  if (!IsSelectPoint(point)) value = ordered_json(value.at(0));
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

absl::StatusOr<Payload> DecodePayload(absl::string_view point, absl::string_view text) {
  if (absl::Status status = CheckJson(text); !status.ok()) return status;
  const json value = json::parse(text.begin(), text.end(), nullptr, false);
  Payload payload;
  if (!IsSelectPoint(point)) {
    absl::StatusOr<HostActions> host = ReadHost(value, "");
    if (!host.ok()) return host.status();
    payload.push_back(*std::move(host));
    return payload;
  }
  if (!value.is_array()) {
    return absl::InvalidArgumentError(absl::StrCat("it is a JSON ", value.type_name(), "; at ",
                                                   point, " expected a list of ", kForm));
  }
  for (const json& element : value) {
    absl::StatusOr<HostActions> host =
        ReadHost(element, absl::StrCat("element ", payload.size() + 1));
    if (!host.ok()) return host.status();
    payload.push_back(*std::move(host));
  }
  return payload;
}

}  // namespace gitops
