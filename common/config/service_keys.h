#ifndef GITOPS_COMMON_CONFIG_SERVICE_KEYS_H_
#define GITOPS_COMMON_CONFIG_SERVICE_KEYS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/config/fleet.h"
#include "common/config/key_info.h"
#include "common/config/toml.h"

namespace gitops {

// A key of [[services]].
struct ServiceKey {
  KeyInfo info;
  bool in_global = true;  // [global] has it too, as a default
  // Reads the key, if the table has it; errors are reported to the table. Returns whether the table
  // gives it a value.
  std::function<bool(const TomlTable& table, const std::string& directory, ServiceEntry& entry)>
      read;
  // Copies its value; null: an entry for one host cannot override the key.
  std::function<void(const ServiceEntry& from, ServiceEntry& to)> copy;
};

// All keys of [[services]], without those that say which hosts an entry is for.
const std::vector<ServiceKey>& ServiceKeys();

// Whether `entry` itself has `key`.
bool Names(const ServiceEntry& entry, absl::string_view key);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_SERVICE_KEYS_H_
