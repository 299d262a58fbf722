#include "gateway/api/scope_gate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/client/client.h"
#include "common/rpc/error.h"
#include "gateway/api/api_table.h"
#include "gateway/api/rpc_scope.h"

namespace gitops {
namespace {

using Message = RpcCaller::Message;

// The API's limit of Selection.on.
constexpr int kMostHosts = 1000;

absl::Status Refused(const ScopeGate::Call& call, absl::string_view why) {
  return MakeError(
      Reason::kPermissionDenied,
      absl::StrCat("the token \"", call.caller.name, "\" is limited to hosts (on, tagged): ", why));
}

std::string TextOf(const Message& message, const char* field) {
  return message.GetReflection()->GetString(message,
                                            message.GetDescriptor()->FindFieldByName(field));
}

v1::Selection& SelectionOf(Message& message) {
  const auto* field = message.GetDescriptor()->FindFieldByName("selection");
  return static_cast<v1::Selection&>(*message.GetReflection()->MutableMessage(&message, field));
}

// As the planner's check, which the narrowed selection would pass.
absl::Status CheckChange(const v1::Selection& selection) {
  const bool everything = selection.on().empty() && selection.tagged().empty() &&
                          selection.skip() == 0 && selection.every() <= 1 && selection.limit() == 0;
  if (!everything || selection.all()) return absl::OkStatus();
  absl::Status whole =
      MakeError(Reason::kWholeFleet,
                "this would change all hosts of the token; name hosts (on, tagged, limit…), or say "
                "that all are meant (--all)");
  AddFieldViolation("selection.all", "needed where nothing else limits the selection", whole);
  return whole;
}

void AddTags(const HostScope& scope, v1::Selection& selection) {
  for (const std::string& tag : scope.tagged) {
    if (std::count(selection.tagged().begin(), selection.tagged().end(), tag) == 0) {
      selection.add_tagged(tag);
    }
  }
}

std::unique_ptr<v1::ListHostsRequest> HostsOf(const HostScope& scope) {
  auto request = std::make_unique<v1::ListHostsRequest>();
  request->mutable_selection()->mutable_on()->Add(scope.on.begin(), scope.on.end());
  AddTags(scope, *request->mutable_selection());
  return request;
}

// The options of the gate's own reads for a call.
RpcCaller::Options Reading(const ScopeGate::Call& call) {
  RpcCaller::Options options = call.options;
  options.timeout = kReadTimeout;
  return options;
}

}  // namespace

void ScopeGate::Admit(const Call& call, Message& request, Done done) const {
  if (planner_ == nullptr) {
    return done(MakeError(Reason::kPlannerUnreachable,
                          "the token is limited to hosts, and this gateway runs without --planner, "
                          "which knows their names and tags"));
  }
  switch (ScopeOf(*call.route)) {
    case RpcScope::kRefused:
      return done(Refused(call, absl::StrCat(call.route->method->name(),
                                             " is not about some "
                                             "hosts alone; use another token")));
    case RpcScope::kHost:
      return CheckHost(call, call.host.empty() ? TextOf(request, "host") : call.host,
                       std::move(done));
    case RpcScope::kChange:
      if (absl::Status narrow = CheckChange(SelectionOf(request)); !narrow.ok()) {
        return done(std::move(narrow));
      }
      [[fallthrough]];
    case RpcScope::kSelection:
      return Narrow(call, SelectionOf(request), std::move(done));
    case RpcScope::kPlan:
      return CheckAllHosts(call, "ListPlanHosts", "token", TextOf(request, "token"),
                           std::move(done));
    case RpcScope::kDeployment:
      return CheckAllHosts(call, "ListDeploymentHosts", "id", TextOf(request, "id"),
                           std::move(done));
    case RpcScope::kNewPlan:
      return Narrow(
          call, *static_cast<v1::CreatePlanRequest&>(request).mutable_spec()->mutable_selection(),
          std::move(done));
    case RpcScope::kNewDeployment: {
      auto& deployment = static_cast<v1::CreateDeploymentRequest&>(request);
      absl::Status narrow =
          deployment.has_spec() ? CheckChange(deployment.spec().selection()) : absl::OkStatus();
      if (!narrow.ok()) return done(std::move(narrow));
      return AdmitDeployment(call, deployment, std::move(done));
    }
  }
}

void ScopeGate::CheckAnswer(const Call& call, Message& answer, Done done) const {
  // The select hooks are told of every host.
  if (auto* plan = dynamic_cast<v1::CreatePlanResponse*>(&answer)) {
    plan->mutable_plan()->clear_hook_calls();
    return CheckAllHosts(call, "ListPlanHosts", "token", plan->plan().token(), std::move(done));
  }
  if (auto* plan = dynamic_cast<v1::GetPlanResponse*>(&answer)) {
    plan->mutable_plan()->clear_hook_calls();
  }
  if (auto* deployment = dynamic_cast<v1::GetDeploymentResponse*>(&answer)) {
    deployment->mutable_deployment()->clear_hook_calls();
  }
  done(absl::OkStatus());
}

void ScopeGate::CheckHost(const Call& call, const std::string& host, Done done) const {
  ReadHostNames(caller_, planner_, ApiMethod("ListHosts"), HostsOf(call.caller.scope),
                Reading(call), [call, host, done](const absl::StatusOr<HostNames>& in_scope) {
                  if (!in_scope.ok()) return done(in_scope.status());
                  if (in_scope->contains(host)) return done(absl::OkStatus());
                  done(Refused(call, absl::StrCat("the host \"", host, "\" is not one of them")));
                });
}

// `listing`: the RPC that lists the hosts of what `field` names.
void ScopeGate::CheckAllHosts(const Call& call, const char* listing, const char* field,
                              const std::string& value, Done done) const {
  std::unique_ptr<Message> request = NewMessage(*ApiMethod(listing).input_type());
  const auto* name = request->GetDescriptor()->FindFieldByName(field);
  request->GetReflection()->SetString(request.get(), name, value);
  ReadBoth(
      call, listing, std::move(request),
      [call, value, done](const HostNames& all, const HostNames& in_scope) {
        const bool within = std::includes(in_scope.begin(), in_scope.end(), all.begin(), all.end());
        done(within ? absl::OkStatus()
                    : Refused(call, absl::StrCat(value, " is also about other hosts")));
      },
      done);
}

// A host must match one of the globs of the scope and one of the request's, which no list of globs
// says in general: the hosts that do are named instead.
void ScopeGate::Narrow(const Call& call, v1::Selection& selection, Done done) const {
  const HostScope& scope = call.caller.scope;
  AddTags(scope, selection);
  if (scope.on.empty()) return done(absl::OkStatus());
  if (selection.on().empty()) {
    selection.mutable_on()->Add(scope.on.begin(), scope.on.end());
    return done(absl::OkStatus());
  }
  auto wanted = std::make_unique<v1::ListHostsRequest>();
  *wanted->mutable_selection()->mutable_on() = selection.on();
  *wanted->mutable_selection()->mutable_tagged() = selection.tagged();
  ReadBoth(
      call, "ListHosts", std::move(wanted),
      [call, done, &selection](const HostNames& wanted, const HostNames& in_scope) {
        selection.clear_on();
        for (const std::string& host : wanted) {
          if (in_scope.contains(host)) selection.add_on(host);
        }
        // Without `on` it would be the whole fleet.
        if (selection.on().empty()) return done(Refused(call, "the selection has none of them"));
        if (selection.on_size() <= kMostHosts) return done(absl::OkStatus());
        done(InvalidField("selection.on",
                          "it selects more than 1,000 of the token's hosts; leave it out, or "
                          "select fewer"));
      },
      done);
}

void ScopeGate::ReadBoth(const Call& call, const char* listing, std::unique_ptr<Message> request,
                         Both both, Done failed) const {
  const auto read_scope = [this, call, both = std::move(both),
                           failed](absl::StatusOr<HostNames> listed) {
    if (!listed.ok()) return failed(listed.status());
    ReadHostNames(
        caller_, planner_, ApiMethod("ListHosts"), HostsOf(call.caller.scope), Reading(call),
        [both, failed, listed = *std::move(listed)](const absl::StatusOr<HostNames>& in_scope) {
          if (!in_scope.ok()) return failed(in_scope.status());
          both(listed, *in_scope);
        });
  };
  ReadHostNames(caller_, planner_, ApiMethod(listing), std::move(request), Reading(call),
                read_scope);
}

// A spec becomes a plan first: only that says which hosts the select hooks leave or add.
void ScopeGate::AdmitDeployment(const Call& call, v1::CreateDeploymentRequest& request,
                                Done done) const {
  if (!request.has_spec()) {
    if (request.plan_token().empty()) return done(absl::OkStatus());  // the planner refuses it
    return CheckAllHosts(call, "ListPlanHosts", "token", request.plan_token(), std::move(done));
  }
  const auto deploy_plan = [this, call, done,
                            &request](absl::StatusOr<std::unique_ptr<Message>> answer) {
    if (!answer.ok()) return done(answer.status());
    const std::string token = static_cast<v1::CreatePlanResponse&>(**answer).plan().token();
    request.set_plan_token(token);
    CheckAllHosts(call, "ListPlanHosts", "token", token, done);
  };
  Narrow(call, *request.mutable_spec()->mutable_selection(),
         [this, call, done, deploy_plan, &request](absl::Status narrowed) {
           if (!narrowed.ok()) return done(std::move(narrowed));
           auto plan = std::make_unique<v1::CreatePlanRequest>();
           *plan->mutable_spec() = request.spec();
           // A repeat of the deployment must name the same plan.
           plan->set_request_id(request.request_id());
           caller_->Unary(planner_, ApiMethod("CreatePlan"), std::move(plan), call.options,
                          deploy_plan);
         });
}

}  // namespace gitops
