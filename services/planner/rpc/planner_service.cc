#include "services/planner/rpc/planner_service.h"

#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/rpc/error.h"
#include "common/rpc/fingerprint.h"
#include "common/rpc/handler.h"
#include "common/rpc/request_checks.h"
#include "common/rpc/trace.h"
#include "common/store/convert.h"
#include "services/planner/damage/damage.h"
#include "services/planner/rpc/answer_size.h"
#include "services/planner/rpc/deployment_calls.h"
#include "services/planner/rpc/deployment_reads.h"
#include "services/planner/rpc/deployment_watch.h"
#include "services/planner/rpc/fleet_commands.h"
#include "services/planner/rpc/fleet_lists.h"
#include "services/planner/rpc/fleet_watch.h"
#include "services/planner/rpc/host_grants.h"

namespace gitops {
namespace {

using grpc::ServerContext;

// How long changes are gathered for a watcher of a deployment, since each changed host is read and
// sent with its steps. The end of the deployment is sent at once.
constexpr std::chrono::milliseconds kGather(250);

absl::Status TooManyWatchers(int most, absl::string_view what) {
  return MakeError(
      Reason::kTooManyWatchers,
      absl::StrCat("this planner has ", most, " watchers of ", what, " already; end one of them"));
}

absl::Status TooManyCommands(int most) {
  return MakeError(Reason::kTooManyCalls,
                   absl::StrCat("this planner carries out ", most,
                                " commands to many hosts already; try again when one has ended"));
}

void CutDiff(v1::HostOutcome* outcome) {
  if (outcome->diff().ByteSizeLong() <= kMostAnswerSize) return;
  outcome->mutable_diff()->clear_differences();
  outcome->mutable_diff()->set_truncated(true);
}

// The newest changes are the first.
void CutChanges(v1::HostOutcome* outcome) {
  while (outcome->service().ByteSizeLong() > kMostAnswerSize &&
         outcome->service().changes_size() > 0) {
    auto& changes = *outcome->mutable_service()->mutable_changes();
    changes.DeleteSubrange(changes.size() / 2, changes.size() - changes.size() / 2);
  }
}

class PlannerServiceImpl final : public PlannerService {
 public:
  explicit PlannerServiceImpl(PlannerServiceOptions options)
      : options_(options),
        journal_(options.fleet),
        locks_(options.locks, &journal_, options.clock),
        fleet_watches_(options.most_fleet_watchers,
                       TooManyWatchers(options.most_fleet_watchers, "the fleet"), options.clock),
        deployment_watches_(options.most_deployment_watchers,
                            TooManyWatchers(options.most_deployment_watchers, "deployments"),
                            options.clock),
        commands_(options.most_commands, TooManyCommands(options.most_commands), options.clock),
        brakes_(options.most_commands, TooManyCommands(options.most_commands), options.clock),
        deployments_(options),
        reads_(options.store, options.deployments) {}

  void Stop() override {
    fleet_watches_.Close();
    deployment_watches_.Close();
  }

  grpc::Status ListHosts(ServerContext* context, const v1::ListHostsRequest* request,
                         v1::ListHostsResponse* response) override {
    return gate().Run(*context, *request, [&] {
      return gitops::ListHosts(*options_.fleet, *options_.locks, *request, CancelledIn(*context),
                               response);
    });
  }

  grpc::Status GetHost(ServerContext* context, const v1::GetHostRequest* request,
                       v1::GetHostResponse* response) override {
    return gate().Run(*context, *request, [&] {
      return Answer(gitops::GetHost(*options_.fleet, *options_.locks, request->host()),
                    response->mutable_host());
    });
  }

  grpc::Status ListFleetServices(ServerContext* context,
                                 const v1::ListFleetServicesRequest* request,
                                 v1::ListFleetServicesResponse* response) override {
    return gate().Run(*context, *request, [&] {
      return gitops::ListFleetServices(*options_.fleet, *request, CancelledIn(*context), response);
    });
  }

  grpc::Status WatchFleet(ServerContext* context, const v1::WatchFleetRequest* request,
                          grpc::ServerWriter<v1::WatchFleetResponse>* writer) override {
    return gate().Run(*context, *request, [&] {
      return ServeWatch<std::string>(gate(), fleet_watches_, *context, *writer, [&](auto write) {
        return FleetWatch(options_.fleet, &journal_, &locks_, *request, std::move(write),
                          CancelledIn(*context));
      });
    });
  }

  grpc::Status FreezeServices(ServerContext* context, const v1::FreezeServicesRequest* request,
                              grpc::ServerWriter<v1::FreezeServicesResponse>* writer) override {
    return Change(brakes_, "freeze", *context, *request, writer,
                  Converted<v1::FreezeServiceRequest>(*request));
  }

