#include "agent/operation/freeze_action.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/operation/history_words.h"

namespace gitops {
namespace {

using Controllers = std::vector<std::shared_ptr<ServiceController>>;

Controllers Concerned(HostAgent& agent, const std::string& service) {
  if (service.empty()) return agent.All();
  auto found = agent.Find(service);
  return found.ok() ? Controllers{*found} : Controllers{};
}

ActionOutcome ForEach(
    HostAgent& agent, const std::string& service,
    const std::function<absl::StatusOr<std::string>(ServiceController&)>& command) {
  std::vector<std::string> told;
  for (const auto& controller : Concerned(agent, service)) {
    const absl::StatusOr<std::string> done = command(*controller);
    if (!done.ok()) return ActionOutcome::Of(done.status());
    told.push_back(absl::StrCat(controller->spec().service, ": ", *done));
  }
  if (told.empty()) {
    told.push_back(service.empty() ? "no services here"
                                   : absl::StrCat("no service ", service, " here"));
  }
  return ActionOutcome::Done(absl::StrJoin(told, "\n"));
}

}  // namespace

ActionOutcome FreezeServices(HostAgent& agent, const v1::PerformActionRequest& request,
                             const std::function<bool()>& abandoned) {
  return ForEach(
      agent, request.service(), [&](ServiceController& controller) -> absl::StatusOr<std::string> {
        auto record = controller.Freeze(ActorOf(request.operation()), ReasonOf(request.operation()),
                                        {.cancelled = abandoned});
        if (!record.ok()) return record.status();
        return absl::StrCat("frozen at ", record->hash.empty() ? "nothing" : record->hash);
      });
}

ActionOutcome UnfreezeServices(HostAgent& agent, const v1::PerformActionRequest& request,
                               const std::function<bool()>& abandoned) {
  return ForEach(
      agent, request.service(), [&](ServiceController& controller) -> absl::StatusOr<std::string> {
        const bool frozen = controller.View().record.frozen;
        auto record = controller.Unfreeze(ActorOf(request.operation()),
                                          ReasonOf(request.operation()), {.cancelled = abandoned});
        if (!record.ok()) return record.status();
        return std::string(frozen ? "unfrozen" : "was not frozen");
      });
}

}  // namespace gitops
