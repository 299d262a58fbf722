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
  // As the configuration has them now: this host's own entries of the fleet config, and how it is
  // rebooted (see RebootOptions).
  std::function<std::vector<HostSpec>()> own_hosts;
  std::function<std::string()> reboot_command;
  std::string boot_id_file;
};

// What deployments ask of this host: the service with all that stands behind it.
class OperationServer {
 public:
  // Errors as OperationMemory::Load.
  static absl::StatusOr<std::unique_ptr<OperationServer>> Make(OperationServerOptions options);
  virtual ~OperationServer() = default;

  virtual v1::OperationService::Service* service() = 0;
  // At the end of the program, before what it uses is stopped: kills commands under way, and what
  // fails from now on is done again after the next start.
  virtual void Stop() = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_OPERATION_SERVER_H_
