#include "ctl/cli/states.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/text/nearest.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

using google::protobuf::EnumDescriptor;

// Null: no --state.
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

}  // namespace

std::vector<std::string> StatesOf(CommandId command) {
  std::vector<std::string> states;
  const EnumDescriptor* values = EnumOf(command);
  if (values == nullptr) return states;
  // The first one is "…_UNSPECIFIED".
  const std::string first(values->value(0)->name());
  const size_t prefix = first.size() - std::string("UNSPECIFIED").size();
  for (int i = 1; i < values->value_count(); ++i) {
    states.push_back(std::string(values->value(i)->name()).substr(prefix));
  }
  return states;
}

absl::Status ReadStates(CommandId command, Flags& flags) {
  const std::vector<std::string> known = StatesOf(command);
  for (const std::string& state : flags.states) {
    const auto found = std::find(known.begin(), known.end(), state);
    if (found == known.end()) {
      const std::string nearest = Nearest(state, known);
      return absl::InvalidArgumentError(absl::StrCat(
          "--state: '", EscapeLine(state), "' is not one of ", absl::StrJoin(known, ", "),
          nearest.empty() ? "" : "; did you mean ", nearest, nearest.empty() ? "" : "?"));
    }
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

}  // namespace gitops::ctl
