#include "common/store/stored_state.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/store/table.h"
#include "google/protobuf/unknown_field_set.h"

namespace gitops {
namespace {

using ::google::protobuf::Message;

// The order of a map's entries is not fixed, so only the bytes count.
bool IsSerializedAs(const Message& message, std::string bytes) {
  std::string serialized = message.SerializeAsString();
  std::sort(serialized.begin(), serialized.end());
  std::sort(bytes.begin(), bytes.end());
  return serialized == bytes;
}

std::string Fault(const StoredValue& value, const std::map<std::string, const Message*>& messages) {
  for (const auto& [prefix, prototype] : messages) {
    if (!absl::StartsWith(value.key, prefix)) continue;
    if (prototype == nullptr) return "";
    std::unique_ptr<Message> message(prototype->New());
    if (!message->ParseFromString(value.value)) return "is damaged";
    if (!IsSerializedAs(*message, value.value)) return "is serialized to other bytes";
    message->DiscardUnknownFields();
    return IsSerializedAs(*message, value.value) ? "" : "has unknown fields";
  }
  return "is of an unknown kind";
}

}  // namespace

StoredState::StoredState(const std::string& file, Clock* clock) {
  const std::string copy = directory_.path() + "/copy.db";
  std::filesystem::copy_file(file, copy);
  absl::StatusOr<std::unique_ptr<Store>> store = OpenSqliteStore({.path = copy, .clock = clock});
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    std::abort();
  }
  store_ = *std::move(store);
}

std::string StoredState::Faults(const std::string& prefix,
                                const std::map<std::string, const Message*>& messages) {
  std::string faults;
  absl::Status read = ForEachValue(*store_, prefix, "", [&](const StoredValue& value) {
    const std::string fault = Fault(value, messages);
    if (!fault.empty()) absl::StrAppend(&faults, value.key, " ", fault, "\n");
    return true;
  });
  return read.ok() ? faults : std::string(read.message());
}

}  // namespace gitops
