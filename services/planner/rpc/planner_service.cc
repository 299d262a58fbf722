#include "services/planner/rpc/planner_service.h"

#include <atomic>
#include <functional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/rpc/request_checks.h"
#include "common/rpc/trace.h"
#include "services/planner/rpc/deployment_calls.h"
#include "services/planner/rpc/deployment_watch.h"
#include "services/planner/rpc/fleet_commands.h"
#include "services/planner/rpc/fleet_lists.h"
#include "services/planner/rpc/fleet_watch.h"
#include "services/planner/rpc/hook_calls.h"
#include "services/planner/rpc/watches.h"

namespace gitops {
namespace {

using grpc::ServerContext;
using Outcomes = google::protobuf::RepeatedPtrField<v1::HostOutcome>;

// What all answers of a diff together may hold, well below what a client takes.
constexpr size_t kMostDiffBytes = 12 << 20;

// The value of a StatusOr goes to `to`.
template <typename Message>
absl::Status Answer(absl::StatusOr<Message> from, Message* to) {
  if (!from.ok()) return from.status();
  *to = *std::move(from);
  return absl::OkStatus();
}

absl::Status Keep(absl::StatusOr<v1::Service> service, v1::HostOutcome* outcome) {
  if (service.ok()) *outcome->mutable_service() = *std::move(service);
  return service.status();
}

void CutDiffs(Outcomes& outcomes) {
  size_t bytes = 0;
  for (v1::HostOutcome& outcome : outcomes) {
    const size_t size = outcome.diff().ByteSizeLong();
    if (bytes + size <= kMostDiffBytes) {
      bytes += size;
      continue;
    }
    outcome.mutable_diff()->clear_differences();
    outcome.mutable_diff()->set_truncated(true);
  }
}

class PlannerServiceImpl final : public PlannerService {
 public:
  explicit PlannerServiceImpl(PlannerServiceOptions options)
      : options_(options),
        locks_(options.locks, options.clock),
        fleet_watches_(options.most_fleet_watchers, "the fleet", options.clock),
        deployment_watches_(options.most_deployment_watchers, "deployments", options.clock),
        commands_(options.most_commands),
        brakes_(options.most_commands),
        deployments_(options) {}

  void Start() override { deployments_.Start(); }
  void Stop() override {
    fleet_watches_.Close();
    deployment_watches_.Close();
  }

  grpc::Status ListHosts(ServerContext* context, const v1::ListHostsRequest* request,
                         v1::ListHostsResponse* response) override {
    return gate().Run(*context, *request, [&] {
      return gitops::ListHosts(*options_.fleet, *options_.locks, *request, response);
    });
  }

  grpc::Status ListFleetServices(ServerContext* context,
                                 const v1::ListFleetServicesRequest* request,
                                 v1::ListFleetServicesResponse* response) override {
    return gate().Run(*context, *request, [&] {
      return gitops::ListFleetServices(*options_.fleet, *request, response);
    });
  }

  grpc::Status WatchFleet(ServerContext* context, const v1::WatchFleetRequest* request,
                          grpc::ServerWriter<v1::WatchFleetResponse>* writer) override {
    return gate().Run(*context, *request, [&]() -> absl::Status {
      Changes<std::string> changes;
      const auto place = fleet_watches_.Enter(Watcher(*context, changes));
      if (!place.ok()) return place.status();
      FleetWatch watch(options_.fleet, &locks_, *request, WriteTo(*writer, **place));
      // It begins before the first look, so that nothing falls between.
      const int64_t id =
          options_.fleet->Subscribe([&changes](const std::string& host) { changes.Add(host); });
      const absl::Status ended = FollowFleet(*context, watch, changes);
      options_.fleet->Unsubscribe(id);
      return ended;
    });
  }

  grpc::Status FreezeServices(ServerContext* context, const v1::FreezeServicesRequest* request,
                              v1::FreezeServicesResponse* response) override {
    v1::FreezeServiceRequest one;
    one.set_service(request->service());
    one.set_reason(request->reason());
    return Change(brakes_, *context, *request, request->reason(), response,
                  [&](const auto& address, const auto& caller, auto* outcome) {
                    return Keep(options_.agents->Freeze(address, caller, one), outcome);
                  });
  }

  grpc::Status UnfreezeServices(ServerContext* context, const v1::UnfreezeServicesRequest* request,
                                v1::UnfreezeServicesResponse* response) override {
    v1::UnfreezeServiceRequest one;
    one.set_service(request->service());
    one.set_reason(request->reason());
    return Change(brakes_, *context, *request, request->reason(), response,
                  [&](const auto& address, const auto& caller, auto* outcome) {
                    return Keep(options_.agents->Unfreeze(address, caller, one), outcome);
                  });
  }

