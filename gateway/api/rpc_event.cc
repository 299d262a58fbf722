#include "gateway/api/rpc_event.h"

#include <google/protobuf/descriptor.h>

#include <nlohmann/json.hpp>

#include "common/json/json.h"

namespace gitops {

absl::StatusOr<StreamEvent> EventOf(const google::protobuf::Message& message) {
  const absl::StatusOr<Json> json = ToJson(message);
  if (!json.ok()) return json.status();
  StreamEvent event;
  event.data = ToText(*json);
  if (const auto* token = message.GetDescriptor()->FindFieldByName("resume_token")) {
    event.id = message.GetReflection()->GetString(message, token);
  }
  return event;
}

}  // namespace gitops
