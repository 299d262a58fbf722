#ifndef GITOPS_AGENT_OPERATION_OPERATION_SERVER_H_
#define GITOPS_AGENT_OPERATION_OPERATION_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "agent/operation/action_runner.h"
#include "agent/operation/operation_memory.h"
#include "agent/operation/operation_options.h"
#include "agent/operation/operations.h"
#include "common/process/process.h"
#include "common/schedule/scheduler.h"
#include "gitops/v1/operation.grpc.pb.h"

namespace gitops {

// OperationService with all objects behind it.
class OperationServer {
 public:
  // Errors are those of OperationMemory::Load.
  static absl::StatusOr<std::unique_ptr<OperationServer>> Make(const OperationOptions& options);
  ~OperationServer() { Stop(); }

  v1::OperationService::Service* service() { return service_.get(); }
  // Call it at the end of the program, before the objects that it uses are stopped. Kills running
  // commands; operations that fail from now on are repeated after the next start.
  void Stop();

 private:
  OperationServer(const OperationOptions& options, std::unique_ptr<OperationMemory> memory);

  const std::unique_ptr<OperationMemory> memory_;
  const std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
  const std::unique_ptr<Scheduler> scheduler_;
  const std::unique_ptr<ActionRunner> actions_;
  Operations operations_;
  const std::unique_ptr<v1::OperationService::Service> service_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_OPERATION_SERVER_H_