  grpc::Status RollbackServices(ServerContext* context, const v1::RollbackServicesRequest* request,
                                v1::RollbackServicesResponse* response) override {
    v1::RollbackServiceRequest one;
    one.set_service(request->service());
    one.set_hash(absl::AsciiStrToLower(request->hash()));
    one.set_reason(request->reason());
    return Change(
        commands_, *context, *request, request->reason(), response,
        [&](const auto& address, const auto& caller, auto* outcome) {
          return Keep(options_.agents->Rollback(address, caller, one), outcome);
        },
        [&] { return CheckHash(request->hash()); });
  }

  grpc::Status PullServices(ServerContext* context, const v1::PullServicesRequest* request,
                            v1::PullServicesResponse* response) override {
    v1::PullServiceRequest one;
    one.set_service(request->service());
    return Change(commands_, *context, *request, "", response,
                  [&](const auto& address, const auto& caller, auto* outcome) {
                    auto pulled = options_.agents->Pull(address, caller, one);
                    if (!pulled.ok()) return pulled.status();
                    *outcome->mutable_service() = std::move(*pulled->mutable_service());
                    outcome->set_changed(pulled->changed());
                    return absl::OkStatus();
                  });
  }

  grpc::Status DiffServices(ServerContext* context, const v1::DiffServicesRequest* request,
                            v1::DiffServicesResponse* response) override {
    v1::DiffServiceRequest one;
    one.set_service(request->service());
    return gate().Run(*context, *request, [&](const Principal& caller) {
      const absl::Status status = Command(
          commands_, *context, caller, *request, /*changes=*/false, response,
          [&](const auto& address, const auto& asked_for, auto* outcome) {
            return Answer(options_.agents->Diff(address, asked_for, one), outcome->mutable_diff());
          });
      CutDiffs(*response->mutable_outcomes());
      return status;
    });
  }

  grpc::Status CreatePlan(ServerContext* context, const v1::CreatePlanRequest* request,
                          v1::CreatePlanResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(deployments_.CreatePlan(*request, Call(*context, caller)),
                    response->mutable_plan());
    });
  }

