#ifndef GITOPS_AGENT_OPERATION_OPERATION_SERVER_H_
#define GITOPS_AGENT_OPERATION_OPERATION_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/activate/systemd.h"
#include "agent/controller/host_agent.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/rpc/gate.h"
#include "common/store/store.h"
#include "gitops/v1/operation.grpc.pb.h"

namespace gitops {

struct OperationServerOptions {
  // Not owned; all must outlive the server.
  Store* store = nullptr;
  HostAgent* agent = nullptr;
  Systemd* systemd = nullptr;
  Clock* clock = nullptr;
  const RpcGate* gate = nullptr;
  // From the current configuration: this host's own entries of the fleet config, and the reboot
  // command (see RebootOptions).
  std::function<std::vector<HostSpec>()> own_hosts;
  std::function<std::string()> reboot_command;
  std::string boot_id_file;
};

// OperationService with all objects behind it.
class OperationServer {
 public:
  // Errors are those of OperationMemory::Load.
  static absl::StatusOr<std::unique_ptr<OperationServer>> Make(OperationServerOptions options);
  virtual ~OperationServer() = default;

  virtual v1::OperationService::Service* service() = 0;
  // Call it at the end of the program, before the objects that it uses are stopped. Kills running
  // commands; operations that fail from now on are repeated after the next start.
  virtual void Stop() = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_OPERATION_SERVER_H_
