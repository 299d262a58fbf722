#include "agent/operation/operation_server.h"

#include <utility>

#include "agent/operation/host_actions.h"
#include "agent/operation/operation_memory.h"
#include "agent/operation/operation_service.h"
#include "agent/operation/operations.h"
#include "common/process/process.h"
#include "common/schedule/scheduler.h"

namespace gitops {
namespace {

class OperationServerImpl final : public OperationServer {
 public:
  OperationServerImpl(const OperationServerOptions& options,
                      std::unique_ptr<OperationMemory> memory)
      : memory_(std::move(memory)),
        scheduler_(NewScheduler(options.clock, 1)),
        actions_(NewHostActions({.agent = options.agent,
                                 .runner = runner_.get(),
                                 .systemd = options.systemd,
                                 .clock = options.clock,
                                 .own_hosts = options.own_hosts,
                                 .reboot_command = options.reboot_command,
                                 .boot_id_file = options.boot_id_file})),
        operations_(memory_.get(), actions_.get(), options.clock, scheduler_.get()),
        service_(NewOperationService({.agent = options.agent,
                                      .operations = &operations_,
                                      .runner = runner_.get(),
                                      .gate = options.gate,
                                      .own_hosts = options.own_hosts,
                                      .boot_id_file = options.boot_id_file})) {}

  ~OperationServerImpl() override { Stop(); }

  v1::OperationService::Service* service() override { return service_.get(); }

  void Stop() override {
    operations_.Stop();
    runner_->Stop();
  }

 private:
  const std::unique_ptr<OperationMemory> memory_;
  const std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
  const std::unique_ptr<Scheduler> scheduler_;
  const std::unique_ptr<ActionRunner> actions_;
  Operations operations_;
  const std::unique_ptr<v1::OperationService::Service> service_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<OperationServer>> OperationServer::Make(
    OperationServerOptions options) {
  auto memory = OperationMemory::Load(options.store, options.clock);
  if (!memory.ok()) return memory.status();
  return std::make_unique<OperationServerImpl>(std::move(options), *std::move(memory));
}

}  // namespace gitops