  grpc::Status CreateDeployment(ServerContext* context, const v1::CreateDeploymentRequest* request,
                                v1::CreateDeploymentResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(deployments_.Create(*request, Call(*context, caller)),
                    response->mutable_deployment());
    });
  }

  grpc::Status GetDeployment(ServerContext* context, const v1::GetDeploymentRequest* request,
                             v1::GetDeploymentResponse* response) override {
    return gate().Run(*context, *request, [&] {
      return Answer(deployments_.Get(request->id()), response->mutable_deployment());
    });
  }

  grpc::Status ListDeployments(ServerContext* context, const v1::ListDeploymentsRequest* request,
                               v1::ListDeploymentsResponse* response) override {
    return gate().Run(*context, *request, [&] { return deployments_.List(*request, response); });
  }

  grpc::Status WatchDeployment(ServerContext* context, const v1::WatchDeploymentRequest* request,
                               grpc::ServerWriter<v1::WatchDeploymentResponse>* writer) override {
    return gate().Run(*context, *request, [&]() -> absl::Status {
      Changes<int> changes;
      const auto place = deployment_watches_.Enter(Watcher(*context, changes));
      if (!place.ok()) return place.status();
      const auto events =
          options_.store->Watch(request->id(), [&changes](int index) { changes.Add(index); });
      if (!events.ok()) return events.status();
      DeploymentWatch watch(options_.store, request->id(), WriteTo(*writer, **place));
      return FollowDeployment(*context, watch, changes);
    });
  }

  grpc::Status CancelDeployment(ServerContext* context, const v1::CancelDeploymentRequest* request,
                                v1::CancelDeploymentResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(deployments_.Cancel(*request, Call(*context, caller)),
                    response->mutable_deployment());
    });
  }

  grpc::Status ResumeDeployment(ServerContext* context, const v1::ResumeDeploymentRequest* request,
                                v1::ResumeDeploymentResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(deployments_.Resume(request->id(), Call(*context, caller)),
                    response->mutable_deployment());
    });
  }

  grpc::Status RollbackDeployment(ServerContext* context,
                                  const v1::RollbackDeploymentRequest* request,
                                  v1::RollbackDeploymentResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(deployments_.RollBack(*request, Call(*context, caller)),
                    response->mutable_deployment());
    });
  }

  grpc::Status BreakLock(ServerContext* context, const v1::BreakLockRequest* request,
                         v1::BreakLockResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(deployments_.BreakLock(*request, Call(*context, caller)),
                    response->mutable_lock());
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
      const CallContext call = Call(*context, caller);
      return Answer(gitops::TestHooks(*options_.hooks, *options_.fleet, *options_.clock, *request,
                                      call.traceparent, call.give_up),
                    response);
    });
  }

 private:
  const RpcGate& gate() const { return *options_.gate; }

  static CallContext Call(const ServerContext& context, const Principal& caller) {
    return {.caller = caller, .traceparent = TraceparentOf(context), .give_up = [&context] {
              return context.IsCancelled();
            }};
  }

  template <typename Key>
  static Watches::Watcher Watcher(ServerContext& context, Changes<Key>& changes) {
    return {.close = [&changes] { changes.Close(); },
            .cancel = [&context] { context.TryCancel(); }};
  }

  // Gives up a client that does not read.
  template <typename Response>
  static std::function<bool(const Response&)> WriteTo(grpc::ServerWriter<Response>& writer,
                                                      Watches::Place& place) {
    return [&](const Response& response) {
      return place.Write([&] { return writer.Write(response); });
    };
  }

  static absl::Status FollowFleet(const ServerContext& context, FleetWatch& watch,
                                  Changes<std::string>& changes) {
    absl::Status told = watch.TellAll();
    while (told.ok() && !context.IsCancelled()) {
      told = watch.TellChanges(changes.Next());
      if (changes.closed()) return MakeError(Reason::kServerStopping, "the planner is stopping");
    }
    return told.ok() ? absl::CancelledError("the watcher is gone") : told;
  }

  static absl::Status FollowDeployment(const ServerContext& context, DeploymentWatch& watch,
                                       Changes<int>& changes) {
    absl::Status told = watch.TellAll();
    while (told.ok() && !watch.done() && !context.IsCancelled()) {
      told = watch.TellChanges(changes.Next());
      if (!watch.done() && changes.closed()) {
        return MakeError(Reason::kServerStopping,
                         "the planner is stopping; the deployment goes on later");
      }
    }
    if (!told.ok() || watch.done()) return told;
    return absl::CancelledError("the watcher is gone");
  }

  // Places for commands to many hosts, each of which asks many agents at once.
  struct Places {
    explicit Places(int most) : most(most) {}
    const int most;
    std::atomic<int> taken = 0;
  };

  template <typename Request, typename Response, typename Ask>
  absl::Status Command(Places& places, const ServerContext& context, const Principal& caller,
                       const Request& request, bool changes, Response* response, Ask ask) {
    const absl::Cleanup leave = [&places] { --places.taken; };
    if (++places.taken > places.most) {
      return MakeError(
          Reason::kTooManyCalls,
          absl::StrCat("this planner carries out ", places.most,
                       " commands to many hosts already; try again when one has ended"));
    }
    const CallFor asked_for = {.on_behalf_of = OnBehalfOfText(caller),
                               .give_up = [&context] { return context.IsCancelled(); }};
    auto outcomes = RunFleetCommand(
        *options_.fleet,
        {.selection = request.selection(),
         .service = request.service(),
         .changes = changes,
         .ask = [&](const auto& address,
                    v1::HostOutcome* outcome) { return ask(address, asked_for, outcome); },
         .cancelled = asked_for.give_up});
    if (!outcomes.ok()) return outcomes.status();
    for (v1::HostOutcome& outcome : *outcomes) *response->add_outcomes() = std::move(outcome);
    return absl::OkStatus();
  }

  // The same for what changes a service, after `check`. The brake passes the gate even where other
  // calls hold all the threads that they may.
  template <typename Request, typename Response, typename Ask>
  grpc::Status Change(Places& places, const ServerContext& context, const Request& request,
                      const std::string& reason, Response* response, Ask ask,
                      const std::function<absl::Status()>& check = absl::OkStatus) {
    const auto handle = [&](const Principal& caller) {
      if (absl::Status status = check(); !status.ok()) return status;
      if (absl::Status status = CheckReason(reason); !status.ok()) return status;
      return Command(places, context, caller, request, /*changes=*/true, response, ask);
    };
    return &places == &brakes_ ? gate().RunReserved(context, request, handle)
                               : gate().Run(context, request, handle);
  }

  const PlannerServiceOptions options_;
  LockView locks_;
  Watches fleet_watches_;
  Watches deployment_watches_;
  Places commands_;
  Places brakes_;  // freeze and unfreeze
  DeploymentCalls deployments_;
};

}  // namespace

std::unique_ptr<PlannerService> NewPlannerService(PlannerServiceOptions options) {
  return std::make_unique<PlannerServiceImpl>(options);
}

}  // namespace gitops
