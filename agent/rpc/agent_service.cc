#include "agent/rpc/agent_service.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/controller/stop_before.h"
#include "agent/rpc/convert.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/rpc/handler.h"
#include "common/rpc/page.h"
#include "common/rpc/request_checks.h"

namespace gitops {
namespace {

using grpc::ServerContext;

// Of an answer: half of what clients take in one message.
constexpr int kMaxDifferences = 10'000;
constexpr size_t kMaxDifferenceBytes = 2 << 20;
constexpr absl::Duration kMaxDescribing = absl::Seconds(2);

class AgentServiceImpl final : public v1::AgentService::Service {
 public:
  explicit AgentServiceImpl(AgentServiceOptions options)
      : options_(std::move(options)),
        agent_(options_.agent),
        clock_(options_.clock),
        gate_(options_.gate) {}

  grpc::Status ListMachines(ServerContext* context, const v1::ListMachinesRequest* request,
                            v1::ListMachinesResponse* response) override {
    return gate_->Run(*context, *request, [&] {
      std::vector<v1::Machine> machines;
      const std::string fault = options_.config_fault();
      for (const std::string& name : options_.machines()) {
        v1::Machine machine;
        machine.set_machine(name);
        machine.set_actual(options_.actual_host);
        machine.set_config_fault(fault);
        machines.push_back(std::move(machine));
      }
      return FillPage(
          *request, machines, [](const v1::Machine& machine) { return machine.machine(); },
          response->mutable_machines(), response->mutable_next_page_token());
    });
  }

  grpc::Status ListServices(ServerContext* context, const v1::ListServicesRequest* request,
                            v1::ListServicesResponse* response) override {
    return gate_->Run(*context, *request, [&] {
      std::vector<v1::Service> services;
      for (const auto& controller : agent_->All()) {
        services.push_back(ToProto(controller->spec(), controller->View()));
      }
      return FillPage(
          *request, services, [](const v1::Service& service) { return service.service(); },
          response->mutable_services(), response->mutable_next_page_token());
    });
  }

  grpc::Status GetService(ServerContext* context, const v1::GetServiceRequest* request,
                          v1::GetServiceResponse* response) override {
    return gate_->Run(*context, *request, [&] {
      return Get(request->service(), PatienceOf(context), *response->mutable_service());
    });
  }

  grpc::Status WatchServices(ServerContext* context, const v1::WatchServicesRequest* request,
                             grpc::ServerWriter<v1::WatchServicesResponse>* writer) override {
    return gate_->Run(CallKind::kWait, *context, *request,
                      [&] { return Watch(*context, *request, writer); });
  }

  grpc::Status FreezeService(ServerContext* context, const v1::FreezeServiceRequest* request,
                             v1::FreezeServiceResponse* response) override {
    return Command(CallKind::kBrake, "freeze", *context, *request, response->mutable_service(),
                   [&](ServiceController& controller, const Actor& actor) {
                     return controller.Freeze(actor, request->reason(), PatienceOf(context));
                   });
  }

  grpc::Status UnfreezeService(ServerContext* context, const v1::UnfreezeServiceRequest* request,
                               v1::UnfreezeServiceResponse* response) override {
    return Command(CallKind::kBrake, "unfreeze", *context, *request, response->mutable_service(),
                   [&](ServiceController& controller, const Actor& actor) {
                     return controller.Unfreeze(actor, request->reason(), PatienceOf(context));
                   });
  }

  grpc::Status RollbackService(ServerContext* context, const v1::RollbackServiceRequest* request,
                               v1::RollbackServiceResponse* response) override {
    return Command(
        CallKind::kRollBack, "rollback", *context, *request, response->mutable_service(),
        [&](ServiceController& controller, const Actor& actor) -> absl::StatusOr<ServiceRecord> {
          if (absl::Status good = CheckHash(request->hash()); !good.ok()) return good;
          const absl::Time began = clock_->Now();
          auto record = controller.Rollback(absl::AsciiStrToLower(request->hash()), actor,
                                            request->reason(), PatienceOf(context));
          *response->mutable_duration() = ToDuration(clock_->Now() - began);
          return record;
        });
  }

  grpc::Status PullService(ServerContext* context, const v1::PullServiceRequest* request,
                           v1::PullServiceResponse* response) override {
    return Command(CallKind::kWait, "pull", *context, *request, response->mutable_service(),
                   [&](ServiceController& controller, const Actor&) {
                     const std::string before = controller.View().record.hash;
                     auto record = agent_->Pull(request->service(), PatienceOf(context));
                     response->set_changed(record.ok() && record->hash != before);
                     return record;
                   });
  }

  grpc::Status DiffService(ServerContext* context, const v1::DiffServiceRequest* request,
                           v1::DiffServiceResponse* response) override {
    return gate_->Run(CallKind::kWait, *context, *request, [&](const Principal& caller) {
      const bool content = request->content() && MaySeeContent(caller);
      return Diff(*request, content, PatienceOf(context), *response);
    });
  }

  grpc::Status GetAgentDebugInfo(ServerContext* context,
                                 const v1::GetAgentDebugInfoRequest* request,
                                 v1::GetAgentDebugInfoResponse* response) override {
    return gate_->Run(*context, *request, [&] {
      if (options_.debug_info) *response->mutable_info() = options_.debug_info();
      return absl::OkStatus();
    });
  }