  grpc::Status UnfreezeServices(ServerContext* context, const v1::UnfreezeServicesRequest* request,
                                grpc::ServerWriter<v1::UnfreezeServicesResponse>* writer) override {
    return Change(brakes_, "unfreeze", *context, *request, writer,
                  Converted<v1::UnfreezeServiceRequest>(*request));
  }

  grpc::Status RollbackServices(ServerContext* context, const v1::RollbackServicesRequest* request,
                                grpc::ServerWriter<v1::RollbackServicesResponse>* writer) override {
    auto one = Converted<v1::RollbackServiceRequest>(*request);
    one.set_hash(absl::AsciiStrToLower(one.hash()));
    return Change(commands_, "rollback", *context, *request, writer, one);
  }

  grpc::Status PullServices(ServerContext* context, const v1::PullServicesRequest* request,
                            grpc::ServerWriter<v1::PullServicesResponse>* writer) override {
    return Change(commands_, "pull", *context, *request, writer,
                  Converted<v1::PullServiceRequest>(*request));
  }

  grpc::Status DiffServices(ServerContext* context, const v1::DiffServicesRequest* request,
                            grpc::ServerWriter<v1::DiffServicesResponse>* writer) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      auto one = Converted<v1::DiffServiceRequest>(*request);
      if (one.has_to_hash()) {
        one.set_to_hash(absl::AsciiStrToLower(one.to_hash()));
        if (absl::Status hash = CheckHash(one.to_hash(), "to_hash"); !hash.ok()) return hash;
      }
      one.set_content(one.content() && MaySeeContent(caller));
      return Command(commands_, *context, caller, *request, /*action=*/"", writer, one);
    });
  }

  grpc::Status GetServices(ServerContext* context, const v1::GetServicesRequest* request,
                           grpc::ServerWriter<v1::GetServicesResponse>* writer) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Command(commands_, *context, caller, *request, /*action=*/"", writer,
                     Converted<v1::GetServiceRequest>(*request));
    });
  }

  grpc::Status CreatePlan(ServerContext* context, const v1::CreatePlanRequest* request,
                          v1::CreatePlanResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      const absl::Status made = Answer(deployments_.CreatePlan(*request, Call(*context, caller)),
                                       response->mutable_plan());
      response->set_next_host_page_token(KeepFirstHosts(*response->mutable_plan()));
      return made;
    });
  }

  grpc::Status GetPlan(ServerContext* context, const v1::GetPlanRequest* request,
                       v1::GetPlanResponse* response) override {
    return Read(*context, *request, response, &DeploymentReads::GetPlan);
  }

  grpc::Status ListPlanHosts(ServerContext* context, const v1::ListPlanHostsRequest* request,
                             v1::ListPlanHostsResponse* response) override {
    return Read(*context, *request, response, &DeploymentReads::ListPlanHosts);
  }

  grpc::Status CreateDeployment(ServerContext* context, const v1::CreateDeploymentRequest* request,
                                v1::CreateDeploymentResponse* response) override {
    return Operate(*context, *request, response, &DeploymentCalls::Create);
  }

  grpc::Status GetDeployment(ServerContext* context, const v1::GetDeploymentRequest* request,
                             v1::GetDeploymentResponse* response) override {
    return Read(*context, *request, response, &DeploymentReads::Get);
  }

  grpc::Status ListDeploymentHosts(ServerContext* context,
                                   const v1::ListDeploymentHostsRequest* request,
                                   v1::ListDeploymentHostsResponse* response) override {
    return Read(*context, *request, response, &DeploymentReads::ListHosts);
  }

  grpc::Status ListDeployments(ServerContext* context, const v1::ListDeploymentsRequest* request,
                               v1::ListDeploymentsResponse* response) override {
    return Read(*context, *request, response, &DeploymentReads::List);
  }

  grpc::Status WatchDeployment(ServerContext* context, const v1::WatchDeploymentRequest* request,
                               grpc::ServerWriter<v1::WatchDeploymentResponse>* writer) override {
    return gate().Run(*context, *request, [&] {
      const auto make = [&](auto write) {
        return DeploymentWatch(options_.store, options_.deployments, *request, std::move(write));
      };
      return ServeWatch<int>(gate(), deployment_watches_, *context, *writer, make, kGather);
    });
  }

  grpc::Status WatchDeployments(ServerContext* context, const v1::WatchDeploymentsRequest* request,
                                grpc::ServerWriter<v1::WatchDeploymentsResponse>* writer) override {
    return gate().Run(*context, *request, [&] {
      return ServeWatch<std::string>(
          gate(), deployment_watches_, *context, *writer, [&](auto write) {
            return DeploymentListWatch(options_.store, options_.deployments, *request,
                                       std::move(write));
          });
    });
  }

  grpc::Status CancelDeployment(ServerContext* context, const v1::CancelDeploymentRequest* request,
                                v1::CancelDeploymentResponse* response) override {
    return Operate(*context, *request, response, &DeploymentCalls::Cancel);
  }

  grpc::Status ResumeDeployment(ServerContext* context, const v1::ResumeDeploymentRequest* request,
                                v1::ResumeDeploymentResponse* response) override {
    return Operate(*context, *request, response, &DeploymentCalls::Resume);
  }

  grpc::Status RollbackDeployment(ServerContext* context,
                                  const v1::RollbackDeploymentRequest* request,
                                  v1::RollbackDeploymentResponse* response) override {
    return Operate(*context, *request, response, &DeploymentCalls::RollBack);
  }

  grpc::Status ListLocks(ServerContext* context, const v1::ListLocksRequest* request,
                         v1::ListLocksResponse* response) override {
    return gate().Run(*context, *request,
                      [&] { return gitops::ListLocks(*options_.locks, *request, response); });
  }

  grpc::Status BreakLock(ServerContext* context, const v1::BreakLockRequest* request,
                         v1::BreakLockResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(deployments_.BreakLock(*request, Call(*context, caller)),
                    response->mutable_lock());
    });
  }

  grpc::Status AcknowledgeHost(ServerContext* context, const v1::AcknowledgeHostRequest* request,
                               v1::AcknowledgeHostResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      if (request->host().empty()) return InvalidField("host", "no host is named");
      if (absl::Status status = CheckReason(request->reason()); !status.ok()) return status;
      const absl::Status allowed = HostGrants(options_.grants, options_.fleet, caller)
                                       .Check(request->host(), {"acknowledge"});
      if (!allowed.ok()) return allowed;
      const absl::StatusOr<FleetHost> marked = options_.fleet->Find(request->host());
      const absl::StatusOr<bool> changed =
          options_.fleet->MarkHealth(request->host(), std::nullopt);
      if (!changed.ok()) return changed.status();
      if (*changed) {
        options_.deployments->AddNote(
            marked->host.failed_health().deployment(),
            absl::StrCat("the failed health checks of host ", marked->host.host(),
                         " were acknowledged", request->reason().empty() ? "" : ": ",
                         request->reason()),
            caller);
        LogInfo("the failed health checks of a host were acknowledged",
                {{"host", request->host()},
                 {"actor", PrincipalText(caller)},
                 {"reason", request->reason()}});
      }
      if (options_.audits != nullptr && options_.audits->Acknowledge(request->host())) {
        LogInfo("the fault of a host's audit was acknowledged", {{"host", request->host()},
                                                                 {"actor", PrincipalText(caller)},
                                                                 {"reason", request->reason()}});
      }
      return Answer(gitops::GetHost(*options_.fleet, *options_.locks, request->host()),
                    response->mutable_host());
    });
  }

  grpc::Status GetDebugInfo(ServerContext* context, const v1::GetDebugInfoRequest* request,
                            v1::GetDebugInfoResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      if (!request->has_host()) {
        *response->mutable_info() = options_.debug_info ? options_.debug_info() : v1::DebugInfo();
        return absl::OkStatus();
      }
      const absl::StatusOr<FleetHost> host = options_.fleet->Find(request->host());
      if (!host.ok()) return host.status();
      auto info = options_.agents->DebugInfo(
          AgentOf(host->host),
          {.on_behalf_of = OnBehalfOfText(caller), .give_up = CancelledIn(*context)});
      if (info.ok()) info->set_host(host->host.host());
      return Answer(std::move(info), response->mutable_info());
    });
  }

  grpc::Status ListDamagedRecords(ServerContext* context,
                                  const v1::ListDamagedRecordsRequest* request,
                                  v1::ListDamagedRecordsResponse* response) override {
    return gate().Run(*context, *request, [&] {
      const auto found = FindDamaged(*options_.state, PlannerRecords(), CancelledIn(*context));
      if (!found.ok()) return found.status();
      for (const auto& [key, kind] : *found) {
        v1::DamagedRecord& record = *response->add_records();
        record.set_key(key);
        record.set_kind(kind);
      }
      return absl::OkStatus();
    });
  }

  grpc::Status RemoveDamagedRecord(ServerContext* context,
                                   const v1::RemoveDamagedRecordRequest* request,
                                   v1::RemoveDamagedRecordResponse*) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      if (request->key().empty()) return InvalidField("key", "no record is named");
      const absl::Status removed = RemoveDamaged(*options_.state, request->key());
      if (removed.ok()) {
        LogWarning("a damaged record was removed",
                   {{"key", request->key()}, {"actor", PrincipalText(caller)}});
      }
      return removed;
    });
  }

  grpc::Status ListFleetHooks(ServerContext* context, const v1::ListFleetHooksRequest* request,
                              v1::ListFleetHooksResponse* response) override {
    return gate().Run(*context, *request, [&] {
      absl::StatusOr<v1::ListHooksResponse> hooks = options_.hooks->List();
      if (hooks.ok()) *response->mutable_hooks() = std::move(*hooks->mutable_hooks());
      return hooks.status();
    });
  }

  grpc::Status TestHooks(ServerContext* context, const v1::TestHooksRequest* request,
                         v1::TestHooksResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(deployments_.TestHooks(*request, Call(*context, caller)), response);
    });
  }

 private:
  const RpcGate& gate() const { return *options_.gate; }

  static CallContext Call(const ServerContext& context, const Principal& caller) {
    return {
        .caller = caller, .traceparent = TraceparentOf(context), .give_up = CancelledIn(context)};
  }

  template <typename Request, typename Response>
  grpc::Status Read(const ServerContext& context, const Request& request, Response* response,
                    absl::StatusOr<Response> (DeploymentReads::*read)(const Request& request)
                        const) const {
    return gate().Run(context, request, [&] { return Answer((reads_.*read)(request), response); });
  }

  template <typename Request, typename Response>
  grpc::Status Operate(const ServerContext& context, const Request& request, Response* response,
                       absl::StatusOr<v1::Deployment> (DeploymentCalls::*operate)(
                           const Request& request, const CallContext& call)) {
    return gate().Run(context, request, [&](const Principal& caller) {
      absl::StatusOr<v1::Deployment> deployment =
          (deployments_.*operate)(request, Call(context, caller));
      if (deployment.ok()) AddEtag(*deployment);
      return Answer(std::move(deployment), response->mutable_deployment());
    });
  }

  // `one` is the request to each agent; `action` what it changes, by its name in grants; empty:
  // nothing.
  template <typename Request, typename Response>
  absl::Status Command(Watches& places, ServerContext& context, const Principal& caller,
                       const Request& request, const std::string& action,
                       grpc::ServerWriter<Response>* writer, const ServiceRequest& one) {
    const HostGrants grants(options_.grants, options_.fleet, caller);
    const auto place =
        places.Enter({.close = [] {}, .cancel = [&context] { context.TryCancel(); }});
    if (!place.ok()) return place.status();
    const auto write = WriteTo(*writer, **place);
    const CallFor asked_for = {.on_behalf_of = OnBehalfOfText(caller),
                               .give_up = CancelledIn(context)};
    const auto tell = [&write](v1::HostOutcome outcome) {
      Response response;
      *response.mutable_outcome() = std::move(outcome);
      write(response, /*more=*/false);
    };
    return RunFleetCommand(
        *options_.fleet,
        {.selection = request.selection(),
         .service = request.service(),
         .changes = !action.empty(),
         .allowed =
             [&](const FleetHost& host) {
               return action.empty() ? absl::OkStatus() : grants.Check(host, action);
             },
         .ask =
             [&](const AgentAddress& address, v1::HostOutcome* outcome) {
               const absl::Status status = options_.agents->Call(address, asked_for, one, outcome);
               CutDiff(outcome);
               CutChanges(outcome);
               return status;
             },
         .cancelled = asked_for.give_up,
         .outcome = tell});
  }

  // The same for commands that change a service. Freeze and unfreeze pass the gate even if other
  // calls hold all the threads that they may use.
  template <typename Request, typename Response>
  grpc::Status Change(Watches& places, const std::string& action, ServerContext& context,
                      const Request& request, grpc::ServerWriter<Response>* writer,
                      const ServiceRequest& one) {
    const auto handle = [&](const Principal& caller) {
      absl::Status status;
      if constexpr (requires { request.hash(); }) status = CheckHash(request.hash());
      if constexpr (requires { request.reason(); }) status.Update(CheckReason(request.reason()));
      if (!status.ok()) return status;
      return Command(places, context, caller, request, action, writer, one);
    };
    const CallKind kind = &places == &brakes_ ? CallKind::kBrake : CallKind::kRead;
    return gate().Run(kind, context, request, handle);
  }

  const PlannerServiceOptions options_;
  FleetJournal journal_;
  LockView locks_;
  Watches fleet_watches_;
  Watches deployment_watches_;
  Watches commands_;
  Watches brakes_;  // freeze and unfreeze
  DeploymentCalls deployments_;
  const DeploymentReads reads_;
};

}  // namespace

std::unique_ptr<PlannerService> NewPlannerService(PlannerServiceOptions options) {
  return std::make_unique<PlannerServiceImpl>(options);
}

}  // namespace gitops
