#include "agent/operation/operation_server.h"

#include <utility>

#include "agent/operation/host_actions.h"
#include "agent/operation/operation_service.h"

namespace gitops {

OperationServer::OperationServer(const OperationOptions& options,
                                 std::unique_ptr<OperationMemory> memory)
    : memory_(std::move(memory)),
      scheduler_(NewScheduler(options.clock, 1)),
      actions_(NewHostActions(options, runner_.get())),
      operations_(memory_.get(), actions_.get(), options.clock, scheduler_.get()),
      service_(NewOperationService(options, &operations_, runner_.get())) {}

void OperationServer::Stop() {
  operations_.Stop();
  runner_->Stop();
}

absl::StatusOr<std::unique_ptr<OperationServer>> OperationServer::Make(
    const OperationOptions& options) {
  auto memory = OperationMemory::Load(options.store, options.clock);
  if (!memory.ok()) return memory.status();
  return std::unique_ptr<OperationServer>(new OperationServer(options, *std::move(memory)));
}

}  // namespace gitops
