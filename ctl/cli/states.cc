#include "ctl/cli/states.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ctl/cli/words.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

using google::protobuf::EnumDescriptor;

// Null: the command takes no state.
const EnumDescriptor* EnumOf(CommandId command) {
  switch (command) {
    case CommandId::kListServices:
    case CommandId::kWaitService:
      return v1::ServiceState_descriptor();
    case CommandId::kListHosts:
      return v1::HostState_descriptor();
    case CommandId::kListDeployments:
    case CommandId::kWaitDeployment:
      return v1::DeploymentState_descriptor();
    case CommandId::kListPromotions:
      return v1::PromotionState_descriptor();
    default:
      return nullptr;
  }
}

// Without the prefix of the enum.
Words NamesOf(const EnumDescriptor& values) {
  // The first one is "…_UNSPECIFIED".
  const std::string first(values.value(0)->name());
  const size_t prefix = first.size() - std::string("UNSPECIFIED").size();
  Words names;
  for (int i = 1; i < values.value_count(); ++i) {
    names.push_back(std::string(values.value(i)->name()).substr(prefix));
  }
  return names;
}

absl::Status NotAmong(absl::string_view flag, const std::string& value, const Words& known) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": '", EscapeLine(value), "' is not one of ",
                                                 absl::StrJoin(known, ", "),
                                                 DidYouMean(value, known)));
}

absl::Status CheckAmong(absl::string_view flag, const Words& values, const Words& known) {
  for (const std::string& value : values) {
    if (std::find(known.begin(), known.end(), value) == known.end()) {
      return NotAmong(flag, value, known);
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> StatesOf(CommandId command) {
  const EnumDescriptor* values = EnumOf(command);
  return values == nullptr ? Words() : NamesOf(*values);
}

absl::Status ReadStates(CommandId command, Flags& flags) {
  const std::vector<std::string> known = StatesOf(command);
  for (const std::string& state : flags.states) {
    const auto found = std::find(known.begin(), known.end(), state);
    if (found == known.end()) return NotAmong("--state", state, known);
    const int value = EnumOf(command)->value(static_cast<int>(found - known.begin()) + 1)->number();
    if (command == CommandId::kListDeployments) {
      flags.filter.add_states(static_cast<v1::DeploymentState>(value));
    }
    if (command == CommandId::kListPromotions) {
      flags.promotions.add_states(static_cast<v1::PromotionState>(value));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckWanted(CommandId command, const Flags::Wanted& wanted) {
  if (command == CommandId::kWaitDeployment && !wanted.syncs.empty()) {
    return absl::InvalidArgumentError("--for: a deployment has no sync");
  }
  if (absl::Status s = CheckAmong("--for state", wanted.states, StatesOf(command)); !s.ok()) {
    return s;
  }
  return CheckAmong("--for sync", wanted.syncs, NamesOf(*v1::SyncStatus_descriptor()));
}

}  // namespace gitops::ctl