 private:
  // The common part of commands on one service: check the reason and the grants, find the service,
  // run the command, return the service.
  template <typename Request, typename Do>
  grpc::Status Command(CallKind kind, const std::string& name, const ServerContext& context,
                       const Request& request, v1::Service* service, const Do& command) {
    return gate_->Run(kind, context, request, [&](const Principal& caller) -> absl::Status {
      if constexpr (requires { request.reason(); }) {
        if (absl::Status good = CheckReason(request.reason()); !good.ok()) return good;
      }
      const absl::Status granted =
          options_.granted ? options_.granted(caller, name) : absl::OkStatus();
      if (!granted.ok()) return granted;
      auto controller = agent_->Find(request.service());
      if (!controller.ok()) return controller.status();
      absl::StatusOr<ServiceRecord> record = command(**controller, Actor(caller));
      if (!record.ok()) return record.status();
      ServiceView view = (*controller)->View();
      view.record = *std::move(record);
      *service = ToProto((*controller)->spec(), view);
      return absl::OkStatus();
    });
  }

  absl::Status Get(const std::string& name, Patience patience, v1::Service& service) const {
    auto controller = agent_->Find(name);
    if (!controller.ok()) return controller.status();
    // First, so that the history includes what led to it.
    const ServiceView view = (*controller)->View();
    auto changes = (*controller)->Changes();
    if (!changes.ok()) return changes.status();
    service = ToProto((*controller)->spec(), view);
    // A git that does not answer keeps only commits that are not known yet from being described.
    patience.deadline = std::min(patience.deadline, clock_->Now() + 2 * kMaxDescribing);
    const StopBefore stop(clock_, patience);
    for (const std::string& revision : (*controller)->Revisions()) {
      service.add_revisions(revision);
      v1::Commit& commit = *service.add_revision_commits();
      commit = ToProto((*controller)->Describe(revision, stop.token()));
      commit.set_hash(revision);
    }
    for (const ChangeRecord& change : *changes) *service.add_changes() = ToProto(change);
    return absl::OkStatus();
  }

  absl::Status Diff(const v1::DiffServiceRequest& request, bool content, const Patience& patience,
                    v1::DiffServiceResponse& response) const {
    if (request.has_to_hash()) {
      if (absl::Status good = CheckHash(request.to_hash(), "to_hash"); !good.ok()) return good;
    }
    auto controller = agent_->Find(request.service());
    if (!controller.ok()) return controller.status();
    DiffWish wish{.content = content};
    if (options_.secret_files) wish.secrets = options_.secret_files();
    absl::StatusOr<std::vector<DriftEntry>> entries;
    if (request.has_to_hash()) {
      auto diff = (*controller)->DiffTo(absl::AsciiStrToLower(request.to_hash()), wish, patience);
      if (!diff.ok()) return diff.status();
      *response.mutable_to_commit() = ToProto(diff->commit);
      entries = std::move(diff->differences);
    } else {
      entries = (*controller)->Diff(wish, patience);
    }
    if (!entries.ok()) return entries.status();
    response.set_hash((*controller)->View().record.hash);
    size_t bytes = 0;
    int64_t more = 0;
    for (const DriftEntry& entry : *entries) {
      v1::Difference difference = ToProto(entry);
      bytes += difference.ByteSizeLong();
      const bool full =
          response.differences_size() == kMaxDifferences || bytes > kMaxDifferenceBytes;
      more += entry.unlisted > 0 ? entry.unlisted : full;
      if (entry.unlisted == 0 && !full) *response.add_differences() = std::move(difference);
    }
    response.set_truncated(more > 0);
    response.set_more(more);
    return absl::OkStatus();
  }

  absl::Status Watch(const ServerContext& context, const v1::WatchServicesRequest& request,
                     grpc::ServerWriter<v1::WatchServicesResponse>* writer) const {
    const std::set<std::string> only(request.services().begin(), request.services().end());
    for (const std::string& service : only) {
      if (auto found = agent_->Find(service); !found.ok()) return found.status();
    }
    // The watch starts before the first read, so that no change is lost.
    auto watcher = agent_->watch_hub().Watch();
    if (!watcher.ok()) return watcher.status();
    const absl::Status gone = absl::CancelledError("the watcher is gone");
    if (!WriteInitial(only, writer)) return gone;
    StreamCaller caller(*gate_, context);
    while (!caller.Gone()) {
      for (const std::string& service : (*watcher)->Next()) {
        if (!only.empty() && !only.contains(service)) continue;
        if (!writer->Write(Current(service))) return gone;
      }
      if ((*watcher)->closed()) return MakeError(Reason::kServerStopping, "the agent is stopping");
    }
    return caller.StatusOf(gone);
  }

  static Patience PatienceOf(ServerContext* context) {
    return {.deadline = absl::FromChrono(context->deadline()),
            .cancelled = [context] { return context->IsCancelled(); }};
  }

  v1::WatchServicesResponse Current(const std::string& service) const {
    v1::WatchServicesResponse response;
    if (auto controller = agent_->Find(service); controller.ok()) {
      *response.mutable_service() = ToProto((*controller)->spec(), (*controller)->View());
    } else {
      response.mutable_service()->set_service(service);
      response.set_removed(true);
    }
    return response;
  }

  bool WriteInitial(const std::set<std::string>& only,
                    grpc::ServerWriter<v1::WatchServicesResponse>* writer) const {
    std::vector<v1::WatchServicesResponse> initial;
    for (const auto& controller : agent_->All()) {
      const std::string& service = controller->spec().service;
      if (only.empty() || only.contains(service)) initial.push_back(Current(service));
    }
    if (initial.empty()) initial.emplace_back();
    initial.back().set_initial_done(true);
    return std::all_of(initial.begin(), initial.end(),
                       [writer](const auto& response) { return writer->Write(response); });
  }

  const AgentServiceOptions options_;
  HostAgent* const agent_;
  Clock* const clock_;
  const RpcGate* const gate_;
};

}  // namespace

std::unique_ptr<v1::AgentService::Service> NewAgentService(AgentServiceOptions options) {
  return std::make_unique<AgentServiceImpl>(std::move(options));
}

}  // namespace gitops
